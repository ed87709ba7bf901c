// Lets the code cells of this page run in the reader's browser, where that can be: the
// page has to come from a server, for browsers start no other program from a file.
(() => {
  "use strict";
  const source = document.currentScript.src;
  const able = globalThis.Worker && globalThis.WebAssembly && globalThis.DecompressionStream;
  if (able && location.protocol.startsWith("http"))
    import(new URL("page.js", source));
})();
