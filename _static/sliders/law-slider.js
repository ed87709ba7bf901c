// <law-slider name="..." label="..."> moves the settings of an exact law, and draws what
// follows. Its data, made by _ext/sliders.py, are the JSON script inside the element:
// {controls: [{name, label, unit, stops, at}, ...]}. What is drawn and said is the scene of
// its name in scenes.js. Without scripts the element shows nothing. No dependencies.
(() => {
  "use strict";
  const HEIGHT = 300, LEFT = 52, RIGHT = 14, TOP = 24, BOTTOM = 42; // pixels
  const CSS = `
    :host { display: block; max-width: 40rem; margin: 1.5rem 0; padding: .9rem 1rem 1rem;
      border: 1px solid var(--pst-color-border, #8888); border-radius: .4rem }
    ::slotted(:last-child) { margin-bottom: 0 }
    .controls { display: grid; gap: .3rem 1.5rem; margin: .75rem 0;
      grid-template-columns: repeat(auto-fit, minmax(min(15rem, 100%), 1fr)) }
    .control { display: grid; grid-template-columns: 1fr auto; gap: 0 .75rem;
      align-items: end; font-size: .9rem; line-height: 1.35 }
    output { font-variant-numeric: tabular-nums; font-weight: 600; text-align: right }
    input { grid-column: 1 / -1; width: 100%; height: 1.9rem; margin: 0; cursor: pointer;
      accent-color: var(--pst-color-primary, #0A54B6) }
    select, button { font: inherit; font-size: .9rem; padding: .25rem .6rem; color: inherit;
      background: var(--pst-color-background, #fff); border: 1px solid; border-radius: .3rem }
    select { grid-column: 1 / -1; justify-self: start; margin: .15rem 0 .25rem }
    button { cursor: pointer; flex: none }
    :focus-visible { outline: 3px solid var(--pst-color-primary, #0A54B6);
      outline-offset: 2px }
    input:focus-visible { outline-offset: -3px; border-radius: .3rem }
    svg { display: block; width: 100%; overflow: visible }
    text { fill: currentColor; font-size: 12px; font-variant-numeric: tabular-nums }
    .word { paint-order: stroke; stroke: var(--pst-color-background, #fff); stroke-width: 3px;
      stroke-linejoin: round } .frame { stroke: currentColor; opacity: .55 } .grid { stroke: currentColor; opacity: .13 }
    .plain { fill: none; stroke-width: 2 } .mark { fill: none; stroke-width: 2.2 }
    ul { display: flex; flex-wrap: wrap; gap: .1rem 1.1rem; list-style: none; padding: 0;
      margin: .35rem 0 .6rem; font-size: .875rem; line-height: 1.5 }
    li { display: flex; gap: .45rem; align-items: center } li svg { flex: none; width: 30px }
    .row { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: start }
    p { flex: 1 1 19rem; margin: 0; font-variant-numeric: tabular-nums; line-height: 1.6; min-height: 4.8em }`;
  // Colours mean what they mean in the figures; the dash tells them apart as well.
  const DASH = { synthetic: "9 3", theory: "5 4", published: "2 3", loss: "9 3 2 3", mean: "2 4",
    odds: "5 4" };
  const ink = (role) => `var(--slider-${role}, currentColor)`;
  const escape = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;");

  // From a value to its pixel, and where its ticks are.
  function scale({ min, max, log, ticks }, from, to) {
    const of = log ? Math.log : (value) => value, [low, high] = [of(min), of(max)];
    const inside = (value) => Math.min(max, Math.max(min, value));
    const place = (value) =>
      +(from + (to - from) * (of(inside(value)) - low) / (high - low)).toFixed(1);
    return { place, ticks: ticks.map((tick) => Array.isArray(tick) ? tick : [tick, tick]) };
  }

  const path = (points, x, y) => points.map(([a, b], i) =>
    `${i ? "L" : "M"}${x.place(a)} ${y.place(b)}`).join("");
  const drawn = (role, d) => `<path class="plain" d="${d}" stroke="${ink(role)}"
    stroke-dasharray="${DASH[role] || ""}"/>`;
  const SHAPES = { circle: "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0", diamond: "M0-6.5L6 0L0 6.5L-6 0Z",
    triangle: "M-6.5-5H6.5L0 6Z", dot: "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0",
    arrow: "M-5-6L6 0L-5 6" };

  function picture({ x: across, y: up, areas = [], bands = [], lines = [], rules = [],
    marks = [], texts = [] }, width) {
    const floor = HEIGHT - BOTTOM, left = up.ticks.length ? LEFT : 8;
    const x = scale(across, left, width - RIGHT), y = scale(up, floor, TOP);
    const end = width - RIGHT, parts = [];
    for (const { from, to, role } of bands)
      parts.push(`<rect x="${x.place(from)}" y="${TOP}" width="${x.place(to) - x.place(from)}"
        height="${floor - TOP}" fill="${ink(role)}"/>`);
    for (const { low, high, role } of areas)
      parts.push(`<path d="${path(high, x, y)}${path([...low].reverse(), x, y)
        .replace("M", "L")}Z" fill="${ink(role)}"/>`);
    for (const [value, text] of x.ticks)
      parts.push(`<path class="grid" d="M${x.place(value)} ${TOP}V${floor}"/>
        <text x="${x.place(value)}" y="${floor + 17}" text-anchor="middle">${text}</text>`);
    for (const [value, text] of y.ticks)
      parts.push(`<path class="grid" d="M${left} ${y.place(value)}H${end}"/>
        <text x="${left - 7}" y="${y.place(value) + 4}" text-anchor="end">${text}</text>`);
    parts.push(`<path class="frame plain" style="stroke-width: 1" d="M${left} ${
      TOP}V${floor}H${end}"/><text x="${(left + end) / 2}" y="${HEIGHT - 6}"
      text-anchor="middle">${escape(across.label)}</text>
      <text x="${up.ticks.length ? 4 : left}" y="${TOP - 11}">${escape(up.label)}</text>`);
    for (const { x: at, y: high, role } of rules)
      parts.push(drawn(role, at === undefined ? `M${left} ${y.place(high)}H${end}`
        : `M${x.place(at)} ${TOP}V${floor}`));
    for (const { points, role } of lines) parts.push(drawn(role, path(points, x, y)));
    for (const one of marks) parts.push(mark(one, x.place(one.x), y.place(one.y)));
    for (const { x: a, y: b, text, anchor = "start", dx = 0, dy = 0 } of texts)
      parts.push(`<text class="word" x="${x.place(a) + dx}" y="${y.place(b) + dy}"
        text-anchor="${anchor}">${escape(text)}</text>`);
    return parts.join("");
  }

  const mark = ({ role, shape, full }, x, y) => `<path class="mark" d="${SHAPES[shape]}"
    transform="translate(${x} ${y})" stroke="${ink(role)}"
    style="fill: ${full ? ink(role) : "none"}"/>`;
  const area = (role) => `<rect width="30" height="14" rx="2" fill="${ink(role)}"/>`;
  // What a key says: a mark, an area, or a line and the area that it lies on.
  const key = (one) => `<li><svg viewBox="0 0 30 14" height="14" aria-hidden="true">${
    one.shape ? mark(one, 15, 7) : one.area ? area(one.area)
      : (one.on ? area(one.on) : "") + drawn(one.role, "M0 7H30")}</svg>${escape(one.text)}</li>`;

  class LawSlider extends HTMLElement {
    connectedCallback() {
      if (document.readyState === "loading") // its data are not there yet
        document.addEventListener("DOMContentLoaded", () => this.build(), { once: true });
      else this.build();
    }

    disconnectedCallback() { this.watch?.disconnect(); }

    build() {
      const source = this.querySelector('script[type="application/json"]');
      this.scene = scenes[this.getAttribute("name")];
      if (this.shadowRoot) return this.watch.observe(this.svg); // moved within the page
      if (!source || !this.scene) return undefined;
      this.controls = JSON.parse(source.textContent).controls;
      const root = this.attachShadow({ mode: "open" });
      root.innerHTML = `<style>${CSS}</style><slot></slot>
        <div class="controls">${this.controls.map((control, i) => this.control(control, i))
          .join("")}</div><svg role="img" height="${HEIGHT}"></svg><ul></ul>
        <div class="row"><p aria-live="polite"></p><button type="button">Reset</button></div>`;
      [this.svg, this.list, this.text, this.button] =
        [".controls + svg", "ul", "p", "button"].map((name) => root.querySelector(name));
      this.inputs = [...root.querySelectorAll("input, select")];
      this.inputs.forEach((input, i) =>
        input.addEventListener("input", () => this.show(this.controls[i].name)));
      this.button.addEventListener("click", () => {
        this.inputs.forEach((input, i) => { input.value = this.controls[i].at; });
        this.show();
      });
      this.watch = new ResizeObserver(() => this.draw());
      this.watch.observe(this.svg);
      this.show();
      return undefined;
    }

    // A slider has a stop for each value that is allowed, so that there is no other.
    control({ label, stops, at }, i) {
      const name = `<label for="control-${i}">${escape(label)}</label>`;
      if (typeof stops[0] === "string")
        return `<div class="control">${name}<select id="control-${i}">${stops.map((stop, j) =>
          `<option value="${j}"${j === at ? " selected" : ""}>${escape(stop)}</option>`)
          .join("")}</select></div>`;
      return `<div class="control">${name}<output for="control-${i}" aria-hidden="true"></output>
        <input id="control-${i}" type="range" min="0" max="${stops.length - 1}" step="1"
        value="${at}"></div>`;
    }

    show(moved = this.controls[0].name) {
      const state = {};
      this.controls.forEach(({ name, unit, stops }, i) => {
        const input = this.inputs[i], value = stops[Number(input.value)];
        state[name] = value;
        if (typeof value === "string") return;
        const text = unit === "%" ? `${+(100 * value).toPrecision(4)} %`
          : value.toLocaleString("en");
        input.setAttribute("aria-valuetext", text);
        input.previousElementSibling.textContent = text;
      });
      this.shown = this.scene(state, moved);
      this.text.textContent = this.shown.say;
      this.svg.setAttribute("aria-label", `${this.getAttribute("label")} ${this.shown.say}`);
      this.list.innerHTML = this.shown.keys.map(key).join("");
      this.draw();
    }

    draw() {
      const width = this.svg.clientWidth;
      if (!width || !this.shown) return; // not laid out yet; the observer calls again
      this.svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      this.svg.innerHTML = picture(this.shown, width);
    }
  }
  if (!customElements.get("law-slider")) customElements.define("law-slider", LawSlider);
})();
