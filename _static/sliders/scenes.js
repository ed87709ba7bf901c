// What each slider draws and says: from its settings, and the one that was moved last, to
// axes, lines, marks, keys and a sentence, see law-slider.js. The numbers are those of laws.js.
const scenes = (() => {
  "use strict";
  const { exp, log, round, ceil } = Math;
  const steps = (from, to, n) => Array.from({ length: n + 1 }, (_, i) => from + (to - from) * i / n);
  const along = (from, to, n) => steps(log(from), log(to), n).map(exp); // on a logarithmic axis
  const SHARES = { min: 0, max: 1, ticks: [0, 0.2, 0.4, 0.6, 0.8, 1] }; // an axis
  const curve = (places, law) => places.map((place) => [place, law(place)]);

  // ---- numbers in a sentence --------------------------------------------------------
  const NAMES = [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]];
  function number(value) {
    if (value === Infinity) return "without bound";
    if (value >= 1e15) return `10 to the power of ${Math.floor(Math.log10(value))}`;
    const found = NAMES.find(([size]) => value >= size);
    if (found) return `${+(value / found[0]).toPrecision(2)} ${found[1]}`;
    if (value !== 0 && value < 0.001) return "less than 0.001";
    if (value >= 100) return round(value).toLocaleString("en");
    return value.toFixed(value >= 10 ? 1 : value >= 0.1 ? 2 : 3);
  }
  function percent(value) {
    const text = (100 * value).toFixed(1);
    if (value > 0 && text === "0.0") return "less than 0.1 %";
    if (value < 1 && text === "100.0") return "more than 99.9 %";
    return `${text.replace(".0", "")} %`;
  }
  const generations = (n) => n === 1 ? "1 generation" : `${n.toLocaleString("en")} generations`;

  // ---- chapter 2: what becomes of a state of 10 % -----------------------------------
  const BLUE = 0.1, END = 400;
  function fates({ n, real, temperature }) {
    const share = real / n;
    const rule = (p) =>
      share * BLUE + (1 - share) * laws.bias.share_at_temperature(p, temperature);
    const law = laws.discrete.share_law(BLUE, n, END, rule);
    const shown = law.map((_, t) => t).filter((t) => t < 40 || t % 4 === 0);
    const no_blue = curve(shown, (t) => law[t][0]);
    const yellow_left = curve(shown, (t) => 1 - law[t][n]);
    const mean = curve(shown, (t) => law[t].reduce((all, p, k) => all + p * k, 0) / n);
    const flat = (y) => [[0, y], [END, y]];
    const half = law.findIndex((row) => row[0] + row[n] >= 0.5);
    const one_left = half < 0 ? "At any time more than half of them have both colours."
      : `From generation ${half} on, half of them have a single colour.`;
    return {
      x: { label: "generation", min: 0, max: END, ticks: [0, 100, 200, 300, 400] },
      y: { label: "share of worlds, or of blue", ...SHARES },
      areas: [{ low: flat(0), high: no_blue, role: "yellow" },
        { low: no_blue, high: yellow_left, role: "grey" },
        { low: yellow_left, high: flat(1), role: "blue" }],
      rules: [{ y: 1 - BLUE, role: "odds" }], lines: [{ points: mean, role: "mean" }],
      keys: [{ area: "yellow", text: "share of worlds without blue" },
        { area: "grey", text: "with both" }, { area: "blue", text: "without yellow" },
        { role: "mean", on: "grey", text: "mean share of blue" },
        { role: "odds", on: "grey", text: "the end by the theorem, without real data" }],
      say: `After ${END} generations ${percent(law[END][0])} of the worlds are without blue and `
        + `${percent(law[END][n])} without yellow. ${one_left} The mean share of blue is `
        + `${percent(mean[mean.length - 1][1])}.`,
    };
  }

  // ---- chapter 3: three averages of the variance ------------------------------------
  const LAST = 500;
  function sigma({ n, estimator, real }) {
    const kept = estimator === "MLE" ? 1 - 1 / n : 1, kind = kept < 1 ? "mle" : "unbiased";
    const loop = laws.bias.fresh(LAST, kept, real, n - real, n);
    // With the MLE a model draws with 1 - 1/n of the unbiased variance.
    const average = (t) => real ? kept * loop.path[t][1]
      : laws.bias.variance_replaced(kept, t + 1);
    const crowd = (t) => real ? loop.path[t][0] + kept * loop.path[t][1]
      : laws.gaussian.pooled_variance(n, t + 1, kind);
    const drift = laws.gaussian.log_sigma2_drift(n, kind);
    const typical = (t) => exp((t + 1) * drift);
    const places = steps(0, LAST, 100);
    const lines = [{ points: curve(places, crowd), role: "synthetic" },
      { points: curve(places, average), role: "theory" }];
    const keys = [{ role: "synthetic", text: "what all models draw, together" },
      { role: "theory", text: "average model" }];
    const marks = [];
    if (!real) {
      lines.push({ points: curve(places, typical), role: "loss" });
      keys.push({ role: "loss", text: "typical model" });
      if (n - 1 <= LAST) {
        marks.push({ x: n - 1, y: typical(n - 1), role: "loss", shape: "circle" });
        keys.push({ role: "loss", shape: "circle", text: "after M fits" });
      }
    }
    const at = 100, now = `After ${at} generations the average model has ${number(average(at))} `
      + `times the variance of the data, and all models together ${number(crowd(at))}.`;
    return {
      x: { label: "generation", min: 0, max: LAST, ticks: [0, 100, 200, 300, 400, 500] },
      y: { label: "variance, that of the data: 1", min: 1e-3, max: 100, log: true,
        ticks: [[0.001, "0.001"], [0.01, "0.01"], [0.1, "0.1"], 1, 10, 100] },
      lines, keys, marks,
      say: real ? `${now} In the long run the average is ${number(kept * loop.limit[1])}. (Where `
        + "real points come in, the typical model has no closed form.)"
        : `${now} The typical one has ${number(typical(at))}; after M fits, in generation `
        + `${(n - 1).toLocaleString("en")}, it has ${number(typical(n - 1))}.`,
    };
  }

  // ---- chapter 10: the number line --------------------------------------------------
  const FITS = 1000, FARTHEST = 4;
  function number_line({ w, r, a, p }, moved) {
    const line = laws.number_line, golden = line.golden_weight(r);
    const rows = [
      ["replace, growing samples", line.replace_limit(p), "synthetic"],
      ["keep all", line.accumulate_limit(r), "synthetic", Math.PI ** 2 / 6],
      ["first real data + newest", line.augment_limit(r), "synthetic", 4 / 3],
      ["new real data + newest", line.fresh_limit(w, r), "real", golden],
      [`keep all, people write on (${FITS.toLocaleString("en")} fits)`,
        line.web(FITS, a), "real"]];
    const marks = [], texts = [], rules = [{ x: 1, role: "theory" }], lines = [];
    rows.forEach(([name, value, role, exact], i) => {
      const y = rows.length - i - 0.55, beyond = value > FARTHEST;
      lines.push({ points: [[0, y], [beyond ? FARTHEST : value, y]], role });
      if (exact !== undefined)
        marks.push({ x: exact, y, role: "published", shape: "diamond" });
      marks.push({ x: value, y, role, shape: beyond ? "arrow" : "dot", full: !beyond });
      const said = value === Infinity ? "∞" : value.toFixed(3);
      texts.push({ x: 0, y, text: name, dy: -11 },
        { x: value, y, text: said, anchor: value > 3.4 ? "end" : "start",
          dx: value > 3.4 ? -14 : 11, dy: value > 3.4 ? -7 : 4 });
    });
    const says = {
      w: `With the weight ${w} the error ends at ${line.fresh_limit(w, r).toFixed(3)}. `
        + (Math.abs(w - golden) < 0.01 ? "No stop of this slider does better: weight and error are "
          + "the same number." : `The best weight would bring it to ${golden.toFixed(3)}.`),
      r: `With ${r} synthetic ${r === 1 ? "point" : "points"} for each real one, keeping all ends at `
        + `${line.accumulate_limit(r).toFixed(3)}, the first real data at `
        + `${line.augment_limit(r).toFixed(3)}, and the best weight of new ones at `
        + `${golden.toFixed(3)}.`,
      a: a ? `Where people write ${percent(a)} of what is added, the error is `
        + `${number(line.web(FITS, a))} after ${FITS.toLocaleString("en")} fits, and goes to 0.`
        : "Where people write nothing any more, the error of keeping all ends at 1.645.",
      p: p > 1 ? `Replaced samples that grow with the power ${p} end at `
        + `${line.replace_limit(p).toFixed(3)}: the walk stops.`
        : `With the power ${p} the error of replaced data grows without bound.`,
    };
    return {
      x: { label: "squared error in the long run, in units of one real fit", min: 0,
        max: FARTHEST, ticks: [0, 1, 2, 3, 4] },
      y: { label: "", min: 0, max: rows.length, ticks: [] },
      bands: [{ from: 0, to: 1, role: "below" }, { from: 1, to: FARTHEST, role: "above" }],
      marks, texts, rules, lines,
      keys: [{ role: "real", text: "with new real data" },
        { role: "synthetic", text: "without" },
        { role: "theory", text: "one fit to real data" },
        { role: "published", shape: "diamond", text: "π²/6, 4/3, and the best weight's" }],
      say: says[moved],
    };
  }

  // ---- chapter 11: noise against bias -----------------------------------------------
  function noise_and_bias({ lambda, share }) {
    const { variance_accumulated, variance_with_real, overtaking } = laws.bias;
    const places = along(1, 1e5, 120), marks = [];
    const pool = (t) => variance_accumulated(lambda, t);
    const mixed = (t) => variance_with_real(lambda, share, t);
    const when = lambda === 1 ? Infinity : overtaking(lambda, share);
    if (when >= 1 && when <= 1e5)
      marks.push({ x: when, y: pool(when), role: "theory", shape: "circle" });
    const said = lambda === 1 ? "Without bias nothing is lost in either way."
      : when < 1 ? "The real share is ahead from the first generation on, and holds "
        + `${percent(mixed(Infinity))} of the variance.`
      : when === Infinity ? "The share holds "
        + `${percent(mixed(Infinity))} of the variance, and is not ahead within 10 to the power `
        + "of 300 generations."
      : `The share holds ${percent(mixed(Infinity))} of the variance, and is ahead from generation `
        + `${number(ceil(when))} on.`;
    // In units of one fit to as many points as a training set has.
    const noise = laws.number_line.fresh_limit(share, (1 - share) / share) / share;
    return {
      x: { label: "generation", min: 1, max: 1e5, log: true, ticks: [[1, 1], [10, 10],
        [100, 100], [1000, "1,000"], [1e4, ""], [1e5, "100,000"]] },
      y: { label: "variance that is left", ...SHARES },
      bands: [{ from: 1, to: 10, role: "pale" }], marks,
      lines: [{ points: curve(places, pool), role: "synthetic" },
        { points: curve(places, mixed), role: "real" }],
      keys: [{ role: "synthetic", text: "variance left: keep everything" },
        { role: "real", text: "a real share" },
        { area: "pale", text: "the first ten generations" },
        { role: "theory", shape: "circle", text: "overtaken" }],
      say: `${said} Noise alone would leave ${number(laws.number_line.accumulate_limit(1))} times `
        + `the squared error of one fit where all is kept, and ${number(noise)} times with the `
        + "share.",
    };
  }

  // ---- chapter 13: spreading --------------------------------------------------------
  function spreading({ h, n, share }) {
    const law = (fits, size) => share ? laws.kde.with_real(fits, h, share, size)
      : laws.kde.replace(fits, h, size);
    const places = [...new Set(along(1, 1000, 80).map(round))];
    const [alone, all] = [law(1000, n), law(1000)];
    const limit = share ? 1 + h ** 2 / share : n * h ** 2;
    const ratio = h * Math.sqrt(n);
    const turns = Math.abs(ratio - 1) < 1e-9 ? "equal to 1: one model keeps its variance"
      : ratio < 1 ? "below 1: one model shrinks" : "above 1: one model spreads";
    return {
      x: { label: "fits", min: 1, max: 1000, log: true,
        ticks: [[1, 1], [10, 10], [100, 100], [1000, "1,000"]] },
      y: { label: "squares, variance of the data: 1", min: 0.01, max: 1000, log: true,
        ticks: [[0.01, "0.01"], [0.1, "0.1"], 1, 10, 100, [1000, "1,000"]] },
      rules: [{ y: 1, role: "real" }, { y: limit, role: "theory" }],
      lines: [{ points: curve(places, (k) => law(k)), role: "synthetic" },
        { points: curve(places, (k) => law(k, n)), role: "loss" }],
      keys: [{ role: "synthetic", text: "squared distance from the true mean, all worlds" },
        { role: "loss", text: "variance of one model" }, { role: "real", text: "real data" },
        { role: "theory", text: share ? "limit of the distance" : "limit of one model" }],
      say: `After 1,000 fits one model has on average ${number(alone)} times the variance of the data, `
        + `and its points have the squared distance ${number(all)} from the true mean. `
        + (share ? `The share stops the spreading at ${number(limit)}.`
          : `h times the root of M is ${number(ratio)}, ${turns}.`),
    };
  }

  // ---- chapter 14: a verifier in a loop, and one that is used once ------------------
  const MANY = 10000, LONGEST = 300;
  function verifier({ offset, strength, real }) {
    const law = (t) => laws.pull.pulled_error(t, strength, MANY, real, offset);
    const errors = steps(0, LONGEST, LONGEST).map(law);
    const stop = errors.indexOf(Math.min(...errors));
    const worse = errors.findIndex((error, t) => t > stop && error > 1 / real);
    const places = [...new Set(along(1, LONGEST + 1, 90).map(round))];
    const rules = [{ y: 1 / real, role: "real" }];
    if (offset) rules.push({ y: offset ** 2, role: "theory" });
    const worth = offset ? ` (no better than ${round(real + 1 / offset ** 2)} real points)` : "";
    return {
      x: { label: "generation", min: 1, max: LONGEST + 1, log: true,
        ticks: [[1, 0], [2, 1], [4, 3], [11, 10], [31, 30], [101, 100], [301, 300]] },
      y: { label: "mean squared error of the mean", min: 1e-4, max: 2, log: true,
        ticks: [[1e-4, "0.0001"], [1e-3, "0.001"],
        [0.01, "0.01"], [0.1, "0.1"], 1] },
      rules, lines: [{ points: places.map((s) => [s, errors[s - 1]]), role: "synthetic" }],
      marks: [{ x: stop + 1, y: errors[stop], role: "synthetic", shape: "triangle", full: true }],
      keys: [{ role: "synthetic", text: "squared error of the loop" },
        { role: "real", text: "the real points alone" },
        ...(offset ? [{ role: "theory", text: "the verifier's own squared error" }] : []),
        { role: "synthetic", shape: "triangle", full: true, text: "where to stop" }],
      say: `The error begins at ${number(errors[0])} and is least after ${generations(stop)}, `
        + `${number(errors[stop])}${worth}. After ${LONGEST} it is ${number(errors[LONGEST])}`
        + (worse < 0 ? ", still no worse than the real points alone."
          : `; from generation ${worse} on, the real points alone were better.`),
    };
  }

  function cliff({ wrong, right_kept, wrong_kept, votes }) {
    const share = (p) => laws.curation.kept_accuracy(p, right_kept, wrong_kept);
    function majority(p) {
      const right = share(p);
      return right === 0 || right === 1 ? right
        : exp(laws.special.log_binomial_tail((votes + 1) / 2, votes, right));
    }
    const edge = laws.curation.verifier_threshold(right_kept, wrong_kept);
    const places = [...new Set([...steps(0.005, 0.995, 66),
      ...steps(edge - 0.08, edge + 0.08, 32).filter((p) => p > 0 && p < 1)])];
    places.sort((one, other) => one - other);
    return {
      x: { label: "share of wrong labels before verification", ...SHARES },
      y: { label: "share, or chance", ...SHARES },
      rules: [{ x: edge, role: "theory" }],
      lines: [{ points: curve(places, share), role: "real" },
        { points: curve(places, majority), role: "synthetic" }],
      marks: [{ x: wrong, y: share(wrong), role: "real", shape: "dot", full: true },
        { x: wrong, y: majority(wrong), role: "synthetic", shape: "dot", full: true }],
      keys: [{ role: "real", text: "of the kept labels right" },
        { role: "synthetic", text: "chance that their majority is right" },
        { role: "theory", text: "the threshold p*" }],
      say: `Of the labels that are kept ${percent(share(wrong))} are right`
        + (votes === 1 ? ". " : `, and the majority of ${votes.toLocaleString("en")} of them is `
          + `right with a chance of ${percent(majority(wrong))}. `)
        + `The edge of the cliff is where ${percent(edge)} are wrong.`,
    };
  }

  return { fates, sigma, "number-line": number_line, "noise-and-bias": noise_and_bias, spreading,
    verifier, cliff };
})();
