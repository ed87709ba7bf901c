"""The engine of studies: on disk, cut short anywhere, shared, extended, refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections import Counter
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_study
import toy_study
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_study import ARMS, CONFIG, DIE, Toy

from collapse_lib.regimes import Fresh
from collapse_lib.studies import study
from collapse_lib.studies.study import Arm, Clock, Lineage, TimeUp

TOY = Toy(ARMS)
NAMES = ["replace-0", "replace-1", "accumulate-0", "accumulate-1"]


def run(folder: Path | None = None, **more: Any) -> Any:
    config = {**CONFIG, **more.pop("config", {})}
    return more.pop("study", TOY).run(config, seed=5, folder=folder, **more)


@pytest.fixture(scope="module")
def history() -> Any:
    return run()


def environment(**more: str) -> dict[str, str]:
    """Return the variables of a process that imports what this one imports."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **more}


def same(one: Any, other: Any) -> bool:
    assert one.arms == other.arms
    for arm in one.arms:
        assert one.arm(arm).attrs == other.arm(arm).attrs
        assert one.arm(arm).equals(other.arm(arm))
    return True


def files(folder: Path) -> dict[str, int]:
    """Name of each file of a generation, and when it was written."""
    paths = folder.rglob("generation-*.npz")
    return {str(p.relative_to(folder)): p.stat().st_mtime_ns for p in paths}


# ---- what is measured ---------------------------------------------------------------


def test_every_arm_has_its_replicates_as_chains(history: Any) -> None:
    assert history.arms == ["replace", "accumulate"]
    assert history.array("sigma").shape == (2, 4, 2)
    assert history.array("both").shape == (2, 4, 2, 2)
    assert history.arm("replace").attrs == {"replicates": [0, 1]}
    assert set(history.frame().columns) == {
        *("arm", "generation", "chain", "metric", "value")
    }


def test_all_arms_of_a_replicate_share_generation_0(history: Any) -> None:
    sigma = history.array("sigma")
    np.testing.assert_array_equal(sigma[0, 0], sigma[1, 0])
    assert sigma[0, 0, 0] != sigma[0, 0, 1]
    assert (sigma[0, 1:] != sigma[1, 1:]).all()


def test_another_seed_gives_other_numbers(history: Any) -> None:
    other = TOY.run(CONFIG, seed=6)
    assert (other.array("sigma")[:, 1:] != history.array("sigma")[:, 1:]).all()


def test_each_generation_is_told(tmp_path: Path, capsys: Any) -> None:
    run(tmp_path, only=["replace-1"], quiet=False)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert lines[3].startswith("replace-1 generation 3: sigma ")


@pytest.mark.parametrize("quiet", [True, False])
def test_what_is_told_is_no_part_of_the_experiment(
    quiet: bool, tmp_path: Path, history: Any, capsys: Any
) -> None:
    with pytest.raises(TimeUp):
        run(tmp_path, minutes=0, quiet=quiet)
    with pytest.raises(TimeUp):
        run(tmp_path, minutes=0, quiet=quiet)
    assert same(run(tmp_path, quiet=not quiet), history)
    longer = run(tmp_path, config={"generations": 4}, quiet=quiet)
    np.testing.assert_array_equal(longer.array("sigma")[:, :4], history.array("sigma"))
    # Measures of the fit by name are told, too.
    run(only=["replace-0"], study=Other(ARMS), quiet=False)
    assert "replace-0 generation 3: sigma " in capsys.readouterr().out


def test_nothing_is_left_behind_without_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    run()
    with pytest.raises(TimeUp):
        run(minutes=0)
    assert not list(tmp_path.iterdir())


# ---- cut short ----------------------------------------------------------------------


def test_a_run_out_of_time_goes_on_to_the_same_numbers(
    tmp_path: Path, history: Any
) -> None:
    # Each call begins one fit: the first ones of two replicates, then all others.
    for _ in range(2 + 2 * 2 * 3 - 1):
        with pytest.raises(TimeUp):
            run(tmp_path, minutes=0)
    assert same(run(tmp_path, minutes=0), history)


def test_the_clock_lets_one_fit_begin() -> None:
    clock = Clock(deadline=0)
    clock.check()
    with pytest.raises(TimeUp):
        clock.check()
    Clock().check()


