// A notebook that leaves the site takes along where it came from: its links, and the
// address from which its first cell fetches the library. Without this script, or where
// pages are opened as files, it is downloaded as it lies.
(() => {
  "use strict";
  const UNKNOWN = "https://book.invalid/"; // as _ext/travelling.py writes it

  async function download(event) {
    const link = event.target.closest?.('a[href$=".ipynb"]');
    if (!link || !location.protocol.startsWith("http")) return;
    event.preventDefault();
    const site = new URL("../../", link.href).href;
    const answer = await fetch(link.href);
    const text = (await answer.text()).replaceAll(UNKNOWN, site);
    const copy = document.createElement("a");
    copy.href = URL.createObjectURL(new Blob([text], { type: "application/x-ipynb+json" }));
    copy.download = link.href.split("/").pop();
    copy.click();
    URL.revokeObjectURL(copy.href);
  }

  addEventListener("click", download);
})();
