"""How long do everyday tasks take, beside the time that each may take?

    python benchmarks/speed/everyday_times.py                                 # lessons 01, 05, 06; phantoms; commands
    python benchmarks/speed/everyday_times.py --lessons 00 02 --only lessons
    python benchmarks/speed/everyday_times.py --only suite                    # runs `make test`
    python benchmarks/speed/everyday_times.py --only suite --log pytest.log   # reads what pytest printed

A lesson: Run All with nbconvert in a new kernel, UNET_PROGRESS=off, in a copy of the project where nothing was run
before, so lesson 05 makes its new patients as it does for its first reader. The phantoms and their cache are there.
Phantoms: `unet_lib phantom` for 24 patients into a new folder. The command line: `import unet_lib.cli.app` and
`unet_lib --help`, each in a new process, medians. Suite: the README's test command.

Rows, one for each thing, device, number of threads and instructions, go to data/results/everyday_times.json: seconds,
processor seconds of all processes together, the limit, and of_the_limit, seconds divided by the limit. How fast the
machine was at that moment is measured in the same run: times_torch_import is seconds divided by those of `import torch`
in a new process (a median), and convolution_rate the multiply-adds a second of the dense convolution of
predict_speed.py. The load is that of the minute before; the limits are meant for two idle cores.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import torch

from benchmarks.speed.predict_speed import convolution_rate
from unet_lib.core.errors import SettingsError
from unet_lib.core.paths import repository
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import open_cache
from unet_lib.evaluation.result_rows import add_row

KEY = ("what", "device", "threads", "instructions")
PARTS = ("command line", "phantoms", "lessons", "suite")
LIMITS = {"lesson 01": 45, "lesson 05": 60, "lesson 06": 60, "24 phantoms": 30, "import unet_lib.cli.app": 0.3,
          "unet_lib --help": 0.3, "test suite": 1200}
CPU = torch.device("cpu")

Times = tuple[float, float | None]
"""Seconds on the clock, and of processor time of all processes together; None where nobody counted them."""


def main() -> None:
    args = arguments()
    import_torch = median(args.repeats, [sys.executable, "-c", "import torch"])[0]
    for what, measure in chosen(args):
        load, rate = round(os.getloadavg()[0], 1), convolution_rate(CPU, side=8 if args.quick else 64)
        seconds, processor = measure()
        limit = LIMITS.get(what)
        row = {"what": what, "seconds": round(seconds, 3), "processor_seconds": processor and round(processor, 3),
               "limit_seconds": limit, "of_the_limit": limit and round(seconds / limit, 3),
               "times_torch_import": round(seconds / import_torch, 3), "import_torch_seconds": round(import_torch, 3),
               "convolution_rate": round(rate), "load": load, "instructions": torch.backends.cpu.get_cpu_capability(),
               "threads": torch.get_num_threads(), **provenance(CPU)}
        print(f"{what}: {seconds:.2f} s" + (f" ({processor:.2f} s of processor time)" if processor else "")
              + (f", {seconds / limit:.0%} of the limit of {limit} s" if limit else ", no limit set")
              + f"; {seconds / import_torch:.2f} times `import torch` (load {load})", flush=True)
        add_row(args.out, {"command": "python benchmarks/speed/everyday_times.py"}, row, KEY)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS[:-1], help="all but the suite by default")
    parser.add_argument("--lessons", nargs="+", default=["01", "05", "06"], metavar="NN")
    parser.add_argument("--log", type=Path, help="what pytest printed, instead of running the suite")
    parser.add_argument("--repeats", type=int, default=7, help="processes for each median")
    parser.add_argument("--quick", action="store_true", help="one phantom, and a lesson's first code cell: a trial")
    parser.add_argument("--out", type=Path, default=repository() / "data" / "results" / "everyday_times.json")
    return parser.parse_args()


def chosen(args: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Times]]]:
    """What is to be measured, and how."""
    command = str(Path(sys.executable).with_name("unet_lib"))
    if "command line" in args.only:
        start = "import unet_lib.cli.app"
        yield start, lambda: median(args.repeats, [sys.executable, "-c", start])
        yield "unet_lib --help", lambda: median(args.repeats, [command, "--help"])
    if "phantoms" in args.only:
        patients = 1 if args.quick else 24
        phantoms = [command, "phantom", "--patients", str(patients), "--out", "."]
        yield f"{patients} phantoms", lambda: in_new_folder(phantoms)
    for number in args.lessons if "lessons" in args.only else ():
        yield f"lesson {number}", lambda number=number: run_all(number, args.quick)
    if "suite" in args.only:
        yield "test suite", lambda: suite(args.log)


def timed(command: list[str], folder: Path | str = ".", **environment: str) -> Times:
    """Run the command to its end. Raises SystemExit, with the end of what it wrote, if it fails."""
    start, before = time.perf_counter(), os.times()
    done = subprocess.run(command, cwd=folder, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    seconds, after = time.perf_counter() - start, os.times()
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout[-3000:]}")
    return seconds, (after.children_user + after.children_system) - (before.children_user + before.children_system)


def median(repeats: int, command: list[str]) -> Times:
    """Of so many new processes, after one that fills the disk's cache."""
    seconds, processor = zip(*[timed(command) for _ in range(repeats + 1)][1:], strict=True)
    return statistics.median(seconds), statistics.median(processor)


def in_new_folder(command: list[str]) -> Times:
    with tempfile.TemporaryDirectory() as folder:
        return timed(command, folder)


def run_all(number: str, quick: bool) -> Times:
    """A lesson as its first reader runs it. Raises SettingsError if there is no such lesson."""
    found = next((repository() / "notebooks").glob(f"{number}_*.ipynb"), None)
    if found is None:
        raise SettingsError(f"expected the number of a lesson, 00 to 09; got {number!r}. See notebooks/.")
    open_cache(repository() / "data" / "phantom", progress=False)
    with tempfile.TemporaryDirectory() as folder:
        lesson = copy_project(Path(folder)) / "notebooks" / found.name
        if quick:
            keep_first_code_cell(lesson)
        return timed([sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute", "--inplace",
                      "--log-level=ERROR", str(lesson)], lesson.parent, PYTHONPATH=folder, UNET_PROGRESS="off")


def copy_project(folder: Path) -> Path:
    """What the lessons use, without what they wrote in earlier runs; what they only read stays where it is."""
    for name in ("unet_lib", "notebooks"):
        shutil.copytree(repository() / name, folder / name)
    for name in ("data", "animations"):
        (folder / name).symlink_to(repository() / name)
    return folder


def keep_first_code_cell(lesson: Path) -> None:
    notebook = nbformat.read(lesson, 4)
    notebook.cells = [cell for cell in notebook.cells if cell.cell_type == "code"][:1]
    nbformat.write(notebook, lesson)


def suite(log: Path | None) -> Times:
    """Raises SettingsError if the log holds no last line of pytest's."""
    if log is None:
        return timed(["make", "test"], repository())
    found = re.findall(r"\bin (\d+\.\d+)s\b", log.read_text("utf-8"))
    if not found:
        raise SettingsError(f"expected a log that ends as pytest's do, “… passed in 1000.00s”; {log} has no such line. "
                            f"Keep what pytest prints: make test > {log.name}")
    return float(found[-1]), None


if __name__ == "__main__":
    main()
