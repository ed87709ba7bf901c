"""Replicates: the same numbers on any executor, in any process, on any threads."""

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest

from collapse_lib import models, parallel, recurse, regimes


def experiment(chains, rng):
    return recurse(
        models.Gaussian(law="exact"),
        models.FittedGaussian.standard("exact"),
        regime=regimes.Replace(),
        n_samples=20,
        n_generations=5,
        measure={"mu": lambda fit: fit.mu, "sigma": lambda fit: fit.sigma},
        rng=rng,
        chains=chains,
    )


def replicate(executor=None, chains=70, seed=1):
    return parallel.replicate(
        experiment, chains=chains, seed=seed, block=16, executor=executor
    )


@pytest.fixture(scope="module")
def here():
    return replicate()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_threads_give_the_same_frame(here, workers):
    with ThreadPoolExecutor(workers) as executor:
        assert replicate(executor).equals(here)


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_give_the_same_frame(here, workers):
    with ProcessPoolExecutor(workers) as executor:
        assert replicate(executor).equals(here)


def test_a_dask_cluster_of_two_workers_gives_the_same_frame(here, cluster):
    assert replicate(cluster.get_executor()).equals(here)


def test_the_frame_is_complete_and_numbered(here):
    assert here.array("sigma").shape == (6, 70)
    assert sorted(here["chain"].unique()) == list(range(70))
    assert len(here) == 2 * 6 * 70
    assert here.attrs["config"]["chains"] == 70


def test_blocks_are_independent(here):
    sigma = here.array("sigma")[-1]
    assert len(np.unique(sigma)) == 70


def test_calling_twice_with_one_seed_sequence_gives_the_same(here):
    root = np.random.SeedSequence(1)
    assert replicate(seed=root).equals(replicate(seed=root))
    assert replicate(seed=root).equals(here)
    assert not replicate(seed=2).equals(here)


@pytest.mark.parametrize("chains", [0, -1, 1.5])
def test_bad_numbers_of_chains_are_named(chains):
    with pytest.raises(ValueError, match=f"chains is {chains}"):
        replicate(chains=chains)


DIGEST = """
import hashlib, numpy as np
from collapse_lib import models, recurse, regimes
cases = [
    (models.Gaussian(), models.FittedGaussian.standard(), lambda f: f.sigma, 50_000),
    (models.Gaussian(law="exact"), models.FittedGaussian.standard("exact"),
     lambda f: f.mu, 50),
    (models.MultivariateGaussian(), models.FittedMultivariateGaussian.standard(30),
     lambda f: f.trace, 5_000),
    (models.MultivariateGaussian(law="exact"),
     models.FittedMultivariateGaussian.standard(30, "exact"), lambda f: f.trace, 50),
    (models.Categorical(500), models.FittedCategorical.of([1 / 500] * 500),
     lambda f: f.p[:, 0], 1000),
]
sha = hashlib.sha256()
for model, real, measure, n in cases:
    history = recurse(model, real, regime=regimes.Replace(), n_samples=n,
                      n_generations=3, measure={"x": measure}, chains=3,
                      rng=np.random.default_rng(11))
    sha.update(history["value"].to_numpy().tobytes())
print(sha.hexdigest())
"""


def test_numbers_depend_neither_on_the_process_nor_on_its_threads():
    digests = set()
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, threads)}
        command = [sys.executable, "-c", DIGEST]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1
    assert len(digests.pop()) == hashlib.sha256().digest_size * 2
