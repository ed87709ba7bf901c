"""Replicates on any executor: processes here, a Dask cluster elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from collapse_lib.checks import check_count, given
from collapse_lib.recursion.history import History

Experiment = Callable[[int, np.random.Generator], History]


def replicate(
    experiment: Experiment,
    *,
    chains: int,
    seed: np.random.SeedSequence | int,
    block: int = 256,
    executor: Executor | None = None,
) -> History:
    """Run many chains of one experiment, block by block, in parallel.

    The chains are cut into blocks of fixed size and every block gets its own child
    of the seed, so that the result does not depend on the number of workers.

    Parameters
    ----------
    experiment
        ``experiment(chains, rng)`` returns a `History`. For processes it must be
        picklable: a function of a module, not a lambda.
    chains
        Total number of chains.
    seed
        Root of all randomness.
    block
        Chains per task.
    executor
        Any ``concurrent.futures.Executor``, for example ``ProcessPoolExecutor()`` or
        Dask's ``Client.get_executor()``. Default: run here.

    Returns
    -------
    History
        All chains, numbered 0 to ``chains - 1``.

    Raises
    ------
    ValueError
        If ``chains`` or ``block`` is not a positive integer.
    """
    check_count("chains", chains, least=1)
    check_count("block", block, least=1)
    _check(experiment, executor)
    starts = range(0, chains, block)
    sizes = [min(block, chains - start) for start in starts]
    root = seed if isinstance(seed, np.random.SeedSequence) else _root(seed)
    # Not root.spawn: it counts its children, so a second call would differ.
    children = [
        np.random.SeedSequence(root.entropy, spawn_key=(*root.spawn_key, i))
        for i in range(len(sizes))
    ]
    run = map if executor is None else executor.map
    parts = list(run(_run_block, [experiment] * len(sizes), sizes, children))
    for part in parts:
        if isinstance(part, History):
            continue
        raise ValueError(
            f"experiment returned {given(part)}; it must return a History, as "
            "recurse does"
        )
    history = History.join(parts)
    config = {**history.attrs.get("config", {}), "chains": chains, "block": block}
    return replace(history, attrs={"config": config})


def _check(experiment: object, executor: object) -> None:
    if isinstance(experiment, type) or not callable(experiment):
        raise ValueError(
            f"experiment is {given(experiment)}; it must be a function (chains, rng) "
            "that returns a History"
        )
    if executor is not None and not hasattr(executor, "submit"):
        raise ValueError(
            f"executor is {given(executor)}; it must be an Executor, for example "
            "ProcessPoolExecutor(), or None"
        )


def _root(seed: object) -> np.random.SeedSequence:
    return np.random.SeedSequence(check_count("seed", seed, least=0))


def _run_block(
    experiment: Experiment, chains: int, seed: np.random.SeedSequence
) -> History:
    return experiment(chains, np.random.default_rng(seed))
