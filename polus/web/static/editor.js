// The rich box laid over the plain one: bold, italic, links, lists. What has no format is sent as plain text.

import { make } from "./elements.js";
import { ask, word } from "./notices.js";

const FORMAT = /<(?:b|strong|i|em|u|a|ul|ol|blockquote|code|pre)\b/i;
const boxes = new WeakMap(); // form → box

/** Lays the box over the form's textarea, with what stands there or in the draft. */
export function dress(form) {
  if (boxes.has(form)) return boxes.get(form);
  const area = form.elements.body;
  const box = make("div", { className: "composer-text editor", contentEditable: "true" });
  for (const [name, value] of [["role", "textbox"], ["aria-multiline", "true"], ["aria-label", area.getAttribute("aria-label")], ["dir", "auto"]]) box.setAttribute(name, value);
  for (const name of ["aria-invalid", "aria-describedby"]) if (area.hasAttribute(name)) box.setAttribute(name, area.getAttribute(name));
  area.removeAttribute("aria-label");
  area.hidden = true;
  area.after(box);
  boxes.set(form, box);
  const rich = form.querySelector("template[data-html]")?.content;
  // Reading what stands there makes the browser lay the page out, so an empty box is left alone.
  if (rich?.childNodes.length) { box.replaceChildren(rich.cloneNode(true)); sync(form); } else if (area.value) write(form, area.value, "");
  return box;
}

export const box = (form) => boxes.get(form);
export const isEmpty = (form) => !form.elements.body.value.trim();

/** Puts a whole text in: HTML that the server has cleaned, or plain text. */
export function write(form, text, html) {
  const into = boxes.get(form);
  if (html) into.replaceChildren(parsed(html));
  else into.replaceChildren(...lines(text));
  sync(form);
}

function lines(text) {
  return text ? text.split("\n").map((line) => {
    const row = document.createElement("div");
    row.append(line || document.createElement("br"));
    return row;
  }) : [];
}

// Parsed in a document of its own: nothing in it loads or runs, whatever it is.
function parsed(html) {
  const inert = new DOMParser().parseFromString(html, "text/html");
  const piece = document.createDocumentFragment();
  piece.append(...inert.body.childNodes);
  return document.adoptNode(piece);
}

/** Adds behind what was written: a macro's text. */
export function append(form, text, html) {
  const into = boxes.get(form);
  if (isEmpty(form)) into.replaceChildren();
  if (html) into.append(parsed(html));
  else into.append(...lines(text));
  sync(form);
  focus(form);
}

export function focus(form) {
  const into = boxes.get(form) ?? form.elements.body;
  into.focus();
  const selection = getSelection();
  if (into.isContentEditable) { selection.selectAllChildren(into); selection.collapseToEnd(); }
}

/** What the form sends: the words, and the HTML when it says more than these. */
export function sync(form) {
  const from = boxes.get(form);
  const text = from.innerText.replace(/\u00a0/g, " ").replace(/\n{3,}/g, "\n\n");
  if (!text.trim() && !from.querySelector("li")) from.replaceChildren();
  form.elements.body.value = text.trim() ? text : "";
  form.elements.html.value = FORMAT.test(from.innerHTML) && text.trim() ? from.innerHTML : "";
}

async function link() {
  const selection = getSelection();
  const range = selection.rangeCount ? selection.getRangeAt(0) : null;
  const address = await ask(word("linkTo"), "https://");
  if (!address || !/^(https?:|mailto:|tel:)/i.test(address) || !range) return;
  selection.removeAllRanges();
  selection.addRange(range);
  if (range.collapsed) document.execCommand("insertText", false, address);
  else document.execCommand("createLink", false, address);
}

const TOOLS = {
  bold: () => document.execCommand("bold"),
  italic: () => document.execCommand("italic"),
  list: () => document.execCommand("insertUnorderedList"),
  link,
};

export function start() {
  document.addEventListener("mousedown", (event) => { if (event.target.closest(".tools button")) event.preventDefault(); });
  document.addEventListener("click", async (event) => {
    const tool = event.target.closest(".tools button");
    if (!tool) return;
    const form = tool.form;
    if (!boxes.get(form).contains(document.activeElement)) focus(form);
    await TOOLS[tool.dataset.do]();
    boxes.get(form).dispatchEvent(new InputEvent("input", { bubbles: true }));
  });
  document.addEventListener("input", (event) => {
    const into = event.target.closest?.(".editor");
    if (into) sync(into.closest("form"));
  }, true);
  document.addEventListener("paste", (event) => {
    if (!event.target.closest?.(".editor") || event.clipboardData.files.length) return;
    event.preventDefault();
    document.execCommand("insertText", false, event.clipboardData.getData("text/plain"));
  });
}
