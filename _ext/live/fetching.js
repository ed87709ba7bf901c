// What a page fetches. The browser keeps it under names that change with the content, so
// that the next page needs nothing of it.
const here = new URL("./", import.meta.url);
const STORE = "live-python";

async function get(file, options) {
  const answer = await fetch(new URL(file, here), options);
  if (!answer.ok)
    throw new Error(`${file} could not be fetched: the server answers ${answer.status}.`);
  return answer;
}

export async function json(file) {
  return (await get(file, { cache: "no-cache" })).json();
}

function store() {
  return globalThis.caches?.open(STORE).catch(() => undefined);
}

// Returns the content of a compressed file as a stream; count is told how many bytes came.
export async function unzipped(file, count = () => {}) {
  const address = new URL(file, here).href;
  const kept = await store();
  let answer = await kept?.match(address);
  if (!answer) {
    answer = await get(file);
    // Full, or forbidden in a private window: then it is fetched again next time.
    kept?.put(address, answer.clone()).catch(() => {});
  }
  const counted = new TransformStream({
    transform(chunk, out) {
      count(chunk.length);
      out.enqueue(chunk);
    },
  });
  return answer.body.pipeThrough(counted).pipeThrough(new DecompressionStream("gzip"));
}

export async function bytes(file, count) {
  return new Uint8Array(await new Response(await unzipped(file, count)).arrayBuffer());
}

export async function program(file, count) {
  const headers = { "content-type": "application/wasm" };
  const stream = await unzipped(file, count);
  return WebAssembly.compileStreaming(new Response(stream, { headers }));
}

// Drops what an earlier version of the book has left.
export async function tidy(packs) {
  const kept = await store();
  const files = new Set(Object.values(packs).map(({ file }) => new URL(file, here).href));
  for (const request of (await kept?.keys()) ?? [])
    if (!files.has(request.url)) kept.delete(request);
}

export const worker = () => new Worker(new URL("worker.js", here), { type: "module" });
