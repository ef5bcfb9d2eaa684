// What the inbox's frame does by itself: panes on narrow screens, the list's width, dialogs, relative times.

import * as menus from "./menus.js";
import { word } from "./notices.js";

export { closeMenus } from "./menus.js";

const page = document.body.dataset;

/** Brings a pane to the front where not all fit; the wide layout shows them anyway. */
export function show(pane) {
  page.pane = pane;
  for (const link of document.querySelectorAll("#bottom-bar [data-show]")) {
    if (link.dataset.show === pane) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}

export function toggleCustomer() {
  show(page.pane === "customer" ? "ticket" : "customer");
}

function divider() {
  const bar = document.getElementById("divider");
  const root = document.documentElement;
  const set = (width) => {
    const fit = Math.round(Math.min(640, Math.max(240, width)));
    root.style.setProperty("--list-width", `${fit}px`);
    bar.setAttribute("aria-valuenow", String(fit));
    try { localStorage.setItem("list-width", String(fit)); } catch { /* not remembered */ }
  };
  const pane = document.querySelector(".list-pane");
  bar.addEventListener("pointerdown", (event) => {
    bar.setPointerCapture(event.pointerId);
    bar.classList.add("dragged");
    const from = event.clientX - pane.offsetWidth * (getComputedStyle(root).direction === "rtl" ? -1 : 1);
    bar.onpointermove = (moved) => set(Math.abs(moved.clientX - from));
    bar.onpointerup = () => { bar.onpointermove = null; bar.classList.remove("dragged"); };
  });
  bar.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
    if (by) set(pane.offsetWidth + by);
  });
  bar.addEventListener("dblclick", () => set(320));
}

// The server wrote the distance once; minutes and hours go on by themselves.
function times() {
  const now = Date.now();
  for (const time of document.querySelectorAll("time[datetime]")) {
    const seconds = (now - Date.parse(time.dateTime)) / 1000;
    if (seconds < 0 || seconds >= 86400 || time.dataset.exact !== undefined) continue;
    const text = seconds < 60 ? word("now") : seconds < 3600
      ? word("minutes").replace("%", Math.floor(seconds / 60)) : word("hours").replace("%", Math.floor(seconds / 3600));
    if (time.textContent !== text) time.textContent = text;
  }
}

export function start() {
  menus.start();
  divider();
  setInterval(times, 30_000);
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-show]");
    if (tab && !tab.matches(".back") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      show(tab.dataset.show);
    }
  });
}
