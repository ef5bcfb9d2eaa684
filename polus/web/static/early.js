// Runs before the first paint: puts remembered sizes in place so that nothing moves afterwards.
(() => {
  document.documentElement.classList.add("scripted-page");
  try {
    const width = Number(localStorage.getItem("list-width"));
    if (width >= 240 && width <= 640) document.documentElement.style.setProperty("--list-width", `${width}px`);
  } catch { /* storage may be forbidden; the width is then the usual one */ }
})();
