// Formulas wider than the text scroll by themselves, and the keyboard reaches them.
(() => {
  "use strict";
  const scrolls = (e) => ["auto", "scroll"].includes(getComputedStyle(e).overflowX);
  const reach = () => {
    for (const formula of document.querySelectorAll("mjx-container")) {
      const box = formula.parentElement;
      const inline = formula.getAttribute("display") !== "true";
      if (inline) {
        formula.classList.remove("wide-formula");
        const room = box.parentElement.clientWidth || Infinity;
        if (formula.getBoundingClientRect().width > room) {
          formula.classList.add("wide-formula");
        }
      }
      const wide = [formula, box].find(
        (e) => e.scrollWidth > e.clientWidth + 1 && scrolls(e));
      for (const e of [formula, box]) e.removeAttribute("tabindex");
      if (wide) wide.tabIndex = 0;
    }
  };
  addEventListener("load", () => {
    const typeset = window.MathJax && window.MathJax.startup;
    if (!typeset) return;
    // Also when sidebars open: what counts is the room that the text has.
    const watch = new ResizeObserver(() => requestAnimationFrame(reach));
    typeset.promise.then(() => {
      reach();
      watch.observe(document.querySelector("article") || document.body);
    });
  });
})();
