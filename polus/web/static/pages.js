// Full pages that are not the inbox: menus, rows of forms added in place, chips, the question about unsaved changes.

import { make, symbol } from "./elements.js";
import * as keys from "./keys.js";
import * as menus from "./menus.js";
import { word } from "./notices.js";
import * as search from "./search.js";

const changed = new Set(); // forms with something that is not saved

// Rows: the template under the list holds an empty one, numbered 999.
function rows() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=form-add], button[name=form-remove]");
    const box = button?.closest("[data-rows]");
    if (!box) return;
    event.preventDefault();
    const list = box.querySelector(".form-rows");
    if (button.name === "form-add") {
      const used = [...list.querySelectorAll("button[name=form-remove]")].map((one) => Number(one.value.split(".")[1]));
      const copy = box.querySelector("template").content.cloneNode(true);
      const prefix = `${box.dataset.rows}.`;
      const number = Math.max(-1, ...used) + 1;
      for (const element of copy.querySelectorAll("*")) {
        for (const attribute of ["name", "id", "for", "value", "list", "aria-describedby"]) {
          const value = element.getAttribute(attribute);
          if (value?.includes(`${prefix}999`)) element.setAttribute(attribute, value.replace(`${prefix}999`, prefix + number));
        }
      }
      list.append(copy);
      list.lastElementChild.querySelector(":is(input, select, textarea):not([type=hidden])")?.focus();
      list.lastElementChild.querySelectorAll("[data-chips]").forEach(chips);
    } else {
      const row = button.closest(".form-row");
      (row.nextElementSibling ?? row.previousElementSibling)?.querySelector(":is(input, select, textarea):not([type=hidden])")?.focus();
      row.remove();
    }
    box.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// Chips: the field keeps its words with commas; what is shown are the words one by one, and a place for the next.
function chips(field) {
  const box = make("span", { className: "chips input" });
  const next = make("input", { className: "chips-next", autocomplete: "off", placeholder: field.placeholder, dir: "auto" });
  for (const name of ["list", "aria-label", "aria-invalid", "aria-describedby"]) if (field.hasAttribute(name)) next.setAttribute(name, field.getAttribute(name));
  next.id = field.id;
  field.removeAttribute("id");
  field.type = "hidden";
  const words = () => field.value.split(",").map((word) => word.trim()).filter(Boolean);
  const set = (all) => {
    field.value = [...new Set(all)].join(", ");
    box.querySelectorAll(".chip").forEach((chip) => chip.remove());
    for (const word of words()) {
      const chip = make("span", { className: "tag chip" });
      const gone = make("button", { type: "button", className: "button-x", textContent: "×" });
      gone.setAttribute("aria-label", `${field.dataset.chips} ${word}`);
      gone.addEventListener("click", () => { set(words().filter((one) => one !== word)); told(); next.focus(); });
      chip.append(make("bdi", { className: "cut", textContent: word }), gone);
      box.insertBefore(chip, next);
    }
  };
  const told = () => field.dispatchEvent(new Event("input", { bubbles: true }));
  const take = () => {
    if (!next.value.trim()) return;
    set([...words(), ...next.value.split(",").map((word) => word.trim())]);
    next.value = "";
    told();
  };
  next.addEventListener("keydown", (event) => {
    if ((event.key === "Enter" || event.key === ",") && next.value.trim()) { event.preventDefault(); take(); }
    if (event.key === "Backspace" && !next.value) { set(words().slice(0, -1)); told(); }
  });
  next.addEventListener("input", () => { if (next.value.includes(",")) take(); });
  next.addEventListener("change", take);
  box.addEventListener("click", (event) => { if (event.target === box) next.focus(); });
  box.append(next);
  field.before(box);
  set(words());
}

// What was typed and not saved is not lost by a slip.
function unsaved() {
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-form]");
    if (!form) return;
    changed.add(form);
    form.querySelector(".save-note")?.removeAttribute("hidden");
  });
  window.addEventListener("beforeunload", (event) => {
    if ([...changed].some((form) => form.isConnected)) event.preventDefault();
  });
}

