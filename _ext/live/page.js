// Makes the code cells of a chapter run in the reader's browser, with Python in a worker.
// Nothing of Python is fetched before the first click.
import { Cell, Unseen, seconds } from "./cell.js";
import { make } from "./editor.js";
import { bytes, json, program, tidy, worker } from "./fetching.js";

const FIRST = ["wasm", "numpy", "pandas", "book", "matplotlib"]; // in the order of their use
const LATER = ["special", "scipy"]; // fetched while the reader looks at the first result
const GLUE = "application/papermill.record/text/plain";
const megabytes = (count) => (count / 1e6).toFixed(count < 1e7 ? 1 : 0);

class Page {
  constructor(elements) {
    const places = new Map(elements.map((element) =>
      [Number(element.className.match(/\bcode-(\d+)/)[1]), element]));
    this.elements = places;
    this.cells = [...places].filter(([, element]) => element.querySelector(".cell_input pre"))
      .map(([id, element], i) => new Cell(this, element, id, i + 1));
    this.numbers = new Map();
    this.busy = false;
    this.build();
  }

  build() {
    const button = (word, onclick, hidden) => make("button", { type: "button", onclick, hidden }, word);
    this.status = make("span", { role: "status", class: "live-status" });
    this.meter = make("progress", { hidden: true, "aria-label": "Fetched of Python" });
    this.all = button("Run all", () => this.run(...this.cells));
    this.halts = button("Stop", () => this.stop(), true);
    this.clears = button("Reset page", () => this.resetAll(), true);
    this.banner = make("div", { class: "live-banner" },
      make("span", { class: "live-title" }, "The code on this page runs in your browser."),
      this.all, this.halts, this.clears, this.meter, this.status);
    document.querySelector(".bd-article h1")?.after(this.banner);
    const phone = matchMedia("(hover: none)").matches
      ? " A whole chapter may be too much for a phone; single cells are not." : "";
    this.idle(`The first run fetches Python, up to 18 MB, from this site.${phone}`);
  }

  idle(words) {
    this.busy = false;
    this.all.disabled = false;
    this.halts.hidden = this.meter.hidden = true;
    for (const { runs } of this.cells) runs.disabled = false;
    this.status.textContent = words;
  }

  // ---- Python ----------------------------------------------------------------------

  start() {
    if (this.worker) return;
    const started = this.worker = worker();
    const heard = (act) => (event) => { if (this.worker === started) act(event); };
    started.onmessage = heard(({ data }) => this.hear(data));
    started.onerror = heard(({ message }) => this.broken(message || "Python could not be started."));
    this.supply(started).catch((error) => heard(() => this.broken(error.message))());
  }

  // The packs, one after the other: Python imports one while the next is on its way.
  async supply(started) {
    const { packs } = await json("manifest.json");
    const files = Object.entries(packs).map(([name, { file }]) => [name, file]);
    started.postMessage({ files: Object.fromEntries(files) });
    const total = FIRST.reduce((sum, name) => sum + packs[name].bytes, 0);
    let got = 0;
    const count = (length) => {
      got += length;
      if (this.worker === started) this.fetched(got, total);
    };
    for (const pack of FIRST) {
      const { file } = packs[pack];
      if (pack === "wasm") started.postMessage({ pack, content: await program(file, count) });
      else {
        const content = await bytes(file, count);
        started.postMessage({ pack, content }, [content.buffer]);
      }
    }
    tidy(packs);
    this.more = async () => {
      this.more = undefined;
      if (navigator.connection?.saveData) return;
      for (const early of LATER) {
        const content = await bytes(packs[early].file);
        started.postMessage({ early, content }, [content.buffer]);
      }
    };
  }

  fetched(got, total) {
    this.meter.hidden = false;
    this.meter.max = total;
    this.meter.value = got;
    this.status.textContent = got < total
      ? `Fetching Python: ${megabytes(got)} of ${megabytes(total)} MB.` : "Starting Python.";
  }

  // The cells whose code is not on the page, fetched once.
  async everyCell() {
    if (!this.every) {
      const name = location.pathname.split("/").pop().replace(/\.html$/, "");
      const unseen = (await json(`unseen/${name}.json`))
        .map(({ id, code }) => new Unseen(id, code, this.elements.get(id)));
      this.every = [...this.cells, ...unseen].sort((a, b) => a.id - b.id);
      this.byId = new Map(this.every.map((cell) => [cell.id, cell]));
    }
    return this.every;
  }

  async post(message) {
    const started = this.worker;
    try {
      const cells = (await this.everyCell()).map(({ id, code, done, changed, unseen }) =>
        ({ id, code, done, changed, unseen }));
      started.postMessage({ cells, ...message });
    } catch (error) {
      if (this.worker === started) this.broken(error.message);
    }
  }

  // ---- what the reader asks for ----------------------------------------------------

