"""A run kept in a folder: killed at any moment, extended, damaged."""

import multiprocessing
import os
import signal
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from collapse_lib import files, models, recurse, regimes

N_GENERATIONS = 200
KINDS = ("checkpoint", "store")


def measure(generation):
    fitted = generation.fitted
    return {
        "mu": fitted.mu,
        "points": generation.training[:, :3],
        "shift": fitted.mu - generation.first.mu,
    }


def run(n_generations=8, rng=None, measure=measure, regime=None, **options):
    return recurse(
        options.pop("model", models.Gaussian()),
        models.FittedGaussian.standard(),
        regime=regime or regimes.AccumulateSubsample(),
        n_samples=options.pop("n_samples", 10),
        n_generations=n_generations,
        measure=measure,
        rng=rng or np.random.default_rng(3),
        chains=4,
        **options,
    )


# Killed


def run_and_tell(folder, started, result, dies_at):
    """Run; die in the middle of one of the writes, or tell the numbers at the end."""
    write, writes = files.write, iter(range(10**9))

    def write_half(path, content):
        if next(writes) == dies_at:
            write(path, die_half_way)
        write(path, content)

    def die_half_way(file):
        file.write(b"PK half of an archive")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    files.records.write = write_half
    started.set()
    history = run(N_GENERATIONS, store=folder)
    files.records.write = write
    files.write(result, history.array("points").tobytes())


def killed_run(tmp_path, kills_wanted, dies_at=lambda kills: -1, kill=None):
    """Run in processes that die until enough have died; return how many did."""
    folder, result = tmp_path / "run", tmp_path / "values"
    context = multiprocessing.get_context("forkserver")
    # Parts of the library are imported at first use; here, before the first kill.
    context.set_forkserver_preload([__name__])
    kills = resumed = 0
    while not result.exists():
        resumed += (folder / "state.npz").exists()
        started = context.Event()
        at = dies_at(kills) if kills < kills_wanted else -1
        process = context.Process(
            target=run_and_tell, args=(folder, started, result, at)
        )
        process.start()
        started.wait(60)
        if kill and kills < kills_wanted:
            kill(process, folder)
        process.join(120)
        kills += process.exitcode == -signal.SIGKILL
    assert kills >= kills_wanted
    assert resumed >= kills_wanted // 2  # most found something to go on from
    assert result.read_bytes() == run(N_GENERATIONS).array("points").tobytes()
    left = {path.name for path in folder.iterdir()}
    whole = {f"generation-{t:02d}.npz" for t in range(N_GENERATIONS + 1)}
    partial = left - whole - {"state.npz"}
    assert whole <= left
    assert all(name.startswith(".") for name in partial), partial
    return len(partial)


def test_killed_at_random_moments_the_history_is_the_same(tmp_path):
    rng = np.random.default_rng()

    def kill(process, folder):
        there = len(list(folder.glob("g*"))) if folder.exists() else 0
        while process.is_alive() and len(list(folder.glob("g*"))) == there:
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.01))
        os.kill(process.pid, signal.SIGKILL)

    killed_run(tmp_path, 30, kill=kill)


def test_killed_in_the_middle_of_a_write_the_history_is_the_same(tmp_path):
    # The first writes of a process, the files of generations and states in turn.
    partial = killed_run(tmp_path, 30, dies_at=lambda kills: kills % 7)
    assert partial == 30


# Extended


def run_and_state(n_generations, **options):
    """Return a history and the state that its generator ends in."""
    rng = np.random.default_rng(3)
    return run(n_generations, rng, **options), rng.bit_generator.state


