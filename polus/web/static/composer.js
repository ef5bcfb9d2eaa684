// The composer: modes, drafts that survive a crash, sending with ten seconds of undo, the stop when others wrote.

import { make } from "./elements.js";
import * as editor from "./editor.js";
import { current, forget, open } from "./lists.js";
import { touch } from "./live.js";
import { fragment, post, toast, word } from "./notices.js";
import { actionChip, composer, fileChip, uploading } from "./uploads.js";

const SAVE = 700; // milliseconds of rest after which what was written goes to the server
const FIELDS = ["channel", "to", "cc", "bcc", "sender", "about", "seen", "body", "html"];
const undos = []; // what `z` takes back, the last one first
let saving = null; // {timer, form}
let abort = null;

const kept = (ticket) => `draft-${document.body.dataset.user}-${ticket}`;
const ticketOf = (form) => form.dataset.ticket;
const mode = (form) => form.querySelector('[name="mode"]:checked')?.value ?? "note";

/** Remembers how to take something back. */
export function undoable(run, text = "", seconds = 10) {
  const one = { run };
  undos.unshift(one);
  const forgetIt = () => { if (undos.includes(one)) undos.splice(undos.indexOf(one), 1); };
  setTimeout(forgetIt, seconds * 1000);
  if (text) one.close = toast(text, { action: { text: word("undo"), run: () => { forgetIt(); run(); } }, seconds });
}

export function undo() {
  const last = undos.shift();
  if (!last) return toast(word("noUndo"));
  last.close?.();
  last.run();
}

function state(form) {
  const found = { mode: mode(form), files: [], macros: [], actions: [] };
  for (const name of FIELDS) found[name] = form.elements[name]?.value ?? "";
  for (const chip of form.querySelectorAll(".composer-files > li:not(.uploading)")) {
    found.files.push({ url: chip.querySelector("input").value, name: chip.querySelector("bdi").textContent, href: chip.querySelector("a").getAttribute("href"), size: chip.querySelector(".muted").textContent });
  }
  for (const chip of form.querySelectorAll(".composer-actions > li")) {
    const input = chip.querySelector("input");
    if (input.name === "macro") found.macros.push(input.value);
    else found.actions.push({ said: chip.querySelector(".cut").textContent, action: input.value });
  }
  return found;
}

function entries(found) {
  return [["mode", found.mode], ...FIELDS.map((name) => [name, found[name]]), ...found.files.map((file) => ["file", file.url]),
    ...found.macros.map((id) => ["macro", id]), ...found.actions.map((one) => ["chip", one.action])];
}

function fill(form, found) {
  setMode(form, found.mode);
  for (const name of FIELDS) if (form.elements[name] && name !== "body" && name !== "html") form.elements[name].value = found[name];
  for (const name of ["to", "cc", "bcc"]) form.elements[name]?.dispatchEvent(new CustomEvent("polus:set"));
  if (found.cc || found.bcc) form.querySelector(".copies")?.setAttribute("open", "");
  editor.write(form, found.body, found.html);
  form.querySelector(".composer-files").replaceChildren(...found.files.map(fileChip));
  form.querySelector(".composer-actions").replaceChildren(...found.macros.map(macroMark), ...found.actions.map(actionChip));
}

export function macroMark(id) {
  const mark = make("li", { hidden: true });
  mark.append(make("input", { type: "hidden", name: "macro", value: id }));
  return mark;
}

function tell(form, text) {
  const place = form.querySelector("[data-draft]");
  if (place) place.textContent = text;
}

// What was not told to the server yet lies in the browser's own storage, so that neither a crash nor a dead line takes it.
function keep(form) {
  const found = state(form);
  const holds = found.body.trim() || found.files.length || found.actions.length;
  try {
    localStorage.setItem(kept(ticketOf(form)), JSON.stringify({ ...found, at: Date.now() }));
  } catch { /* storage may be full or forbidden; the text still stands in the box */ }
  if (saving?.form !== form) flush();
  clearTimeout(saving?.timer);
  saving = { form, timer: setTimeout(flush, SAVE) };
  tell(form, holds ? word("saving") : "");
}

