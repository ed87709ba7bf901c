// A printed page is light and has nothing folded: what was dark or closed comes back after.
(() => {
  "use strict";
  let theme, closed = [];
  addEventListener("beforeprint", () => {
    theme = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    closed = [...document.querySelectorAll("article details:not([open])")];
    for (const fold of closed) fold.open = true;
  });
  addEventListener("afterprint", () => {
    if (theme !== undefined) document.documentElement.dataset.theme = theme;
    for (const fold of closed) fold.open = false;
    closed = [];
  });
})();
