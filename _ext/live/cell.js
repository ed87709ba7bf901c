// One code cell of the page: its buttons, its editor, its outputs.
import { Editor, make } from "./editor.js";
import { Outputs } from "./outputs.js";

const LACKING = "which the browser does not have: run the chapter on a laptop";
export const USES_CHANGE = "uses what you have changed: run it again";

export function seconds(ms) {
  return ms < 950 ? `${Math.max(1, Math.round(ms / 10)) / 100} s` : `${(ms / 1000).toFixed(1)} s`;
}

// A cell whose code the page does not show; element is there if it shows an output.
export class Unseen {
  constructor(id, code, element) {
    Object.assign(this, { id, code, element, unseen: true, done: false, changed: false });
    this.stored = element?.querySelector(":scope > .cell_output");
  }
  say() {}
  begin() {
    this.fresh = new Outputs(this.stored);
  }
  finish(good) {
    this.done = good;
    if (!good || !this.stored) return;
    this.shown?.remove();
    this.shown = this.fresh;
    this.shown.place(this.stored);
  }
  mark() {
    this.done = false;
  }
  restore() {
    this.done = false;
    this.shown?.remove();
    this.shown = undefined;
  }
}

export class Cell {
  // page: { run, changed, reset }; number: the place among the cells that are shown.
  constructor(page, element, id, number) {
    Object.assign(this, { page, element, id, number, unseen: false, done: false });
    this.pre = element.querySelector(".cell_input pre");
    this.original = this.pre.textContent.replace(/\n$/, "");
    this.last = this.original; // the code of the last run, or of what is published
    this.stored = element.querySelector(":scope > .cell_output");
    const button = (word, action, more) => make("button",
      { type: "button", "aria-label": `${word} code cell ${number}`, onclick: action, ...more }, word);
    this.runs = button("Run", () => page.run(this),
      { title: "Run this cell, and before it the cells it needs" });
    this.edits = button("Edit", () => this.open());
    this.resets = button("Reset", () => page.reset(this), { hidden: true });
    this.note = make("span", { class: "live-note" });
    this.bar = make("div", { class: "live-bar" }, this.runs, this.edits, this.resets, this.note);
    [...element.children].find((child) => child.contains(this.pre)).after(this.bar);
  }

  get code() {
    return this.editor ? this.editor.code : this.original;
  }

  get changed() {
    return this.code !== this.last;
  }

  get edited() {
    return this.code !== this.original;
  }

  open() {
    const fold = this.element.querySelector("details.hide");
    if (fold) fold.open = true;
    this.editor ??= new Editor(this.pre, this.original,
      `Code of cell ${this.number}. Shift and Enter run it, Escape leaves it.`, {
        changed: () => this.isEdited(),
        run: () => this.page.run(this),
        leave: () => this.runs.focus(),
      });
    this.editor.begin();
    this.resets.hidden = false;
  }

  isEdited() {
    this.element.classList.toggle("live-edited", this.edited);
    this.done = false;
  }

  say(words, state = "") {
    this.note.textContent = words;
    this.element.dataset.live = state;
  }

  // Its output is of other code than what stands above it now.
  mark() {
    this.done = false;
    this.say(USES_CHANGE, "stale");
  }

  begin() {
    this.last = this.code;
    this.absent = "";
    this.fresh = new Outputs(this.stored);
    this.say("running", "running");
  }

  finish(good, ms) {
    this.done = good;
    this.shown?.remove();
    this.shown = this.fresh;
    const same = good && !this.edited && this.shown.same;
    // What a cell cannot make here stays as it is published.
    if (this.absent && !this.edited) this.shown = undefined;
    else this.shown.place(this.bar);
    this.say(good ? `${seconds(ms)}${same ? ", the same as published" : ""}`
      : this.absent ? `needs ${this.absent}, ${LACKING}` : "stopped at an error",
    good ? "ran" : this.absent ? "absent" : "failed");
    this.resets.hidden = false;
  }

  restore() {
    this.shown?.remove();
    this.editor?.close();
    this.shown = this.editor = undefined;
    this.element.classList.remove("live-edited");
    this.done = false;
    this.last = this.original;
    this.say("");
    this.resets.hidden = true;
  }
}
