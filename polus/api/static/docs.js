// The filter of the list of operations; everything else on the page works without script.

const field = document.getElementById("filter");
const entries = [...document.querySelectorAll("nav .entry")];
const groups = [...document.querySelectorAll("nav .group")];

function narrow() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const entry of entries) {
    entry.hidden = !words.every((word) => entry.dataset.words.includes(word));
  }
  for (const group of groups) {
    group.hidden = words.length > 0 && !group.querySelector(".entry:not([hidden])");
  }
}

field.closest(".filter").hidden = false;
field.addEventListener("input", narrow);
field.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    field.value = "";
    narrow();
  } else if (event.key === "Enter") {
    document.querySelector("nav .entry:not([hidden]) a")?.click();
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== field) {
    event.preventDefault();
    field.focus();
  }
});
narrow();
