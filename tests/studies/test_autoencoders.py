"""Lineages of autoencoders: runs, records, their numbers, and the script."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import run_vae

from collapse_lib import metrics
from collapse_lib.data.digits import mnist
from collapse_lib.models.vae.images import Images
from collapse_lib.recursion import checkpoint
from collapse_lib.studies import autoencoders as lineage
from collapse_lib.studies import records as lineage_records
from collapse_lib.studies.autoencoder_numbers import (
    GRID,
    contact_sheet,
    load_sheet,
    save_sheet,
    summarise,
    tiles,
)
from collapse_lib.studies.autoencoders import TimeUp
from collapse_lib.studies.records import Records

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


record = lineage_records.Recorder.__call__


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run."""
    path = tmp_path_factory.mktemp("lineage")
    lineage.run_all(CONFIG, seed=1, folder=path)
    return path


@pytest.fixture(scope="module")
def records(folder: Path) -> Records:
    return Records.read(folder)


def same(one: Records, other: Records) -> bool:
    assert one.arrays.keys() == other.arrays.keys()
    return all(
        a.keys() == b.keys() and all((a[name] == b[name]).all() for name in a)
        for run in one.arrays
        for a, b in zip(one.arrays[run], other.arrays[run], strict=True)
    )


# ---- runs ---------------------------------------------------------------------------


def test_the_plan_has_every_run_and_the_papers_arm_first() -> None:
    config = {**CONFIG, "arm_seeds": 2, "seeds": 3}
    assert lineage.plan(config) == [
        ("paper", 0, 2),
        ("paper", 1, 2),
        ("paper", 2, 2),
        ("binary", 0, 1),
        ("tenth-real", 0, 1),
        ("binary", 1, 1),
        ("tenth-real", 1, 1),
    ]


def test_what_a_claim_needs_comes_first_in_large_runs() -> None:
    seeds, first = lineage.CLAIMED
    config = {**CONFIG, "seeds": seeds, "generations": first + 1, "arms": []}
    runs = lineage.plan(config)
    assert runs[:seeds] == [("paper", seed, first) for seed in range(seeds)]
    assert runs[seeds:] == [("paper", seed, first + 1) for seed in range(seeds)]


