// What a cell shows when it has run, in the dress of the page's stored outputs.
import { make } from "./editor.js";

const RATIO = 2; // pixels of a figure for each pixel of the page
const dressed = (kind, text) => make("div", { class: `output ${kind} highlight-myst-ansi notranslate` },
  make("div", { class: "highlight" }, make("pre", {}, text)));

// The words of an output, to compare: without captions, or what the build adds.
export function words(node) {
  const copy = node.cloneNode(true);
  for (const part of copy.querySelectorAll("figcaption, .known, .copybtn, script, style")) part.remove();
  return copy.textContent.replace(/\s+/g, "");
}

export class Outputs {
  // stored: the element with the published outputs of this cell, if it has any.
  constructor(stored) {
    this.stored = stored;
    this.node = make("div", { class: "cell_output docutils container live-output" });
    this.pictures = [...(stored?.querySelectorAll("img") ?? [])];
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

  // Draws a picture in the place of a stored one: it keeps caption, number and text.
  draw(source, halved) {
    const old = this.pictures.shift();
    const alt = old ? `${old.alt} (Drawn anew in your browser.)` : "A figure drawn in your browser.";
    const picture = make("img", { src: source, alt });
    if (halved)
      picture.onload = () => { picture.style.width = `${picture.naturalWidth / RATIO}px`; };
    const figure = old?.closest("figure");
    if (!figure) {
      this.node.append(picture);
      return;
    }
    const copy = figure.cloneNode(true);
    copy.removeAttribute("id");
    copy.querySelector("img").replaceWith(picture);
    this.node.append(copy);
  }

  fail({ text, line, traceback }) {
    this.node.append(make("div", { class: "live-error", role: "group", "aria-label": "Error" },
      make("p", {}, make("strong", {}, text), line ? ` (line ${line})` : ""),
      make("details", {}, make("summary", {}, "Traceback"),
        make("pre", { tabindex: "0" }, traceback))));
  }

  // Takes the place of the stored outputs, below the bar.
  place(bar) {
    if (this.stored) {
      this.stored.hidden = true;
      this.adopt();
    }
    if (!this.empty) bar.after(this.node);
  }

  // What the build adds to stored outputs: the columns of numbers, the word beside a
  // verdict; and the places that links lead to.
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
    const figures = [...this.stored.querySelectorAll("figure")];
    for (const [i, figure] of [...this.node.querySelectorAll("figure")].entries())
      if (figures[i]?.id) {
        figure.id = figures[i].id;
        figures[i].dataset.id = figures[i].id;
        figures[i].removeAttribute("id");
      }
  }

  remove() {
    this.node.remove();
    if (!this.stored) return;
    this.stored.hidden = false;
    for (const figure of this.stored.querySelectorAll("figure[data-id]")) {
      figure.id = figure.dataset.id;
      delete figure.dataset.id;
    }
  }
}