/** Sends what waits to the server now. */
async function flush({ leaving = false } = {}) {
  if (!saving) return;
  const { form, timer } = saving;
  clearTimeout(timer);
  saving = null;
  const found = state(form);
  const stored = localStorage.getItem(kept(ticketOf(form)));
  abort = new AbortController();
  forget(ticketOf(form));
  const saved = await post(`/tickets/${ticketOf(form)}/draft`, entries(found), { keepalive: leaving, signal: leaving ? undefined : abort.signal });
  forget(ticketOf(form)); // what was fetched ahead meanwhile has the draft before
  if (saved && localStorage.getItem(kept(ticketOf(form))) === stored) localStorage.removeItem(kept(ticketOf(form)));
  if (saving?.form !== form) tell(form, !found.body.trim() && !found.files.length ? "" : saved ? word("saved") : word("unsaved"));
}

function drop(form) {
  clearTimeout(saving?.timer);
  saving = null;
  abort?.abort();
  localStorage.removeItem(kept(ticketOf(form)));
}

/** Drafts that could not be saved while the line was dead. */
export function retry() {
  const form = composer();
  if (form && localStorage.getItem(kept(ticketOf(form)))) keep(form);
}

/** Makes the form that was swapped in ready to be written in. */
export function dress() {
  const form = composer();
  if (!form || editor.box(form)) return;
  editor.dress(form);
  try {
    const found = JSON.parse(localStorage.getItem(kept(ticketOf(form))) ?? "null");
    if (found && !form.querySelector("#stopped")) { fill(form, found); keep(form); }
  } catch { /* an unreadable draft is no draft */ }
  hint(form);
  document.dispatchEvent(new CustomEvent("polus:composer", { detail: { form } }));
}

function hint(form) {
  editor.box(form).dataset.placeholder = form.elements.body.dataset[mode(form)] ?? "";
}

function setMode(form, wanted) {
  const choice = form.querySelector(`[name="mode"][value="${wanted}"]`);
  if (!choice || choice.disabled) return;
  const before = mode(form);
  choice.checked = true;
  const to = form.elements.to;
  if (to && before !== wanted && (wanted === "forward" || before === "forward")) {
    if (wanted === "forward" && to.value === form.dataset.to) to.value = "";
    if (before === "forward" && !to.value) to.value = form.dataset.to;
    to.dispatchEvent(new CustomEvent("polus:set"));
  }
  hint(form);
}

/** Brings the writer to the box, in the mode asked for. */
export function write(wanted) {
  const form = composer();
  if (!form) return;
  setMode(form, wanted === "all" ? "reply" : wanted);
  if (wanted === "all" && form.dataset.all) {
    const cc = form.elements.cc;
    cc.value = form.dataset.all;
    cc.dispatchEvent(new CustomEvent("polus:set"));
    form.querySelector(".copies").open = true;
  }
  if (wanted === "forward" && !form.elements.to.value) (form.querySelector(".line input:not([hidden])") ?? form.elements.to).focus();
  else editor.focus(form);
}

/** The newest message on the page; the agent has it before him. */
function seen(form) {
  const ids = [...document.querySelectorAll("#ticket [data-message]")].map((message) => Number(message.dataset.message));
  if (ids.length) form.elements.seen.value = String(Math.max(...ids));
}

async function reload(ticket) {
  if (current().ticket !== String(ticket)) return open(ticket);
  const text = await fragment(`/inbox/${current().view}/${ticket}/composer`);
  const form = composer();
  if (text === null || form?.dataset.ticket !== String(ticket)) return;
  drop(form);
  await htmx.swap({ text, target: form, sourceElement: form, swap: "outerHTML" });
  dress();
  editor.focus(composer());
}

async function takeBack(ticket, plan) {
  if (!await post(`/tickets/${ticket}/planned/${plan}/back`, {}, { refusedAs: "late" })) return;
  forget(ticket);
  touch(ticket);
  await reload(ticket);
}

