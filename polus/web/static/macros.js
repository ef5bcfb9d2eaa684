// The macro bar: three that fit, a search (also by `/` in an empty box), and putting one into the composer.

import { macroMark } from "./composer.js";
import * as editor from "./editor.js";
import { fragment, json } from "./notices.js";
import { actionChip, composer, fileChip } from "./uploads.js";

let asked = 0;

async function offer(form, words = "", all = false) {
  const bar = form.querySelector("[data-macros]");
  if (!bar) return;
  const mine = ++asked;
  const query = new URLSearchParams({ q: words, ...(all ? { all: "1" } : {}) });
  const text = await fragment(`${bar.dataset.macros}?${query}`, { quiet: true });
  if (text === null || mine !== asked || !bar.isConnected) return;
  const box = bar.querySelector(".macro-offers");
  await htmx.swap({ text, target: box, sourceElement: box, swap: "innerHTML" });
}

async function use(form, id) {
  const bar = form.querySelector("[data-macros]");
  const found = await json(`${bar.dataset.macros}/${id}`);
  if (!found || !form.isConnected) return;
  if (found.text || found.html) editor.append(form, found.text, found.html);
  form.querySelector(".composer-files").append(...found.files.map(fileChip));
  form.querySelector(".composer-actions").append(macroMark(found.id), ...found.actions.map(actionChip));
  for (const [name, value] of Object.entries(found.to)) if (value && form.elements[name]) {
    form.elements[name].value = value;
    form.elements[name].dispatchEvent(new CustomEvent("polus:set"));
    if (name !== "to") form.querySelector(".copies").open = true;
  }
  const search = bar.querySelector("input");
  if (search.value) { search.value = ""; offer(form); }
  editor.focus(form);
  form.dispatchEvent(new CustomEvent("polus:changed", { bubbles: true }));
}

export function find() {
  composer()?.querySelector("[data-macro-search]")?.focus();
}

export function start() {
  let timer = null;
  document.addEventListener("focusin", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (!form || form.dataset.offered) return;
    form.dataset.offered = "1";
    offer(form);
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches?.("[data-macro-search]")) return;
    clearTimeout(timer);
    timer = setTimeout(() => offer(event.target.form, event.target.value, true), 80);
  });
  document.addEventListener("keydown", (event) => {
    const search = event.target.closest?.("[data-macro-search]");
    if (search) {
      const first = search.form.querySelector(".macro-offers .macro");
      if (event.key === "Enter") { event.preventDefault(); if (first) use(search.form, first.dataset.macro); }
      else if (event.key === "ArrowDown" || event.key === "ArrowRight" && !search.value) { event.preventDefault(); first?.focus(); }
      else if (event.key === "Escape") { event.preventDefault(); editor.focus(search.form); }
      return;
    }
    const offered = event.target.closest?.(".macro-offers .macro");
    if (offered && ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"].includes(event.key)) {
      event.preventDefault();
      const forward = event.key === "ArrowRight" || event.key === "ArrowDown";
      (forward ? offered.nextElementSibling : offered.previousElementSibling)?.focus();
      return;
    }
    const box = event.target.closest?.(".editor");
    if (box && event.key === "/" && editor.isEmpty(box.closest("form"))) {
      event.preventDefault();
      find();
      offer(box.closest("form"), "", true);
    }
  });
  document.addEventListener("click", (event) => {
    const macro = event.target.closest("[data-macro]");
    if (macro?.closest("[data-composer]")) use(macro.closest("form"), macro.dataset.macro);
  });
}
