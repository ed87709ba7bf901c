// A displayed formula that is wider than the screen scrolls in its own box. It is a tab stop
// then, so that the arrow keys scroll it too; a formula that fits is none.
(() => {
  "use strict";
  function mark() {
    for (const box of document.querySelectorAll("mjx-container")) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  }
  addEventListener("load", async () => {
    await window.MathJax?.startup?.promise;
    await document.fonts.ready; // until its letters are there a formula has another width
    mark();
    document.fonts.addEventListener("loadingdone", mark);
    addEventListener("resize", mark);
    document.addEventListener("toggle", mark, true); // a fold shows other formulas
  });
})();
