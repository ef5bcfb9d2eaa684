// One open ticket: mail frames as high as their mail, the subject, the composer with drafts and files.

import { current, move } from "./lists.js";
import { touch } from "./live.js";
import { say, toast, word } from "./notices.js";

const heights = new Map(); // message frame name → last height, so that reopening does not jump
let goOn = null; // the ticket after whose change the next one is opened

function fit(frame) {
  const inside = frame.contentDocument?.documentElement;
  if (!inside || frame.contentDocument.URL === "about:blank") return;
  const measure = () => {
    const height = Math.min(12_000, Math.ceil(inside.getBoundingClientRect().height));
    if (height > 0 && heights.get(frame.name) !== height) {
      heights.set(frame.name, height);
      frame.style.height = `${height}px`;
    }
  };
  frame.style.height = `${heights.get(frame.name) ?? 24}px`;
  heights.delete(frame.name);
  measure();
  new ResizeObserver(measure).observe(inside);
}

function frames() {
  document.addEventListener("load", (event) => {
    if (event.target.matches?.(".mail-frame")) fit(event.target);
  }, true);
  for (const frame of document.querySelectorAll(".mail-frame")) if (frame.contentDocument?.readyState === "complete") fit(frame);
  document.addEventListener("click", (event) => event.target.closest("a[data-once]")?.closest(".mail-bar, .quoted")?.setAttribute("hidden", ""));
}

// When the newest message is higher than the pane, its beginning is what the agent wants to read first.
function settle() {
  const box = document.querySelector(".thread");
  const last = box?.querySelector(".message:last-of-type");
  if (last && last.offsetHeight > box.clientHeight) last.scrollIntoView({ block: "start" });
  for (const frame of document.querySelectorAll(".mail-frame")) if (heights.has(frame.name)) frame.style.height = `${heights.get(frame.name)}px`;
}

const composer = () => document.querySelector("[data-composer]");
const draftName = (form) => `draft-${form.id}`;
const FIELDS = ["body", "to", "cc", "bcc"];

function saveDraft(form) {
  const draft = { mode: new FormData(form).get("mode") };
  for (const name of FIELDS) if (form.elements[name]) draft[name] = form.elements[name].value;
  try {
    if (draft.body.trim()) sessionStorage.setItem(draftName(form), JSON.stringify(draft));
    else sessionStorage.removeItem(draftName(form));
  } catch { /* storage may be full or forbidden; the text still stands in the box */ }
}

function restoreDraft() {
  const form = composer();
  if (!form || form.elements.body.value) return;
  try {
    const draft = JSON.parse(sessionStorage.getItem(draftName(form)) ?? "null");
    if (!draft) return;
    setMode(draft.mode);
    for (const name of FIELDS) if (form.elements[name] && draft[name] !== undefined) form.elements[name].value = draft[name];
    if (draft.cc || draft.bcc) form.querySelector(".copies").open = true;
  } catch { /* an unreadable draft is no draft */ }
}

function setMode(mode) {
  const choice = document.getElementById(`mode-${mode}`);
  if (choice && !choice.disabled) choice.checked = true;
}

/** Brings the writer to the box, in the mode asked for. */
export function write(mode) {
  const form = composer();
  if (!form) return;
  setMode(mode);
  form.elements.body.focus();
}

function files(form) {
  const list = form.querySelector(".composer-files");
  const input = form.elements.attachments;
  list.replaceChildren(...[...input.files].map((file, at) => {
    const chip = Object.assign(document.createElement("li"), { className: "tag" });
    const name = Object.assign(document.createElement("bdi"), { className: "cut", textContent: file.name });
    const remove = Object.assign(document.createElement("button"), { type: "button", className: "button-x", textContent: "×" });
    remove.setAttribute("aria-label", `${word("remove")} ${file.name}`);
    remove.addEventListener("click", () => { put(input, [...input.files].filter((_, n) => n !== at)); files(form); });
    chip.append(name, remove);
    return chip;
  }));
}

function put(input, chosen) {
  const box = new DataTransfer();
  for (const file of chosen) box.items.add(file);
  input.files = box.files;
}

function add(form, more) {
  if (!more.length) return false;
  put(form.elements.attachments, [...form.elements.attachments.files, ...more]);
  files(form);
  return true;
}