@pytest.mark.parametrize(("what", "later"), [("fit", 1), ("write", 3)])
def test_killed_anywhere_it_goes_on_to_the_same_numbers(
    what: str, later: int, tmp_path: Path, history: Any
) -> None:
    # SIGKILL, in another fit or with another file half written in each call.
    command = [sys.executable, toy_study.__file__, str(tmp_path)]
    for killed in range(100):
        variables = environment(**{DIE: f"{what} {later * (killed % 3) + 1}"})
        done = subprocess.run(command, env=variables, capture_output=True, timeout=60)
        if done.returncode == 0:
            break
        assert done.returncode == -9, done.stderr.decode()
    assert killed >= 5
    assert same(TOY.read(tmp_path), history)
    assert same(run(tmp_path), history)


def test_no_fit_is_made_twice_unless_it_was_in_the_air(tmp_path: Path) -> None:
    note = tmp_path / "fits"
    for _ in range(20):
        try:
            run(tmp_path / "kept", minutes=0, note=note)
            break
        except TimeUp:
            continue
    fits = Counter(line.split()[0] for line in note.read_text().splitlines())
    assert fits == {"first": 2, **dict.fromkeys(NAMES, 3)}


# ---- shared -------------------------------------------------------------------------


def test_processes_can_share_a_folder(tmp_path: Path, history: Any) -> None:
    code = (
        "import sys, toy_study as t; "
        "t.Toy(t.ARMS).run(t.CONFIG, seed=5, folder=sys.argv[1], only=sys.argv[2:])"
    )
    shares = [["replace-0", "accumulate-1"], ["accumulate-0", "replace-1"]]
    both = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), *names],
            env=environment(),
        )
        for names in shares
    ]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    before = files(tmp_path)
    assert len(before) == 16
    assert same(run(tmp_path), history)
    assert files(tmp_path) == before


def test_a_part_of_the_lineages(tmp_path: Path, history: Any) -> None:
    found = run(tmp_path, only=["replace-1"])
    assert found.arms == ["replace"]
    assert found.arm("replace").attrs == {"replicates": [1]}
    np.testing.assert_array_equal(
        found.array("sigma")[0, :, 0], history.array("sigma")[0, :, 1]
    )


def test_a_lineage_that_is_not_there_is_named() -> None:
    with pytest.raises(
        ValueError, match="no lineage replace-7; this configuration has replace-0, "
    ):
        run(only=["replace-0", "replace-7"])


def check_executor(executor: Executor, tmp_path: Path, history: Any) -> set[str]:
    """Run a study on an executor, out of time at first; return who worked."""
    note = tmp_path / "fits"
    folder = tmp_path / "kept"
    with pytest.raises(TimeUp):
        run(folder, minutes=0, executor=executor, note=note)
    assert len(note.read_text().splitlines()) == 1
    staged = Toy(ARMS, staged=True)
    found = run(folder, executor=executor, note=note, study=staged)
    assert same(found, history)
    lines = [line.split() for line in note.read_text().splitlines()]
    assert Counter(name for name, _ in lines) == {
        "first": 2,
        **dict.fromkeys(NAMES, 3),
    }
    return {process for _, process in lines}


