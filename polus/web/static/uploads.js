// Files of the composer: pasted, dropped or chosen, each sent to the server at once, with its progress on its chip.

import { make, symbol } from "./elements.js";
import { toast, word } from "./notices.js";

const MOST = 10;
const LARGEST = 20 * 1024 * 1024;

export const composer = () => document.querySelector("[data-composer]");

const changed = (form) => form.dispatchEvent(new CustomEvent("polus:changed", { bubbles: true }));

function size(count) {
  if (!count) return "";
  return count < 1000 ? `${count} B` : count < 1_000_000 ? `${Math.round(count / 1000)} kB` : `${(count / 1_000_000).toFixed(1)} MB`;
}

function crossed(name) {
  const cross = make("button", { type: "button", className: "button-x" });
  cross.dataset.drop = "";
  cross.setAttribute("aria-label", `${word("remove")} ${name}`);
  cross.append(symbol("x"));
  return cross;
}

/** The chip of a file that lies with the server. */
export function fileChip({ url, name, href, size: count }) {
  const chip = make("li", { className: "tag" });
  const shown = make("a", { className: "cut", href: href || url, target: "_blank", rel: "noopener" });
  shown.append(make("bdi", { textContent: name }));
  chip.append(make("input", { type: "hidden", name: "file", value: url }), symbol("paperclip"), shown,
    make("span", { className: "muted", textContent: typeof count === "number" ? size(count) : count ?? "" }), crossed(name));
  return chip;
}

/** The chip of something that is done when the message is sent. */
export function actionChip({ said, action }) {
  const chip = make("li", { className: "tag" });
  chip.append(make("input", { type: "hidden", name: "chip", value: action }), symbol("zap"),
    make("span", { className: "cut", textContent: said }), crossed(said));
  return chip;
}

function send(form, file) {
  const chip = make("li", { className: "tag uploading" });
  const bar = make("progress", { max: 1, value: 0 });
  bar.setAttribute("aria-label", file.name);
  const cross = crossed(file.name);
  chip.append(make("bdi", { className: "cut", textContent: file.name }), bar, cross);
  form.querySelector(".composer-files").append(chip);
  const body = new FormData();
  body.set("csrf", document.body.dataset.csrf);
  body.set("attachments", file);
  const request = new XMLHttpRequest();
  const failed = (why) => { chip.remove(); toast(`${file.name}: ${why || word("failed")}`, { bad: true }); };
  request.upload.addEventListener("progress", (event) => { if (event.lengthComputable) bar.value = event.loaded / event.total; });
  request.addEventListener("load", () => {
    let told = {};
    try { told = JSON.parse(request.responseText); } catch { /* told below */ }
    if (!told.files?.length) return failed(told.error);
    if (chip.isConnected) { chip.replaceWith(fileChip(told.files[0])); changed(form); }
  });
  request.addEventListener("error", () => failed());
  chip.addEventListener("polus:dropped", () => request.abort());
  request.open("POST", "/uploads");
  request.setRequestHeader("HX-Request", "true");
  request.send(body);
}

export const uploading = (form) => Boolean(form.querySelector(".uploading"));

export function add(form, files) {
  const room = MOST - form.querySelectorAll(".composer-files > li").length;
  if (files.length > room) toast(word("manyFiles"), { bad: true });
  for (const file of [...files].slice(0, Math.max(0, room))) {
    if (file.size > LARGEST) toast(`${file.name}: ${word("largeFile")}`, { bad: true });
    else send(form, file);
  }
}

export function start() {
  document.addEventListener("change", (event) => {
    if (event.target.name !== "attachments" || !event.target.form?.matches("[data-composer]")) return;
    add(event.target.form, [...event.target.files]);
    event.target.value = "";
  });
  document.addEventListener("click", (event) => {
    const drop = event.target.closest("[data-drop]");
    if (!drop) return;
    const { form } = drop;
    const chip = drop.closest("li");
    chip.dispatchEvent(new CustomEvent("polus:dropped"));
    chip.remove();
    changed(form);
  });
  document.addEventListener("paste", (event) => {
    const form = event.target.closest?.("[data-composer]");
    if (form && event.clipboardData.files.length) { event.preventDefault(); add(form, event.clipboardData.files); }
  });
  document.addEventListener("dragover", (event) => {
    if (!composer() || !event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    composer().classList.add("dropping");
  });
  for (const end of ["dragleave", "drop"]) document.addEventListener(end, (event) => {
    if (end === "drop" || !event.relatedTarget) composer()?.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    if (!composer() || !event.dataTransfer.files.length) return;
    event.preventDefault();
    add(composer(), event.dataTransfer.files);
  });
}
