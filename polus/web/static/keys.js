// The keyboard frame of every page: one table of commands feeds the keys, the help dialog and the command palette.

import { make } from "./elements.js";
import { closeMenus } from "./menus.js";
import { fragment, word } from "./notices.js";

const GO = { a: "all", o: "open", m: "mine", u: "unassigned", s: "snoozed", c: "closed", p: "spam", t: "trash" };
const PLACES = { k: "/customers", d: "/statistics", e: "/settings" };
const WAIT = 1200; // milliseconds for the letter after g
const MOST = 60; // rows of the palette
const dialog = (id) => document.getElementById(id);

let commands = [];
let go = (view) => location.assign(`/inbox/${view}`);
let prefix = null;
let far = null; // pages that no rail shows: fetched when the palette is opened first

/** The page of a new ticket, for those who may open one. */
export const mayBegin = () => Boolean(document.querySelector(".new-ticket"));
export const newTicket = () => document.querySelector(".new-ticket").click();

const off = () => localStorage.getItem("keys") === "off";
const typing = (element) => element.closest?.("input:not([type=radio], [type=checkbox]), textarea, select, [contenteditable], dialog[open]");
const fits = (command) => command.run && (!command.when || command.when());

/** Where g and a letter lead. */
function places() {
  const views = Object.entries(GO).map(([key, view]) => {
    const link = dialog(`v-${view}`);
    return link && { key: `g ${key}`, text: `${word("go")} ${link.title}`, run: () => go(view) };
  });
  const pages = Object.entries(PLACES).map(([key, path]) => {
    const link = document.querySelector(`#rail .places [href="${path}"]`);
    return link && { key: `g ${key}`, text: `${word("go")} ${link.title}`, run: () => location.assign(path) };
  });
  return [...views, ...pages].filter(Boolean);
}

/** Everything that can be done now: the commands that apply, then places, the nearer first. */
function available() {
  const own = [...document.querySelectorAll("#shelves .rail-link")].map((link) => (
    { key: "", text: `${word("go")} ${link.title}`, run: () => go(link.id.slice(2)) }));
  const ready = commands.filter((command) => command.word && fits(command));
  return [...ready.map((command) => ({ ...command, text: word(command.word) })), ...places(), ...own, ...(far ?? [])];
}

async function fetchFar() {
  if (far) return;
  far = [];
  const found = await fragment("/palette", { quiet: true });
  if (found === null) { far = null; return; }
  far = [...new DOMParser().parseFromString(found, "text/html").querySelectorAll("a")].map((link) => (
    { key: "", text: link.textContent, run: () => location.assign(link.getAttribute("href")) }));
  offer();
}

const caps = (text) => text.split(" ").filter(Boolean).map((key) => make("kbd", { textContent: key }));

function help() {
  closeMenus();
  const rows = [...commands.filter((one) => one.word).map((one) => [one.key, word(one.word)]),
    ["Ctrl K", word("palette")], ...places().map((one) => [one.key, one.text])];
  dialog("help-keys").replaceChildren(...rows.flatMap(([key, text]) => {
    const term = make("dt");
    term.append(...caps(key));
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
  const place = prefix && places().find((one) => one.key === `g ${event.key}`);
  prefix = null;
  const command = place || commands.find((one) => one.key === event.key && fits(one));
  if (command) { event.preventDefault(); return command.run(); }
  if (event.key === "g") { prefix = "g"; setTimeout(() => { prefix = null; }, WAIT); }
}

function palette() {
  closeMenus();
  dialog("palette-input").value = "";
  offer();
  if (!dialog("palette").open) dialog("palette").showModal();
  fetchFar();
}

// All words must be there, in any order; the last row asks the search for what was typed.
function offer() {
  const typed = dialog("palette-input").value.trim();
  const words = typed.toLowerCase().split(/\s+/);
  const found = available().filter((one) => words.every((part) => one.text.toLowerCase().includes(part))).slice(0, MOST);
  if (typed) found.push({ key: "", text: word("searchFor").replace("%", typed), run: () => location.assign(`/search?q=${encodeURIComponent(typed)}`) });
  dialog("palette-list").replaceChildren(...found.map((command, at) => {
    const row = make("li", { id: `p-${at}`, role: "option" });
    const side = make("span");
    side.append(...caps(command.key));
    row.append(make("span", { className: "cut", dir: "auto", textContent: command.text }), side);
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

/** Starts it with a page's commands; `open` shows a view where the page can without leaving. */
export function start(table, open = null) {
  commands = [...table, { key: "?", word: "help", run: help }];
  if (open) go = open;
  document.addEventListener("keydown", onKey);
  dialog("palette-input").addEventListener("input", offer);
  dialog("palette-input").addEventListener("keydown", inPalette);
  dialog("keys-on").addEventListener("change", (event) => localStorage.setItem("keys", event.target.checked ? "on" : "off"));
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-do=help]")) help();
    if (event.target.closest("[data-do=palette]")) palette();
    const box = event.target.closest("dialog");
    if (box && event.target === box) box.close();
  });
}
