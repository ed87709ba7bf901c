// A figure opens in a window of its own: by its button, or by a click or tap on it.
// It fills the window, and its letters are never smaller than at the width it was drawn
// for, so that it scrolls where it does not fit. Without scripts nothing is missing but this.
(() => {
  "use strict";
  const DENSITY = 2; // pixels of a PNG for each pixel of the page, as in _ext/pages.py
  const ROOM = 0.94; // how much of the screen a figure may take

  let dialog, frame, close;

  function build() {
    dialog = document.createElement("dialog");
    dialog.className = "enlarged";
    dialog.innerHTML = `<button type="button">Close</button>
      <div tabindex="0" role="group"></div>`;
    [close, frame] = dialog.children;
    close.addEventListener("click", () => dialog.close());
    // The dialog has no padding: what is hit on itself is the curtain around it.
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
    dialog.addEventListener("close", () => frame.replaceChildren());
    document.body.append(dialog);
  }

  // The width a picture was drawn for: an SVG file has no pixels of its own.
  function drawnWidth(image) {
    return /\.svg$/.test(image.src) ? image.naturalWidth : image.naturalWidth / DENSITY;
  }

  function enlarge(image, name) {
    if (!dialog) build();
    const copy = image.cloneNode();
    const drawn = drawnWidth(image), shape = image.naturalHeight / image.naturalWidth;
    const fitting = Math.min(innerWidth * ROOM, (innerHeight * ROOM - 48) / shape);
    copy.removeAttribute("style");
    copy.removeAttribute("loading");
    copy.style.width = `${Math.round(Math.max(drawn, fitting))}px`;
    frame.className = image.closest(".tag_photo") ? "photo" : "";
    frame.setAttribute("aria-label", name);
    dialog.setAttribute("aria-label", `${name}, enlarged`);
    frame.replaceChildren(copy);
    dialog.showModal();
    frame.scrollTo(0, 0);
  }

  function offer(figure) {
    const image = figure.querySelector("img"), caption = figure.querySelector("figcaption p");
    if (!image || !caption) return;
    const number = caption.querySelector(".caption-number");
    const name = number ? number.textContent.trim() : "Figure";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "enlarge";
    button.textContent = "Enlarge";
    button.setAttribute("aria-label", `Enlarge ${name}`);
    button.addEventListener("click", () => enlarge(image, name));
    caption.append(" ", button);
    image.classList.add("enlargeable");
    image.addEventListener("click", () => {
      button.focus({ preventScroll: true }); // where the reader is when it closes
      enlarge(image, name);
    });
  }

  function start() {
    for (const figure of document.querySelectorAll("article figure")) offer(figure);
  }

  if (document.readyState === "loading")
    document.addEventListener("DOMContentLoaded", start, { once: true });
  else start();
})();