@pytest.mark.parametrize("kind", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_lineages_run_side_by_side(kind: Any, tmp_path: Path, history: Any) -> None:
    with kind(2) as executor:
        check_executor(executor, tmp_path, history)


def test_lineages_run_on_a_dask_cluster(
    tmp_path: Path, history: Any, cluster: Any
) -> None:
    workers = check_executor(cluster.get_executor(), tmp_path, history)
    assert str(os.getpid()) not in workers


def test_the_script_can_start_workers(tmp_path: Path, history: Any) -> None:
    given = Namespace(folder=tmp_path, minutes=float("inf"), only=None, workers=2)
    run_study.run(TOY, CONFIG, 5, given, {}, start=time.monotonic())
    assert same(TOY.read(tmp_path), history)


def test_an_executor_needs_a_folder() -> None:
    with ThreadPoolExecutor(1) as executor, pytest.raises(ValueError, match="a folder"):
        run(executor=executor)


def test_an_error_of_a_worker_is_raised_here(tmp_path: Path) -> None:
    class Broken(Toy):
        def build(self, *args: Any, **settings: Any) -> Any:
            raise ValueError("no such data")

    with ThreadPoolExecutor(2) as executor, pytest.raises(ValueError, match="no such"):
        run(tmp_path, executor=executor, study=Broken(ARMS))


# ---- extended -----------------------------------------------------------------------


def test_more_replicates_generations_and_arms_go_on_from_what_is_there(
    tmp_path: Path, history: Any
) -> None:
    few = {"generations": 1, "seeds": 1}
    run(tmp_path, config=few, study=Toy({"replace": ARMS["replace"]}))
    before = files(tmp_path)
    assert same(run(tmp_path), history)
    after = files(tmp_path)
    assert {name: after[name] for name in before} == before
    # What was asked for is returned, though there is more.
    fewer = run(tmp_path, config=few)
    assert fewer.array("sigma").shape == (2, 2, 1)
    assert files(tmp_path) == after


def test_a_lineage_that_waits_for_others_goes_on(tmp_path: Path, history: Any) -> None:
    note = tmp_path / "fits"
    assert same(run(study=Toy(ARMS, staged=True), note=note), history)
    order = [line.split()[0] for line in note.read_text().splitlines()]
    assert order[:5] == ["first", "replace-0", "first", "replace-1", "replace-0"]


# ---- refused ------------------------------------------------------------------------


def test_another_configuration_is_refused_and_nothing_is_changed(
    tmp_path: Path,
) -> None:
    run(tmp_path)
    before = files(tmp_path)
    with pytest.raises(ValueError, match=r"\(different: n, seed, unit\); use another"):
        TOY.run({**CONFIG, "n": 9, "unit": 2.0}, seed=6, folder=tmp_path)
    assert files(tmp_path) == before


def test_arms_that_changed_are_named(tmp_path: Path) -> None:
    run(tmp_path)
    turned = dict(reversed(ARMS.items()))
    with pytest.raises(ValueError, match="different: arm accumulate, arm replace"):
        run(tmp_path, study=Toy(turned))
    other = {**ARMS, "accumulate": replace(ARMS["accumulate"], regime=Fresh())}
    with pytest.raises(ValueError, match="different: arm accumulate"):
        run(tmp_path, study=Toy(other))
    # A label is for figures only, and new arms go to the end.
    renamed = {**ARMS, "replace": Arm("all is new"), "third": Arm("again")}
    assert run(tmp_path, study=Toy(renamed)).arms == ["replace", "accumulate", "third"]
    with pytest.raises(ValueError, match="different: arm third"):
        run(tmp_path, study=Toy({**ARMS, "third": ARMS["accumulate"]}))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("config.json", '{"epochs": 2, "seed": 7}'),  # the first version's
        ("study.json", '{"format": 1}'),
        ("study.json", "{"),
    ],
)
def test_a_run_of_another_version_is_left_as_it_is(
    name: str, text: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=r"another version.*delete this one"):
        run(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == text


@dataclass(frozen=True)
class Other(Toy):
    """The same study, measured by other code."""

    def build(self, *args: Any, **settings: Any) -> Any:
        return _Other(**vars(super().build(*args, **settings)))


class _Other(toy_study._Toy):
    def lineage(self, *args: Any) -> dict[str, Any]:
        measure = {"sigma": lambda fit: fit.sigma**2}
        return {**super().lineage(*args), "measure": measure}


def test_other_code_is_refused_also_where_everything_is_there(tmp_path: Path) -> None:
    run(tmp_path)
    with pytest.raises(ValueError, match="different: the code that fits and measures"):
        run(tmp_path, study=Other(ARMS))


@dataclass(frozen=True)
class Power(Toy):
    """A study with a field of its own and a method that helps."""

    power: float = 1.0

    def scale(self) -> float:
        return 1.0

    def build(self, config: Any, **settings: Any) -> Any:
        config = {**config, "n": int(config["n"] * self.power * self.scale())}
        return super().build(config, **settings)


@dataclass(frozen=True)
class Scaled(Power):
    """The same ``build`` with another helper."""

    def scale(self) -> float:
        return 2.0


@pytest.mark.parametrize(
    "other", [Power(ARMS, power=2.0), Scaled(ARMS)], ids=["field", "helper"]
)
def test_all_of_a_study_that_decides_numbers_counts(other: Any, tmp_path: Path) -> None:
    own = Power(ARMS)
    run(tmp_path, study=own)
    run(tmp_path, study=replace(own, staged=True))  # compare=False: no number
    with pytest.raises(ValueError, match="different: the code that fits and measures"):
        run(tmp_path, study=other)


def test_a_run_that_does_not_say_of_what_is_refused(tmp_path: Path) -> None:
    run(tmp_path)
    (tmp_path / "study.json").unlink()
    before = files(tmp_path)
    with pytest.raises(ValueError, match=r"no study\.json that says .*put the file"):
        TOY.run({**CONFIG, "n": 50}, seed=6, folder=tmp_path)
    assert files(tmp_path) == before and not (tmp_path / "study.json").exists()


def test_a_study_that_cannot_be_built_claims_no_folder(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="typo"):
        run(tmp_path, typo=1, study=Exact(ARMS), precision="half")
    assert not list(tmp_path.iterdir())
    run(tmp_path, study=Exact(ARMS), precision="float32")


def test_numbers_of_numpy_are_numbers(tmp_path: Path, history: Any) -> None:
    config = {**CONFIG, "n": np.int64(20), "unit": np.float64(1.0)}
    assert same(TOY.run(config, seed=np.int64(5), folder=tmp_path), history)
    assert same(run(tmp_path), history)


@dataclass(frozen=True)
class Exact(Toy):
    """A study with a precision."""

    def build(self, *args: Any, precision: str = "float32", **settings: Any) -> Any:
        print(precision)
        return super().build(*args, **settings)


def test_another_precision_is_refused_and_none_goes_on_with_the_folders(
    tmp_path: Path, capsys: Any
) -> None:
    for first, other in (({}, "bfloat16"), ({"precision": "bfloat16"}, "float32")):
        options = {"folder": tmp_path / other, "study": Exact(ARMS)}
        run(**options, only=["replace-0"], **first)
        theirs = first.get("precision", "float32")
        said = rf"\(different: precision {other}, there {theirs}\); use another"
        with pytest.raises(ValueError, match=said):
            run(**options, precision=other)
        run(**options, only=["replace-1"], precision=theirs)
        run(**options)
    assert capsys.readouterr().out.split() == ["float32"] * 3 + ["bfloat16"] * 3


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"only": "replace-0"},
            r"only is 'replace-0'; it must be a list: \['replace-0'",
        ),
        ({"minutes": "8"}, "minutes is '8'; it must be a number"),
        ({"minutes": float("nan")}, "minutes is nan; it must be a number"),
        ({"folder": b"run"}, "folder is b'run'; it must be a path"),
        ({"folder": ""}, "folder is ''; it must be the path"),
        ({"executor": "x"}, "executor is 'x'; it must be one of concurrent.futures"),
        (
            {"config": {"unit": {1}}},
            r"config has 'unit': \{1\}; it is kept in a file, so it must be made of",
        ),
    ],
    ids=str,
)
def test_bad_values_are_named(options: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        run(**options)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: TOY.run(None, seed=5), "config is None; it must be name -> value"),
        (
            lambda: TOY.run({"n": 9}, seed=5),
            "config lacks 'generations'; it has n: add",
        ),
        (lambda: TOY.run(CONFIG, seed="a"), "seed is 'a'; it must be an integer >= 0"),
        (lambda: TOY.read(3), "folder is 3; it must be a path"),
        (lambda: Arm("a", regime=Fresh), r"regime is the class Fresh; make one: Fresh"),
        (lambda: Toy([1]), r"arms is \[1\]; it must be name -> Arm"),
        (lambda: Toy({"a": 1}), r"arms\['a'\] is 1; it must be an Arm"),
        (
            lambda: Toy({"Re place/..": Arm("a")}),
            r"arms has the name 'Re place/\.\.'; it must be of small letters",
        ),
    ],
    ids=range(8),
)
def test_bad_arguments_of_studies_are_named(call: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        call()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match="which is a file; give a folder, such as"):
        run(tmp_path / "file")