function sent({ ticket, plan, undo: fresh, follows }) {
  if (plan && fresh) undoable(() => takeBack(ticket, plan), word(follows === "close" ? "sentClosed" : "sent"));
  else if (plan) undoable(() => takeBack(ticket, plan), word("plannedSent"));
  localStorage.removeItem(kept(ticket));
  const form = composer();
  if (form?.dataset.ticket !== String(ticket)) return; // the agent is elsewhere by now
  drop(form);
  form.querySelector("#stopped")?.remove();
  form.querySelector('input[type="hidden"][name="then"]')?.remove();
  form.reset();
  for (const list of form.querySelectorAll(".composer-files, .composer-actions")) list.replaceChildren();
  for (const old of form.querySelectorAll(".wrong-text")) old.remove();
  for (const name of ["to", "cc", "bcc"]) if (form.elements[name]) {
    form.elements[name].value = name === "to" ? form.dataset.to : "";
    form.elements[name].removeAttribute("aria-invalid");
    form.elements[name].dispatchEvent(new CustomEvent("polus:set"));
  }
  form.querySelector(".copies")?.removeAttribute("open");
  editor.write(form, "", "");
  tell(form, "");
  seen(form);
  document.querySelector(".thread")?.scrollTo({ top: 0 });
}

function keys(event) {
  const form = event.target.closest?.("[data-composer]");
  if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    form.requestSubmit(form.querySelector('button[name="then"].primary'));
  } else if (event.key === "Escape" && form && !event.defaultPrevented) event.target.blur();
}

export function start() {
  document.addEventListener("polus:leaving", () => flush());
  document.addEventListener("polus:opened", dress);
  document.addEventListener("htmx:after:swap", dress);
  document.addEventListener("polus:sent", (event) => sent(event.detail));
  document.addEventListener("polus:draft", (event) => reload(event.detail.ticket));
  document.addEventListener("polus:arrived", () => { if (composer() && editor.isEmpty(composer())) seen(composer()); });
  for (const kind of ["input", "polus:changed"]) document.addEventListener(kind, (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (form && !event.target.matches("[data-macro-search], [type=file]")) keep(form);
  });
  document.addEventListener("change", (event) => {
    if (event.target.name !== "mode") return;
    setModeByHand(event.target);
  });
  document.addEventListener("keydown", keys);
  document.addEventListener("click", (event) => {
    if (event.target.closest('[data-do="edit"]')) { const form = composer(); form.querySelector("#stopped").remove(); form.querySelector('input[type="hidden"][name="then"]')?.remove(); editor.focus(form); }
  });
  document.addEventListener("htmx:confirm", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (form && uploading(form)) { event.preventDefault(); toast(word("uploading")); }
  });
  document.addEventListener("htmx:before:request", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (!form) return;
    clearTimeout(saving?.timer);
    saving = null;
    abort?.abort();
    form.classList.add("sending");
  });
  document.addEventListener("htmx:finally:request", (event) => event.target.closest?.("[data-composer]")?.classList.remove("sending"));
  document.addEventListener("htmx:config:request", (event) => {
    const { request, sourceElement } = event.detail.ctx;
    if (sourceElement?.matches?.("[data-composer]") && mode(sourceElement) !== "note" && request.body instanceof FormData) request.body.set("hold", "1");
  });
  window.addEventListener("pagehide", () => flush({ leaving: true }));
  window.addEventListener("online", retry);
  document.addEventListener("submit", (event) => {
    if (event.target.getAttribute("action")?.endsWith("/logout")) for (const name of Object.keys(localStorage)) if (name.startsWith("draft-")) localStorage.removeItem(name);
  });
  dress();
}

function setModeByHand(choice) {
  const form = choice.form;
  const wanted = choice.value;
  const to = form.elements.to;
  if (to && wanted === "forward" && to.value === form.dataset.to) to.value = "";
  if (to && wanted === "reply" && !to.value) to.value = form.dataset.to;
  to?.dispatchEvent(new CustomEvent("polus:set"));
  hint(form);
  editor.focus(form);
}
