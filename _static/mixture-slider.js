// <mixture-slider label="..."> draws the mixture of one generation and a sample of it.
// Its data, made by collapse_lib/book/widgets.py, are the JSON script inside the element:
// {limit, frames: [[generation, weights, means, roots], ...]}. No dependencies.
(() => {
  "use strict";
  const POINTS = 300;
  // The book's colours "synthetic" and "loss", for light and dark pages.
  const COLORS = { light: ["#C65006", "#7A2878"], dark: ["#FF9E5E", "#DDA5DB"] };
  const CSS = `
    :host { display: block; max-width: 30rem; margin: 1rem 0; font: inherit }
    canvas { width: 100%; aspect-ratio: 1; display: block }
    .row { display: flex; gap: .75rem; align-items: center }
    input { flex: 1; min-width: 0; accent-color: var(--pst-color-primary, #0A54B6) }
    button { font: inherit; min-width: 5rem; padding: .3rem .6rem; cursor: pointer;
      color: inherit; background: none; border: 1px solid; border-radius: .3rem }
    :focus-visible { outline: 3px solid var(--pst-color-primary, #0A54B6);
      outline-offset: 2px }
    p { margin: .4rem 0 0; min-height: 3em; font-variant-numeric: tabular-nums }`;

  // The same random numbers in every generation: only the model moves the points.
  function noise(n) {
    let state = 1;
    const uniform = () => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
    };
    return Array.from({ length: n }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      const angle = 2 * Math.PI * uniform();
      return [uniform(), radius * Math.cos(angle), radius * Math.sin(angle)];
    });
  }

  class MixtureSlider extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) this.observe(); // it was moved within the page
      else if (document.readyState === "loading") // its data are not there yet
        document.addEventListener("DOMContentLoaded", () => this.build(), { once: true });
      else this.build();
    }

    build() {
      const source = this.querySelector('script[type="application/json"]');
      if (!source || this.shadowRoot) return; // the sentence inside stays
      const { limit, frames } = JSON.parse(source.textContent);
      Object.assign(this, { limit, frames, at: 0, noise: noise(POINTS) });
      const root = this.attachShadow({ mode: "open" });
      root.innerHTML = `<style>${CSS}</style>
        <canvas role="img"></canvas>
        <div class="row"><button type="button">Play</button>
        <input type="range" min="0" max="${frames.length - 1}" step="1" value="0"
          aria-label="Generation"></div><p></p>`;
      [this.canvas, this.button, this.range, this.text] =
        ["canvas", "button", "input", "p"].map((name) => root.querySelector(name));
      this.range.addEventListener("input", () => {
        this.stop();
        this.show(Number(this.range.value));
      });
      this.button.addEventListener("click", () => this.timer ? this.stop() : this.play());
      this.watchTheme = new MutationObserver(() => this.show(this.at));
      this.watchSize = new ResizeObserver(() => this.show(this.at));
      this.observe();
      this.show(0);
    }

    observe() {
      this.watchTheme.observe(document.documentElement,
        { attributes: true, attributeFilter: ["data-theme"] });
      this.watchSize.observe(this.canvas);
    }

    disconnectedCallback() {
      this.stop();
      this.watchTheme?.disconnect();
      this.watchSize?.disconnect();
    }

    play() {
      this.button.textContent = "Stop";
      if (this.at === this.frames.length - 1) this.show(0);
      this.timer = setInterval(() => {
        if (this.at === this.frames.length - 1) this.stop();
        else this.show(this.at + 1);
      }, 100);
    }

    stop() {
      clearInterval(this.timer);
      this.timer = undefined;
      if (this.button) this.button.textContent = "Play";
    }

    show(at) {
      this.at = at;
      const [generation, weights, means, roots] = this.frames[at];
      this.range.value = at;
      this.range.setAttribute("aria-valuetext", `generation ${generation}`);
      const widths = roots.map(([[a], [b, c]]) => Math.sqrt((a * a + b * b + c * c) / 2));
      const parts = weights.map((w, j) =>
        `${Math.round(100 * w)} % of the points, width ${widths[j].toPrecision(2)}`);
      this.text.textContent = `Generation ${generation}: ${parts.join("; ")}.`;
      this.canvas.setAttribute("aria-label",
        `${this.getAttribute("label")} ${this.text.textContent}`);
      this.draw(weights, means, roots);
    }

    draw(weights, means, roots) {
      const ratio = window.devicePixelRatio || 1, side = this.canvas.clientWidth;
      if (!side) return; // not laid out yet; the resize observer calls again
      this.canvas.width = this.canvas.height = Math.round(side * ratio);
      const pen = this.canvas.getContext("2d");
      pen.setTransform(ratio, 0, 0, ratio, 0, 0);
      const place = (x, y) => [side / 2 * (1 + x / this.limit), side / 2 * (1 - y / this.limit)];
      const dark = document.documentElement.dataset.theme === "dark";
      const colors = COLORS[dark ? "dark" : "light"];
      pen.strokeStyle = getComputedStyle(this).color;
      pen.globalAlpha = 0.3;
      pen.strokeRect(0.5, 0.5, side - 1, side - 1);
      pen.globalAlpha = 0.75;
      for (const [lot, u, v] of this.noise) {
        let j = 0;
        for (let rest = lot; j < weights.length - 1 && rest >= weights[j]; j += 1)
          rest -= weights[j];
        const [[a], [b, c]] = roots[j];
        const [x, y] = place(means[j][0] + a * u, means[j][1] + b * u + c * v);
        pen.fillStyle = colors[j % colors.length];
        pen.beginPath();
        // Shape as well as colour tells the parts apart.
        if (j % 2) pen.rect(x - 2.5, y - 2.5, 5, 5); else pen.arc(x, y, 3, 0, 7);
        pen.fill();
      }
      pen.globalAlpha = 1;
    }
  }
  if (!customElements.get("mixture-slider"))
    customElements.define("mixture-slider", MixtureSlider);
})();
