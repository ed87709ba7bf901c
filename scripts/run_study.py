"""Run the study of a chapter at one of its scales, in pieces if need be.

    python scripts/run_study.py 07 paper _build/runs/07-paper --minutes 8

runs what is missing in the folder until the minutes are over; the same command again
goes on from there. `make reproduce CHAPTER=07 SCALE=paper` reads the folder, runs what
is still missing and stores the result. Arms, scales and seed are those of the notebook.

Several processes can share a folder: ``--workers 4`` starts them here, or each is given
lineages of its own, ``--only a-0 b-0``. Give each one thread (``OMP_NUM_THREADS=1``).
On a CPU with instructions for it, ``--precision bfloat16`` trains autoencoders twice as
fast and language models a third faster. On a GPU, autoencoders first measure which
precision and launch mode is fastest and still agrees with float32.

A machine that only trains autoencoders needs numpy, pandas, scipy, torch and tqdm, and
the MNIST files in the folder that COLLAPSE_MNIST names. Language models of our own are
pretrained first on articles of Wikipedia: ``python -m collapse_lib.data wikipedia``.

Chapter 09 names one more configuration beside its scales, for weights that others
pretrained: first ``python -m collapse_lib.data smollm2-135m``, then

    python scripts/run_study.py 09 pretrained _build/runs/09-pretrained --only a-0

goes on for hours, and may be stopped at any time. ``--store FILE`` writes the numbers
that the folder has come to.
"""

from __future__ import annotations

import argparse
import ast
import json
import subprocess
import symtable
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from collapse_lib.book import notebooks, results
from collapse_lib.data.digits import mnist
from collapse_lib.files import read_record, write_record
from collapse_lib.models.vae.images import Images
from collapse_lib.studies import fine_tuning_numbers as summary
from collapse_lib.studies.autoencoders import Autoencoders, vae
from collapse_lib.studies.fine_tuning import VARIED, FineTuning
from collapse_lib.studies.fine_tuning_text import material
from collapse_lib.studies.study import FORMAT, Study, TimeUp, note_call, trained_on

ROOT = Path(__file__).resolve().parents[1]
MODES = (("float32", True), ("tf32", False), ("tf32", True), ("bfloat16", True))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status."""
    start = time.monotonic()
    parser = options()
    given = parser.parse_args(argv)
    if not given.minutes >= 0:
        parser.error(f"--minutes is {given.minutes}; it must be a number >= 0")
    try:
        (notebook,) = notebooks.select(notebooks.chapters(ROOT), [given.chapter])
    except notebooks.BookError as error:
        parser.error(str(error))
    code = [cell["source"] for cell in notebook.code]
    chapter, study = defined(code, "chapter"), defined(code, "study")
    if not isinstance(study, Study):
        parser.error(f"chapter {chapter.number} has no study")
    named = configurations(code, chapter.scales)
    if given.scale not in named:
        parser.error(f"scale {given.scale!r}: choose from {', '.join(named)}")
    config = named[given.scale]
    settings = settings_of(given, study)
    if given.probe:
        print(json.dumps(probe(config, settings)))
        return 0
    if given.store:
        print(store(study, chapter, given, config).provenance)
        return 0
    said = "finished"

    def note() -> None:
        note_call(given.folder, settings, time.monotonic() - start)

    try:
        run(study, config, chapter.seed, given, settings, start)
    except TimeUp:
        said = "to be continued: run the same command again"
    except (ValueError, OSError) as error:  # a folder that is refused stays as it is
        raise SystemExit(str(error)) from None
    except BaseException:  # an interrupted run has stored its generations, too
        note()
        raise
    note()
    print(said)
    return 0


def options() -> argparse.ArgumentParser:
    """Return what the command understands."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("chapter", help="two digits")
    parser.add_argument("scale", help="one of the chapter's SCALES, or of BESIDE")
    parser.add_argument("folder", type=Path, help="of what is kept to go on from")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--only", nargs="+", help="lineages to run, for example a-0")
    parser.add_argument("--workers", type=int, help="processes, default: this one")
    parser.add_argument("--device", help="default: a GPU if there is one")
    parser.add_argument("--precision", help="default: measured on a GPU, else float32")
    parser.add_argument("--no-graph", action="store_true", help="no CUDA graphs")
    parser.add_argument(
        "--store", type=Path, help="run nothing; write the numbers so far of a folder"
    )
    parser.add_argument("--probe", action="store_true", help="measure one mode only")
    return parser


