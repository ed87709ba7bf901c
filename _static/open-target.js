// A link to something folded opens it: the card of a verdict, a solution, the code of a cell.
(() => {
  "use strict";
  function open() {
    let name;
    try {
      name = decodeURIComponent(location.hash.slice(1));
    } catch {
      return; // not an address of ours
    }
    const target = name && document.getElementById(name);
    if (!target) return;
    const code = target.matches("div.cell") && target.querySelector(":scope > details.hide");
    if (code) code.open = true;
    let fold = target.closest("details:not([open])");
    if (!fold && !code) return;
    for (; fold; fold = fold.parentElement.closest("details:not([open])")) fold.open = true;
    target.scrollIntoView();
  }
  addEventListener("hashchange", open);
  if (document.readyState === "loading")
    document.addEventListener("DOMContentLoaded", open, { once: true });
  else open();
})();
