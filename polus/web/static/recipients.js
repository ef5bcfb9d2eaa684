// To, Cc and Bcc as chips over the plain lines: the line stays what is sent.

import { make } from "./elements.js";
import { fragment, word } from "./notices.js";

const split = (line) => (line.match(/(?:"[^"]*"|[^,;"\n])+/g) ?? []).map((part) => part.trim()).filter(Boolean);
const looks = (part) => /^[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+$|<[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+>$/.test(part);

function dress(input) {
  if (input.dataset.dressed) return;
  input.dataset.dressed = "1";
  const line = input.closest(".line");
  const entry = make("input", { className: "plain-input entry", autocomplete: "off", spellcheck: false, id: `${input.id}-more` });
  entry.setAttribute("aria-label", input.labels[0]?.textContent ?? input.name);
  for (const name of ["aria-invalid", "aria-describedby"]) if (input.hasAttribute(name)) entry.setAttribute(name, input.getAttribute(name));
  const offers = make("div", { className: "offers", hidden: true });
  input.labels[0]?.setAttribute("for", entry.id);
  input.hidden = true;
  line.append(entry, offers);
  const show = () => {
    line.querySelectorAll(".tag").forEach((chip) => chip.remove());
    for (const part of split(input.value)) entry.before(chip(part));
  };
  const set = (parts) => { input.value = parts.join(", "); show(); input.dispatchEvent(new Event("input", { bubbles: true })); };
  const chip = (part) => {
    const made = make("span", { className: looks(part) ? "tag" : "tag wrong", title: part });
    const cross = make("button", { type: "button", className: "button-x", textContent: "×" });
    cross.setAttribute("aria-label", `${word("remove")} ${part}`);
    cross.addEventListener("click", () => { set(split(input.value).filter((one) => one !== part)); entry.focus(); });
    made.append(make("bdi", { className: "cut", textContent: part }), cross);
    return made;
  };
  const take = () => {
    offers.hidden = true;
    if (!entry.value.trim()) return;
    const parts = [...split(input.value), ...split(entry.value)];
    entry.value = "";
    set([...new Set(parts)]);
  };
  input.addEventListener("polus:set", show);
  entry.addEventListener("blur", (event) => { if (!offers.contains(event.relatedTarget)) take(); });
  entry.addEventListener("keydown", (event) => {
    const first = offers.hidden ? null : offers.querySelector("button");
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) take(); // the message goes now, with what stands here
    else if (event.key === "Enter" && first && !looks(entry.value.trim())) { event.preventDefault(); first.click(); }
    else if (["Enter", ",", ";"].includes(event.key) && !event.ctrlKey && !event.metaKey) { event.preventDefault(); take(); }
    else if (event.key === "Backspace" && !entry.value) set(split(input.value).slice(0, -1));
    else if (event.key === "ArrowDown" && first) { event.preventDefault(); first.focus(); }
    else if (event.key === "Escape" && first) { event.stopPropagation(); offers.hidden = true; }
  });
  offers.addEventListener("keydown", (event) => {
    const next = { ArrowDown: event.target.nextElementSibling, ArrowUp: event.target.previousElementSibling ?? entry, Escape: entry }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") offers.hidden = true;
    next?.focus();
  });
  offers.addEventListener("focusout", (event) => { if (event.relatedTarget !== entry && !offers.contains(event.relatedTarget)) take(); });
  entry.addEventListener("paste", () => setTimeout(() => { if (/[,;\n]/.test(entry.value)) take(); }));
  suggest(entry, offers, (address) => { entry.value = address; take(); entry.focus(); });
  show();
}

function suggest(entry, offers, choose) {
  let timer = null;
  entry.addEventListener("input", (event) => {
    event.stopPropagation();
    clearTimeout(timer);
    if (entry.value.trim().length < 2) { offers.hidden = true; return; }
    timer = setTimeout(async () => {
      const text = await fragment(`/suggest/addresses?q=${encodeURIComponent(entry.value.trim())}`, { quiet: true });
      if (text === null || document.activeElement !== entry) return;
      await htmx.swap({ text, target: offers, sourceElement: offers, swap: "innerHTML" });
      offers.hidden = !offers.childElementCount;
    }, 120);
  });
  offers.addEventListener("mousedown", (event) => event.preventDefault());
  offers.addEventListener("click", (event) => {
    const one = event.target.closest("[data-address]");
    if (one) choose(one.dataset.address);
  });
}

export function start() {
  document.addEventListener("polus:composer", ({ detail }) => {
    for (const name of ["to", "cc", "bcc"]) if (detail.form.elements[name]) dress(detail.form.elements[name]);
  });
}