# ---- damaged ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, for copies."""
    folder = tmp_path_factory.mktemp("whole")
    run(folder, config={"seeds": 1, "generations": 2})
    return folder


def read_again(folder: Path) -> Any:
    return run(folder, config={"seeds": 1, "generations": 3})


@pytest.fixture(scope="module")
def longer() -> Any:
    return run(config={"seeds": 1, "generations": 3})


@settings(
    max_examples=100,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.integers(0, 99),
    st.floats(0, 1, exclude_max=True),
    st.integers(1, 255),
    st.booleans(),
)
def test_any_damage_of_a_folder_is_noticed_or_harmless(
    whole: Path, longer: Any, which: int, place: float, change: int, cut: bool
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = shutil.copytree(whole, Path(scratch) / "run")
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        path = paths[which % len(paths)]
        content = bytearray(path.read_bytes())
        i = int(place * len(content))
        content[i] ^= change
        path.write_bytes(content[:i] if cut else content)
        try:
            found = read_again(folder)
        except ValueError as error:
            assert path.name in str(error) and len(str(error)) < 1_000
            assert path.read_bytes() == (content[:i] if cut else content)
        else:
            assert same(found, longer)


def exchange(one: Path, other: Path) -> None:
    kept = one.with_name("kept")
    one.rename(kept)
    other.rename(one)
    kept.rename(other)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        (
            "replace-0/generation-01.npz",
            "replace-0/generation-02.npz",
            "it holds gener",
        ),
        ("replace-0/generation-01.npz", "replace-1/generation-01.npz", "different: "),
        (
            "replace-0/generation-01.npz",
            "accumulate-0/generation-01.npz",
            "different: ",
        ),
        ("replace-0", "replace-1", "holds replace-1: give the folder its name back"),
        ("replace-0", "accumulate-0", "holds accumulate-0"),
        ("replace-0/state.npz", "replace-0/generation-02.npz", "it holds state"),
    ],
)
def test_exchanged_files_are_noticed(
    one: str, other: str, said: str, tmp_path: Path
) -> None:
    run(tmp_path)
    exchange(tmp_path / one, tmp_path / other)
    with pytest.raises(ValueError, match=said):
        run(tmp_path)
    with pytest.raises(ValueError, match=said):
        TOY.read(tmp_path)


