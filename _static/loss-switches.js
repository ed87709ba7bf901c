// <loss-switches label="..."> draws the loss by generation for the errors that are switched on.
// Its data, made by collapse_lib/book/switches.py, are the JSON script inside the element:
// {names: {letter: name}, curves: {letters: [loss, ...]}}. No dependencies.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const WIDTH = 480, HEIGHT = 300, LEFT = 44, RIGHT = 8, TOP = 10, BOTTOM = 44;
  const CSS = `
    :host { display: block; max-width: 34rem; margin: 1rem 0; font: inherit }
    fieldset { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; border: 0; margin: 0;
      padding: 0 }
    legend { font-size: .9rem; padding: 0; margin-bottom: .25rem }
    label { display: flex; gap: .4rem; align-items: center; min-height: 2rem; cursor: pointer }
    input { width: 1.1rem; height: 1.1rem; accent-color: var(--pst-color-primary, #0A54B6) }
    :focus-visible { outline: 3px solid var(--pst-color-primary, #0A54B6);
      outline-offset: 2px }
    svg { width: 100%; display: block; font-size: 15px; fill: currentColor }
    path { fill: none; stroke: currentColor; stroke-width: 1 }
    .other { opacity: .35 }
    .sum { stroke-width: 2; stroke-dasharray: 7 5 }
    .chosen { stroke: var(--pst-color-primary, #0A54B6); stroke-width: 3.5 }
    p { margin: .4rem 0 0; min-height: 4.8em; font-variant-numeric: tabular-nums }`;

  const listed = (words) => words.length < 2 ? words.join("")
    : `${words.slice(0, -1).join(", ")} and ${words[words.length - 1]}`;
  const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  class LossSwitches extends HTMLElement {
    connectedCallback() {
      if (this.shadowRoot) return;
      if (document.readyState === "loading") // its data are not there yet
        document.addEventListener("DOMContentLoaded", () => this.build(), { once: true });
      else this.build();
    }

    build() {
      const source = this.querySelector('script[type="application/json"]');
      if (!source || this.shadowRoot) return; // the sentence inside stays
      Object.assign(this, JSON.parse(source.textContent));
      this.letters = Object.keys(this.names);
      this.last = this.curves[""].length - 1;
      this.top = 1.1 * Math.max(...this.sum(this.letters), ...this.curves[this.letters.join("")]);
      const root = this.attachShadow({ mode: "open" });
      const box = (letter) =>
        `<label><input type="checkbox" value="${letter}" checked><span></span></label>`;
      root.innerHTML = `<style>${CSS}</style>
        <fieldset><legend>Switch the errors on and off:</legend>
        ${this.letters.map(box).join("")}</fieldset>
        <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img"></svg><p aria-live="polite"></p>`;
      [this.svg, this.text] = ["svg", "p"].map((name) => root.querySelector(name));
      this.boxes = [...root.querySelectorAll("input")];
      root.querySelectorAll("label span").forEach((name, place) => {
        name.textContent = this.names[this.letters[place]];
      });
      for (const one of this.boxes) one.addEventListener("change", () => this.show());
      this.show();
    }

    x(t) { return LEFT + (WIDTH - LEFT - RIGHT) * t / this.last; }

    y(loss) { return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * loss / this.top; }

    // What the errors cost alone, generation by generation.
    sum(letters) {
      return this.curves[""].map((_, t) =>
        letters.reduce((total, letter) => total + this.curves[letter][t], 0));
    }

    add(name, attributes, text = "") {
      const node = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      node.textContent = text;
      this.svg.append(node);
    }

    draw(losses, kind) {
      const points = losses.map((loss, t) => `${this.x(t).toFixed(1)},${this.y(loss).toFixed(1)}`);
      this.add("path", { class: kind, d: `M${points.join("L")}` });
    }

    axes() {
      const base = this.y(0), end = this.x(this.last);
      this.add("path", { d: `M${LEFT},${TOP}V${base}H${end}` });
      for (let loss = 0; loss < this.top; loss += 0.1) {
        const y = this.y(loss);
        this.add("path", { d: `M${LEFT - 5},${y}H${LEFT}` });
        this.add("text", { x: LEFT - 9, y: y + 5, "text-anchor": "end" }, loss.toFixed(1));
      }
      for (let t = 0; t <= this.last; t += 10) {
        this.add("path", { d: `M${this.x(t)},${base}V${base + 5}` });
        const anchor = t === this.last ? "end" : "middle";
        this.add("text", { x: t === this.last ? end + RIGHT : this.x(t), y: base + 20,
          "text-anchor": anchor }, t);
      }
      this.add("text", { x: (LEFT + end) / 2, y: HEIGHT - 4, "text-anchor": "middle" },
        "generation");
      this.add("text", { x: LEFT + 8, y: TOP + 12 }, "loss (nats)");
    }

    show() {
      const chosen = this.boxes.filter((one) => one.checked).map((one) => one.value);
      const losses = this.curves[chosen.join("")], added = this.sum(chosen);
      this.svg.replaceChildren();
      this.axes();
      for (const [letters, other] of Object.entries(this.curves))
        if (letters && other !== losses) this.draw(other, "other");
      if (chosen.length > 1) this.draw(added, "sum");
      this.draw(losses, "chosen");
      this.text.textContent = this.said(chosen, losses[this.last], added[this.last]);
      this.svg.setAttribute("aria-label", `${this.getAttribute("label")} ${this.text.textContent}`);
    }

    said(chosen, loss, added) {
      const names = chosen.map((letter) => this.names[letter]);
      const after = `after ${this.last} generations`;
      if (!chosen.length) return `No error: nothing is lost ${after}.`;
      const cost = `${upper(listed(names))}: ${loss.toFixed(2)} nats ${after} (thick line).`;
      if (chosen.length < 2) return `${cost} The thin lines are the other choices.`;
      const alone = chosen.map((letter) => this.curves[letter][this.last].toFixed(2));
      return `${cost} Alone they cost ${listed(alone)}, ${added.toFixed(2)} in sum (dashed).`;
    }
  }
  if (!customElements.get("loss-switches"))
    customElements.define("loss-switches", LossSwitches);
})();
