// Words, toasts, announcements and requests: what the other modules need from the page and the server.

import { make } from "./elements.js";

const words = document.getElementById("words").dataset;

/** A text of the interface in the agent's language, as the server rendered it. */
export const word = (name) => words[name] ?? name;

/** Tells something for a few seconds; errors stay longer and are read out at once. */
export function toast(text, { bad = false, action = null, seconds = bad ? 8 : 4 } = {}) {
  const box = document.createElement("div");
  box.className = bad ? "toast bad" : "toast";
  if (bad) box.setAttribute("role", "alert");
  box.append(make("span", { textContent: text }));
  if (action) {
    const button = make("button", { className: "link", type: "button", textContent: action.text });
    button.addEventListener("click", () => { box.remove(); action.run(); });
    box.append(button);
  }
  document.getElementById("toasts").append(box);
  const gone = setTimeout(() => box.remove(), seconds * 1000);
  return () => { clearTimeout(gone); box.remove(); };
}

/** Tells a screen reader without showing anything. */
export const say = (text) => { document.getElementById("said").textContent = text; };

/** Fetches a fragment; null when it could not be had, after saying so. */
export async function fragment(address, { quiet = false } = {}) {
  try {
    const answer = await fetch(address, { headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (answer.status === 401) return loggedOut();
    if (answer.ok || answer.status === 404) return await answer.text();
  } catch { /* the network; told below */ }
  if (!quiet) toast(word("failed"), { bad: true });
  return null;
}

export function loggedOut() {
  const here = location.pathname + location.search;
  toast(word("gone"), { bad: true, action: { text: "→", run: () => location.assign(`/login?next=${encodeURIComponent(here)}`) } });
  return null;
}

/** Fetches what is no page; null when it could not be had, after saying so. */
export async function json(address, options = {}) {
  const text = await fragment(address, options);
  try { return text === null ? null : JSON.parse(text); } catch { return null; }
}

/** Posts a small form (an object, or pairs) that changes nothing on screen; whether it was done. `refusedAs`: told if not. */
export async function post(address, fields, { keepalive = false, signal = undefined, refusedAs = "" } = {}) {
  const body = new URLSearchParams(Array.isArray(fields) ? fields : Object.entries(fields));
  body.set("csrf", document.body.dataset.csrf);
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true" }, credentials: "same-origin", keepalive, signal });
    if (answer.status === 401) loggedOut();
    const done = answer.ok && !answer.headers.has("polus-refused");
    if (!done && refusedAs) toast(word(refusedAs), { bad: true });
    return done;
  } catch {
    if (refusedAs) toast(word("failed"), { bad: true });
    return false;
  }
}

/** Asks for one line; null when nothing was said. */
export function ask(question, value = "") {
  const dialog = document.getElementById("ask");
  const input = dialog.querySelector("input");
  dialog.querySelector("label").textContent = question;
  input.value = value;
  dialog.querySelector("[data-cancel]").onclick = () => dialog.close("");
  dialog.returnValue = "";
  dialog.showModal();
  input.select();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "ok" ? input.value.trim() || null : null), { once: true }));
}
