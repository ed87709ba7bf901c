// Where a line of a formula ends in "\\ % phone", it is broken on narrow screens only. This
// joins it elsewhere, when the page has been read and MathJax has not yet begun.
(() => {
  "use strict";
  const BREAK = /\\\\ *% phone\s*\n\s*&?\s*(\\quad)?/g;
  function join() {
    for (const formula of document.querySelectorAll("div.math")) {
      for (const node of formula.childNodes) {
        if (node.nodeType === Node.TEXT_NODE && node.data.includes("% phone"))
          node.data = node.data.replace(BREAK, " ");
      }
    }
  }
  if (matchMedia("(max-width: 600px)").matches) return;
  if (document.readyState === "loading")
    document.addEventListener("readystatechange", join, { once: true });
  else join();
})();