def run(
    study: Study,
    config: Mapping[str, Any],
    seed: int,
    given: argparse.Namespace,
    settings: Mapping[str, Any],
    start: float,
) -> None:
    """Run what is missing, with all variants if the study has them."""

    def left() -> float:
        return float(given.minutes - (time.monotonic() - start) / 60)

    kept = {"seed": seed, "folder": given.folder, "quiet": False, **settings}
    pool = ProcessPoolExecutor(given.workers) if given.workers else nullcontext()
    with pool as executor:
        kept["executor"] = executor
        study.run(config, minutes=left(), only=given.only, **kept)
        if isinstance(study, FineTuning) and given.only is None:
            for key in VARIED:
                study.varied(config, key, minutes=left(), **kept)


def store(
    study: Study, chapter: Any, given: argparse.Namespace, config: Mapping[str, Any]
) -> results.Result:
    """Write what a run of language models has come to, finished or not, as a result.

    The scales of a chapter are stored by the chapter itself.
    """
    if not isinstance(study, FineTuning):
        raise SystemExit(f"--store: chapter {chapter.number} has no language models")
    text = material(config, given.folder)
    history = study.read(given.folder, study.plan(config))
    numbers = summary.summarise(history, text, tuple(study.published))
    where = trained_on(given.folder)
    spent = [one.sum() for name, one in numbers.items() if name.endswith("_seconds")]
    result = results.Result(
        chapter=chapter.number,
        scale=given.scale,
        config=config,
        seed=chapter.seed,
        numbers={name: value.round(5).tolist() for name, value in numbers.items()},
        verdicts=[],
        versions=results.versions(),
        device=where,
        commit=results.commit(ROOT),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(float(sum(spent)), 1),
    )
    results.save(result, given.store)
    return result


def configurations(code: Sequence[str], scales: Mapping[str, Any]) -> dict[str, Any]:
    """Return all that a notebook can run: its SCALES, and more in a mapping BESIDE.

    A scale can be asked for at the top of a chapter and is one of a few for all
    chapters. What stands beside them is run here only.
    """
    bound = [name for cell in code for one in _statements(cell) for name in _bound(one)]
    return {**scales, **(defined(code, "BESIDE") if "BESIDE" in bound else {})}


def defined(code: Sequence[str], name: str) -> Any:
    """Return what a notebook's code calls ``name``, running only what that needs.

    Parameters
    ----------
    code
        The sources of the notebook's cells.
    name
        Assigned, imported or defined in one of them.

    Raises
    ------
    SystemExit
        If nothing has this name.
    """
    statements = [one for cell in code for one in _statements(cell)]
    by_name = {bound: one for one in statements for bound in _bound(one)}
    if name not in by_name:
        raise SystemExit(f"no cell of the notebook defines {name!r}")
    needed, todo = set(), [name]
    while todo:
        statement = by_name.get(todo.pop())
        if statement is not None and statement not in needed:
            needed.add(statement)
            todo += _read(statement)
    body = [one for one in statements if one in needed]
    space: dict[str, Any] = {}
    exec(compile(ast.Module(body, []), "<notebook>", "exec"), space)
    return space[name]


