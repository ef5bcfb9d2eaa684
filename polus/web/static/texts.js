// Counts what is written as a text: its characters, and how many SMS the carrier makes of it.

import { composer } from "./uploads.js";

const MOST = 1600;
// The alphabet of GSM 03.38; what stands in the second one takes two places. Anything else makes the whole text Unicode.
const PLAIN = new Set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà");
const DOUBLE = new Set("\f^{}\\[~]|€");

/** How many SMS a text is. */
function segments(text) {
  let places = 0;
  for (const one of text) {
    if (PLAIN.has(one)) places += 1;
    else if (DOUBLE.has(one)) places += 2;
    else return text.length <= 70 ? 1 : Math.ceil(text.length / 67);
  }
  return places <= 160 ? 1 : Math.ceil(places / 153);
}

function count() {
  const form = composer();
  const place = form?.querySelector("[data-length]");
  const said = place?.dataset[form.elements.channel?.value];
  if (!said) return;
  const text = form.elements.body.value.trim();
  place.textContent = said.replace("{length}", text.length.toLocaleString(document.documentElement.lang)).replace("{count}", segments(text));
  place.classList.toggle("over", text.length > MOST);
}

export function start() {
  for (const kind of ["input", "change", "polus:changed", "polus:composer", "polus:sent"]) document.addEventListener(kind, count);
  count();
}
