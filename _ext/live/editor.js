// An editor in the place of a cell's code: a text area lies, its letters unseen, on the
// coloured code, so that the browser's own editing, undo and screen reader all work.
export function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// The classes are those of the page's own code.
const WORDS = "and as assert async await break class continue def del elif else except "
  + "False finally for from global if import in is lambda None nonlocal not or pass raise "
  + "return True try while with yield";
const TOKENS = new RegExp([
  "(?<c1>#.*)",
  `(?<s2>[rbfuRBFU]{0,2}(?:"""[^]*?"""|'''[^]*?'''|"(?:\\\\.|[^"\\\\\\n])*"|'(?:\\\\.|[^'\\\\\\n])*'))`,
  "(?<mi>\\b\\d[\\d_.]*(?:e[-+]?\\d+)?\\b)",
  `(?<k>\\b(?:${WORDS.split(" ").join("|")})\\b)`,
].join("|"), "g");
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;");

export function coloured(code) {
  let html = "";
  let at = 0;
  for (const match of code.matchAll(TOKENS)) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name]);
    html += `${escaped(code.slice(at, match.index))}<span class="${kind}">`;
    html += `${escaped(match[0])}</span>`;
    at = match.index + match[0].length;
  }
  return html + escaped(code.slice(at));
}

// What must be alike for the letters that are typed to lie on those that are seen.
const ALIKE = ["fontFamily", "fontSize", "letterSpacing", "lineHeight", "overflowWrap", "padding",
  "tabSize", "whiteSpace", "wordBreak"];

export class Editor {
  // pre: the element with the code. heard: { changed, run, leave }.
  constructor(pre, code, label, heard) {
    Object.assign(this, { pre, heard, markup: pre.innerHTML });
    this.area = make("textarea", {
      "aria-label": label, spellcheck: "false", autocapitalize: "off", autocorrect: "off",
      autocomplete: "off", wrap: "off",
      oninput: () => this.changed(),
      onkeydown: (event) => this.key(event),
    });
    this.area.value = code;
    this.frame = make("div", { class: "live-editor" });
    pre.replaceWith(this.frame);
    pre.setAttribute("aria-hidden", "true");
    this.frame.append(pre, this.area);
    this.dress = () => {
      const seen = getComputedStyle(pre);
      for (const name of ALIKE) this.area.style[name] = seen[name];
    };
    this.dress();
    addEventListener("resize", this.dress); // narrow pages wrap their code
  }

  get code() {
    return this.area.value;
  }

  // At the first line: a long one would scroll a phone sideways to its end.
  begin() {
    if (document.activeElement !== this.area) this.area.setSelectionRange(0, 0);
    this.area.focus();
  }

  changed() {
    this.pre.innerHTML = `${coloured(this.code)}\n`;
    this.heard.changed();
  }

  key(event) {
    const { key, shiftKey, ctrlKey, metaKey } = event;
    if (key === "Enter" && (shiftKey || ctrlKey || metaKey)) {
      event.preventDefault();
      this.heard.run();
    } else if (key === "Escape") {
      this.heard.leave(); // Tab then leads on: it writes nothing here
    } else if (key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.insert(`\n${this.indent()}`);
    }
  }

  // The spaces that the next line begins with.
  indent() {
    const line = this.code.slice(0, this.area.selectionStart).split("\n").pop();
    return line.match(/^ */)[0] + (/:\s*(#.*)?$/.test(line) ? "    " : "");
  }

  insert(text) {
    // The browser's own command, old as it is, is the one that can be undone.
    if (document.execCommand("insertText", false, text)) return;
    const { selectionStart, selectionEnd } = this.area;
    this.area.setRangeText(text, selectionStart, selectionEnd, "end");
    this.changed();
  }

  close() {
    removeEventListener("resize", this.dress);
    this.pre.innerHTML = this.markup;
    this.pre.removeAttribute("aria-hidden");
    this.frame.replaceWith(this.pre);
  }
}
