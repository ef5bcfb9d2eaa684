// The ticket list and moving through it: selection, opening with prefetched neighbours, views, the address bar.

import { make } from "./elements.js";
import { fragment, post, word } from "./notices.js";
import { show } from "./panes.js";

const page = document.body.dataset;
const kept = new Map(); // ticket id → {text: Promise, at, ready: its elements}
const FRESH = 60_000;
const COUNTS = 3_000; // milliseconds between two counts of the views that people made: they may look through much
let counted = 0;
let counting = null;
let waiting = null; // what is done after the paint

const listBox = () => document.getElementById("list");
const rows = () => [...document.querySelectorAll("#rows > .row")];
const link = (id) => document.querySelector(`#t-${id} > .row-link`);
const address = (view, id) => (id ? `/inbox/${view}/${id}` : `/inbox/${view}`);

export const current = () => ({ view: page.view, ticket: page.ticket });

function load(id) {
  const known = kept.get(id);
  if (known && Date.now() - known.at < FRESH) return known;
  const entry = { at: Date.now(), ready: null };
  entry.text = fragment(`/inbox/${page.view}/${id}/ticket`);
  kept.set(id, entry);
  entry.text.then((got) => { if (got === null) kept.delete(id); });
  return entry;
}

/** A change made elsewhere or here: what was fetched before is no longer true. */
export const forget = (id) => { kept.delete(String(id)); };

// A fragment as elements, so that showing it only moves them: parsing belongs to the time before the key is pressed.
function prepare(text) {
  const whole = document.createElement("template");
  whole.innerHTML = text;
  const { content } = whole;
  const title = [...content.children].find((one) => one.localName === "title");
  title?.remove();
  const beside = [...content.querySelectorAll("hx-partial")];
  for (const part of beside) part.remove();
  const frames = [...content.querySelectorAll("iframe")].map((frame) => {
    const stand = make("div", { className: frame.className });
    stand.dataset.name = frame.name;
    frame.replaceWith(stand);
    return [stand, frame];
  });
  return { title: title?.textContent ?? "", content: document.adoptNode(content), beside: beside.map((part) => document.adoptNode(part)), frames };
}

function prefetch(id) {
  if (kept.size > 40) kept.clear();
  const all = rows();
  const at = all.findIndex((row) => row.id === `t-${id}`);
  for (const row of [all[at + 1], all[at - 1]]) {
    const entry = row && load(row.id.slice(2));
    entry?.text.then((text) => { if (text !== null) entry.ready ??= prepare(text); });
  }
}

function select(id) {
  for (const row of document.querySelectorAll("#rows > .row.left")) if (row.id !== `t-${id}`) row.remove();
  for (const old of document.querySelectorAll("#rows [aria-current]")) old.removeAttribute("aria-current");
  link(id)?.setAttribute("aria-current", "true");
  page.ticket = id ?? "";
}

const inView = (id) => link(id)?.parentElement.scrollIntoView({ block: "nearest" });

// Where the parts of a ticket's fragment go. Another ticket's pane is replaced, not morphed: nothing of it is the same.
function place({ content, beside }) {
  const box = document.getElementById("ticket");
  const focused = box.contains(document.activeElement);
  putAside(box);
  box.replaceChildren(content);
  if (focused) box.focus({ preventScroll: true });
  const shown = [box];
  for (const part of beside) {
    const target = document.querySelector(part.getAttribute("hx-target"));
    if (part.getAttribute("hx-swap").startsWith("outer")) {
      shown.push(part.firstElementChild);
      target.replaceWith(part.firstElementChild);
    } else {
      shown.push(target);
      target.replaceChildren(...part.childNodes);
    }
  }
  return shown;
}

// Making and ending the documents of mails takes longer than all the rest. Both wait for the paint: those that come have
// something of their height in their place, those that go are moved out of sight, where the browser can do that.
function putAside(box) {
  const attic = document.getElementById("attic");
  if (!attic.moveBefore) return;
  for (const frame of box.querySelectorAll("iframe")) {
    frame.className = "";
    attic.moveBefore(frame, null);
  }
}

function frame([stand, mail]) {
  mail.style.height = stand.style.height;
  stand.replaceWith(mail);
}

// What nobody sees waits until the ticket is painted, though not longer than to the next thing that is done on the page.
function afterPaint(run) {
  settled();
  waiting = run;
  requestAnimationFrame(() => setTimeout(settled));
  setTimeout(settled, 200); // a page out of sight is not painted
}

function settled() {
  const run = waiting;
  waiting = null;
  run?.();
}

/** Shows a ticket beside the list that stands there. */
export async function open(id, { push = true } = {}) {
  id = String(id);
  document.dispatchEvent(new CustomEvent("polus:leaving"));
  select(id);
  if (push) history.pushState({}, "", address(page.view, id));
  show("ticket");
  const entry = load(id);
  const ready = entry.ready ?? await arrives(id, entry);
  entry.ready = null;
  if (ready === null || page.ticket !== id) return;
  const shown = place(ready);
  show("ticket"); // the bar below is a new one
  document.dispatchEvent(new CustomEvent("polus:opened", { detail: { id } }));
  inView(id);
  afterPaint(() => {
    ready.frames.forEach(frame);
    document.getElementById("attic").replaceChildren();
    if (ready.title) document.title = ready.title;
    for (const part of shown) htmx.process(part);
    document.dispatchEvent(new CustomEvent("polus:painted", { detail: { id } }));
    read(id);
    prefetch(id);
  });
}

