"""Time the number line of chapter 10 against one chain at a time.

Run ``make benchmarks`` on an idle machine. Eight rows of the number line, 100
generations of a mean fitted to 1,000 points. Both other sides run one chain after the
other with numpy: the *plain* loop keeps what the regime needs and no more, as a careful
reader would write it; the *published* one keeps all points and fits to all of them
again in every generation, as released notebooks on accumulation do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from timing import best_times, row, write

from collapse_lib import models, recurse, regimes
from collapse_lib.theory.number_line import golden_weight

N, GENERATIONS, CHAINS = 1_000, 100, 100_000
#: Of one chain at a time so many are timed, and of literal chains.
FEW, SOME = 10, 100
GOLDEN = float(golden_weight(1.0))
SHARE = 0.1

Next = Callable[[np.random.Generator, list[np.ndarray]], float]

EXACT: dict[str, Any] = {
    "replace": regimes.Replace(),
    "accumulate": regimes.Accumulate(),
    "augment": regimes.Augment(),
    "real only": regimes.Fresh(real_weight=1.0),
    "fresh": regimes.Fresh(),
    "golden": regimes.Fresh(real_weight=GOLDEN),
    "web": regimes.Web(SHARE),
}
SUBSAMPLE = {"accumulate-subsample": regimes.AccumulateSubsample()}


def ours(ways: dict[str, Any], law: str, chains: int) -> None:
    """Run all chains of some rows at once."""
    for regime in ways.values():
        recurse(
            models.KnownWidth(law=law),
            models.FittedKnownWidth.standard(law),
            regime=regime,
            n_samples=N,
            n_generations=GENERATIONS,
            chains=chains,
            record=[GENERATIONS],
            measure={"mu": lambda fit: fit.mu},
            rng=np.random.default_rng(0),
        )


def plain(names: list[str]) -> None:
    """Run one chain of each row, keeping what is needed."""
    rng = np.random.default_rng(0)
    for name in names:
        first = rng.standard_normal(N)
        mu, total, count, pool = first.mean(), first.sum(), N, [first]
        for _ in range(GENERATIONS):
            if name == "web":
                human = round(SHARE * N)
                total += rng.standard_normal(human).sum()
                total += rng.normal(mu, 1, N - human).sum()
                count += N
                mu = total / count
                continue
            made = rng.normal(mu, 1, N)
            if name == "replace":
                mu = made.mean()
            elif name == "accumulate":
                total += made.sum()
                count += N
                mu = total / count
            elif name == "augment":
                mu = (first.mean() + made.mean()) / 2
            elif name == "accumulate-subsample":
                pool.append(made)
                everything = np.concatenate(pool)
                mu = rng.choice(everything, N, replace=False).mean()
            else:
                weight = {"real only": 1.0, "fresh": 0.5, "golden": GOLDEN}[name]
                real = rng.standard_normal(N).mean()
                mu = weight * real + (1 - weight) * made.mean()


def published(names: list[str]) -> None:
    """Run one chain of each row, keeping all points and fitting to all again."""
    rng = np.random.default_rng(0)
    for name in names:
        first = rng.standard_normal((N, 1))
        data, mu = first, first.mean(axis=0)
        for _ in range(GENERATIONS):
            made = rng.normal(mu, 1, (N, 1))
            weights = None
            if name == "replace":
                data = fitted = made
            elif name == "accumulate":
                data = fitted = np.concatenate([data, made])
            elif name == "augment":
                fitted = np.concatenate([first, made])
            elif name == "web":
                human = round(SHARE * N)
                new = [rng.standard_normal((human, 1)), made[: N - human]]
                data = fitted = np.concatenate([data, *new])
            elif name == "accumulate-subsample":
                data = np.concatenate([data, made])
                fitted = data[rng.choice(len(data), N, replace=False)]
            else:
                fitted = np.concatenate([rng.standard_normal((N, 1)), made])
                weight = {"real only": 1.0, "fresh": 0.5, "golden": GOLDEN}[name]
                weights = np.repeat([weight, 1 - weight], N)
            mu = np.average(fitted, axis=0, weights=weights)


def few(side: Callable[[list[str]], None], names: list[str]) -> Callable[[], None]:
    """Return a call that runs `FEW` chains of each row, one after the other."""

    def run() -> None:
        for _ in range(FEW):
            side(names)

    return run


def main() -> None:
    """Measure and write ``policies.json``."""
    exact, literal = list(EXACT), list(SUBSAMPLE)
    seconds = best_times(
        {
            "exact": lambda: ours(EXACT, "exact", CHAINS),
            "exact plain": few(plain, exact),
            "exact published": few(published, exact),
            "literal": lambda: ours(SUBSAMPLE, "literal", SOME),
            "literal plain": few(plain, literal),
            "literal published": few(published, literal),
        },
        repeats=5,
    )
    us, scale = 1e6, {"exact": CHAINS, "literal": SOME}
    each = {
        name: us * value / scale.get(name, FEW) / GENERATIONS
        for name, value in seconds.items()
    }
    seven = (
        f"One generation of one chain in seven rows of the number line, n = {N:,}: the "
        f"exact law on {CHAINS:,} chains of {GENERATIONS} generations, against "
    )
    one = (
        f"The same in the eighth row, accumulate-subsample: {SOME} chains, every point "
        "drawn, against "
    )
    because = (
        "subsamples of different generations share points, so no summary of the pool "
        "tells the law of the next one, and this row draws every point; the others "
        "draw a mean from its law"
    )
    sides = {"plain": "a plain loop over chains", "published": "keeping all points"}
    rows = [
        row(seven + what, each["exact"], each[f"exact {side}"], "us", bar=500)
        for side, what in sides.items()
    ]
    rows += [
        row(one + what, each["literal"], each[f"literal {side}"], "us", 500, because)
        for side, what in sides.items()
    ]
    write("policies", "The number line (chapter 10)", rows)


if __name__ == "__main__":
    main()