@pytest.mark.parametrize(
    ("one", "other", "said"),
    [
        ("first-0.npz", "first-1.npz", "first-0.npz holds first-1, not first-0"),
        ("replace-0/state.npz", "replace-1/state.npz", "another experiment"),
    ],
)
def test_exchanged_files_are_noticed_where_a_run_goes_on(
    one: str, other: str, said: str, tmp_path: Path
) -> None:
    run(tmp_path)
    exchange(tmp_path / one, tmp_path / other)
    with pytest.raises(ValueError, match=said):
        run(tmp_path, config={"generations": 4})


def test_a_damaged_note_of_a_call_is_named(tmp_path: Path) -> None:
    study.note_call(tmp_path, {"precision": "float32"}, 3.0)
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text().replace("3.0", "4.0"))
    with pytest.raises(ValueError, match="checksum does not match.*delete it"):
        study.trained_on(tmp_path)


# ---- read ---------------------------------------------------------------------------


def test_a_run_that_still_goes_on_is_read_as_far_as_all_have_come(
    tmp_path: Path, history: Any
) -> None:
    run(tmp_path)
    (tmp_path / "replace-1" / "generation-03.npz").unlink()
    found = TOY.read(tmp_path)
    assert found.arm("replace").array("sigma").shape == (3, 2)
    assert found.arm("accumulate").array("sigma").shape == (4, 2)
    np.testing.assert_array_equal(
        found.arm("replace").array("sigma"), history.array("sigma")[0, :3]
    )


def test_a_missing_generation_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no generation"):
        TOY.read(tmp_path)
    run(tmp_path)
    (tmp_path / "replace-1" / "generation-01.npz").unlink()
    with pytest.raises(ValueError, match=r"lacks generations \[1\]; put .* or delete"):
        TOY.read(tmp_path)


def test_a_damaged_generation_is_named(tmp_path: Path) -> None:
    run(tmp_path)
    path = tmp_path / "replace-1" / "generation-01.npz"
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match=r"generation-01\.npz is not a readable"):
        TOY.read(tmp_path)


def test_numbers_are_named_by_arm_and_measure(history: Any) -> None:
    def measure(lineage: list[Any], replicate: int) -> dict[str, Any]:
        return {
            "twice": [2 * record["sigma"] for record in lineage],
            "which": replicate,
        }

    numbers = study.flatten(history, measure)
    assert set(numbers) == {
        *("replace_twice", "replace_which", "accumulate_twice", "accumulate_which")
    }
    sigma = history.arm("accumulate").array("sigma")
    np.testing.assert_array_equal(numbers["accumulate_twice"], 2 * sigma.T)
    np.testing.assert_array_equal(numbers["replace_which"], [0, 1])


def test_the_plan_names_its_folders() -> None:
    assert Lineage("tenth-real", 3, 10).name == "tenth-real-3"


# ---- calls --------------------------------------------------------------------------


def test_the_calls_of_a_folder_are_kept(tmp_path: Path) -> None:
    import torch  # the note says which version trained

    settings = {"device": "cpu", "precision": "bfloat16"}
    for seconds in (1.5, 2.5):
        study.note_call(tmp_path, settings, seconds)
    # A file each: what another process wrote meanwhile is not written over.
    assert len(list(tmp_path.iterdir())) == 2
    said = study.trained_on(tmp_path)
    assert said.endswith(f"torch {torch.__version__}, bfloat16: 4 s")
