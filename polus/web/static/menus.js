// Menus and the choice of light or dark: on every page behind the login. Both work without this by reloading.

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
    choose(event.submitter.value);
    for (const item of form.querySelectorAll(".menu-item")) item.setAttribute("aria-current", String(item === event.submitter));
    closeMenus();
  });
}

// Available or away: the dot changes at once.
function availability() {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-availability-form]");
    if (!form) return;
    event.preventDefault();
    const { value } = event.submitter;
    const body = new URLSearchParams({ csrf: document.body.dataset.csrf, available: value });
    fetch("/availability", { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => {});
    for (const item of form.querySelectorAll(".menu-item")) item.setAttribute("aria-current", String(item === event.submitter));
    document.querySelector("#me .presence")?.classList.toggle("away", !value);
    closeMenus();
  });
}

/** Light, dark, or as the system: now, and remembered. */
export function choose(chosen) {
  if (chosen === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = chosen;
  document.querySelector('meta[name="color-scheme"]').content = chosen === "system" ? "light dark" : chosen;
  const body = new URLSearchParams({ csrf: document.body.dataset.csrf, theme: chosen });
  fetch("/theme", { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => {});
}

export function start() {
  menus();
  theme();
  availability();
}
