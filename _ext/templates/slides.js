// Starts the slides when their formulas are set, so that none is measured too small.
(async () => {
  "use strict";
  const WIDTH = 1280, HEIGHT = 720;

  // What is too much for a slide gets smaller letters until it fits.
  function fit(slide) {
    const parts = [...slide.children].filter((one) => !one.matches(".notes, .slide-foot"));
    const low = () => Math.max(0, ...parts.map((one) => one.offsetTop + one.offsetHeight));
    const wide = () => [...slide.querySelectorAll("mjx-container, table, pre, p")]
      .some((one) => !one.closest(".notes") && one.scrollWidth > one.clientWidth + 1
        && one.clientWidth > 0);
    const usual = parseFloat(getComputedStyle(slide).fontSize);
    for (let size = 95; size > 45 && (low() > HEIGHT - 40 || wide()); size -= 5)
      slide.style.fontSize = `${(usual * size) / 100}px`;
  }

  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  for (const link of document.querySelectorAll(".slides a[href]")) link.target = "_blank";
  for (const image of document.querySelectorAll(".slide-figure > img")) {
    await image.decode().catch(() => {});
    if (image.naturalHeight > image.naturalWidth)
      image.parentElement.classList.add("slide-tall");
  }
  if (location.search === "?print") {
    // One slide a sheet, without what turns them.
    document.querySelector("link[href$='/reveal.css']").remove();
    document.documentElement.classList.add("on-paper");
    document.querySelectorAll(".slides > section").forEach(fit);
  } else {
    await Reveal.initialize({
      width: WIDTH, height: HEIGHT, margin: 0.04, hash: true, transition: "none",
      slideNumber: "c/t", plugins: [RevealNotes],
    });
    fit(Reveal.getCurrentSlide());
    Reveal.on("slidechanged", ({ currentSlide }) => fit(currentSlide));
  }
  document.documentElement.classList.add("slides-ready");
})();
