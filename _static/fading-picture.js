// <fading-picture label="..."> copies a picture, then the copy, as chapter 1 does.
// Its data, made by _ext/front.py, are the JSON script inside the element: {width, height,
// parts: [[darkness, name], ...], pixels, drops}. A sheet is a list of drops of ink, each
// the pixel it fell on; drops of the original are its pixels, as often as they are dark.
// No dependencies. Without scripts the strip inside the element stays.
(() => {
  "use strict";
  const LAST = 100, UNIT = 20; // copies; drops of a black pixel of the original
  const CSS = `
    :host { display: block; margin: 1.25rem 0 1.5rem; font: inherit }
    .sheets { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem }
    figure { margin: 0 }
    canvas { width: 100%; display: block; image-rendering: pixelated; border-radius: .25rem;
      border: 1px solid var(--pst-color-border, #8888); background: #fff }
    figcaption { font-size: .9rem; margin-top: .3rem; font-variant-numeric: tabular-nums }
    .row { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center;
      margin-top: .75rem }
    .range { flex: 1 1 14rem; min-width: 0; accent-color: var(--pst-color-primary, #0A54B6) }
    button, select { font: inherit; font-size: .9rem; padding: .3rem .6rem; color: inherit;
      background: var(--pst-color-background, #fff); border: 1px solid; border-radius: .3rem }
    button { min-width: 5rem; cursor: pointer }
    label { font-size: .9rem }
    :focus-visible { outline: 3px solid var(--pst-color-primary, #0A54B6);
      outline-offset: 2px }
    p { margin: .5rem 0 0; font-variant-numeric: tabular-nums; min-height: 3.2em }`;

  function uniforms(seed) {
    let state = seed;
    return () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
  }

  // The whole of model collapse: each drop of the copy is a drop of the sheet before.
  function copy(sheet, drops, uniform) {
    return Int16Array.from({ length: drops }, () => sheet[Math.floor(sheet.length * uniform())]);
  }

  class FadingPicture extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      if (document.readyState === "loading") // its data are not there yet
        document.addEventListener("DOMContentLoaded", () => this.build(), { once: true });
      else this.build();
    }

    disconnectedCallback() { this.stop(); }

    build() {
      const source = this.querySelector('script[type="application/json"]');
      if (!source || this.shadowRoot) return; // the strip inside stays
      Object.assign(this, JSON.parse(source.textContent), { at: 0 });
      this.darkness = Array.from(this.pixels, (part) => this.parts[part][0]);
      this.original = Int16Array.from(this.darkness.flatMap(
        (dark, pixel) => Array(Math.round(UNIT * dark)).fill(pixel)));
      const root = this.attachShadow({ mode: "open" });
      const sheet = '<figure><canvas role="img"></canvas><figcaption></figcaption></figure>';
      const choice = (drops) =>
        `<option value="${drops}"${drops === this.drops[1] ? " selected" : ""}>
          ${drops.toLocaleString("en")} drops of ink</option>`;
      root.innerHTML = `<style>${CSS}</style><div class="sheets">${sheet}${sheet}</div>
        <div class="row"><button type="button">Play</button>
        <input class="range" type="range" min="0" max="${LAST}" step="1" value="0"
          aria-label="Number of the copy">
        <label>A copy has <select>${this.drops.map(choice).join("")}</select></label></div>
        <p></p>`;
      [this.button, this.range, this.select, this.text] =
        ["button", "input", "select", "p"].map((name) => root.querySelector(name));
      this.canvases = [...root.querySelectorAll("canvas")];
      this.captions = [...root.querySelectorAll("figcaption")];
      this.range.addEventListener("input", () => {
        this.stop();
        this.show(Number(this.range.value));
      });
      this.select.addEventListener("change", () => this.restart());
      this.button.addEventListener("click", () => this.timer ? this.stop() : this.play());
      this.restart();
    }

    restart() {
      this.stop();
      const drops = Number(this.select.value);
      this.line = [this.original]; // the copies that were made so far
      this.next = uniforms(drops);
      this.control = copy(this.original, drops, uniforms(drops + 1));
      this.show(this.at || 20);
    }

    play() {
      this.button.textContent = "Stop";
      if (this.at === LAST) this.show(0);
      this.timer = setInterval(() => {
        if (this.at === LAST) this.stop();
        else this.show(this.at + 1);
      }, 120);
    }

    stop() {
      clearInterval(this.timer);
      this.timer = undefined;
      if (this.button) this.button.textContent = "Play";
    }

    sheet(at) {
      const drops = Number(this.select.value);
      while (this.line.length <= at)
        this.line.push(copy(this.line[this.line.length - 1], drops, this.next));
      return this.line[at];
    }

    // Drops on each pixel, as a share of all, times the ink of the original: its darkness.
    ink(sheet) {
      const ink = new Float64Array(this.darkness.length);
      const drop = this.original.length / UNIT / sheet.length;
      for (const pixel of sheet) ink[pixel] += drop;
      return ink;
    }

    // The share of the pixels of a part that still carry ink.
    left(ink, part) {
      const own = [...ink.keys()].filter((pixel) => Number(this.pixels[pixel]) === part);
      return own.filter((pixel) => ink[pixel] > 0).length / own.length;
    }

    show(at) {
      this.at = at;
      const inks = [this.ink(this.sheet(at)), this.ink(at ? this.control : this.original)];
      const percent = (ink, part) => `${Math.round(100 * this.left(ink, part))} %`;
      const faint = 1, bold = this.parts.length - 1;
      const names = at
        ? [`Copy ${at}, made from copy ${at - 1}`, "A single copy of the original"]
        : ["The original", "The original"];
      if (at === 1) names[0] = "Copy 1, made from the original";
      inks.forEach((ink, place) => {
        this.draw(this.canvases[place], ink);
        this.captions[place].textContent = names[place];
        this.canvases[place].setAttribute("aria-label",
          `${this.getAttribute("label")}: ${names[place]}`);
      });
      this.range.value = at;
      this.range.setAttribute("aria-valuetext", `copy ${at}`);
      this.text.textContent = at
        ? `After ${at} ${at === 1 ? "copy" : "copies of copies"}, ${percent(inks[0], faint)} of `
          + `the faintest pixels (${this.parts[faint][1]}) carry ink and `
          + `${percent(inks[0], bold)} of the darkest (${this.parts[bold][1]}). After one copy `
          + `of the original: ${percent(inks[1], faint)} and ${percent(inks[1], bold)}.`
        : "Move the slider: each copy is made from the copy before it.";
    }

    draw(canvas, ink) {
      [canvas.width, canvas.height] = [this.width, this.height];
      const pen = canvas.getContext("2d"), image = pen.createImageData(this.width, this.height);
      ink.forEach((dark, pixel) => {
        image.data.fill(255 * (1 - Math.min(1, dark)), 4 * pixel, 4 * pixel + 3);
        image.data[4 * pixel + 3] = 255;
      });
      pen.putImageData(image, 0, 0);
    }
  }
  if (!customElements.get("fading-picture"))
    customElements.define("fading-picture", FadingPicture);
})();
