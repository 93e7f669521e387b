"""How long does `unet_lib evaluate` take, and how much of it is not the network?

    python benchmarks/speed/evaluate_speed.py [--data data/lgg] [--patients 22] [--threads 2]

Timed is the whole command with its tables and pictures, from starting Python to the last file, on the first patients of
the data set by name. A clock in the command counts what the network takes, from grey levels to probabilities. The rest
is starting Python, loading torch and matplotlib, masks, scores, intervals, tables and pictures. Starting Python and
loading torch is timed apart as well: torch_seconds. Medians over turns. The turn before, which is not counted, also
reads the TIFFs and keeps them in a cache: first_seconds. Scores are not looked at.

A row for each network, data set, number of patients and of threads, device and instructions goes to
data/results/evaluate_speed.json.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from unet_lib.core.paths import repository
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import open_cache
from unet_lib.evaluation.result_rows import add_row

KEY = ("network", "data", "patients", "device", "threads", "instructions")
LIMIT = 0.2
# `python -m unet_lib` which in the end prints the seconds of the network.
WITH_A_CLOCK = """
import atexit, time
from unet_lib.cli.app import main
from unet_lib.inference.predictor import Predictor

def probabilities(*arguments, plain=Predictor.probabilities):
    start = time.perf_counter()
    found = plain(*arguments)
    seconds.append(time.perf_counter() - start)
    return found

seconds, Predictor.probabilities = [], probabilities
atexit.register(lambda: print(sum(seconds)))
main()
"""


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)  # for the row: the command has threads of its own
    with TemporaryDirectory() as scratch:
        folder = first_patients(args.data, args.patients, Path(scratch, "data"))
        first, *turns = [turn(args, folder) for _ in range(args.repeats + 1)]
        cache = open_cache(folder, progress=False)
        slices, patients = len(cache), len(cache.names)
    whole, network, loading = (statistics.median(values) for values in zip(*turns, strict=True))
    rest = statistics.median(1 - network / whole for whole, network, _ in turns)
    row = {"network": args.model.stem, "data": args.data.name, "patients": patients, "slices": slices,
           "seconds": round(whole, 2), "network_seconds": round(network, 2), "rest_fraction": round(rest, 3),
           "of_the_limit": round(rest / LIMIT, 2), "torch_seconds": round(loading, 2),
           "first_seconds": round(first[0], 2),
           "instructions": torch.backends.cpu.get_cpu_capability(), "threads": args.threads, "repeats": args.repeats,
           **provenance(torch.device("cpu"))}
    print(f"{args.model.stem}: {whole:.1f} s for {patients} patients of {args.data.name} ({slices} slices), the "
          f"network alone {network:.1f} s; {rest:.0%} is not the network (limit: {LIMIT:.0%}), "
          f"{loading / whole:.0%} is loading torch")
    add_row(args.out, {"command": "python benchmarks/speed/evaluate_speed.py"}, row, KEY)


def arguments() -> argparse.Namespace:
    shipped = repository() / "data" / "models" / "lgg-best.safetensors"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=repository() / "data" / "phantom")
    parser.add_argument("--model", type=Path, default=shipped)
    parser.add_argument("--patients", type=int, default=22)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=repository() / "data" / "results" / "evaluate_speed.json")
    return parser.parse_args()


def first_patients(data: Path, count: int, folder: Path) -> Path:
    """A data folder with the first patients of another one, by name."""
    folder.mkdir()
    for patient in sorted(path for path in data.iterdir() if path.name.startswith("TCGA_"))[:count]:
        (folder / patient.name).symlink_to(patient.resolve(), target_is_directory=True)
    return folder


def turn(args: argparse.Namespace, folder: Path) -> tuple[float, float, float]:
    """Seconds of the command, of the network in it, and of a Python that only loads torch."""
    whole, printed = python_seconds(args.threads, "-c", WITH_A_CLOCK, "evaluate", "--model", args.model, "--data",
                                    folder, "--split", "all", "--device", "cpu", "--out", folder.parent / "scores")
    return whole, float(printed.split()[-1]), python_seconds(args.threads, "-c", "import torch")[0]


def python_seconds(threads: int, *arguments: object) -> tuple[float, str]:
    """From the start of a Python of its own to its end; and what it printed."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, *map(str, arguments)], check=True, capture_output=True, text=True,
                          env={**os.environ, "OMP_NUM_THREADS": str(threads)})
    return time.perf_counter() - start, done.stdout


if __name__ == "__main__":
    main()
