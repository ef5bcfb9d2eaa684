// Live updates: the server says which ticket changed; the page fetches what it shows of it with its own rights.

import { current, forget, refresh } from "./lists.js";
import { fragment, loggedOut, toast, word } from "./notices.js";
import * as people from "./people.js";
import { arrived } from "./threads.js";

const PAUSE = 250; // milliseconds between two rounds of fetching, however many changes come in
const HIDDEN = 60_000; // a tab out of sight gives its connection back: browsers allow six per host
const changed = new Set();
let source = null;
let timer = null;
let last = 0;
let everything = false;
let lost = null;
let told = null;

function soon() {
  if (timer) return;
  timer = setTimeout(round, Math.max(0, last + PAUSE - Date.now()));
}

async function round() {
  last = Date.now();
  const ids = new Set(changed);
  const all = everything;
  changed.clear();
  everything = false;
  ids.forEach(forget);
  const { ticket } = current();
  await Promise.all([refresh(), ticket && (all || ids.has(ticket)) ? thread(ticket) : null]);
  timer = null;
  if (changed.size || everything) soon();
}

// What an agent was told about his last step, and the field it is about, stay as they are until his next one: a change
// by somebody else must not take the words away before they are read.
function withTold(box, text) {
  const told = box.querySelectorAll("[data-told]");
  if (!told.length) return text;
  const fresh = document.createElement("template");
  fresh.innerHTML = text;
  for (const one of told) fresh.content.getElementById(one.id)?.replaceWith(one.cloneNode(true));
  return fresh.innerHTML;
}

async function thread(id) {
  const text = await fragment(`/inbox/${current().view}/${id}/ticket`, { quiet: true });
  if (text === null || current().ticket !== id) return;
  const count = () => document.querySelectorAll("#ticket .message.in").length;
  const before = count();
  const box = document.getElementById("ticket");
  await htmx.swap({ text: withTold(box, text), target: box, sourceElement: box, swap: "innerMorph" });
  document.dispatchEvent(new CustomEvent("polus:arrived"));
  if (count() > before) arrived();
}

/** The ticket changed, here or elsewhere; without an id, anything may have. */
export function touch(id = null) {
  if (id) changed.add(String(id));
  else everything = true;
  soon();
}

function mark(alive) {
  const dot = document.getElementById("live");
  dot.hidden = false;
  dot.classList.toggle("lost", !alive);
  clearTimeout(lost);
  if (alive) { told?.(); told = null; return; }
  lost = setTimeout(() => { told ??= toast(word("offline"), { bad: true }); }, 3000);
}

function connect() {
  if (source) return;
  let first = true;
  source = new EventSource("/live");
  source.addEventListener("open", () => {
    mark(true);
    if (!first || everything) touch();
    first = false;
  });
  source.addEventListener("ticket", (event) => touch(JSON.parse(event.data).id));
  source.addEventListener("list", soon);
  source.addEventListener("people", people.soon);
  source.addEventListener("typing", (event) => people.customerWrites(String(JSON.parse(event.data).id)));
  source.addEventListener("everything", () => touch());
  source.addEventListener("bye", () => { disconnect(); loggedOut(); });
  source.addEventListener("error", () => {
    mark(false);
    if (source?.readyState === EventSource.CLOSED) { disconnect(); setTimeout(connect, 5000); }
    everything = true;
  });
}

function disconnect() {
  source?.close();
  source = null;
}

export function start() {
  let away = null;
  connect();
  document.addEventListener("visibilitychange", () => {
    clearTimeout(away);
    if (document.hidden) away = setTimeout(() => { everything = true; disconnect(); }, HIDDEN);
    else connect();
  });
  window.addEventListener("pagehide", disconnect);
  window.addEventListener("pageshow", (event) => { if (event.persisted) { everything = true; connect(); } });
  document.addEventListener("htmx:response:error", (event) => {
    const { response, text } = event.detail.ctx;
    const plain = response.headers.get("content-type")?.startsWith("text/plain");
    if (response.status === 401) loggedOut();
    else toast(plain && text.length < 200 ? text : word("failed"), { bad: true });
  });
  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx && !event.detail.ctx.response) toast(word("failed"), { bad: true });
  });
}
