// Words, toasts, announcements and requests: what the other modules need from the page and the server.

const words = document.getElementById("words").dataset;

/** A text of the interface in the agent's language, as the server rendered it. */
export const word = (name) => words[name] ?? name;

/** Tells something for a few seconds; errors stay longer and are read out at once. */
export function toast(text, { bad = false, action = null } = {}) {
  const box = document.createElement("div");
  box.className = bad ? "toast bad" : "toast";
  if (bad) box.setAttribute("role", "alert");
  box.append(Object.assign(document.createElement("span"), { textContent: text }));
  if (action) {
    const button = Object.assign(document.createElement("button"), { className: "link", type: "button", textContent: action.text });
    button.addEventListener("click", () => { box.remove(); action.run(); });
    box.append(button);
  }
  document.getElementById("toasts").append(box);
  const gone = setTimeout(() => box.remove(), bad ? 8000 : 4000);
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

/** Posts a small form that changes nothing on screen; errors are told. */
export async function post(address, fields) {
  const body = new URLSearchParams({ csrf: document.body.dataset.csrf, ...fields });
  try {
    const answer = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true" }, credentials: "same-origin" });
    if (answer.status === 401) loggedOut();
    return answer.ok;
  } catch {
    return false;
  }
}
