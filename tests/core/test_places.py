"""Where runs are kept: tried at the start, and no finished history is lost for it."""

import os
from pathlib import Path

import numpy as np
import pytest

from collapse_lib import files, models, recurse, regimes

KINDS = ("checkpoint", "store")


def run(n_generations=3, rng=None, **options):
    return recurse(
        options.pop("model", models.Gaussian()),
        np.arange(12.0),
        regime=options.pop("regime", regimes.Replace()),
        n_samples=10,
        n_generations=n_generations,
        measure=options.pop("measure", {"sigma": lambda fit: fit.sigma}),
        rng=rng or np.random.default_rng(3),
        **options,
    )


class Untouched(models.Gaussian):
    def fit(self, data, rng):
        raise AssertionError("nothing must be fitted before the place is tried")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_folder_is_made(kind, tmp_path):
    place = tmp_path / "not" / "yet" / "run"
    assert run(**{kind: place}).equals(run())
    assert run(5, **{kind: place}).equals(run(5))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", ["relative/run", "~/run", Path("path/run")], ids=str)
def test_paths_are_those_of_the_shell(kind, place, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()

    def measure(generation):
        os.chdir(tmp_path / "elsewhere")
        return {"sigma": generation.fitted.sigma}

    run(measure=measure, **{kind: place})
    expected = Path(str(place).replace("~", "home"))
    assert (tmp_path / expected).exists()
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "value", ["", " ", 3, True, False, b"run", ["run"], {}, np.nan, np.array("run")]
)
def test_what_is_no_path_is_named(kind, value):
    with pytest.raises(
        (TypeError, ValueError), match=f"{kind} is .*must be (a|the) path"
    ):
        run(**{kind: value})


def test_a_folder_is_no_file_and_a_file_no_folder(tmp_path):
    with pytest.raises(
        ValueError, match=r"which is a folder; give a file, such as .*/run\.npz"
    ):
        run(model=Untouched(), checkpoint=tmp_path)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(
        ValueError, match="store is .* which is a file; give a folder, such as"
    ):
        run(model=Untouched(), store=tmp_path / "file")
    for kind in KINDS:
        with pytest.raises(ValueError, match=f"{kind} is .* where nothing can be kept"):
            run(model=Untouched(), **{kind: tmp_path / "file" / "run"})
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("special", ["a pipe", "/dev/full", "/dev/null"])
def test_a_device_or_a_pipe_is_refused_at_once(kind, special, tmp_path):
    path = tmp_path / "pipe"
    if special == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(special)
    with pytest.raises(ValueError, match=f"{kind} is .* a device or a pipe; give the"):
        run(model=Untouched(), **{kind: path})
    with pytest.raises(ValueError, match=r"a device or a pipe\)"):
        files.read_arrays(path, format=1, what="record", remedy="")


def test_a_link_stays_a_link_and_its_target_is_written(tmp_path):
    (tmp_path / "store").mkdir()
    for place in ({"checkpoint": tmp_path / "run"}, {"store": tmp_path / "store"}):
        link = place.get("checkpoint") or tmp_path / "store" / "state.npz"
        target = tmp_path / f"disk-{link.name}"
        link.symlink_to(target)
        run(2, **place)
        before = target.read_bytes()
        assert run(5, **place).equals(run(5))
        assert link.is_symlink() and target.read_bytes() != before


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a" * 300, "zero\0byte"], ids=["long", "zero"])
def test_a_name_that_no_disk_takes_is_refused(kind, name, tmp_path):
    with pytest.raises(ValueError, match=f"{kind} is .* where nothing can be kept"):
        run(model=Untouched(), **{kind: tmp_path / ("a" * 300)})


def fail(monkeypatch, error, when=lambda path: True):
    """Let nothing be written any more."""
    write = files.write

    def failing(path, content):
        if when(Path(path)):
            raise error
        write(path, content)

    monkeypatch.setattr(files.records, "write", failing)


def denied(path, mode):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_that_is_read_only_is_refused_before_any_fit(
    kind, tmp_path, monkeypatch
):
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(ValueError, match=r"kept \(Permission denied\); give a path in"):
        run(model=Untouched(), **{kind: tmp_path / "run"})


FULL = OSError(28, "No space left on device")


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_fills_up_costs_no_history(kind, tmp_path, monkeypatch):
    place = {kind: tmp_path / "run"}
    run(1, **place)
    with monkeypatch.context() as patch:
        fail(patch, FULL)
        with pytest.warns(UserWarning, match="No space left .* history that recurse"):
            history = run(4, **place)
    assert history.equals(run(4))
    # What was there before is not harmed: it goes on from there.
    assert run(5, **place).equals(run(5))