// Forms are sent without leaving the page: a refusal comes back into it, beside the field, and nothing typed is lost.
function sending() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const by = event.submitter;
    if (form.method === "dialog") return;
    if (!form.matches("form[data-form]") || form.method !== "post" || event.defaultPrevented) return changed.clear();
    event.preventDefault();
    if (form.getAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    const body = new FormData(form, by);
    const plain = form.enctype === "multipart/form-data" ? body : new URLSearchParams(body);
    try {
      const answer = await fetch(by?.getAttribute("formaction") ?? form.getAttribute("action"), { method: "POST", body: plain, headers: { "HX-Request": "true" } });
      const gone = answer.headers.get("hx-redirect");
      if (gone || answer.status === 401) {
        changed.clear();
        return location.assign(gone ?? `/login?next=${encodeURIComponent(location.pathname + location.search)}`);
      }
      const text = await answer.text();
      if (answer.ok) shown(text);
      else tell(text);
    } catch {
      tell(document.body.dataset.offline);
    } finally {
      form.removeAttribute("aria-busy");
    }
  });
}

function shown(text) {
  const coming = new DOMParser().parseFromString(text, "text/html");
  document.title = coming.title;
  document.getElementById("content").replaceChildren(...coming.getElementById("content").childNodes);
  const form = document.querySelector("#content form[data-form]");
  if (form) { changed.clear(); changed.add(form); }
  begin();
  document.dispatchEvent(new CustomEvent("polus:shown"));
}

function tell(text) {
  document.querySelector(".page-notice")?.remove();
  const box = make("div", { className: "banner bad page-notice", textContent: text });
  box.setAttribute("role", "alert");
  document.querySelector(".page-head").after(box);
  box.scrollIntoView({ block: "nearest" });
}

// The first field that is wrong is where to go on.
function wrong() {
  const field = document.querySelector(".page-main [aria-invalid=true]");
  field?.focus({ preventScroll: true });
  field?.scrollIntoView({ block: "center" });
}

// A variable goes where the cursor is.
function inserting() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-insert]");
    const field = button && document.getElementById(button.dataset.insert);
    if (!field) return;
    field.setRangeText(button.textContent, field.selectionStart, field.selectionEnd, "end");
    field.focus();
    field.dispatchEvent(new Event("input", { bubbles: true }));
  });
}

// Lists that move by themselves (jobs) are fetched again while something moves.
function again() {
  const box = document.querySelector("[data-again]");
  if (!box) return;
  setTimeout(async () => {
    const answer = document.hidden ? null : await fetch(location.href).catch(() => null);
    const coming = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(box.id);
    if (coming && !box.querySelector("details[open]")) box.replaceWith(coming);
    again();
  }, Number(box.dataset.again));
}

// The profile: what this device remembers changes at once.
function device() {
  const keys = document.getElementById("keys-device");
  if (keys) {
    keys.checked = localStorage.getItem("keys") !== "off";
    keys.addEventListener("change", () => localStorage.setItem("keys", keys.checked ? "on" : "off"));
  }
  for (const choice of document.querySelectorAll("[data-theme-choice]")) choice.addEventListener("change", () => menus.choose(choice.value));
}

// What is shown to be pasted elsewhere (keys, lines for shops) is copied by a button.
function copying() {
  for (const code of document.querySelectorAll("code.secret")) {
    if (code.nextElementSibling?.matches(".copy")) continue;
    const button = make("button", { type: "button", className: "button edged dense copy" });
    const said = make("span", { textContent: word("copy") });
    said.setAttribute("role", "status");
    button.append(symbol("copy"), said);
    button.addEventListener("click", async () => {
      getSelection().selectAllChildren(code);
      try { await navigator.clipboard.writeText(code.textContent); } catch { document.execCommand("copy"); } // plain HTTP has no clipboard
      said.textContent = word("copied");
      setTimeout(() => { said.textContent = word("copy"); }, 2000);
    });
    code.after(button);
  }
}

function begin() {
  copying();
  device();
  document.querySelectorAll("[data-chips]").forEach((field) => { if (!field.closest("template")) chips(field); });
  wrong();
}

menus.start();
search.start();
keys.start([
  { key: "/", word: "search", run: search.focus },
  { key: "u", word: "up", run: () => document.querySelector(".page-back").click(), when: () => document.querySelector(".page-back") },
  { key: "c", word: "make", run: () => document.querySelector(".page-title .button.primary[href]").click(), when: () => document.querySelector(".page-title .button.primary[href]") },
  { key: "c", word: "newTicket", run: keys.newTicket, when: () => keys.mayBegin() && !document.querySelector(".page-title .button.primary[href]") },
]);
rows();
unsaved();
sending();
inserting();
again();
begin();
document.querySelector(".settings-nav [aria-current]")?.scrollIntoView({ block: "nearest" });
