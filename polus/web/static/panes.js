// What the frame does by itself: panes on narrow screens, the list's width, theme, menus, dialogs, relative times.

import { post, word } from "./notices.js";

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

export function closeMenus(except = null) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

function menus() {
  document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
  document.addEventListener("htmx:before:request", (event) => {
    if (event.target.matches?.("form")) closeMenus();
  });
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details.menu[open]")) event.target.querySelector(".menu-box input:not([type=hidden]), .menu-box .menu-item")?.focus();
  }, true);
  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("details.menu[open]");
    if (!menu) return;
    if (event.key === "Escape") {
      menu.open = false;
      menu.querySelector("summary").focus();
      event.stopPropagation();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const items = [...menu.querySelectorAll(".menu-box :is(.menu-item, input:not([type=hidden]))")].filter((item) => !item.hidden);
      const at = items.indexOf(document.activeElement);
      items.at((at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length)?.focus();
      event.preventDefault();
    }
  });
  document.addEventListener("input", (event) => {
    if (!event.target.matches(".filter")) return;
    const wanted = event.target.value.trim().toLowerCase();
    for (const item of event.target.closest("form").querySelectorAll(".menu-item")) item.hidden = !item.textContent.toLowerCase().includes(wanted);
  });
}

function theme() {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-theme-form]");
    if (!form) return;
    event.preventDefault();
    const chosen = event.submitter.value;
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    document.querySelector('meta[name="color-scheme"]').content = chosen === "system" ? "light dark" : chosen;
    for (const item of form.querySelectorAll(".menu-item")) item.setAttribute("aria-current", String(item === event.submitter));
    closeMenus();
    post("/theme", { theme: chosen });
  });
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
  menus();
  theme();
  divider();
  setInterval(times, 30_000);
  document.addEventListener("click", (event) => {
    const tab = event.target.closest("[data-show]");
    if (tab && !tab.matches(".back") && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      show(tab.dataset.show);
    }
    const dialog = event.target.closest("dialog");
    if (dialog && event.target === dialog) dialog.close();
  });
}
