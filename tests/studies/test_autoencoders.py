"""The study of autoencoders: its arms, what it measures, its numbers."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import run_study
from notebook_code import defined_in

from collapse_lib import files, metrics, regimes
from collapse_lib.data.digits import mnist
from collapse_lib.models.vae.model import VAE
from collapse_lib.recursion.history import Arms
from collapse_lib.studies import autoencoders
from collapse_lib.studies.autoencoder_numbers import GRID, summarise
from collapse_lib.studies.study import FORMAT, TimeUp

STUDY = defined_in("07", "study")
CONFIG = {
    "digits": "5k",
    "n_real": 64,
    "capacity": 2,
    "epochs": 1,
    "batch": 32,
    "learning_rate": 0.01,
    "generations": 2,
    "seeds": 2,
    "arms": ["binary", "tenth-real"],
    "arm_generations": 1,
    "arm_seeds": 1,
    "n_images": 120,
    "n_kept": 20,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    path = tmp_path_factory.mktemp("lineage")
    STUDY.run(CONFIG, seed=1, folder=path)
    return path


@pytest.fixture(scope="module")
def history(folder: Path) -> Arms:
    return STUDY.read(folder)


def same(one: Arms, other: Arms) -> bool:
    assert one.arms == other.arms
    return all(one.arm(name).equals(other.arm(name)) for name in one.arms)


# ---- runs ---------------------------------------------------------------------------


def test_the_plan_has_every_run_and_the_papers_arm_first() -> None:
    config = {**CONFIG, "arm_seeds": 2, "seeds": 3}
    assert STUDY.plan(config) == [
        ("paper", 0, 2),
        ("paper", 1, 2),
        ("paper", 2, 2),
        ("binary", 0, 1),
        ("tenth-real", 0, 1),
        ("binary", 1, 1),
        ("tenth-real", 1, 1),
    ]


def test_what_a_claim_needs_comes_first_in_large_runs() -> None:
    seeds, first = STUDY.claimed
    config = {**CONFIG, "seeds": seeds, "generations": first + 1, "arms": []}
    runs = STUDY.plan(config)
    assert runs[:seeds] == [("paper", seed, first) for seed in range(seeds)]
    assert runs[seeds:] == [("paper", seed, first + 1) for seed in range(seeds)]


def test_a_lineage_that_waits_for_others_goes_on_to_the_same_records(
    tmp_path: Path, history: Arms, capsys: pytest.CaptureFixture[str]
) -> None:
    staged = replace(STUDY, claimed=(2, 1))
    found = staged.run(CONFIG, seed=1, folder=tmp_path, quiet=False)
    assert same(found, history)
    order = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    waiting = ["paper-0", "paper-0", "paper-1", "paper-1"]
    assert order[:6] == [*waiting, "paper-0", "paper-1"]


def test_replicates_can_be_shared_between_processes(
    tmp_path: Path, history: Arms
) -> None:
    for names in (["paper-1"], ["paper-0", "binary-0", "tenth-real-0"]):
        STUDY.run(CONFIG, seed=1, folder=tmp_path, only=names)
    assert same(STUDY.read(tmp_path), history)


def test_the_arms_differ_in_what_they_say() -> None:
    arms = STUDY.arms
    assert arms["tenth-real"].regime.gamma == pytest.approx(0.1)
    assert arms["paper"].regime == regimes.Replace()
    settings = {(a.pixels, a.supply, repr(a.regime)) for a in arms.values()}
    assert len(settings) == len(arms)


def test_a_run_without_a_folder_is_the_same(history: Arms) -> None:
    assert same(STUDY.run(CONFIG, seed=1), history)
    assert not same(STUDY.run(CONFIG, seed=2), history)


def test_all_arms_of_a_replicate_share_generation_0(history: Arms) -> None:
    paper, *others = (history.arm(name).array("losses")[0] for name in history.arms)
    assert all((losses[0] == paper[0]).all() for losses in others)
    assert (paper[0] != paper[1]).any()


def test_the_first_fit_is_made_from_real_images_alone(
    history: Arms, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    fit = VAE.fit

    def noted(self: VAE, data: Any, rng: np.random.Generator) -> Any:
        seen.append((self.pixels, int(data.depth[0])))
        return fit(self, data, rng)

    monkeypatch.setattr(VAE, "fit", noted)
    STUDY.run(CONFIG, seed=1, only=["paper-0", "binary-0"])
    # Generation 0 is fitted once, and not again by any arm.
    assert seen == [("mean", 0), ("mean", 1), ("mean", 2), ("binary", 1)]


def test_the_reference_judges_its_own_images(history: Arms) -> None:
    paper = history.arm("paper")
    real = mnist("5k").images[: CONFIG["n_real"]]
    reference = autoencoders.vae(CONFIG).fit(real[None], np.random.default_rng([1, 0]))
    rng = np.random.default_rng([2, 0])
    latents = reference.encode(reference.draw(120, rng))[0]
    assert latents.std() == pytest.approx(paper.array("latent_sigma")[0, 0])
    half = reference.decoder.astype(np.float16)
    np.testing.assert_array_equal(paper.array("decoder")[0, :1], half)


def test_a_run_that_ran_out_of_time_goes_on_to_the_same_records(
    tmp_path: Path, history: Arms
) -> None:
    for _ in range(20):
        try:
            done = STUDY.run(CONFIG, seed=1, folder=tmp_path, minutes=1e-6)
        except TimeUp:
            continue
        break
    else:
        pytest.fail("a call that is out of time must still make progress")
    assert same(done, history)


def test_records_of_another_configuration_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"different: epochs, seed\)"):
        STUDY.run({**CONFIG, "epochs": 2}, seed=3, folder=folder)


def test_more_replicates_go_on_from_what_is_there(tmp_path: Path) -> None:
    few = {**CONFIG, "arms": [], "seeds": 1}
    STUDY.run(few, seed=1, folder=tmp_path)
    first = (tmp_path / "paper-0" / "generation-00.npz").stat().st_mtime_ns
    more = STUDY.run({**few, "seeds": 2}, seed=1, folder=tmp_path)
    assert more.arm("paper").attrs["replicates"] == [0, 1]
    fewer = STUDY.run(few, seed=1, folder=tmp_path)
    assert fewer.arm("paper").attrs["replicates"] == [0]
    assert (tmp_path / "paper-0" / "generation-00.npz").stat().st_mtime_ns == first


def test_a_replicate_that_is_not_there_is_named() -> None:
    with pytest.raises(
        ValueError, match="no lineage paper-7; this configuration has paper-0, paper-1"
    ):
        STUDY.run(CONFIG, seed=1, only=["paper-0", "paper-7"])


def test_a_run_without_a_folder_runs_only_what_it_is_told_to() -> None:
    one = {**CONFIG, "arms": []}
    found = STUDY.run(one, seed=1, only=["paper-1"])
    assert found.arms == ["paper"]
    assert found.arm("paper").attrs["replicates"] == [1]


def test_too_few_digits_are_named() -> None:
    with pytest.raises(ValueError, match=r"n_real is 6000; mnist\('5k'\) has 5000"):
        STUDY.run({**CONFIG, "n_real": 6_000}, seed=1)


# ---- records ------------------------------------------------------------------------


def test_measurements_come_by_arm_replicate_and_generation(
    history: Arms,
) -> None:
    assert history.arm("paper").array("losses").shape == (3, 2, 1)
    assert history.array("latent_sigma").shape == (3, 3, 2)
    assert history.arm("binary").array("latent_sigma").shape == (2, 1)
    with pytest.raises(ValueError, match="there are paper, binary, tenth-real"):
        history.arm("none")


def test_sampled_pixels_are_measured_too(history: Arms) -> None:
    arrays = history.arm("binary").arrays
    assert "drawn_latent_sigma" in arrays
    assert "drawn_latent_sigma" not in history.arm("paper").arrays
    # What is kept are decoder means, whatever is handed on.
    assert len(np.unique(arrays["images"][1])) > 2


# ---- numbers of the chapter ---------------------------------------------------------


def test_the_numbers_have_a_place_for_each_generation(history: Arms) -> None:
    numbers = summarise(history, mnist().images)
    assert numbers["paper_latent_sigma"].shape == (2, 3)
    assert numbers["paper_density"].shape == (3, len(GRID))
    assert numbers["tenth_real_class_shares"].shape == (1, 2, 10)
    np.testing.assert_allclose(numbers["paper_class_shares"].sum(axis=2), 1)
    assert all(np.isfinite(values).all() for values in numbers.values())
    kept = history.arm("paper").array("images")[0, 0] / 255
    assert numbers["paper_floor"][0, 0] == pytest.approx(
        metrics.pixel_entropy(kept), rel=1e-5
    )


def test_too_few_real_images_are_named(history: Arms) -> None:
    with pytest.raises(ValueError, match="3 real images given; 20 are needed"):
        summarise(history, mnist().images[:3])


# ---- the script ---------------------------------------------------------------------


def modes(path: Path, *rows: tuple[str, bool, float, float]) -> Path:
    names = ("precision", "cuda_graph", "images_per_s", "loss")
    known = [dict(zip(names, row, strict=True)) for row in rows]
    files.write_record(path, {"format": FORMAT, "modes": known})
    return path


@pytest.mark.parametrize(
    ("rows", "chosen"),
    [
        ([("float32", True, 100, 1.0), ("tf32", True, 300, 1.001)], "tf32"),
        ([("float32", True, 100, 1.0), ("tf32", True, 300, 1.1)], "float32"),
        ([("float32", True, 100, 1.0), ("tf32", True, 110, 1.0)], "float32"),
    ],
)
def test_a_faster_mode_is_taken_only_if_it_agrees_and_is_worth_it(
    tmp_path: Path, rows: list, chosen: str
) -> None:
    modes(tmp_path / "modes.json", *rows)
    given = Namespace(folder=tmp_path)
    assert run_study.choose(given, "cuda")["precision"] == chosen


def test_if_no_mode_works_the_script_says_why_and_measures_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, given = tmp_path / "modes.json", Namespace(folder=tmp_path)

    def failing(given: Any, device: str, precision: str, graph: bool) -> Any:
        return {"precision": precision, "cuda_graph": graph, "error": "x\nno GPU\n"}

    def working(*args: Any) -> Any:
        return {**failing(*args), "loss": 1.0, "images_per_s": 100}

    monkeypatch.setattr(run_study, "try_mode", failing)
    with pytest.raises(SystemExit, match=r"works on --device gpu \(no GPU\); name ano"):
        run_study.choose(given, "gpu")
    assert not path.exists()
    # Nor is what an earlier measurement of another device left there in the way.
    files.write_record(path, {"format": FORMAT, "modes": [{"error": "no GPU"}]})
    monkeypatch.setattr(run_study, "try_mode", working)
    assert run_study.choose(given, "cuda")["precision"] == "float32"
    assert run_study.measured_modes(path)
