// The places of the book that a query means, above the pages that Sphinx finds. places.js
// has the list, and what _ext/places.py does to its words is done to the query's here. A
// query that is the id of a claim goes straight to its card.
(() => {
  "use strict";
  const { stop, greek, pages, places } = window.bookPlaces;
  const [KIND, PAGE, ANCHOR, TITLE, LABEL, NAMED, TEXT] = [0, 1, 2, 3, 4, 5, 6];
  const SHOWN = 8;
  // Where a place is found twice as well by its words, the wider one comes first.
  const WEIGHT = { page: 1.3, section: 1.2, term: 1.25, claim: 1.15, exercise: 0.8, number: 0.7 };
  const stemmer = new Stemmer(); // Sphinx's, from language_data.js

  function words(text) {
    const signs = [...text.toLowerCase().normalize("NFKD")].map((one) => greek[one] ?? one);
    const plain = signs
      .join("")
      .replace(/[\^\u0300-\u036f]|(?<=\d),(?=\d{3})/g, "")
      .replace(/[\s-]squared\b/g, "2");
    const found = plain.match(/[a-z0-9]+(?:\.\d+)*/g) ?? [];
    const meant = found.filter((word) => !stop.includes(word));
    return (meant.length ? meant : found).map((word) => stemmer.stemWord(word));
  }

  // Stem -> the places that have it in their name, and in their text.
  const named = new Map(), told = new Map();
  for (const place of places)
    for (const [field, index] of [[NAMED, named], [TEXT, told]])
      for (const stem of place[field].split(" ")) {
        if (!index.has(stem)) index.set(stem, []);
        index.get(stem).push(place);
      }

  // How much a word says: the rarer, the more.
  function tells(stem) {
    const found = (named.get(stem)?.length ?? 0) + (told.get(stem)?.length ?? 0);
    return Math.log(1 + places.length / (found + 1));
  }

  // A word that stands nowhere may be the beginning of one.
  function meant(stem) {
    if (named.has(stem) || told.has(stem) || stem.length < 3) return [stem];
    const longer = [...named.keys(), ...told.keys()].filter((one) => one.startsWith(stem));
    return longer.length ? [...new Set(longer)] : [stem];
  }

  function search(query) {
    const asked = [...new Set(words(query))].filter((stem) =>
      meant(stem).some((one) => named.has(one) || told.has(one)) // others tell nothing
    );
    const all = asked.reduce((sum, stem) => sum + tells(stem), 0);
    const scores = new Map(); // place -> [score, share of the query that it has]
    for (const stem of asked) {
      const reached = new Map();
      for (const one of meant(stem)) {
        for (const place of told.get(one) ?? []) reached.set(place, 1);
        for (const place of named.get(one) ?? []) reached.set(place, 3);
      }
      for (const [place, worth] of reached) {
        const [score, share] = scores.get(place) ?? [0, 0];
        scores.set(place, [score + worth * tells(stem), share + tells(stem) / all]);
      }
    }
    const best = new Map(); // address -> the best of its entries
    for (const [place, [score, share]] of scores) {
      if (share < 0.5) continue;
      const names = place[NAMED].split(" ");
      const own = names.reduce((sum, stem) => sum + tells(stem), 0);
      const hit = names.reduce((sum, stem) => sum + tells(stem) * asked.includes(stem), 0);
      const total = score * share * share * (1 + hit / own) * (WEIGHT[place[KIND]] ?? 1);
      const address = `${pages[place[PAGE]][0]}.html${place[ANCHOR] && "#"}${place[ANCHOR]}`;
      if (total > (best.get(address)?.total ?? 0)) best.set(address, { total, place, address });
    }
    return [...best.values()].sort((a, b) => b.total - a.total).slice(0, SHOWN);
  }

  function entry({ place, address }) {
    const item = document.createElement("li");
    const link = item.appendChild(document.createElement("a"));
    link.href = address;
    link.textContent = place[TITLE];
    const where = item.appendChild(document.createElement("span"));
    const kind = place[KIND] === "number" ? "code of this number" : place[LABEL] || place[KIND];
    where.textContent = place[ANCHOR] ? `${kind}, in ${pages[place[PAGE]][1]}` : "page";
    return item;
  }

  function heading(text) {
    return Object.assign(document.createElement("h2"), { textContent: text });
  }

  function show(query) {
    const box = document.getElementById("search-results");
    const found = search(query);
    if (!box || !found.length) return;
    const part = document.createElement("section");
    part.id = "places-found";
    const list = document.createElement("ol");
    list.append(...found.map(entry));
    part.append(heading("Places in the book"), list, heading("In the text of the pages"));
    box.before(part);
  }

  const query = new URLSearchParams(location.search).get("q")?.trim() ?? "";
  const id = query.toUpperCase().replace(/^CLAIM\s+/, "").toLowerCase();
  const claim = places.find((one) => one[KIND] === "claim" && one[NAMED].split(" ")[0] === id);
  if (claim) location.replace(`${pages[claim[PAGE]][0]}.html#${claim[ANCHOR]}`);
  else if (query) show(query);
  window.bookPlaces.search = search; // for the tests, and for the curious
})();
