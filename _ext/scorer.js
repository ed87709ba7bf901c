// How Sphinx's search weighs what it finds: with its own weights, but the reference of the
// library comes last. Who looks for a function finds it all the same.
var Scorer = {
  score: ([page, , , , score]) => score - (page.startsWith("appendices/api") ? 1000 : 0),
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
