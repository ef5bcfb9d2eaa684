// Elements that scripts make; their texts are always text.

/** An element with its properties. */
export const make = (tag, facts = {}) => Object.assign(document.createElement(tag), facts);

/** An icon of the page's own set. */
export function symbol(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawing.setAttribute("class", "icon fine");
  drawing.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", document.querySelector(".icon use").getAttribute("href").split("#")[0] + `#${name}`);
  drawing.append(use);
  return drawing;
}
