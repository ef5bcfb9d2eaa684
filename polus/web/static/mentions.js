// Naming somebody in a note: who fits what stands behind an @, chosen by arrow keys and Enter, or by a click.

import { make } from "./elements.js";

const TYPED = /(?:^|[\s(])@([^@\n]{0,40})$/u;
const MOST = 6;
const BELOW = 260; // pixels that a list needs over the line; with less it opens below

let open = null; // {box, node, from, to}: where the @ and the letters behind it stand

const names = () => [...document.querySelectorAll("#people-known option")].map((option) => option.value);
const options = () => [...open.box.children];

function close() {
  open?.box.remove();
  open?.into.removeAttribute("aria-activedescendant");
  open = null;
}

function fitting(typed) {
  const wanted = typed.toLowerCase();
  const first = names().filter((name) => name.toLowerCase().startsWith(wanted));
  const further = names().filter((name) => !first.includes(name) && name.toLowerCase().split(/\s+/).some((word) => word.startsWith(wanted)));
  return [...first, ...further].slice(0, MOST);
}

function mark(option) {
  for (const one of options()) one.setAttribute("aria-selected", String(one === option));
  open.into.setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function choose(option) {
  const { node, from, to } = open;
  const name = option.textContent;
  close();
  getSelection().setBaseAndExtent(node, from, node, to);
  document.execCommand("insertText", false, `@${name}\u00a0`);
}

function place(box) {
  const range = document.createRange();
  range.setStart(open.node, open.from);
  range.setEnd(open.node, open.to);
  const line = range.getBoundingClientRect();
  box.style.left = `${Math.max(8, Math.min(line.left, innerWidth - box.offsetWidth - 8))}px`;
  if (line.top > BELOW) box.style.bottom = `${innerHeight - line.top + 4}px`;
  else box.style.top = `${line.bottom + 4}px`;
}

function offer(into) {
  const selection = getSelection();
  const node = selection.anchorNode;
  const typed = selection.isCollapsed && node?.nodeType === Node.TEXT_NODE && into.contains(node) && node.data.slice(0, selection.anchorOffset).match(TYPED);
  close();
  const found = typed ? fitting(typed[1]) : [];
  if (!found.length || typed[1].endsWith("\u00a0")) return;
  const box = make("div", { className: "menu-box mentions", id: "mentions" });
  box.setAttribute("role", "listbox");
  box.setAttribute("aria-label", document.getElementById("people-known").dataset.label);
  found.forEach((name, at) => {
    const option = make("div", { className: "menu-item", id: `mention-${at}`, textContent: name });
    option.setAttribute("role", "option");
    box.append(option);
  });
  // Pressing would take the caret out of the note before the click.
  box.addEventListener("mousedown", (event) => event.preventDefault());
  box.addEventListener("click", (event) => { const option = event.target.closest("[role=option]"); if (option) choose(option); });
  open = { box, into, node, from: selection.anchorOffset - typed[1].length - 1, to: selection.anchorOffset };
  document.body.append(box);
  place(box);
  mark(box.firstElementChild);
}

function press(event) {
  if (!open || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = options();
  const at = all.findIndex((one) => one.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") mark(all.at((at + (event.key === "ArrowDown" ? 1 : -1) + all.length) % all.length));
  else if (event.key === "Enter" || event.key === "Tab") choose(all[at]);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

export function start() {
  document.addEventListener("input", (event) => {
    const into = event.target.closest?.(".editor");
    if (into?.closest("form").elements.mode.value === "note") offer(into);
    else close();
  });
  document.addEventListener("keydown", press, true);
  document.addEventListener("focusout", close);
  document.addEventListener("scroll", close, true);
}
