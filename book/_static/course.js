// Formulas wider than the page scroll by themselves: let the keyboard reach them.
(() => {
  "use strict";
  const reach = () => {
    for (const box of document.querySelectorAll('mjx-container[display="true"]')) {
      const wide = [box, box.parentElement].find(
        (e) => e.scrollWidth > e.clientWidth + 1 &&
          ["auto", "scroll"].includes(getComputedStyle(e).overflowX));
      for (const e of [box, box.parentElement]) e.removeAttribute("tabindex");
      if (wide) wide.tabIndex = 0;
    }
  };
  const start = () => {
    const typeset = window.MathJax && window.MathJax.startup;
    if (typeset) typeset.promise.then(reach);
  };
  addEventListener("load", start);
  addEventListener("resize", () => requestAnimationFrame(reach));
})();
