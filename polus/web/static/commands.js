// The keyboard frame: one table of commands feeds the keys, the help dialog and the command palette.

import { make } from "./elements.js";
import { undo, write } from "./composer.js";
import { current, go, move } from "./lists.js";
import { toggle as toggleSelection } from "./bulk.js";
import { word } from "./notices.js";
import { closeMenus, toggleCustomer } from "./panes.js";
import { find as findMacro } from "./macros.js";
import { focus as focusSearch } from "./search.js";
import { openMenu, press } from "./threads.js";

const inTicket = () => Boolean(current().ticket);
const dialog = (id) => document.getElementById(id);

const commands = [
  { key: "j", word: "moveDown", run: () => move(1) },
  { key: "k", word: "moveUp", run: () => move(-1) },
  { key: "Enter", word: "open" },
  { key: "u", word: "back", run: () => go(current().view), when: inTicket },
  { key: "r", word: "reply", run: () => write("reply"), when: inTicket },
  { key: "a", word: "replyAll", run: () => write("all"), when: inTicket },
  { key: "f", word: "forward", run: () => write("forward"), when: inTicket },
  { key: "n", word: "note", run: () => write("note"), when: inTicket },
  { key: "e", word: "close", run: () => press("#toggle-status"), when: inTicket },
  { key: "E", word: "closeNext", run: () => press('#toggle-status[value="closed"]', { next: true }), when: inTicket },
  { key: "s", word: "snooze", run: () => openMenu("snooze-menu"), when: inTicket },
  { key: "m", word: "macro", run: findMacro, when: inTicket },
  { key: "x", word: "select", run: toggleSelection },
  { key: "z", word: "undo", run: undo },
  { key: "/", word: "search", run: focusSearch },
  { key: "@", word: "assign", run: () => openMenu("assign-menu"), when: inTicket },
  { key: "t", word: "tag", run: () => openMenu("tag-menu"), when: inTicket },
  { key: "#", word: "trash", run: () => press("#trash-form button"), when: inTicket },
  { key: "!", word: "spam", run: () => press("#spam-form button"), when: inTicket },
  { key: "i", word: "customer", run: toggleCustomer, when: inTicket },
  { key: "?", word: "help", run: help },
];
const GO = { a: "all", o: "open", m: "mine", u: "unassigned", s: "snoozed", c: "closed", p: "spam", t: "trash" };
let prefix = null;

const off = () => localStorage.getItem("keys") === "off";
const typing = (element) => element.closest?.("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable], dialog[open]");

/** Everything that can be done now: the commands that apply and one for each view. */
function available() {
  const views = Object.entries(GO).map(([key, view]) => {
    const link = document.getElementById(`v-${view}`);
    return link && { key: `g ${key}`, text: `${word("go")} ${link.title}`, run: () => go(view) };
  });
  const others = [...document.querySelectorAll("#shelves .rail-link")].map((link) => (
    { key: "", text: `${word("go")} ${link.title}`, run: () => go(link.id.slice(2)) }));
  const ready = commands.filter((command) => command.run && (!command.when || command.when()));
  return [...ready.map((command) => ({ ...command, text: word(command.word) })), ...views.filter(Boolean), ...others];
}

function keys(text) {
  return text.split(" ").filter(Boolean).map((key) => make("kbd", { textContent: key }));
}

function help() {
  const rows = [...commands.map((command) => [command.key, word(command.word)]), ["Ctrl K", word("palette")],
    ...available().filter((command) => command.key.startsWith("g ")).map((command) => [command.key, command.text])];
  dialog("help-keys").replaceChildren(...rows.flatMap(([key, text]) => {
    const term = document.createElement("dt");
    term.append(...keys(key));
    return [term, make("dd", { textContent: text })];
  }));
  dialog("keys-on").checked = !off();
  dialog("help").showModal();
}

function onKey(event) {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return palette();
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || off() || typing(event.target)) return;
  if (event.target.closest?.("details.menu[open]")) return;
  if (event.key === "Escape" && document.body.dataset.pane === "customer") return toggleCustomer();
  const view = prefix && GO[event.key];
  prefix = null;
  if (view) { event.preventDefault(); return go(view); }
  if (event.key === "g") { prefix = "g"; setTimeout(() => { prefix = null; }, 1200); return; }
  const command = commands.find((one) => one.key === event.key && one.run && (!one.when || one.when()));
  if (command) { event.preventDefault(); command.run(); }
}

function palette() {
  closeMenus();
  dialog("palette-input").value = "";
  offer();
  dialog("palette").showModal();
}

function offer() {
  const wanted = dialog("palette-input").value.trim().toLowerCase();
  const found = available().filter((command) => command.text.toLowerCase().includes(wanted));
  dialog("palette-list").replaceChildren(...found.map((command, at) => {
    const row = make("li", { id: `p-${at}`, role: "option" });
    const side = document.createElement("span");
    side.append(...keys(command.key));
    row.append(make("span", { textContent: command.text }), side);
    row.addEventListener("click", () => { dialog("palette").close(); command.run(); });
    return row;
  }));
  choose(0);
}

function choose(at) {
  const rows = [...dialog("palette-list").children];
  rows.forEach((row, n) => row.setAttribute("aria-selected", String(n === at)));
  rows[at]?.scrollIntoView({ block: "nearest" });
  if (rows[at]) dialog("palette-input").setAttribute("aria-activedescendant", rows[at].id);
  else dialog("palette-input").removeAttribute("aria-activedescendant");
}

function inPalette(event) {
  const rows = [...dialog("palette-list").children];
  const at = rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") choose(Math.min(rows.length - 1, at + 1));
  else if (event.key === "ArrowUp") choose(Math.max(0, at - 1));
  else if (event.key === "Enter") rows[at]?.click();
  else return;
  event.preventDefault();
}

export function start() {
  document.addEventListener("keydown", onKey);
  dialog("palette-input").addEventListener("input", offer);
  dialog("palette-input").addEventListener("keydown", inPalette);
  dialog("keys-on").addEventListener("change", (event) => localStorage.setItem("keys", event.target.checked ? "on" : "off"));
  document.addEventListener("click", (event) => {
    const asked = event.target.closest("[data-do]")?.dataset.do;
    if (asked === "help") { closeMenus(); help(); }
    if (asked === "customer" && !event.ctrlKey && !event.metaKey) { event.preventDefault(); toggleCustomer(); }
  });
}
