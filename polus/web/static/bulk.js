// Many tickets at once: selecting rows, the bar over the list, and the progress of the job that does it.

import { make } from "./elements.js";
import { current, refresh } from "./lists.js";
import { ask, fragment, toast, word } from "./notices.js";
import { closeMenus } from "./panes.js";

const chosen = new Set();
let all = false; // every ticket of the view, also those that are not shown
let last = null;

const bar = () => document.getElementById("bulk");
const boxes = () => [...document.querySelectorAll("#rows [data-select]")];

function show() {
  for (const box of boxes()) {
    box.checked = all || chosen.has(box.value);
    box.closest(".row").classList.toggle("chosen", box.checked);
  }
  const count = all ? document.querySelector(`#v-${current().view} .count`)?.textContent.trim() || word("all") : chosen.size;
  bar().hidden = !all && !chosen.size;
  document.querySelector(".list-pane").classList.toggle("choosing", !bar().hidden);
  document.getElementById("bulk-count").textContent = word("selected").replace("%", count);
}

function choose(box, { range = false } = {}) {
  all = false;
  const list = boxes();
  const [from, to] = [list.indexOf(last), list.indexOf(box)].sort((a, b) => a - b);
  const those = range && last?.isConnected && from >= 0 ? list.slice(from, to + 1) : [box];
  for (const one of those) {
    if (box.checked) chosen.add(one.value);
    else chosen.delete(one.value);
  }
  last = box;
  show();
}

function clear() {
  chosen.clear();
  all = false;
  show();
}

/** Selects the open or focused ticket, or lets it go. */
export function toggle() {
  const row = document.activeElement?.closest?.("#rows > .row") ?? document.getElementById(`t-${current().ticket}`);
  const box = row?.querySelector("[data-select]");
  if (!box) return;
  box.checked = !box.checked;
  choose(box);
}

async function send(action, value) {
  closeMenus();
  const body = new URLSearchParams({ csrf: document.body.dataset.csrf, view: current().view, action, value, ids: [...chosen].join(","), ...(all ? { all: "1" } : {}) });
  let told = null;
  bar().setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/bulk", { method: "POST", body, headers: { "HX-Request": "true" }, credentials: "same-origin" });
    told = answer.ok ? await answer.json() : { error: (await answer.text()).slice(0, 200) };
  } catch { told = { error: word("failed") }; }
  bar().removeAttribute("aria-busy");
  if (told.error) return toast(told.error, { bad: true });
  clear();
  if (told.panel) await lacks(told.panel);
  if (told.job) return follow(told.job);
  if (told.done || !told.panel) toast([told.text, ...told.failed.slice(0, 5)].join(" "), { bad: told.failed.length > 0 });
  refresh();
}

// Tickets that stay open, and what must be filled in them first.
async function lacks(text) {
  const place = document.getElementById("lacking-place");
  await htmx.swap({ text, target: place, sourceElement: place, swap: "innerHTML" });
  document.getElementById("lacking-title").focus();
}

async function follow(job) {
  const place = document.getElementById("job-place");
  const text = await fragment(`/jobs/${job}/progress`);
  if (text !== null) await htmx.swap({ text, target: place, sourceElement: place, swap: "innerHTML" });
}

async function macros() {
  const box = document.getElementById("bulk-macros");
  const first = [...chosen][0] ?? boxes()[0]?.value;
  if (!first) return;
  const text = await fragment(`/tickets/${first}/macros?all=1`);
  if (text === null) return;
  box.hidden = false;
  await htmx.swap({ text, target: box, sourceElement: box, swap: "innerHTML" });
  box.querySelector("button")?.focus();
}

/** Asks for a tag; those that hold what is typed are offered. */
async function askForTag(question) {
  const input = document.getElementById("ask-input");
  const known = document.getElementById("tags-known");
  const offer = async () => {
    const text = await fragment(`/suggest/tags?tag=${encodeURIComponent(input.value)}`, { quiet: true });
    const names = [...new DOMParser().parseFromString(text ?? "", "text/html").querySelectorAll("[name=tag]")].map((one) => one.value);
    known.replaceChildren(...names.map((value) => make("option", { value })));
  };
  input.setAttribute("list", known.id);
  input.addEventListener("input", offer);
  const asked = ask(question);
  offer();
  const said = await asked;
  input.removeAttribute("list");
  input.removeEventListener("input", offer);
  return said;
}

function onClick(event) {
  const button = event.target.closest("#bulk button, [data-do='job-close'], [data-do='lacking-close']");
  if (!button) return;
  const { bulk, value, bulkAsk, question, macro } = button.dataset;
  if (bulk) send(bulk, value);
  else if (bulkAsk) askForTag(question).then((said) => { if (said) send(bulkAsk, said); });
  else if (macro) send("macro", macro);
  else if (button.dataset.bulkMacro !== undefined) { event.stopPropagation(); macros(); }
  else if (button.dataset.bulkAll !== undefined) { all = true; show(); }
  else if (button.dataset.bulkNone !== undefined) clear();
  else if (button.dataset.do === "lacking-close") document.getElementById("lacking-place").replaceChildren();
  else if (button.dataset.do === "job-close") document.getElementById("job-place").replaceChildren();
}

export function start() {
  document.addEventListener("click", onClick);
  let range = false;
  document.addEventListener("click", (event) => { if (event.target.matches("[data-select]")) range = event.shiftKey; }, true);
  document.addEventListener("change", (event) => { if (event.target.matches("[data-select]")) choose(event.target, { range }); });
  document.addEventListener("htmx:after:swap", () => { if (all || chosen.size) show(); });
  document.addEventListener("polus:view", clear);
}
