"""Run the language models of chapter 09 at one of its scales, in pieces if need be.

    python scripts/run_language_models.py laptop _build/runs/09-laptop --minutes 30

runs what is missing in the folder until the minutes are over; the same command again
goes on from there. Several processes can share a folder if each is given lineages of
its own, ``--only a-0 b-0``, once generation 0 of their replicates has been trained. On
a CPU with instructions for it, ``--precision bfloat16`` trains a third faster. `make
reproduce CHAPTER=09 SCALE=laptop` reads the folder, runs what is still missing and
stores the result.

Models of our own are pretrained first on articles of Wikipedia, which
``python -m collapse_lib.data wikipedia`` brings.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import long_runs

from collapse_lib.book import notebooks
from collapse_lib.studies import fine_tuning as finetuning

ROOT = Path(__file__).resolve().parents[1]
SEED = 9


def main() -> int:
    """Run the command; return its exit status."""
    scales = notebooks.chapters(ROOT)["09"].scales
    parser = long_runs.options(__doc__.splitlines()[0], scales)
    parser.add_argument("--only", nargs="+", help="lineages to run, for example a-0")
    parser.add_argument("--precision", default="float32")
    given = parser.parse_args()
    start = time.monotonic()
    device = given.device or long_runs.best_device()
    settings = {"device": device, "precision": given.precision}
    options = {"seed": SEED, "folder": given.folder, "quiet": False, **settings}
    given.folder.mkdir(parents=True, exist_ok=True)
    config = scales[given.scale]

    def run() -> None:
        finetuning.run_all(config, minutes=given.minutes, only=given.only, **options)
        for key in finetuning.VARIED if given.only is None else ():
            left = given.minutes - (time.monotonic() - start) / 60
            finetuning.run_varied(config, key, minutes=left, **options)

    return long_runs.call(run, given.folder, settings, start)


if __name__ == "__main__":
    sys.exit(main())
