"""Time the mixture recursion against the paper's published recipe.

Run ``make benchmarks`` on an idle machine. The recipe is the loop of the authors'
notebook, in our words: fit scikit-learn's ``GaussianMixture`` with two components, draw
as many points from it, repeat. It is run for some generations; the whole figure, which
takes it hours, is the sum of what its generations take.
"""

from __future__ import annotations

import sys
from operator import attrgetter

import numpy as np
import torch
from sklearn.mixture import GaussianMixture as TheirMixture
from timing import best_times, row, write

from collapse_lib import models, recurse, regimes

TOL, MAX_ITER = 1e-5, 2000
PARTS = ("weights", "means", "covariances")
SIZES = (500, 1_000, 10_000, 50_000, 200_000)
GENERATIONS = 2_050
#: Generations timed for each size, so that each takes about as long.
TIMED = {500: 200, 1_000: 200, 10_000: 60, 50_000: 20, 200_000: 10}
CHAINS = 64


def recipe(n_samples: int, n_generations: int) -> None:
    """Run one chain as the authors' notebook does."""
    random_state = np.random.RandomState(0)
    data = random_state.standard_normal((n_samples, 2))
    for _ in range(n_generations + 1):
        mixture = TheirMixture(
            2, tol=TOL, max_iter=MAX_ITER, random_state=random_state
        ).fit(data)
        data, _ = mixture.sample(n_samples)


def ours(n_samples: int, n_generations: int, chains: int = 1) -> None:
    """Run ``chains`` chains with the library."""
    recurse(
        models.GaussianMixture(2, tol=TOL, max_iter=MAX_ITER),
        models.FittedGaussianMixture.of([1], [[0, 0]], [np.eye(2)]),
        regime=regimes.Replace(),
        n_samples=n_samples,
        n_generations=n_generations,
        measure={name: attrgetter(name) for name in PARTS},
        rng=np.random.default_rng(0),
        chains=chains,
    )


def main() -> None:
    """Measure and write ``mixture.json``."""
    torch.set_num_threads(2)
    ms = 1e3
    single = {}
    for n, generations in TIMED.items():
        times = best_times(
            {
                "ours": lambda n=n, g=generations: ours(n, g - 1),
                "theirs": lambda n=n, g=generations: recipe(n, g - 1),
            },
            repeats=2,
        )
        single[n] = {side: time / generations for side, time in times.items()}
        print(n, single[n], flush=True)
    batch = best_times({"ours": lambda: ours(1_000, 49, CHAINS)}, repeats=3)["ours"]
    whole = best_times(
        {"ours": lambda: [ours(n, GENERATIONS) for n in SIZES]}, repeats=1
    )["ours"]
    figure = sum(single[n]["theirs"] for n in SIZES) * (GENERATIONS + 1)
    rows = [
        row(
            "One generation of one chain at N = 200,000, two components, against the "
            "published recipe (scikit-learn)",
            single[200_000]["ours"] * ms,
            single[200_000]["theirs"] * ms,
            "ms",
            bar=25,
            because="two products with a matrix and a logistic function are nearly all "
            "of a round, and the second thread of this machine hardly speeds them up",
        ),
        row(
            f"One generation of a chain at N = 1,000, in a batch of {CHAINS} chains, "
            "against the published recipe",
            batch / 50 / CHAINS * ms,
            single[1_000]["theirs"] * ms,
            "ms",
            bar=20,
        ),
        row(
            f"The distance figure: N = {', '.join(f'{n:,}' for n in SIZES)} over "
            f"{GENERATIONS:,} generations, against the published recipe (its first "
            "generations measured, the rest in proportion)",
            whole,
            figure,
            "s",
            bar=20,
        ),
    ]
    write("mixture", "Gaussian mixtures (chapter 06)", rows)


if __name__ == "__main__":
    sys.exit(main())