// What is not there yet; the pane says that it is busy when that takes long.
async function arrives(id, entry) {
  const box = document.getElementById("ticket");
  const slow = setTimeout(() => box.setAttribute("aria-busy", "true"), 150);
  let text = await entry.text;
  // Something changed after it was asked for, perhaps by a draft that was still on its way: it is asked for again.
  if (text !== null && kept.get(id) !== entry) text = await load(id).text ?? text;
  clearTimeout(slow);
  box.removeAttribute("aria-busy");
  return text === null ? null : prepare(text);
}

function read(id) {
  const row = document.getElementById(`t-${id}`);
  if (!row?.classList.contains("unread")) return;
  row.classList.remove("unread");
  post(`/tickets/${id}/read`, { is_unread: "false" });
}

/** Goes to another view, or back to it without a ticket. */
export async function go(view, id = null, { push = true } = {}) {
  if (push) history.pushState({}, "", address(view, id));
  const text = await fragment(`/inbox/${view}/list${id ? `?selected=${id}` : ""}`);
  if (text === null) return;
  page.view = view;
  document.dispatchEvent(new CustomEvent("polus:view"));
  kept.clear();
  for (const link of document.querySelectorAll("#shelves .rail-link")) {
    if (link.id === `v-${view}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const box = listBox();
  await htmx.swap({ text, target: box, sourceElement: box, swap: "innerHTML" });
  box.scrollTop = 0;
  if (id) await open(id, { push: false });
  else { leave(); show("list"); }
}

function leave() {
  select(null);
  document.getElementById("ticket").replaceChildren(document.getElementById("no-ticket").content.cloneNode(true));
  document.getElementById("customer").replaceChildren();
  document.title = document.getElementById("view-name").textContent;
  document.dispatchEvent(new CustomEvent("polus:left"));
}

/** Moves by rows: with a ticket open it opens the next, else it carries the focus. */
export function move(by) {
  const all = rows();
  if (!all.length) return;
  const focused = document.activeElement?.closest?.("#rows > .row");
  const from = all.findIndex((row) => row.id === `t-${page.ticket}`);
  const at = focused && !page.ticket ? all.indexOf(focused) : from;
  const next = all[at === -1 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  if (page.ticket && next.id !== `t-${page.ticket}`) open(next.id.slice(2));
  else next.querySelector(".row-link").focus();
  if (next === all.at(-1)) document.querySelector("#rows .more")?.click();
}

/** Fetches the list anew and morphs it in: scroll, focus and selection stay. */
export async function refresh() {
  const { view, ticket } = page;
  count();
  const text = await fragment(`/inbox/${view}/list?shown=${rows().length}&selected=${ticket}`, { quiet: true });
  const box = listBox();
  if (text !== null && page.view === view && page.ticket === ticket) await htmx.swap({ text, target: box, sourceElement: box, swap: "innerMorph" });
}

/** Counts the views that people made, soon. */
export function count() {
  const box = document.getElementById("shelves");
  if (counting || !box?.childElementCount) return;
  counting = setTimeout(async () => {
    counted = Date.now();
    const text = await fragment(`/inbox/${page.view}/shelves`, { quiet: true });
    counting = null;
    if (text !== null) await htmx.swap({ text, target: box, sourceElement: box, swap: "innerMorph" });
  }, Math.max(0, counted + COUNTS - Date.now()));
}

// A ticket that leaves the view stays, dimmed, until the agent moves on.
function keepSelected(coming) {
  const row = page.ticket && document.getElementById(`t-${page.ticket}`);
  if (!row || coming.querySelector(`#t-${page.ticket}`)) return;
  const stays = row.cloneNode(true);
  stays.classList.add("left");
  let list = coming.querySelector("#rows");
  if (!list) {
    list = make("ol", { id: "rows", className: "rows" });
    coming.prepend(list);
  }
  let before = row.previousElementSibling;
  while (before && !list.querySelector(`:scope > #${before.id || "none"}`)) before = before.previousElementSibling;
  if (before) list.querySelector(`#${before.id}`).after(stays);
  else list.prepend(stays);
}

export function start() {
  history.replaceState({}, "", location.href);
  count();
  document.addEventListener("htmx:before:swap", (event) => {
    for (const task of event.detail.tasks ?? []) {
      if (task.target?.id === "list" && task.swapSpec?.style === "innerMorph") keepSelected(task.fragment);
    }
  });
  document.addEventListener("click", (event) => {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const ticket = event.target.closest("a[data-ticket]");
    const view = event.target.closest("#views a.rail-link, #shelves a.rail-link, a.back, a[data-go]");
    if (!ticket && !view) return;
    event.preventDefault();
    if (ticket) open(ticket.dataset.ticket);
    else go(view.getAttribute("href").split("/")[2]);
  });
  window.addEventListener("popstate", () => {
    const [, , view, id] = location.pathname.split("/");
    if (view && view !== page.view) go(view, id ?? null, { push: false });
    else if (id) open(id, { push: false });
    else { leave(); show("list"); }
  });
  for (const kind of ["click", "submit", "focusin", "input", "change"]) window.addEventListener(kind, settled, true);
  if (page.ticket) {
    inView(page.ticket);
    prefetch(page.ticket);
  }
}
