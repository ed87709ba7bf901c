"""Train the autoencoders of chapter 07 at one of its scales, in pieces if need be.

    python scripts/run_vae.py paper _build/runs/07-paper --minutes 8

trains what is missing in the folder until the minutes are over; the same command again
goes on from there. `make reproduce CHAPTER=07 SCALE=paper` reads the folder, trains
what is still missing and stores the result.
On a CPU with instructions for it, `--precision bfloat16` is twice as fast, and several
processes with one thread each can share the replicates (`--only`). On a GPU the script
first measures which precision and launch mode is fastest and still agrees with float32.
A machine that only trains needs numpy, pandas, scipy, torch and tqdm, and the MNIST
files in the folder that COLLAPSE_MNIST names.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import long_runs
import numpy as np

from collapse_lib.book import notebooks
from collapse_lib.data.digits import mnist
from collapse_lib.models.vae.images import Images
from collapse_lib.studies import autoencoders as lineage

ROOT = Path(__file__).resolve().parents[1]
SEED = 7
MODES = (("float32", True), ("tf32", False), ("tf32", True), ("bfloat16", True))


def main() -> int:
    """Run the command; return its exit status."""
    scales = notebooks.chapters(ROOT)["07"].scales
    parser = long_runs.options(__doc__.splitlines()[0], scales)
    parser.add_argument("--only", type=int, nargs="+", help="replicates to run")
    parser.add_argument("--precision", help="default: measured on a GPU, else float32")
    parser.add_argument("--no-graph", action="store_true", help="no CUDA graphs")
    parser.add_argument("--probe", action="store_true", help="measure one mode only")
    given = parser.parse_args()
    start = time.monotonic()
    config = scales[given.scale]
    device = given.device or long_runs.best_device()
    settings = {"device": device, "cuda_graph": not given.no_graph}
    if given.precision or device == "cpu":
        settings["precision"] = given.precision or "float32"
    if given.probe:
        print(json.dumps(probe(config, settings)))
        return 0
    given.folder.mkdir(parents=True, exist_ok=True)
    if "precision" not in settings:
        settings |= choose(given.folder / "modes.json", given.scale, device)
    probed = (time.monotonic() - start) / 60

    def run() -> None:
        lineage.run_all(
            config,
            seed=SEED,
            folder=given.folder,
            minutes=given.minutes - probed,
            only=given.only,
            quiet=False,
            **settings,
        )

    return long_runs.call(run, given.folder, settings, start)


def choose(path: Path, scale: str, device: str) -> dict[str, Any]:
    """Return the fastest settings that agree with float32; measure them once."""
    if not path.exists():
        rows = [try_mode(scale, device, *mode) for mode in MODES]
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    rows = [row for row in json.loads(path.read_text("utf-8")) if "loss" in row]
    if not rows:
        raise SystemExit(f"no mode works on {device}; {path} says why")
    best = exact = rows[0]
    for row in rows[1:]:
        agrees = abs(row["loss"] / exact["loss"] - 1) < 0.005
        # A mode further from float32 must be worth it.
        if agrees and row["images_per_s"] > 1.2 * best["images_per_s"]:
            best = row
    return {"precision": best["precision"], "cuda_graph": best["cuda_graph"]}


def try_mode(scale: str, device: str, precision: str, graph: bool) -> dict[str, Any]:
    """Measure one mode in a process of its own: a failed capture may break CUDA."""
    command = [sys.executable, __file__, scale, "unused", "--device", device]
    command += ["--precision", precision, "--probe"] + ["--no-graph"] * (not graph)
    row: dict[str, Any] = {"precision": precision, "cuda_graph": graph}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    except subprocess.TimeoutExpired:
        return {**row, "error": "no answer in 90 s"}
    if done.returncode:
        return {**row, "error": done.stderr[-2_000:]}
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row | measured


def probe(config: dict[str, Any], settings: dict[str, Any]) -> dict[str, float]:
    """Return images per second, and the loss after three epochs of real digits."""
    real = Images.of(mnist(config["digits"]).images[: config["n_real"]])
    model = lineage.build(config, **settings)
    seconds = []
    for epochs in (1, 3):
        start = time.perf_counter()
        fitted = replace(model, epochs=epochs).fit(real, np.random.default_rng(0))
        seconds.append(time.perf_counter() - start)
    rate = 2 * real.size / (seconds[1] - seconds[0])
    return {"images_per_s": round(rate), "loss": float(fitted.losses[0, -1])}


if __name__ == "__main__":
    sys.exit(main())
