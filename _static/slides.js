// Starts the slides when their formulas are set, so that none is measured too small.
(async () => {
  "use strict";
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  for (const link of document.querySelectorAll(".slides a[href]")) link.target = "_blank";
  Reveal.initialize({
    width: 1280, height: 720, margin: 0.04, hash: true, transition: "none",
    slideNumber: "c/t", showNotes: false, pdfSeparateFragments: false,
    plugins: [RevealNotes],
  });
})();