REGIMES = [
    regimes.AccumulateSubsample(),
    regimes.Mix(0.5, 0.3, 0.2),
    regimes.Augment(),
    regimes.Fresh(),
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("regime", REGIMES, ids=lambda r: type(r).__name__)
def test_a_finished_run_that_is_extended_equals_one_long_run(tmp_path, kind, regime):
    kept = {kind: tmp_path / "run", "regime": regime}
    for n_generations in (0, 3, 3, 8, 8):  # also asked for once more, without work
        history, state = run_and_state(n_generations, **kept)
        plain, expected = run_and_state(n_generations, regime=regime)
        assert history.equals(plain)
        assert state == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_is_compared_as_far_as_the_run_has_come(tmp_path, kind):
    kept = {kind: tmp_path / "run"}
    run(3, n_samples=lambda t: 10 + t, **kept)
    longer = run(6, n_samples=lambda t: 10 + t + (t > 4), **kept)
    assert longer.equals(run(6, n_samples=lambda t: 10 + t + (t > 4)))
    with pytest.raises(ValueError, match="belongs to another experiment"):
        run(8, n_samples=lambda t: 10 + t + (t > 5), **kept)


@pytest.mark.parametrize("kind", KINDS)
def test_a_schedule_that_ends_with_the_run_is_no_error_but_an_end(tmp_path, kind):
    kept, sizes = {kind: tmp_path / "run"}, [10, 20, 30]
    history = run(2, n_samples=lambda t: sizes[t], **kept)
    assert history.equals(run(2, n_samples=lambda t: sizes[t], **kept))
    with pytest.raises(ValueError, match=r"ends at generation 2 .*IndexError"):
        run(3, n_samples=lambda t: [*sizes, 40][t], **kept)


@pytest.mark.parametrize("kind", KINDS)
def test_fewer_generations_than_there_are_is_refused_with_what_to_do(tmp_path, kind):
    kept = {kind: tmp_path / "run"}
    history = run(5, **kept)
    with pytest.raises(ValueError, match=r"reached 5; .* history.at\(range\(4\)\)"):
        run(3, **kept)
    assert history.at(range(4)).equals(run(3))


@pytest.mark.parametrize("kind", KINDS)
def test_generations_may_be_recorded_as_far_as_they_were_measured(tmp_path, kind):
    kept = {kind: tmp_path / "run"}
    run(4, record=[0, 2, 4], **kept)
    with pytest.raises(ValueError, match=r"generations 1, 3, which .*: 0, 2, 4\)"):
        run(6, **kept)
    history = run(6, record=[2, 5, 6], **kept)
    assert history.equals(run(6).at([2, 5, 6]))
    assert run(6, record=[0, 4, 6], **kept).equals(run(6).at([0, 4, 6]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_generations", [3, 5])
def test_other_measures_are_refused(tmp_path, kind, n_generations):
    kept = {kind: tmp_path / "run"}
    run(3, measure={"mu": lambda fit: fit.mu}, **kept)
    message = "measured is .*sigma, but the generations before hold mu; measure the"
    for names in (["sigma"], ["mu", "sigma"]):
        other = {name: lambda fit: fit.mu for name in names}
        with pytest.raises(ValueError, match=message):
            run(n_generations, measure=other, **kept)


def test_another_shape_than_in_the_generations_before_is_refused(tmp_path):
    def measure(generation):
        return {"x": np.zeros((4, 2 + (generation.t > 2)))}

    run(2, measure=measure, store=tmp_path / "run")
    with pytest.raises(ValueError, match=r"\(4, 3\) in generation 3 and \(4, 2\)"):
        run(3, measure=measure, store=tmp_path / "run")


def test_a_run_is_kept_in_one_place():
    with pytest.raises(
        ValueError, match="checkpoint is 'a' and store is 'b'; give one"
    ):
        run(checkpoint="a", store="b")


@dataclass(frozen=True)
class Counted(models.Gaussian):
    fits: list[int] = field(default_factory=list, compare=False)

    def fit(self, data, rng):
        self.fits.append(1)
        return super().fit(data, rng)


def test_the_first_model_is_fitted_again_only_if_it_is_asked_for(tmp_path):
    model = Counted()
    run(3, model=model, store=tmp_path / "run")
    model.fits.clear()
    run(3, model=model, store=tmp_path / "run")
    assert len(model.fits) == 0
    run(5, model=model, store=tmp_path / "run")
    assert len(model.fits) == 1 + 2


# Damaged


@pytest.mark.parametrize("name", ["generation-02.npz", "state.npz"])
@pytest.mark.parametrize("n_generations", [4, 6])
def test_a_damaged_file_is_named_and_left_as_it_is(tmp_path, name, n_generations):
    run(4, store=tmp_path)
    path = tmp_path / name
    path.write_bytes(path.read_bytes()[:-60])
    before = path.read_bytes()
    with pytest.raises(ValueError, match=f"{name} is not a readable checkpoint"):
        run(n_generations, store=tmp_path)
    assert path.read_bytes() == before


def test_a_missing_generation_is_named(tmp_path):
    run(4, store=tmp_path)
    (tmp_path / "generation-02.npz").unlink()
    with pytest.raises(
        ValueError,
        match=r"generations 2, .*0, 1, 3, 4\); put files that are lost back, or del",
    ):
        run(4, store=tmp_path)


def test_a_folder_of_another_experiment_is_refused_and_left_as_it_is(tmp_path):
    run(3, store=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="another experiment"):
        run(3, np.random.default_rng(4), store=tmp_path)
    (tmp_path / "state.npz").unlink()
    with pytest.raises(ValueError, match="another experiment"):
        run(3, np.random.default_rng(4), store=tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == before[path]


def test_another_known_generation_0_is_another_experiment(tmp_path):
    first = models.FittedGaussian(np.zeros(4), np.ones(4))
    run(2, first=first, store=tmp_path)
    assert run(3, first=first, store=tmp_path).equals(run(3, first=first))
    other = models.FittedGaussian(np.zeros(4), np.full(4, 2.0))
    with pytest.raises(ValueError, match="another experiment"):
        run(3, first=other, store=tmp_path)
    with pytest.raises(ValueError, match="another experiment"):
        run(3, store=tmp_path)
