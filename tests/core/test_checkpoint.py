"""Long runs survive: killed at any moment, they end in the same bits."""

import json
import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from collapse_lib import files, models, recurse, regimes
from collapse_lib.recursion import checkpoint

N_GENERATIONS = 600
REGIMES = {
    "subsample": regimes.AccumulateSubsample(),
    "mix": regimes.Mix(0.6, 0.3, 0.1),
}
LAWS = {"subsample": "literal", "mix": "literal", "exact": "exact"}
FASTEST_RESTART = 0.05


def run(path, name="subsample", seed=3, n_generations=N_GENERATIONS, **options):
    law = LAWS[name]
    return recurse(
        models.Gaussian(law=law),
        models.FittedGaussian.standard(law),
        regime=REGIMES.get(name, regimes.Accumulate()),
        n_samples=options.get("n_samples", 10),
        n_generations=n_generations,
        measure={"mu": lambda fit: fit.mu, "sigma": lambda fit: fit.sigma},
        rng=np.random.default_rng(seed),
        chains=4,
        checkpoint=path,
        stop=options.get("stop"),
        store=options.get("store"),
    )


def run_and_tell(path, name, started, result):
    checkpoint.SECONDS_BETWEEN_CHECKPOINTS = 0.0
    started.set()
    history = run(path, name)
    partial = result.with_suffix(".partial")
    partial.write_bytes(history["value"].to_numpy().tobytes())
    partial.replace(result)


def wait_for_a_change(path, process):
    """Wait until a run has saved something, or has come to its end."""

    def written():
        return path.stat().st_mtime_ns if path.exists() else 0

    before = written()
    while written() == before and process.is_alive():
        time.sleep(0.001)


@pytest.mark.parametrize("name", LAWS)
def test_killed_at_random_moments_the_history_is_the_same(tmp_path, name):
    path, result = tmp_path / "run.npz", tmp_path / "values"
    context = multiprocessing.get_context("forkserver")
    # Parts of the library are imported at first use; here, before the first kill.
    context.set_forkserver_preload([__name__])
    rng = np.random.default_rng()
    kills = resumed = 0
    while not result.exists():
        resumed += path.exists()
        started = context.Event()
        process = context.Process(
            target=run_and_tell, args=(path, name, started, result)
        )
        process.start()
        started.wait(60)
        if kills < 20:
            if kills % 4:  # every fourth dies before it has got anywhere
                wait_for_a_change(path, process)
            time.sleep(rng.uniform(0, FASTEST_RESTART))
            os.kill(process.pid, signal.SIGKILL)
        process.join(60)
        kills += process.exitcode == -signal.SIGKILL
    assert kills >= 20
    assert resumed >= 10  # most restarts found something to go on from
    assert result.read_bytes() == run(None, name)["value"].to_numpy().tobytes()
    left = {p.name for p in tmp_path.iterdir()} - {"run.npz", "values"}
    assert all(name.endswith(".partial") for name in left), left


class Stopped(Exception):
    pass


def stop_before(n_fits):
    left = iter(range(n_fits))

    def stop():
        if next(left, None) is None:
            raise Stopped

    return stop


def saved(path, generation=3):
    """Leave a checkpoint that stopped at a generation, as a killed run does."""
    with pytest.raises(Stopped):
        run(path, n_generations=8, stop=stop_before(generation))
    return path


def test_a_resumed_run_only_does_what_is_left(tmp_path):
    path, fits = saved(tmp_path / "run.npz", generation=5), []
    resumed = run(path, n_generations=8, stop=lambda: fits.append(1))
    assert len(fits) == 9 - 5
    assert resumed.equals(run(None, n_generations=8))


@pytest.mark.parametrize(
    "other",
    [{"seed": 4}, {"name": "mix"}, {"n_samples": 11}],
    ids=str,
)
def test_a_foreign_checkpoint_is_refused_and_left_untouched(tmp_path, other):
    path = saved(tmp_path / "run.npz")
    before = path.read_bytes()
    options = {"n_generations": 8, **other}
    with pytest.raises(ValueError, match="belongs to another experiment"):
        run(path, **options)
    assert path.read_bytes() == before


