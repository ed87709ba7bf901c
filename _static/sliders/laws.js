// The laws behind the sliders: each is the function of the same name in
// collapse_lib.theory, where its conditions and its proof stand, for one number at a time;
// name_limit is that function at infinity.
// tests/site/test_sliders.py holds every one of them against it. Pure functions only.
const laws = (() => {
  "use strict";
  const { exp, log, log1p, expm1, max, min } = Math;
  const range = (n, f) => Array.from({ length: n }, (_, i) => f(i));
  const sum = (terms) => terms.reduce((total, term) => total + term, 0);

  // ---- special ----------------------------------------------------------------------

  const FAR = 16; // from here on the asymptotic series have all digits
  const series = (coefficients, x) => // sum of c_k / x^(2k + 2)
    coefficients.reduceRight((total, c) => (total + c) / x ** 2, 0);

  // log Gamma(x + d) - log Gamma(x) by Stirling's series, without the digits that a
  // difference of two logarithms loses.
  const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156];
  function log_gamma_ratio(x, d) {
    let below = 0;
    for (; x < FAR; x += 1) below += log(x / (x + d));
    const tail = (y) => y * series(STIRLING, y);
    return below + (x - 0.5) * log1p(d / x) + d * log(x + d) - d + tail(x + d) - tail(x);
  }

  // psi(x) = psi(x + 1) - 1/x, up to where its series holds.
  const DIGAMMA = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12];
  function digamma(x) {
    let below = 0;
    for (; x < FAR; x += 1) below -= 1 / x;
    return below + log(x) - 0.5 / x - series(DIGAMMA, x);
  }

  // sum of (x + i)^-s: the first terms, then Euler's and Maclaurin's formula.
  const BERNOULLI = [1 / 12, -1 / 720, 1 / 30240, -1 / 1209600, 1 / 47900160,
    -691 / 1307674368000, 1 / 74724249600];
  function hurwitz_zeta(s, x) {
    const near = 16 + Math.ceil(s), far = x + near;
    let rising = s, rest = far / (s - 1) + 0.5;
    BERNOULLI.forEach((c, place) => {
      const k = place + 1;
      rest += c * rising * far ** (1 - 2 * k);
      rising *= (s + 2 * k - 1) * (s + 2 * k);
    });
    return sum(range(near, (i) => (x + i) ** -s)) + rest * far ** -s;
  }

  const known = new Map(); // n -> log 0!, log 1!, ..., log n!
  function log_factorials(n) {
    if (!known.has(n)) {
      const found = new Float64Array(n + 1);
      for (let i = 1; i <= n; i += 1) found[i] = found[i - 1] + log(i);
      known.set(n, found);
    }
    return known.get(n);
  }

  // log P(X >= k) of a binomial X, 0 < p < 1: terms from the one nearest to the mean outwards,
  // relative to it, and the other tail where that is the smaller one.
  function log_binomial_tail(k, n, p) {
    if (k <= 0) return 0;
    const f = log_factorials(n), above = k > n * p, start = above ? k : k - 1;
    const odds = above ? p / (1 - p) : (1 - p) / p;
    let [left, done] = above ? [n - start, start] : [start, n - start];
    let term = 1, total = 1;
    for (; left > 0 && term > 1e-17 * total; left -= 1) {
      done += 1;
      term *= left / done * odds;
      total += term;
    }
    const tail = log(total) + f[n] - f[start] - f[n - start] + start * log(p)
      + (n - start) * log1p(-p);
    return above ? tail : log1p(-exp(min(tail, 0)));
  }

  // sum of (1 - d)^i over i < n, with all digits where d is small.
  const geometric = (d, n) =>
    d > 0 && d < 1 ? -expm1(n * log1p(-d)) / d : d > 0 ? min(n, 1) : n;

  // ---- discrete: a finite set of states ---------------------------------------------

  // P(N = k) = (n over k) p^k (1 - p)^(n - k)
  function binomial_law(p, n, f = log_factorials(n)) {
    const yes = log(p), no = log1p(-p), found = new Float64Array(n + 1);
    if (p === 0 || p === 1) found[p * n] = 1;
    else for (let k = 0; k <= n; k += 1)
      found[k] = exp(f[n] - f[k] - f[n - k] + k * yes + (n - k) * no);
    return found;
  }

  // N_0 ~ B(n, p), N_{t+1} ~ B(n, rule(N_t / n)): the law of every count (Wright 1931).
  // Of the chances that lead to a count only those above NIL are added up: a slider moves a
  // thousand times while a figure is drawn once.
  const NIL = 1e-20;
  function share_law(share, n, generations, rule = (p) => p) {
    const f = log_factorials(n), counts = range(n + 1, (k) => k);
    const moves = counts.map((i) => binomial_law(rule(i / n), n, f));
    const into = counts.map((k) => {
      const all = Float64Array.from(moves, (row) => row[k]), counted = (p) => p > NIL;
      return { all, first: all.findIndex(counted), last: all.findLastIndex(counted) };
    });
    const found = [binomial_law(share, n, f)];
    for (let t = 0; t < generations; t += 1) {
      const now = found[t], next = new Float64Array(n + 1);
      into.forEach(({ all, first, last }, k) => {
        let total = 0;
        if (first >= 0) for (let i = first; i <= last; i += 1) total += now[i] * all[i];
        next[k] = total;
      });
      found.push(next);
    }
    return found;
  }

  // ---- gaussian: refitted to its own samples ----------------------------------------

  const lost = (estimator) => estimator === "unbiased" ? 1 : 0;

  // E log sigma^2 changes by psi((M - 1)/2) + log 2 - log(M - c) in every fit.
  const log_sigma2_drift = (n, estimator) =>
    digamma((n - 1) / 2) + log(2 / (n - lost(estimator)));

  // Variance of a sample over all runs: 1 + n/M (unbiased), 1 (MLE).
  const pooled_variance = (n, samplings, estimator) => lost(estimator) ? 1 + samplings / n : 1;

  // ---- number_line: n E (mean - truth)^2 / sigma^2 ----------------------------------

  // In the long run, for n i^p points in fit i: zeta(p).
  const replace_limit = (power) => power > 1 ? hurwitz_zeta(power, 1) : Infinity;

  // In the long run, r synthetic points a generation for each real one: 1 + psi_1(1 + 1/r) / r.
  const accumulate_limit = (ratio) => 1 + hurwitz_zeta(2, 1 + 1 / ratio) / ratio;

  // In the long run, the first real data and the newest: 1 + r / (1 + 2r).
  const augment_limit = (ratio) => 1 + ratio / (1 + 2 * ratio);

  // In the long run, new real data with the weight w: (w^2 + (1 - w)^2 / r) / (w (2 - w)).
  const fresh_limit = (weight, ratio) =>
    (weight ** 2 + (1 - weight) ** 2 / ratio) / (weight * (2 - weight));

  // The weight with the least limit: 2 / (1 + sqrt(1 + 4r)).
  const golden_weight = (ratio) => 2 / (1 + Math.sqrt(1 + 4 * ratio));

  // All data kept, a share a of the new is human: v' = v (1 - a/(t + 1))^2 + 1/(t + 1)^2.
  function web(samplings, share) {
    let v = 1;
    for (let t = 2; t <= samplings; t += 1) v = v * (1 - share / t) ** 2 + 1 / t ** 2;
    return v;
  }

  // ---- bias: what is drawn has lambda times the variance ----------------------------

  const variance_replaced = (bias, generation) => bias ** generation;

  // Gamma(s + lambda) / (Gamma(s + 1) Gamma(1 + lambda)), s = t + 1
  const variance_accumulated = (bias, generation) =>
    exp(log_gamma_ratio(generation + 2, bias - 1) - log_gamma_ratio(1, bias));

  // v + ((1 - a) lambda)^t (1 - v), v = a / (1 - (1 - a) lambda); also t = Infinity
  function variance_with_real(bias, share, generation = Infinity) {
    const factor = (1 - share) * bias;
    if (factor === 1) return 1;
    const limit = share / (1 - factor);
    return limit + factor ** generation * (1 - limit);
  }

  function bisect(true_above, low, high) {
    for (let step = 0; step < 200; step += 1) {
      const middle = (low + high) / 2;
      if (true_above(middle)) high = middle; else low = middle;
    }
    return high;
  }

  // The generation from which a real share keeps more than accumulation does; bias < 1.
  function overtaking(bias, share) {
    if (share >= 0.5) return 0;
    if (share === 0) return Infinity;
    const kept = (t) => log(variance_with_real(bias, share, t));
    const left = (t) => t < 9999 // then two terms of a series, as in the library
      ? log_gamma_ratio(t + 2, bias - 1) - log_gamma_ratio(1, bias)
      : (bias - 1) * log(t + 1 + bias / 2) - log_gamma_ratio(1, bias);
    let high = 1; // behind for certain when it is below the limit of the share
    while (left(high) > kept(Infinity)) if ((high *= 2) > 1e300) return Infinity;
    return bisect((t) => kept(t) >= left(t), bias === 0 ? 1e-9 : 0.5, max(high + 1, 1));
  }

  // logit q_t = logit(q) / T^t
  function share_at_temperature(share, temperature, generation = 1) {
    if (share === 0 || share === 1) return share;
    const logit = log(share) - log1p(-share);
    return 1 / (1 + exp(-logit * temperature ** -generation));
  }

  // The error V of the mean and the unbiased variance S of fits to n_r new real and n_s
  // newest points, from generation 0 on, and in the long run: a linear recursion.
  function fresh(generations, bias, n_real, n_synthetic, first) {
    const n = n_real + n_synthetic;
    const step = ([v, s]) => [
      (n_real + n_synthetic * bias * s) / n ** 2 + (n_synthetic / n) ** 2 * v,
      (n_real - 1 + n_synthetic / n + (n_synthetic - 1 + n_real / n) * bias * s
        + n_real * n_synthetic / n * v) / (n - 1)];
    const path = [[1 / first, 1]];
    for (let t = 0; t < generations; t += 1) path.push(step(path[t]));
    // At rest (V, S) = A (V, S) + b, solved by Cramer's rule.
    const b = step([0, 0]), [v, s] = [step([1, 0]), step([0, 1])];
    const [p, q] = [[1 - v[0] + b[0], b[1] - v[1]], [b[0] - s[0], 1 - s[1] + b[1]]];
    const whole = p[0] * q[1] - q[0] * p[1];
    const limit = [(b[0] * q[1] - q[0] * b[1]) / whole, (p[0] * b[1] - b[0] * p[1]) / whole];
    return { path, limit };
  }

  // ---- kde: a kernel density estimate refitted to its own samples -------------------

  // Without n the squared distance from the true mean, 1 + k h^2; with it the variance of one
  // model, c^k + n h^2 (1 - c^k), c = 1 - 1/n.
  function kde_replace(fits, bandwidth, n) {
    if (n === undefined) return 1 + fits * bandwidth ** 2;
    const gone = n > 1 ? -expm1(fits * log1p(-1 / n)) : 1;
    return 1 - gone + n * bandwidth ** 2 * gone;
  }

  // Without n: 1 + h^2 (1 - (1 - a)^k) / a. With it the mean square m of the model's mean,
  // m' = a (1 - a) / n + (1 - a)^2 (m + V/n), is taken off; n are the synthetic points.
  function kde_with_real(fits, bandwidth, share, n) {
    const square = bandwidth ** 2;
    if (n === undefined) return 1 + square * geometric(share, fits);
    let [moved, steps] = [1 / n, 1];
    for (let k = 1; k < fits; k += 1) {
      const variance = 1 + square * steps - moved;
      moved = share * (1 - share) / n + (1 - share) ** 2 * (moved + variance / n);
      steps = 1 + (1 - share) * steps;
    }
    return 1 + square * steps - moved;
  }

  // ---- pull and curation: verifiers -------------------------------------------------

  // b^2 (1 - rho^t)^2 + rho^2t / n_0 + (kappa / n) (1 - rho^2t) / (1 - rho^2) with
  // rho = 1 / (1 + g) = kappa: of points that a verifier lets through.
  function pulled_error(generation, strength, n, n_real, offset) {
    const rho = 1 / (1 + strength), left = exp(-generation * log1p(strength));
    const gone = strength * rho * ((2 + strength) * rho);
    return (offset * (1 - left)) ** 2 + left ** 2 / n_real + rho * (1 - left ** 2) / (gone * n);
  }

  // 1 / (1 + psi / phi)
  const verifier_threshold = (phi, psi) => 1 / (1 + psi / phi);

  // (1 - p) phi / ((1 - p) phi + p psi)
  const kept_accuracy = (wrong, phi, psi) =>
    (1 - wrong) * phi / ((1 - wrong) * phi + wrong * psi);

  return { special: { log_gamma_ratio, digamma, hurwitz_zeta, log_binomial_tail },
    discrete: { binomial_law, share_law },
    gaussian: { log_sigma2_drift, pooled_variance },
    number_line: { replace_limit, accumulate_limit, augment_limit, fresh_limit, golden_weight,
      web },
    bias: { variance_replaced, variance_accumulated, variance_with_real, overtaking,
      share_at_temperature, fresh },
    kde: { replace: kde_replace, with_real: kde_with_real },
    pull: { pulled_error }, curation: { verifier_threshold, kept_accuracy } };
})();
