// Who else is at a ticket: says that this page has one open and that its agent writes; shows the others in list and head.

import { make, symbol } from "./elements.js";
import { current } from "./lists.js";
import { json, post, word } from "./notices.js";

const BEAT = 20_000; // milliseconds between two words that this page is still there
const REST = 5_000; // without a key for so long, nobody writes any more
const SPOKEN = 4_000; // a chat's visitor is told so often that somebody writes to him
const SEEN = 6_000; // so long after his last key a customer in a chat counts as writing
const known = new Map(); // ticket id → people
const customers = new Map(); // ticket id → when its customer is taken to have stopped writing
let at = ""; // the ticket that was said to be open
let writing = false;
let rest = null;
let asking = null;
let spoken = 0;

function look() {
  const { ticket } = current();
  if (at && at !== ticket) post(`/tickets/${at}/leave`, {}, { keepalive: true });
  if (at !== ticket) writing = false;
  at = ticket;
  if (at && !document.hidden) post(`/tickets/${at}/look`, { writing: String(writing) });
}

function writes(now) {
  clearTimeout(rest);
  if (now) rest = setTimeout(() => writes(false), REST);
  if (now === writing) return;
  writing = now;
  look();
}

/** The agent writes an answer that goes into a chat. */
function speaks(form) {
  const answers = form?.querySelector("[name=mode]:checked")?.value === "reply" && form.elements.channel?.value === "chat";
  if (!answers || Date.now() - spoken < SPOKEN) return;
  spoken = Date.now();
  post(`/tickets/${form.dataset.ticket}/typing`, {});
}

/** The customer writes in his chat. */
export function customerWrites(ticket) {
  clearTimeout(customers.get(ticket));
  customers.set(ticket, setTimeout(() => { customers.delete(ticket); show(); }, SEEN));
  show();
}

const called = (one) => one.name || word("rules");
const sentence = (there) => there.map((one) => word(one.writing ? "writes" : "views").replace("%", called(one))).join(", ");

function draw(place, there, long) {
  const said = sentence(there);
  if (place.dataset.said === said) return;
  place.dataset.said = said;
  place.title = said;
  const busy = there.some((one) => one.writing);
  place.classList.toggle("busy", busy);
  place.replaceChildren(...(there.length ? [symbol(busy ? "pencil" : "eye"), make("span", { className: long ? "cut" : "unseen", textContent: said })] : []));
}

function show() {
  for (const place of document.querySelectorAll("[data-people]")) {
    const ticket = place.dataset.people;
    const customer = customers.has(ticket) ? [{ name: word("customer"), writing: true }] : [];
    draw(place, [...customer, ...(known.get(ticket) ?? [])], place.closest(".ticket-head") !== null);
  }
}

async function ask() {
  asking = null;
  const ids = [...document.querySelectorAll("[data-people]")].map((place) => place.dataset.people);
  if (!ids.length || document.hidden) return;
  const found = await json(`/people?ids=${[...new Set(ids)].slice(0, 300).join(",")}`, { quiet: true });
  if (!found) return;
  known.clear();
  for (const [ticket, there] of Object.entries(found)) known.set(ticket, there);
  show();
}

/** Asks anew who is where, soon. */
export function soon() {
  asking ??= setTimeout(ask, 150);
}

export function start() {
  document.addEventListener("polus:opened", show);
  document.addEventListener("polus:painted", () => { look(); soon(); });
  document.addEventListener("polus:left", look);
  document.addEventListener("htmx:after:swap", show);
  document.addEventListener("input", (event) => { if (event.target.closest?.(".editor")) { writes(true); speaks(event.target.closest("form")); } });
  document.addEventListener("polus:sent", () => writes(false));
  document.addEventListener("visibilitychange", () => { if (document.hidden) { if (at) post(`/tickets/${at}/leave`, {}, { keepalive: true }); } else { look(); soon(); } });
  window.addEventListener("pagehide", () => { if (at) post(`/tickets/${at}/leave`, {}, { keepalive: true }); });
  setInterval(() => { look(); soon(); }, BEAT);
  look();
  soon();
}