def flip_a_byte(path: Path, at: float) -> None:
    content = bytearray(path.read_bytes())
    content[int(at * (len(content) - 1))] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("at", np.linspace(0, 1, 25))
def test_a_flipped_byte_is_noticed_or_harmless(tmp_path, at):
    path = saved(tmp_path / "run.npz")
    flip_a_byte(path, at)
    before = path.read_bytes()
    try:
        resumed = run(path, n_generations=8)
    except ValueError as error:
        assert "checkpoint" in str(error)
        assert path.read_bytes() == before
    else:  # a byte of the archive's padding or time stamps
        assert resumed.equals(run(None, n_generations=8))


@pytest.mark.parametrize(
    "content", [b"", b"not an archive", b"PK\x03\x04 cut off"], ids=len
)
def test_what_is_no_checkpoint_is_refused_and_left_untouched(tmp_path, content):
    path = tmp_path / "run.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="left untouched - delete it"):
        run(path, n_generations=8)
    assert path.read_bytes() == content


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = saved(tmp_path / "run.npz")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="not a readable checkpoint"):
        run(path, n_generations=8)


def test_changed_numbers_are_noticed_by_the_checksum(tmp_path):
    path = saved(tmp_path / "run.npz")
    with np.load(path) as archive:
        arrays = dict(archive)
    arrays["measured.mu"] = arrays["measured.mu"] + 1e-9
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match="checksum"):
        run(path, n_generations=8)


def change(path, **meta):
    """Write a file again with something else said in it, and a checksum that fits."""
    options = {"format": checkpoint.FORMAT, "what": "checkpoint", "remedy": ""}
    arrays, about = files.read_arrays(path, **options)
    about = {k: v for k, v in {**about, **meta}.items() if v is not ...}
    files.write_arrays(path, arrays, about)


ODD = [
    *({"machines": ...}, {"fingerprint": ...}, {"role": ...}, {"generation": "x"}),
    *({"rng_state": 3}, {"kinds": {"first": None, "memory": None}}),
    {"kinds": {"first": None, "memory": None, "training": {"kind": "unknown"}}},
]


@pytest.mark.parametrize("meta", ODD, ids=str)
def test_what_no_run_wrote_is_refused(tmp_path, meta):
    path = saved(tmp_path / "run.npz")
    change(path, **meta)
    before = path.read_bytes()
    (name,) = meta
    with pytest.raises(ValueError, match=rf"\(its {name} is not as .* - delete it"):
        run(path, n_generations=8)
    assert path.read_bytes() == before


def test_the_state_of_a_store_is_no_checkpoint(tmp_path):
    run(None, n_generations=2, store=tmp_path)
    with pytest.raises(ValueError, match="the state of a store, .* go on with store="):
        run(tmp_path / "state.npz", n_generations=2)


def test_nothing_is_unpickled(tmp_path):
    path = tmp_path / "run.npz"
    np.savez(path, meta=np.array([json.dumps({}), None], dtype=object))
    with pytest.raises(ValueError, match="it holds Python objects"):
        run(path, n_generations=8)


def test_a_failed_write_keeps_the_old_checkpoint(tmp_path, monkeypatch):
    path = saved(tmp_path / "run.npz")
    before = path.read_bytes()

    def full_disk(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.warns(UserWarning, match=r"not be saved \(.*No space left .*run.npz"):
        history = run(path, n_generations=8)
    assert history.equals(run(None, n_generations=8))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_of_another_format_says_what_to_do(tmp_path):
    path = tmp_path / "run.npz"
    meta = {"format": "collapse_lib checkpoint 1", "fingerprint": "", "digest": ""}
    np.savez(path, values=np.zeros(3), meta=np.array(json.dumps(meta)))
    with pytest.raises(ValueError, match="checkpoint 1.* delete it to start again"):
        run(path, n_generations=8)
