// The reader chooses how much code a page shows: the key steps (what the page shows without
// JavaScript too), all of it, or none. The choice is remembered for every page.
(() => {
  "use strict";
  const NAME = "book-code";
  const CHOICES = { some: "Key code", all: "All code", none: "No code" };
  const page = document.documentElement;

  // A browser may forbid a page to store anything; the switch then forgets.
  function remembered() {
    try {
      const choice = localStorage.getItem(NAME);
      return choice in CHOICES ? choice : "some";
    } catch {
      return "some";
    }
  }

  function remember(choice) {
    try {
      localStorage.setItem(NAME, choice);
    } catch {
      // See above.
    }
  }

  function show(choice) {
    page.dataset.code = choice; // book.css hides what "none" hides
    for (const fold of document.querySelectorAll("div.cell > details.hide"))
      fold.open = choice === "all";
  }

  function build() {
    const buttons = document.querySelector(".article-header-buttons");
    if (!buttons || !document.querySelector("div.cell .cell_input")) return;
    const select = document.createElement("select");
    select.className = "code-switch";
    select.setAttribute("aria-label", "How much code this page shows");
    for (const [choice, text] of Object.entries(CHOICES))
      select.add(new Option(text, choice));
    select.value = remembered();
    select.addEventListener("change", () => {
      remember(select.value);
      show(select.value);
    });
    buttons.prepend(select);
    if (select.value === "all") show("all");
  }

  page.dataset.code = remembered(); // before anything is drawn, so that nothing jumps
  if (document.readyState === "loading")
    document.addEventListener("DOMContentLoaded", build, { once: true });
  else build();
})();
