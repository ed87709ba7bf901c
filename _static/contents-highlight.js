// The list of sections beside the text marks the one that is read: the last whose title has
// passed the upper fifth of the window. The theme's own way asks that a tenth of a section
// be seen at once; our sections are longer, so that it marks the one before, or none.
(() => {
  "use strict";
  let links = [], waiting = false;
  function mark() {
    waiting = false;
    const edge = innerHeight / 5;
    const end = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    const passed = links.filter(([, title]) => title.getBoundingClientRect().top <= edge);
    const [read] = (end ? links : passed).at(-1) ?? [];
    for (const [link] of links) {
      link.classList.toggle("active", link === read);
      if (link === read) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
      const entry = link.closest("li");
      entry.classList.toggle("active", entry.contains(read ?? null));
    }
  }
  function ask() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(mark);
  }
  document.addEventListener("readystatechange", () => {
    delete document.body.dataset.bsSpy; // before Bootstrap looks for it
    const all = [...document.querySelectorAll("nav.page-toc a")];
    const named = (link) => document.getElementById(decodeURIComponent(link.hash.slice(1)));
    links = all.map((link) => [link, named(link)]).filter(([, title]) => title);
    if (!links.length) return;
    addEventListener("scroll", ask, { passive: true });
    addEventListener("resize", ask, { passive: true });
    ask();
  }, { once: true });
})();
