// Python for one page, away from its main thread. The page sends the packs as they
// arrive; Python imports one while the next is still on its way.
const base = new URL("./", import.meta.url).href;
const STDLIB = "/lib/python3.12/";
const SITE = `${STDLIB}site-packages/`;
const HOME = "/home/pyodide";
// What is imported as soon as a pack is there: the rest of the wait is for the network.
const FIRST = {
  numpy: "import numpy",
  pandas: "import pandas",
  book: "import live_start; live_start.begin()",
  matplotlib: "import matplotlib.pyplot",
};
const tell = (kind, data = {}) => postMessage({ kind, ...data });

// ---- packs ------------------------------------------------------------------------
const arrived = {}; // name -> { promise, resolve }
function arrival(name) {
  if (!arrived[name]) {
    const one = {};
    one.promise = new Promise((resolve) => { one.resolve = resolve; });
    arrived[name] = one;
  }
  return arrived[name];
}
const early = {}; // name -> a pack that came before Python asked for it
let files = {}; // name -> the file to ask for

function* entries(archive) { // a ustar archive: headers of 512 bytes, then the content
  const decoder = new TextDecoder();
  const field = (at, length) => {
    const part = archive.subarray(at, at + length);
    const end = part.indexOf(0);
    return decoder.decode(end < 0 ? part : part.subarray(0, end));
  };
  for (let at = 0; at + 512 <= archive.length && archive[at];) {
    const folder = field(at + 345, 155);
    const size = parseInt(field(at + 124, 12), 8);
    const name = folder ? `${folder}/${field(at, 100)}` : field(at, 100);
    yield [name, archive.subarray(at + 512, at + 512 + size)];
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

function unpack(python, archive) {
  const made = new Set();
  for (const [name, content] of entries(archive)) {
    const path = name.startsWith("stdlib/") ? STDLIB + name.slice(7) : SITE + name;
    const folder = path.slice(0, path.lastIndexOf("/"));
    if (!made.has(folder)) {
      python.FS.mkdirTree(folder);
      made.add(folder);
    }
    python.FS.writeFile(path, content, { canOwn: true });
  }
}

// Called by Python, which waits: a pack that is not here is fetched without returning
// to the event loop, so no message of the page can be heard meanwhile.
function fetchNow(name) {
  const request = new XMLHttpRequest();
  request.open("GET", base + files[name], false);
  request.responseType = "arraybuffer";
  request.send();
  if (request.status !== 200)
    throw new Error(`${name} could not be fetched, the server answers ${request.status}`);
  return new Uint8Array(request.response);
}

// ---- Python -----------------------------------------------------------------------
// The page has compiled the program while it came; Python's own loader asks for it here.
async function withModule(module, load) {
  const { fetch } = self;
  const { instantiateStreaming } = WebAssembly;
  self.fetch = (what, options) => String(what.url ?? what).endsWith(".asm.wasm")
    ? Promise.resolve({ ok: true }) : fetch(what, options);
  WebAssembly.instantiateStreaming = async (_, imports) =>
    ({ module, instance: await WebAssembly.instantiate(module, imports) });
  try {
    return await load();
  } finally {
    self.fetch = fetch;
    WebAssembly.instantiateStreaming = instantiateStreaming;
  }
}

function plain(value) {
  return value?.toJs ? value.toJs({ dict_converter: Object.fromEntries }) : value;
}

async function boot() {
  const module = await arrival("wasm").promise;
  const { loadPyodide } = await import(`${base}pyodide.js`);
  const env = { MPLBACKEND: "module://live_backend", HOME, MPLCONFIGDIR: HOME, TZ: "UTC" };
  const python = await withModule(module, () => loadPyodide({ indexURL: base, env }));
  self.liveUnpack = (archive) => unpack(python, archive);
  self.liveFetch = (name) => {
    if (!early[name]) return fetchNow(name);
    unpack(python, early[name]);
    delete early[name];
    return "";
  };
  for (const [name, code] of Object.entries(FIRST)) {
    unpack(python, await arrival(name).promise);
    python.runPython(code);
  }
  const shell = python.pyimport("live_shell").SHELL;
  const here = { cell: null };
  shell.send = (kind, data, metadata) =>
    tell(kind, { cell: here.cell, data: plain(data), metadata: plain(metadata) });
  for (const stream of ["setStdout", "setStderr"]) {
    const decoder = new TextDecoder();
    python[stream]({ write: (bytes) => {
      tell("stream", { cell: here.cell, text: decoder.decode(bytes, { stream: true }) });
      return bytes.length;
    } });
  }
  return { python, shell, here, plans: python.pyimport("live_plan") };
}

let ready;

async function run({ cells, wanted }) {
  const { python, shell, here, plans } = await (ready ??= boot());
  tell("ready");
  const [order, stale] = plans.plan(python.toPy(cells), python.toPy(wanted)).toJs();
  tell("plan", { order, stale });
  const code = new Map(cells.map((cell) => [cell.id, cell.code]));
  const lost = new Set(); // cells that could not be run, and those that need them
  for (const id of order) {
    if (lost.has(id)) continue;
    here.cell = id;
    tell("running", { cell: id });
    const began = performance.now();
    const good = shell.run(code.get(id), `<cell ${id}>`);
    tell("ran", { cell: id, good, ms: performance.now() - began });
    if (good) continue;
    const users = plans.users(python.toPy(cells), id).toJs();
    for (const user of users) lost.add(user);
    tell("lost", { cell: id, users: users.filter((user) => order.includes(user)) });
  }
  here.cell = null;
  tell("idle");
}

async function reset({ cells, changed }) {
  const { python, plans } = await ready;
  tell("stale", { users: plans.users(python.toPy(cells), changed).toJs() });
}

function broken(error) {
  tell("broken", { text: String(error.message ?? error).trim().split("\n").pop() });
}

onmessage = ({ data }) => {
  if (data.files) files = data.files;
  else if (data.early) early[data.early] = data.content;
  else if (data.pack) arrival(data.pack).resolve(data.content);
  else (data.wanted ? run(data) : reset(data)).catch(broken);
};