function writing() {
  document.addEventListener("input", (event) => {
    const form = event.target.closest("[data-composer]");
    if (form && event.target.type !== "file") saveDraft(form);
  });
  document.addEventListener("change", (event) => {
    if (event.target.name === "attachments") files(event.target.form);
    if (event.target.matches(".subject")) event.target.form.requestSubmit();
    if (event.target.matches(".note-form textarea")) event.target.form.requestSubmit();
    if (event.target.name === "mode") event.target.form.elements.body.focus();
  });
  document.addEventListener("keydown", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      form.requestSubmit(form.querySelector('button[name="then"].primary'));
    } else if (event.key === "Escape" && (form || event.target.matches?.(".subject"))) event.target.blur();
    else if (event.key === "Enter" && event.target.matches?.(".subject")) { event.preventDefault(); event.target.blur(); }
  });
  document.addEventListener("paste", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (form && add(form, [...event.clipboardData.files])) event.preventDefault();
  });
  document.addEventListener("dragover", (event) => { if (composer() && event.dataTransfer.types.includes("Files")) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (composer() && event.dataTransfer.files.length) { event.preventDefault(); add(composer(), [...event.dataTransfer.files]); }
  });
}

function sending() {
  document.addEventListener("htmx:before:request", (event) => event.target.closest?.("[data-composer]")?.classList.add("sending"));
  document.addEventListener("htmx:finally:request", (event) => event.target.closest?.("[data-composer]")?.classList.remove("sending"));
  document.addEventListener("polus:sent", (event) => {
    const name = `composer-${event.detail.ticket}`;
    sessionStorage.removeItem(`draft-${name}`);
    const form = composer();
    if (form?.id !== name) return; // the agent is elsewhere by now
    form.reset();
    form.elements.body.value = "";
    files(form);
    for (const old of form.querySelectorAll(".wrong-text")) old.remove();
    document.querySelector(".thread")?.scrollTo({ top: 0 });
  });
  // A refused message comes back as a new form; the chosen files move over.
  document.addEventListener("htmx:before:swap", (event) => {
    const coming = event.detail.tasks?.map((task) => task.fragment?.querySelector?.("[data-composer]")).find(Boolean);
    const now = composer();
    if (coming && now && coming.id === now.id && now.elements.attachments.files.length) {
      const chosen = [...now.elements.attachments.files];
      document.addEventListener("htmx:after:swap", () => { if (composer()) { put(composer().elements.attachments, chosen); files(composer()); } }, { once: true });
    }
  });
}

// What a form of one ticket answers must not be shown in another, to which the agent moved on meanwhile.
function answers() {
  document.addEventListener("htmx:after:request", (event) => {
    const { request, response } = event.detail.ctx;
    const id = request.action.match(/^\/tickets\/(\d+)\//)?.[1];
    if (!id || request.method === "GET") return;
    const refused = response.status >= 400 || response.headers.has("polus-refused");
    if (!refused) touch(id);
    if (id !== current().ticket) {
      event.preventDefault();
      if (refused) toast(word("failed"), { bad: true });
    } else if (goOn === id && !refused) {
      event.preventDefault();
      move(1);
    }
    goOn = null;
  });
}

/** Presses the button of a form in the head of the ticket, as a click would. */
export function press(selector, { next = false } = {}) {
  const button = document.querySelector(selector);
  if (!button) return;
  goOn = next ? current().ticket : null;
  button.form.requestSubmit(button);
}

/** Opens one of the menus of the head. */
export function openMenu(id) {
  const menu = document.getElementById(id);
  if (menu) menu.open = true;
}

export function arrived() {
  say(word("fresh"));
  const box = document.querySelector(".thread");
  if (box && box.scrollTop < -80) toast(word("fresh"), { action: { text: "↓", run: () => box.scrollTo({ top: 0, behavior: "smooth" }) } });
}

export function start() {
  frames();
  writing();
  sending();
  answers();
  document.addEventListener("polus:opened", () => { settle(); restoreDraft(); });
  document.addEventListener("submit", (event) => {
    if (event.target.action.endsWith("/logout")) for (const name of Object.keys(sessionStorage)) if (name.startsWith("draft-")) sessionStorage.removeItem(name);
  });
  settle();
  restoreDraft();
}
