// What a cell shows when it has run, in the dress of the page's stored outputs.
import { make } from "./editor.js";

const RATIO = 2; // pixels of a figure for each pixel of the page
const dressed = (kind, text) => make("div", { class: `output ${kind} highlight-myst-ansi notranslate` },
  make("div", { class: "highlight" }, make("pre", {}, text)));

const ADDED = "figcaption, .known, .copybtn, script, style, .verdict-measure, .verdict-links";

// The words of an output, to compare: without captions, or what the build adds.
export function words(node) {
  const copy = node.cloneNode(true);
  for (const part of copy.querySelectorAll(ADDED)) part.remove();
  return copy.textContent.replace(/\s+/g, "");
}

export class Outputs {
  // stored: the element with the published outputs of this cell, if it has any.
  constructor(stored) {
    this.stored = stored;
    this.node = make("div", { class: "cell_output docutils container live-output" });
    this.drawn = []; // what the cell has drawn
    this.moved = []; // the stored figures that have a new picture
  }

  get empty() {
    return !this.node.childElementCount;
  }

  get same() {
    const published = this.stored && words(this.stored);
    return Boolean(published) && words(this.node) === published;
  }

  print(text) {
    let last = this.node.lastElementChild;
    if (!last?.classList.contains("stream")) {
      last = dressed("stream", "");
      this.node.append(last);
    }
    last.querySelector("pre").append(text);
  }

  show(data) {
    if (data["image/png"]) this.draw(`data:image/png;base64,${data["image/png"]}`, true);
    else if (data["image/svg+xml"])
      this.draw(`data:image/svg+xml,${encodeURIComponent(data["image/svg+xml"])}`, false);
    else if (data["text/html"]) {
      const box = make("div", { class: "output text_html" });
      box.innerHTML = data["text/html"];
      this.node.append(box);
    } else this.node.append(dressed("text_plain", `${data["text/plain"]}\n`));
  }

  // A picture takes its place when the cell has ended, see bind.
  draw(source, halved) {
    const slot = make("div");
    this.drawn.push({ slot, source, halved });
    this.node.append(slot);
  }

  fail({ text, line, traceback }) {
    this.node.append(make("div", { class: "live-error", role: "group", "aria-label": "Error" },
      make("p", {}, make("strong", {}, text), line ? ` (line ${line})` : ""),
      make("details", {}, make("summary", {}, "Traceback"),
        make("pre", { tabindex: "0" }, traceback))));
  }

  // Takes the place of the stored outputs, below the bar.
  place(bar) {
    const stored = [...(this.stored?.querySelectorAll("img") ?? [])];
    for (const [i, drawing] of this.drawn.entries()) this.bind(drawing, stored[i]);
    if (this.stored) {
      this.stored.hidden = true;
      this.adopt();
    }
    if (!this.empty) bar.after(this.node);
  }

  // Shows a picture in the figure of a stored one, which so keeps its caption, number and
  // text, the places that links lead to and what a click does.
  bind({ slot, source, halved }, old) {
    const image = old ?? make("img", { alt: "A figure drawn in your browser." });
    if (old) {
      const figure = old.closest("figure") ?? old;
      const place = document.createComment("the figure, while another picture is in it");
      const { src, alt, style: { width } } = old;
      this.moved.push({ old, figure, place, src, alt, width });
      figure.replaceWith(place);
      slot.replaceWith(figure);
      old.alt = `${alt} (Drawn anew in your browser.)`;
    } else slot.replaceWith(image);
    image.onload = () => {
      if (halved) image.style.width = `${image.naturalWidth / RATIO}px`;
    };
    image.src = source;
  }

  // What the build adds to stored outputs: the columns of numbers, the word beside a
  // verdict.
  adopt() {
    const tables = [...this.stored.querySelectorAll("table")];
    for (const [i, table] of [...this.node.querySelectorAll("table")].entries())
      for (const [r, row] of [...table.rows].entries())
        for (const [c, cell] of [...row.cells].entries()) {
          const like = tables[i]?.rows[r]?.cells[c];
          if (like) cell.className = like.className;
          const doubt = like?.querySelector(".known");
          if (doubt) cell.append(" ", doubt.cloneNode(true));
        }
    const verdicts = [...this.stored.querySelectorAll(".verdict-word")];
    for (const [i, word] of [...this.node.querySelectorAll(".verdict-word")].entries()) {
      const doubt = verdicts[i]?.nextElementSibling;
      if (doubt?.classList.contains("known")) word.after(" ", doubt.cloneNode(true));
    }
  }

  remove() {
    for (const { old, figure, place, src, alt, width } of this.moved) {
      old.onload = null;
      Object.assign(old, { src, alt });
      old.style.width = width;
      place.replaceWith(figure);
    }
    this.moved = [];
    this.node.remove();
    if (this.stored) this.stored.hidden = false;
  }
}
