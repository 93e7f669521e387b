"""How fast does the page's own training, in plain JavaScript, learn? Dice on unseen phantoms after 60 s on one core.

    python benchmarks/speed/train_in_page.py [--seeds 1 2 3] [--seconds 60] [--scored validation] [--base 4 …]

Node trains with the files that the page runs (`book/live/training.js`), on the page's slices (`book/training_set.py`),
at the page's settings unless others are given. Dice is 2·TP / (2·TP + FP + FN) over all pixels of all scored slices
together: ten of each validation patient, evenly spread over the head; of the test patients with `--scored test`.
`seconds` are of processor time, for others may share the core; the wall's clock is in the curve too, and scoring in
both. One row a seed and setting goes to data/results/train_in_page.json. Needs Node and data/phantom.
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torch

from book.training_set import training_set
from unet_lib.core.paths import repository
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import open_cache
from unet_lib.evaluation.result_rows import add_row

GOAL = 0.6
SETTINGS = {"rate": 0.01, "batch": 8, "base": 4, "depth": 2, "skips": True}
KEY = ("seed", "scored", "limit", *SETTINGS)


def main() -> None:
    """Train once a seed, and keep what came of it."""
    args = arguments()
    settings = {name: getattr(args, name) for name in SETTINGS}
    with tempfile.TemporaryDirectory() as folder:
        packed = Path(folder) / "set.json"
        packed.write_text(json.dumps(training_set(open_cache(args.data), args.scored)))
        for seed in args.seeds:
            curve = train(packed, {**settings, "seed": seed}, args.seconds)
            row = {"seed": seed, "scored": args.scored, "limit": args.seconds, **settings, **summary(curve),
                   "curve": curve, **provenance(torch.device("cpu"))}
            print(f"seed {seed}: Dice {row['dice']:.3f} after {row['steps']} steps; {GOAL} first reached after "
                  f"{row['seconds_to_goal']} s; {row['steps_a_second']} steps a second", flush=True)
            add_row(args.out, {"command": "python benchmarks/speed/train_in_page.py"}, row, KEY)


def arguments() -> argparse.Namespace:
    """What to train, how long, and on which patients to score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=repository() / "data" / "phantom")
    parser.add_argument("--out", type=Path, default=repository() / "data" / "results" / "train_in_page.json")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--scored", choices=("validation", "test"), default="validation")
    for name in ("batch", "base", "depth"):
        parser.add_argument(f"--{name}", type=int, default=SETTINGS[name])
    parser.add_argument("--rate", type=float, default=SETTINGS["rate"], help="the learning rate")
    parser.add_argument("--no-skips", dest="skips", action="store_false")
    return parser.parse_args()


def train(packed: Path, settings: dict[str, Any], seconds: float) -> list[dict[str, float]]:
    """The curve of one training in Node."""
    command = ["node", Path(__file__).with_suffix(".mjs"), packed, json.dumps(settings), str(seconds)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def summary(curve: list[dict[str, float]]) -> dict[str, Any]:
    """The last score, when the goal was reached first (None: never), and how fast it went."""
    last = curve[-1]
    return {"dice": last["dice"], "steps": last["step"], "steps_a_second": round(last["step"] / last["seconds"], 1),
            "seconds_to_goal": next((point["seconds"] for point in curve if point["dice"] >= GOAL), None)}


if __name__ == "__main__":
    main()
