// The search box in the rail: results as you type, arrow keys through them, Enter for all of them.

import { fragment } from "./notices.js";

const PAUSE = 120;
const input = () => document.getElementById("search");
const box = () => document.getElementById("found");

async function offer() {
  const asked = input().value.trim();
  if (!asked) { box().hidden = true; return; }
  const text = await fragment(`/search/offer?q=${encodeURIComponent(asked)}`, { quiet: true });
  if (text === null || input().value.trim() !== asked) return;
  box().replaceChildren(...new DOMParser().parseFromString(text, "text/html").body.childNodes);
  box().hidden = false;
}

export function focus() {
  input().focus();
  input().select();
}

/** Starts it; `open` shows a found ticket where the page can without leaving. */
export function start(open = null) {
  let timer = null;
  input().addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(offer, PAUSE); });
  input().addEventListener("focus", () => { if (input().value.trim() && box().childElementCount) box().hidden = false; });
  input().closest("form").addEventListener("keydown", (event) => {
    const links = [...box().querySelectorAll("a")];
    const at = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown" && links.length) links[Math.min(links.length - 1, at + 1)].focus();
    else if (event.key === "ArrowUp" && at >= 0) (links[at - 1] ?? input()).focus();
    else if (event.key === "Escape") { box().hidden = true; input().blur(); }
    else return;
    event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const found = event.target.closest("[data-found]");
    if (open && found && box().contains(found) && !event.ctrlKey && !event.metaKey) { event.preventDefault(); open(found.dataset.found); }
    if (!event.target.closest(".search") || found) box().hidden = true;
  });
}