def test_a_store_writes_what_could_not_be_written_when_there_is_room(
    tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        name = "generation-01.npz"
        times = iter(range(10))
        fail(patch, FULL, lambda path: path.name == name and next(times) < 2)
        with pytest.warns(UserWarning, match="could not be saved"):
            history = run(store=tmp_path)
    assert history.equals(run())
    kept = {path.name for path in tmp_path.iterdir()}
    assert kept == {"state.npz", *(f"generation-{t:02d}.npz" for t in range(4))}


def test_a_run_that_is_stopped_on_a_full_disk_says_both(tmp_path, monkeypatch):
    stops = iter([None, None, KeyboardInterrupt])

    def stop():
        if error := next(stops):
            raise error

    fail(monkeypatch, FULL)
    with pytest.warns(UserWarning, match="No space"), pytest.raises(KeyboardInterrupt):
        run(checkpoint=tmp_path / "run.npz", stop=stop)


BITS = ["MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("bits", BITS)
def test_any_bit_generator_goes_on(bits, kind, tmp_path):
    def generator():
        return np.random.Generator(getattr(np.random, bits)(7))

    for n_generations in (2, 4):
        one, other = generator(), generator()
        kept = run(n_generations, one, **{kind: tmp_path / "run"})
        assert kept.equals(run(n_generations, other))
        assert str(one.bit_generator.state) == str(other.bit_generator.state)


class Spawning(models.Gaussian):
    """A model that draws from children of the generator."""

    def fit(self, data, rng):
        (child,) = rng.spawn(1)
        return super().fit(data + child.normal(), rng)


@pytest.mark.parametrize("kind", KINDS)
def test_children_of_a_generator_go_on(kind, tmp_path):
    measure = {"mu": lambda fit: fit.mu}
    for n_generations in (2, 2, 5):
        options = {"model": Spawning(), "measure": measure}
        kept = run(n_generations, **options, **{kind: tmp_path / "run"})
        assert kept.equals(run(n_generations, **options))


BAD = [
    ({"record": 3}, r"record is 3; it must name generations, e.g. range\(0, 4, 10\)"),
    ({"record": "12"}, "record is '12'; it must name generations"),
    ({"record": [0.5]}, "record is 0.5; it must be an integer"),
    ({"record": [True]}, "record is True; it must be an integer"),
    ({"record": [None]}, "record is None; it must be an integer"),
    ({"record": np.array([[0, 1]])}, "record is "),
    ({"stop": 3}, "stop is 3; it must be a function without arguments"),
    ({"stop": "never"}, "stop is 'never'; it must be a function"),
    ({"progress": "yes"}, "progress is 'yes'; allowed: True, False, None"),
    ({"progress": 1}, "progress is 1; allowed"),
    ({"measure": ["mu"]}, r"measure is \['mu'\]; it must be name -> function"),
    ({"measure": "mu"}, "measure is 'mu'; it must be"),
    ({"measure": None}, "measure is None; it must be"),
    ({"measure": {"mu": "mu"}}, "measure holds 'mu': 'mu'; names must be texts"),
    ({"measure": {1: lambda fit: fit.mu}}, "measure holds 1: .* names must be texts"),
    ({"measure": lambda g: g.fitted.mu}, "measure returned a ndarray; return name ->"),
    ({"measure": lambda g: {1: g.fitted.mu}}, "returned the name 1; names must be"),
    (
        {"measure": {"x": lambda fit: [[1], [1, 2]]}},
        "'x' returned a list that is no array",
    ),
    (
        {"measure": {"x": lambda fit: np.ma.array([1.0], mask=[True])}},
        "'x' returned an array with masked values; return NaN",
    ),
    ({"model": models.Gaussian}, r"model is the class Gaussian; make one: Gaussian\("),
    ({"regime": regimes.Replace}, r"regime is the class Replace; make one: Replace"),
    ({"first": models.FittedGaussian}, "first is the class FittedGaussian; make one"),
    (
        {"first": 3},
        r"first is, or returned, 3; it must be a fitted model with sample\(n, rng\)",
    ),
    ({"model": lambda t: None}, r"model\(0\) returned None; a schedule must return"),
    ({"rng": np.random.RandomState(1)}, "pass np.random.default_rng"),
    ({"rng": np.random.default_rng}, "pass np.random.default_rng"),
]


@pytest.mark.parametrize(("options", "message"), BAD)
def test_bad_values_are_named_with_what_is_allowed(options, message):
    with pytest.raises(ValueError, match=message):
        run(**options)


class Fits(models.Gaussian):
    def fit(self, data, rng):
        return None


class Steps(regimes.Regime):
    def next(self, turn):
        return turn.fitted.sample(turn.n, turn.rng)


def test_what_others_return_is_looked_at():
    with pytest.raises(ValueError, match="fit of the model of generation 0 returned N"):
        run(model=Fits())
    with pytest.raises(ValueError, match=r"returned a ndarray; it must return .*Step"):
        run(regime=Steps())
