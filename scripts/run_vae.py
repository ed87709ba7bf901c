"""Run the arms of chapter 07, in pieces if need be.

    python scripts/run_vae.py --scale paper --out DIR --minutes 8

trains what is missing in DIR until the minutes are over; the same command again goes
on from there. COLLAPSE_MNIST names the folder with the four MNIST files. On a GPU the
script first measures which precision and launch mode is fastest and still agrees with
float32. Besides this library it needs numpy, pandas, torch and tqdm.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from collapse_lib import digits, lineage
from collapse_lib.models.images import Images
from collapse_lib.models.vae import VAE

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Scale:
    """How much of the experiment to run."""

    n_real: int
    model: VAE
    n_images: int
    n_kept: int
    plan: tuple[tuple[str, int, int], ...]  # arm, seed, generations


SHORT, LONG = 10, 21
OTHERS = ("tenth-real", "binary", "finite-binary", "finite")
PAPER_PLAN = (
    ("paper", 0, LONG),
    ("paper", 1, SHORT),
    ("paper", 2, SHORT),
    *((arm, 0, SHORT) for arm in OTHERS),
    ("paper", 3, SHORT),
    ("paper", 4, SHORT),
    *((arm, 1, SHORT) for arm in OTHERS),
    *((arm, 2, SHORT) for arm in OTHERS),
)
TINY_PLAN = (("paper", 0, 2), *((arm, 0, 1) for arm in OTHERS))
SCALES = {
    "tiny": Scale(600, VAE(epochs=1, capacity=4), 200, 100, TINY_PLAN),
    "paper": Scale(60_000, VAE(), 10_000, 400, PAPER_PLAN),
}


def main() -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", choices=SCALES, required=True)
    parser.add_argument("--out", type=Path, required=True, help="results and state")
    parser.add_argument("--work", type=Path, help="large state; default: OUT/work")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--device", default=default_device())
    parser.add_argument("--precision", help="default: measured on a GPU, else float32")
    parser.add_argument("--no-graph", action="store_true")
    parser.add_argument("--probe-one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    start = time.monotonic()
    scale = SCALES[given.scale]
    model = replace(scale.model, device=given.device, cuda_graph=not given.no_graph)
    if given.precision:
        model = replace(model, precision=given.precision)
    if given.probe_one:
        print(json.dumps(probe_one(scale, model)))
        return 0
    given.out.mkdir(parents=True, exist_ok=True)
    if given.device.startswith("cuda") and not given.precision:
        model = choose(given.out / "probe.json", given.scale, model)
    deadline = start + 60 * given.minutes
    done = run(scale, model, given.out, given.work or given.out / "work", deadline)
    seconds = time.monotonic() - start
    note(given.out, given.scale, model, seconds)
    print(f"{'finished' if done else 'to be continued'} after {seconds:.0f} s")
    return 0


def default_device() -> str:
    """Return the GPU if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def run(scale: Scale, model: VAE, out: Path, work: Path, deadline: float) -> bool:
    """Run what is missing until the deadline; return whether all is done."""
    work.mkdir(parents=True, exist_ok=True)
    train_images = digits.mnist("60k").train_images[: scale.n_real]
    real = Images.of(train_images)
    for arm, seed, n_generations in scale.plan:
        folder = out / f"{arm}-{seed}"
        if (folder / f"generation-{n_generations:02d}.npz").exists():
            continue
        if time.monotonic() > deadline:
            return False
        path = out / f"reference-{seed}.npz"
        if path.exists():
            reference = lineage.load_fit(path, model)
        else:
            reference = model.fit(real, np.random.default_rng([7, seed]))
            lineage.save_fit(path, reference)
        # Sets of stored images are too large to carry from machine to machine.
        large = bool(lineage.ARMS[arm].supply == "finite" or lineage.ARMS[arm].real)
        recorder = lineage.Recorder(
            folder,
            reference,
            8 + seed,
            scale.n_images,
            scale.n_kept,
            decoders_kept(arm, seed, n_generations),
            deadline,
        )
        try:
            lineage.run_arm(
                lineage.ARMS[arm],
                model,
                real,
                reference,
                recorder,
                n_generations=n_generations,
                seed=[9, seed, list(lineage.ARMS).index(arm)],
                checkpoint=(work if large else out) / f"checkpoint-{arm}-{seed}.npz",
            )
        except lineage.TimeUp:
            return False
        (out / f"checkpoint-{arm}-{seed}.npz").unlink(missing_ok=True)
    return True


def decoders_kept(arm: str, seed: int, n_generations: int) -> list[int]:
    """Return the generations whose decoder is kept; together they must stay small."""
    if seed:
        return []
    return list(range(n_generations + 1)) if arm == "paper" else [1, 2, 5, 10]


def choose(path: Path, scale: str, model: VAE) -> VAE:
    """Return the model with the fastest settings that agree with float32."""
    if not path.exists():
        modes = [("float32", True), ("tf32", False), ("tf32", True), ("bfloat16", True)]
        rows = [probe(scale, model.device, *mode) for mode in modes]
        for row in rows:
            print(row, flush=True)
        path.write_text(json.dumps(rows, indent=1))
    rows = [row for row in json.loads(path.read_text()) if "loss" in row]
    if not rows:
        raise SystemExit(f"no mode works on {model.device}; {path} says why")
    exact = next((row for row in rows if row["precision"] == "float32"), rows[0])
    best = exact
    for row in rows:
        agrees = abs(row["loss"] / exact["loss"] - 1) < 0.005
        # Fewer bits must be worth it.
        if agrees and row["images_per_s"] > 1.2 * best["images_per_s"]:
            best = row
    return replace(model, precision=best["precision"], cuda_graph=best["graph"])


def probe(scale: str, device: str, precision: str, graph: bool) -> dict[str, Any]:
    """Measure one mode in a process of its own: a failed capture may break CUDA."""
    command = [sys.executable, __file__, "--scale", scale, "--out", "unused"]
    command += ["--device", device, "--precision", precision, "--probe-one"]
    command += [] if graph else ["--no-graph"]
    row: dict[str, Any] = {"precision": precision, "graph": graph}
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return {**row, "error": "no answer in 60 s"}
    if done.returncode:
        return {**row, "error": done.stderr[-2_000:]}
    return row | json.loads(done.stdout.splitlines()[-1])


def probe_one(scale: Scale, model: VAE) -> dict[str, float]:
    """Return speed and loss of the third epoch on real digits."""
    real = Images.of(digits.mnist("60k").train_images[: scale.n_real])
    seconds = []
    for epochs in (1, 3):
        start = time.perf_counter()
        fitted = replace(model, epochs=epochs).fit(real, np.random.default_rng(0))
        seconds.append(time.perf_counter() - start)
    rate = 2 * real.size / (seconds[1] - seconds[0])
    return {"images_per_s": round(rate), "loss": float(fitted.losses[0, -1])}


def note(out: Path, scale: str, model: VAE, seconds: float) -> None:
    """Add this call to ``calls.json``: settings, versions, machine, seconds."""
    path = out / "calls.json"
    calls = json.loads(path.read_text()) if path.exists() else []
    device = torch.cuda.get_device_name() if model.device != "cpu" else "cpu"
    calls.append(
        {
            "scale": scale,
            "model": asdict(model),
            "device": device,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "seconds": round(seconds, 1),
        }
    )
    path.write_text(json.dumps(calls, indent=1))


if __name__ == "__main__":
    sys.exit(main())