def test_a_lineage_that_waits_for_others_goes_on_to_the_same_records(
    tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    order = []
    plain = lineage.plan(CONFIG)
    staged = [("paper", 0, 1), ("paper", 1, 0), *plain]
    monkeypatch.setattr(lineage, "plan", lambda config: staged)
    monkeypatch.setattr(
        lineage_records.Recorder,
        "__call__",
        lambda self, fitted: (order.append(self.folder.name), record(self, fitted))[1],
    )
    assert same(lineage.run_all(CONFIG, seed=1, folder=tmp_path), records)
    assert order[:5] == ["paper-0", "paper-0", "paper-1", "paper-0", "paper-1"]


def test_replicates_can_be_shared_between_processes(
    tmp_path: Path, records: Records
) -> None:
    for replicate in (1, 0):
        lineage.run_all(CONFIG, seed=1, folder=tmp_path, only=[replicate])
    assert same(Records.read(tmp_path), records)


def test_the_arms_differ_in_what_they_say() -> None:
    assert lineage.ARMS["tenth-real"].regime.gamma == pytest.approx(0.1)
    assert lineage.ARMS["paper"].regime == lineage.regimes.Replace()
    settings = {(a.pixels, a.supply, a.real) for a in lineage.ARMS.values()}
    assert len(settings) == len(lineage.ARMS)


def test_a_run_without_a_folder_is_the_same(records: Records) -> None:
    assert same(lineage.run_all(CONFIG, seed=1), records)
    assert not same(lineage.run_all(CONFIG, seed=2), records)


def test_all_arms_of_a_replicate_share_generation_0(records: Records) -> None:
    losses = {
        run: arrays[0]["losses"].tolist() for run, arrays in records.arrays.items()
    }
    assert losses["paper", 0] == losses["binary", 0] == losses["tenth-real", 0]
    assert losses["paper", 0] != losses["paper", 1]


def test_the_reference_judges_its_own_images(folder: Path, records: Records) -> None:
    model = lineage.build(CONFIG)
    reference = lineage_records.load_fit(folder / "reference-0.npz", model)
    rng = np.random.default_rng([2, 0])
    latents = reference.encode(reference.draw(120, rng))[0]
    assert latents.std() == pytest.approx(records.arrays["paper", 0][0]["latent_sigma"])


def test_a_run_that_ran_out_of_time_goes_on_to_the_same_records(
    tmp_path: Path, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS_BETWEEN_CHECKPOINTS", -1)
    for _ in range(20):
        try:
            done = lineage.run_all(CONFIG, seed=1, folder=tmp_path, minutes=1e-6)
        except TimeUp:
            continue
        break
    else:
        pytest.fail("a call that is out of time must still make progress")
    assert same(done, records)
    assert not list(tmp_path.rglob("checkpoint-*"))


def test_records_of_another_configuration_are_refused(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"different: epochs, seed\)"):
        lineage.run_all({**CONFIG, "epochs": 2}, seed=3, folder=folder)


def test_more_replicates_go_on_from_what_is_there(tmp_path: Path) -> None:
    few = {**CONFIG, "arms": [], "seeds": 1}
    lineage.run_all(few, seed=1, folder=tmp_path)
    first = (tmp_path / "paper-0" / "generation-00.npz").stat().st_mtime_ns
    more = lineage.run_all({**few, "seeds": 2}, seed=1, folder=tmp_path)
    assert more.replicates("paper") == [0, 1]
    fewer = lineage.run_all(few, seed=1, folder=tmp_path)
    assert fewer.replicates("paper") == [0]
    assert (tmp_path / "paper-0" / "generation-00.npz").stat().st_mtime_ns == first


def test_a_replicate_that_is_not_there_is_named() -> None:
    with pytest.raises(ValueError, match="no replicate 7; this configuration has 0, 1"):
        lineage.run_all(CONFIG, seed=1, only=[0, 7])


def test_a_run_without_a_folder_runs_only_what_it_is_told_to() -> None:
    one = {**CONFIG, "arms": []}
    found = lineage.run_all(one, seed=1, only=[1])
    assert list(found.arrays) == [("paper", 1)]


def test_too_few_digits_are_named() -> None:
    with pytest.raises(ValueError, match=r"n_real is 6000; mnist\('5k'\) has 5000"):
        lineage.run_all({**CONFIG, "n_real": 6_000}, seed=1)


# ---- records ------------------------------------------------------------------------


def test_measurements_come_by_arm_replicate_and_generation(records: Records) -> None:
    short = {("paper", 1): records.arrays["paper", 1][:2]}  # a run that goes on
    uneven = Records({**records.arrays, **short})
    assert uneven.of("paper", "latent_sigma").shape == (2, 2)
    assert uneven.of("paper", "latent_sigma", n_generations=2).shape == (1, 3)
    assert uneven.of("paper", "losses").shape == (2, 2, 1)
    assert records.of("paper", "losses").shape == (2, 3, 1)
    with pytest.raises(ValueError, match="no replicate of 'paper' has 3"):
        records.of("paper", "latent_sigma", n_generations=3)
    with pytest.raises(ValueError, match="there are binary, paper, tenth-real"):
        records.of("none", "latent_sigma")


def test_sampled_pixels_are_measured_too(records: Records) -> None:
    arrays = records.arrays["binary", 0][1]
    assert "drawn_latent_sigma" in arrays
    assert "drawn_latent_sigma" not in records.arrays["paper", 0][1]
    # What is kept are decoder means, whatever is handed on.
    assert len(np.unique(arrays["images"])) > 2


def test_a_missing_generation_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no files"):
        Records.read(tmp_path)
    for generation in (0, 2):
        name = lineage_records.generation_file(generation)
        lineage_records.write_arrays(tmp_path / "paper-0" / name, {"a": np.zeros(1)})
    with pytest.raises(ValueError, match=r"paper-0 lacks generations \[1\]"):
        Records.read(tmp_path)


# ---- numbers of the chapter ---------------------------------------------------------


def test_the_numbers_have_a_place_for_each_generation(records: Records) -> None:
    numbers = summarise(records, mnist().images)
    assert numbers["paper_latent_sigma"].shape == (2, 3)
    assert numbers["paper_density"].shape == (3, len(GRID))
    assert numbers["tenth_real_class_shares"].shape == (1, 2, 10)
    np.testing.assert_allclose(numbers["paper_class_shares"].sum(axis=2), 1)
    assert all(np.isfinite(values).all() for values in numbers.values())
    kept = records.arrays["paper", 0][0]["images"] / 255
    assert numbers["paper_floor"][0, 0] == pytest.approx(
        metrics.pixel_entropy(kept), rel=1e-5
    )


def test_too_few_real_images_are_named(records: Records) -> None:
    with pytest.raises(ValueError, match="3 real images given; 20 are needed"):
        summarise(records, mnist().images[:3])


def test_a_contact_sheet_comes_apart_again(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(256, size=(6, 28, 28)).astype(np.uint8)
    sheet = contact_sheet(images, columns=3)
    assert sheet.shape == (56, 84)
    assert (sheet[:28, 28:56] == images[1]).all()
    assert (tiles(sheet, 28) == images).all()
    save_sheet(tmp_path / "results" / "sheet.png", images, columns=3)
    assert (load_sheet(tmp_path / "results" / "sheet.png") == images).all()
    with pytest.raises(ValueError, match="6 images do not fill rows of 4"):
        contact_sheet(images, columns=4)


# ---- the script ---------------------------------------------------------------------


def modes(path: Path, *rows: tuple[str, bool, float, float]) -> Path:
    names = ("precision", "cuda_graph", "images_per_s", "loss")
    path.write_text(json.dumps([dict(zip(names, row, strict=True)) for row in rows]))
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
    path = modes(tmp_path / "modes.json", *rows)
    assert run_vae.choose(path, "paper", "cuda")["precision"] == chosen


def test_if_no_mode_works_the_script_says_where_to_look(tmp_path: Path) -> None:
    path = tmp_path / "modes.json"
    path.write_text(json.dumps([{"precision": "float32", "error": "no GPU"}]))
    with pytest.raises(SystemExit, match=r"no mode works on cuda; .*modes\.json"):
        run_vae.choose(path, "paper", "cuda")


def test_the_calls_of_a_folder_are_kept(tmp_path: Path) -> None:
    import torch  # the note says which version trained

    settings = {"device": "cpu", "precision": "bfloat16"}
    for seconds in (1.5, 2.5):
        lineage_records.note_call(tmp_path, settings, seconds)
    # A file each: what another process wrote meanwhile is not written over.
    assert len(list(tmp_path.iterdir())) == 2
    said = lineage_records.trained_on(tmp_path)
    assert said.endswith(f"torch {torch.__version__}, bfloat16: 4 s")


def test_notes_of_the_first_version_are_read_too(tmp_path: Path) -> None:
    place = {"device": "a laptop", "versions": {"torch": "2.0"}, "seconds": 3.0}
    calls = [{**place, "settings": {"precision": "float32"}}] * 2
    (tmp_path / "calls.json").write_text(json.dumps(calls))
    expected = "a laptop, torch 2.0, float32: 6 s"
    assert lineage_records.trained_on(tmp_path) == expected


def test_a_known_first_fit_is_used_for_its_data_only() -> None:
    real = Images.of(mnist().images[:32])
    model = lineage.build(CONFIG)
    first = model.fit(real, np.random.default_rng(0))
    known = lineage.KnownFirst(model, real, first)
    assert (known.fit(real, np.random.default_rng(1)).decoder == first.decoder).all()
    other = known.fit(Images.of(real.stored[0]), np.random.default_rng(1))
    assert (other.decoder != first.decoder).any()