def _statements(source: str) -> Iterator[ast.stmt]:
    """Yield the statements of a cell, each import of a name as one of its own."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                one: ast.stmt = ast.Import([alias])
                if isinstance(node, ast.ImportFrom):
                    one = ast.ImportFrom(node.module, [alias], node.level)
                yield ast.copy_location(one, node)
        else:
            yield node


def _bound(node: ast.stmt) -> list[str]:
    """Return the names that a statement gives a value."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return [alias.asname or alias.name.split(".")[0] for alias in node.names]
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    parts = (part for target in targets for part in ast.walk(target))
    names = (part for part in parts if isinstance(part, ast.Name))
    return [name.id for name in names if isinstance(name.ctx, ast.Store)]


def _read(node: ast.stmt) -> list[str]:
    """Return the names of the notebook that a statement uses."""
    whole = symtable.symtable(ast.unparse(node), "<notebook>", "exec")
    names, todo = list(whole.get_identifiers()), whole.get_children()
    while todo:
        part = todo.pop()
        todo += part.get_children()
        names += [one.get_name() for one in part.get_symbols() if one.is_global()]
    return names


def settings_of(given: argparse.Namespace, study: Study) -> dict[str, Any]:
    """Return device and precision, and how to launch work on a GPU."""
    device = given.device or ("cuda" if torch.cuda.is_available() else "cpu")
    settings = {"device": device, "precision": given.precision or "float32"}
    if isinstance(study, Autoencoders):
        settings["cuda_graph"] = not given.no_graph
        if device != "cpu" and not given.precision:
            settings |= choose(given, device)
    return settings


def choose(given: argparse.Namespace, device: str) -> dict[str, Any]:
    """Return the fastest settings that agree with float32; measure them once."""
    path = given.folder / "modes.json"
    rows = measured_modes(path)
    if not rows:
        tried = [try_mode(given, device, *mode) for mode in MODES]
        rows = [row for row in tried if "loss" in row]
        if not rows:  # nothing is kept: another device may be named next time
            why = tried[0]["error"].strip().splitlines()[-1:]
            raise SystemExit(
                f"no mode works on --device {device} ({''.join(why)}); name another "
                "device, or cpu"
            )
        write_record(path, {"format": FORMAT, "modes": tried})
    best = exact = rows[0]
    for row in rows[1:]:
        agrees = abs(row["loss"] / exact["loss"] - 1) < 0.005
        # A mode further from float32 must be worth it.
        if agrees and row["images_per_s"] > 1.2 * best["images_per_s"]:
            best = row
    return {"precision": best["precision"], "cuda_graph": best["cuda_graph"]}


def measured_modes(path: Path) -> list[dict[str, Any]]:
    """Return the modes that worked when they were measured, if they were."""
    if not path.exists():
        return []
    known = read_record(
        path, format=FORMAT, what="measurement of modes", remedy="delete it"
    )
    return [row for row in known["modes"] if "loss" in row]


def try_mode(
    given: argparse.Namespace, device: str, precision: str, graph: bool
) -> dict[str, Any]:
    """Measure one mode in a process of its own: a failed capture may break CUDA."""
    command = [sys.executable, __file__, given.chapter, given.scale, "unused"]
    command += ["--device", device, "--precision", precision, "--probe"]
    command += ["--no-graph"] * (not graph)
    row: dict[str, Any] = {"precision": precision, "cuda_graph": graph}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    except subprocess.TimeoutExpired:
        return {**row, "error": "no answer in 90 s"}
    if done.returncode:
        return {**row, "error": done.stderr[-2_000:]}
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row | measured


def probe(config: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, float]:
    """Return images per second, and the loss after three epochs of real digits."""
    real = Images.of(mnist(config["digits"]).images[: config["n_real"]])
    model = vae(config, **settings)
    seconds = []
    for epochs in (1, 3):
        start = time.perf_counter()
        fitted = replace(model, epochs=epochs).fit(real, np.random.default_rng(0))
        seconds.append(time.perf_counter() - start)
    rate = 2 * real.size / (seconds[1] - seconds[0])
    return {"images_per_s": round(rate), "loss": float(fitted.losses[0, -1])}


if __name__ == "__main__":
    sys.exit(main())