  run(...wanted) {
    if (this.busy) return;
    this.busy = true;
    this.began = performance.now();
    this.failed = undefined;
    this.all.disabled = true;
    this.halts.hidden = this.clears.hidden = false;
    for (const { runs } of this.cells) runs.disabled = true;
    for (const cell of wanted) cell.say("waiting", "waiting");
    this.status.textContent = this.worker ? "Running." : "Fetching Python.";
    document.documentElement.classList.add("live-on");
    this.start();
    this.post({ wanted: wanted.map(({ id }) => id) });
  }

  stop(words = "Stopped. The next run starts Python again and repeats the cells it needs.") {
    this.worker?.terminate();
    this.worker = this.more = undefined;
    for (const cell of this.every ?? this.cells) cell.done = false;
    for (const cell of this.cells)
      if (["waiting", "running"].includes(cell.element.dataset.live)) cell.say("stopped");
    this.idle(words);
  }

  broken(words) {
    this.stop(`${words} What is published stands unchanged; another run tries again.`);
  }

  reset(cell) {
    const changed = cell.last !== cell.original;
    cell.restore();
    cell.runs.focus();
    if (changed && this.worker && !this.busy) this.post({ changed: cell.id });
  }

  resetAll() {
    this.stop("The page is as published.");
    for (const cell of this.every ?? this.cells) cell.restore();
    this.numbers.clear();
    for (const node of document.querySelectorAll(".pasted-text[data-published]")) this.unsay(node);
    document.documentElement.classList.remove("live-on");
    this.clears.hidden = true;
    this.all.focus();
  }

  // ---- what Python tells -------------------------------------------------------------

  hear({ kind, cell: id, ...rest }) {
    const cell = this.byId?.get(id);
    if (kind === "ready") this.meter.hidden = true;
    else if (kind === "plan") this.planned(rest);
    else if (kind === "running") {
      cell.begin();
      this.left -= 1;
      const to_go = this.left ? ` ${this.left} more after it.` : "";
      if (!cell.unseen) this.status.textContent = `Running cell ${cell.number}.${to_go}`;
    } else if (kind === "stream") cell?.fresh.print(rest.text);
    else if (kind === "display") this.display(cell, rest);
    else if (kind === "error") {
      cell.fresh.fail(rest.data);
      cell.absent = rest.data.absent;
    } else if (kind === "ran") this.ran(cell, rest);
    else if (kind === "lost") this.lose(cell, rest.users);
    else if (kind === "stale") this.mark(rest.users);
    else if (kind === "idle") this.finished();
    else if (kind === "broken") this.broken(rest.text);
  }

  planned({ order, stale }) {
    for (const id of order) this.byId.get(id).say("waiting", "waiting");
    this.mark(stale);
    this.left = order.length;
  }

  mark(ids) {
    for (const id of ids) this.byId.get(id).mark();
  }

  display(cell, { data, metadata }) {
    if (data[GLUE] === undefined) cell.fresh.show(data);
    else {
      this.numbers.set(metadata.scrapbook.name, data[GLUE]);
      this.speak();
    }
  }

  ran(cell, { good, ms }) {
    cell.finish(good, ms);
    if (!good && !cell.unseen && !cell.absent) this.failed ??= cell.number;
  }

  lose(cell, users) {
    this.left -= users.length;
    const why = cell.absent ? `needs ${cell.absent}` : "did not run";
    for (const id of users) {
      this.byId.get(id).done = false;
      this.byId.get(id).say(`needs cell ${cell.number ?? "before it"}, which ${why}`, "lost");
    }
  }

  finished() {
    const time = seconds(performance.now() - this.began);
    const left = this.cells.filter(({ element }) => ["absent", "lost"].includes(element.dataset.live));
    const rest = left.length ? ` Cells that need more than the browser has: ${left.length}.` : "";
    this.idle(this.failed
      ? `Cell ${this.failed} ended with an error; what it says stands below it.` : `Done in ${time}.${rest}`);
    setTimeout(() => this.more?.().catch(() => {}), 500); // a cell that needs it asks again
  }

  // ---- numbers in the prose ------------------------------------------------------------

  speak() {
    for (const [name, text] of this.numbers)
      for (const node of document.querySelectorAll(`.pasted-text.glue-${name}`)) {
        const published = node.dataset.published ?? node.textContent;
        if (node.dataset.published) this.unsay(node);
        if (published === text) continue;
        node.dataset.published = published;
        node.classList.add("live-number");
        node.replaceChildren(text,
          make("small", { class: "live-published" }, ` (published: ${published})`));
      }
  }

  unsay(node) {
    node.textContent = node.dataset.published;
    node.classList.remove("live-number");
    delete node.dataset.published;
  }
}

const elements = [...document.querySelectorAll("div.cell[class*='code-']")];
if (elements.length) globalThis.livePage = new Page(elements);
