// The page of a new ticket: the composer's rich box, chips of recipients and files, in a form that opens a ticket.

import * as editor from "./editor.js";
import * as mentions from "./mentions.js";
import { toast, word } from "./notices.js";
import * as recipients from "./recipients.js";
import * as uploads from "./uploads.js";

function hint(form) {
  editor.box(form).dataset.placeholder = form.elements.body.dataset[form.elements.mode.value] ?? "";
}

function dress() {
  const form = uploads.composer();
  editor.dress(form);
  hint(form);
  document.dispatchEvent(new CustomEvent("polus:composer", { detail: { form } }));
  const wrong = form.querySelector("[aria-invalid=true]:not([hidden])");
  (wrong ?? (form.elements.to.value ? form.elements.subject : document.getElementById("f-to-more"))).focus();
}

editor.start();
mentions.start();
recipients.start();
uploads.start();
dress();
document.addEventListener("polus:shown", dress);
document.addEventListener("change", (event) => { if (event.target.name === "mode") hint(event.target.form); });
document.addEventListener("submit", (event) => {
  if (!uploads.uploading(event.target)) return;
  event.preventDefault();
  event.stopPropagation();
  toast(word("uploading"), { bad: true });
}, true);
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("[data-composer]");
  if (!form || event.key !== "Enter") return;
  if (event.ctrlKey || event.metaKey) { event.preventDefault(); form.requestSubmit(form.querySelector(".primary")); }
  // Enter in the subject goes on to the text: a mail is sent by its button alone.
  else if (event.target.name === "subject") { event.preventDefault(); editor.focus(form); }
});
