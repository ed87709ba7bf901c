"""Time the Gaussian recursion against the paper's published recipe.

Run ``make benchmarks`` on an idle machine. The recipe is the loop of the authors'
notebook, in our words: draw M numbers with ``np.random.normal``, take ``np.mean`` and
``np.std``, repeat.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
from timing import best_times, row, write

from collapse_lib import models, recurse, regimes

CHAINS = 2_000
M = 10_000
GENERATIONS = 1_000
HUGE_M = 10**7
HUGE_GENERATIONS = 3


def recipe(n_samples: int, n_generations: int) -> None:
    """Run one chain as the authors' notebook does."""
    rng = np.random.RandomState(0)
    mu, sigma = 0.0, 1.0
    for _ in range(n_generations + 1):
        data = rng.normal(mu, sigma, n_samples)
        mu, sigma = np.mean(data), np.std(data)


def ours(law: str, n_samples: int, n_generations: int, chains: int) -> None:
    """Run ``chains`` chains with the library."""
    recurse(
        models.Gaussian("mle", law=law),
        models.FittedGaussian.standard(law),
        regime=regimes.Replace(),
        n_samples=n_samples,
        n_generations=n_generations,
        measure={"mu": lambda fit: fit.mu, "sigma": lambda fit: fit.sigma},
        rng=np.random.default_rng(0),
        chains=chains,
    )


def draw_only(n_samples: int, n_generations: int, chains: int) -> None:
    """Draw the numbers that literal sampling needs, and nothing else."""
    rng = np.random.default_rng(0)
    for _ in range(n_generations + 1):
        rng.standard_normal((chains, n_samples))


def peak_megabytes(call: str) -> float:
    """Return the peak memory of a fresh process that makes one call of this module."""
    code = f"import gaussian_1d as b; {call}; print(b.own_peak_megabytes())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent,
    )
    return float(done.stdout)


def own_peak_megabytes() -> float:
    """Return this process's peak resident memory."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux; its ru_maxrss would count the parent's memory too
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6  # macOS: bytes


def main() -> None:
    """Measure and write ``gaussian_1d.json``."""
    exact = best_times(
        {
            "ours": lambda: ours("exact", M, GENERATIONS, CHAINS),
            "theirs": lambda: recipe(M, GENERATIONS),
        },
        repeats=7,
    )
    literal = best_times(
        {
            "ours": lambda: ours("literal", HUGE_M, HUGE_GENERATIONS, 1),
            "theirs": lambda: draw_only(HUGE_M, HUGE_GENERATIONS, 1),
        },
        repeats=7,
    )
    ms = 1e3
    rows = [
        row(
            f"One chain of {GENERATIONS:,} generations at M = {M:,}: the exact law on "
            f"{CHAINS:,} chains, against the published recipe",
            exact["ours"] / CHAINS * ms,
            exact["theirs"] * ms,
            "ms",
            bar=1000,
        ),
        row(
            f"Literal sampling, one generation at M = {HUGE_M:,}, against the cost of "
            "drawing the numbers alone",
            literal["ours"] / (HUGE_GENERATIONS + 1) * ms,
            literal["theirs"] / (HUGE_GENERATIONS + 1) * ms,
            "ms",
            bar=0.8,
        ),
        row(
            f"Peak memory of a literal run at M = {HUGE_M:,}, against the published "
            "recipe",
            peak_megabytes(f"b.ours('literal', {HUGE_M}, 3, 1)"),
            peak_megabytes(f"b.recipe({HUGE_M}, 3)"),
            "MB",
            bar=1,
        ),
    ]
    write("gaussian_1d", "One Gaussian (chapter 03)", rows)


if __name__ == "__main__":
    main()
