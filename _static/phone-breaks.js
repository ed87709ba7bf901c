// Where a line of a formula ends in "\\ % phone", it is broken on narrow screens only. This
// joins it elsewhere, before MathJax, which waits for the same event, sees the formula.
(() => {
  "use strict";
  const BREAK = /\\\\ *% phone\s*\n\s*&?\s*(\\quad)?/g;
  if (matchMedia("(max-width: 600px)").matches) return;
  addEventListener("DOMContentLoaded", () => {
    for (const formula of document.querySelectorAll("div.math")) {
      for (const node of formula.childNodes) {
        if (node.nodeType === Node.TEXT_NODE && node.data.includes("% phone"))
          node.data = node.data.replace(BREAK, " ");
      }
    }
  }, { once: true });
})();
