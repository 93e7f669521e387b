"""How many slices a second does training take in, beside the loop that tutorials write, and beside MONAI's?

    python benchmarks/speed/train_throughput.py --data data/lgg [--device cuda --batch 16 --base 64 --size 256]
    python benchmarks/speed/train_throughput.py --data data/lgg --memory   # peak memory of the 100-epoch configuration
    ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 python …              # as on a processor without AVX-512

Same network (MONAI's has the same widths), batch, size, slices, loss and kind of augmentation; in one process and
in turns, so that a busy or warm machine is so for all:

- ours: `fit` on `Augmented(Batches(…))`, as `unet_lib train` does it;
- tutorial: DataLoader over TIFFs, float32, augmentation on the CPU (tutorial_loop.py);
- monai: CacheDataset, dictionary transforms, BasicUNet, float32 (monai_loop.py);
- bare: forward, backward and Adam's step on one random batch that stays on the device, as ours computes them. Ours
  against it is our overhead: reading, normalising, augmenting, counting.

Before each of its turns a DataLoader's stock of ready batches is used up untimed. Medians over the turns. The bare
step is also held against what the machine can do: its arithmetic (6 operations per multiply-add: forward, and the
gradients of inputs and of weights) against those of one large dense convolution and against a large matrix product in
the same precision, and the least it must read and write (what is kept for the backward pass and each stage's gradient,
written and read once, and Adam's seven passes over the weights) against a large copy.

Peak memory comes first, each from a process of its own; a DataLoader's workers are not counted. Rows, one a device
and configuration, go to data/results/train_throughput.json.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers.competitors import BUILD, Setting
from unet_lib.core.devices import choose_device, choose_precision
from unet_lib.core.provenance import provenance
from unet_lib.evaluation.result_rows import add_row
from unet_lib.models import architecture
from unet_lib.training.loop import forward

KEY = ("question", "device", "instructions", "base", "size", "batch", "batch_norm", "data")
# Model_1 and Model_4 of the school project, on all the slices there are.
LONG_RUN = {"base": 64, "size": 256, "batch": 4, "batch_norm": False, "slices": 100_000}
QUICK = {"base": 4, "size": 32, "batch": 4, "slices": 12, "steps": 2, "repeats": 2, "workers": 1}


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    setting = Setting(args, choose_device(args.device))
    if args.peak_of:
        print(json.dumps(peak(setting, args.peak_of)))
        return
    row = {"question": "memory" if args.memory else "throughput", **common(setting)}
    row["peak_bytes"] = {name: peak_in_a_process(name) for name in (["ours"] if args.memory else args.only)}
    row |= {"kept_bytes_by_plan": plan(setting).kept_bytes} if args.memory else throughput(setting)
    report(row)
    add_row(args.out, {"command": "python benchmarks/speed/train_throughput.py"}, row, KEY)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data/lgg"))
    parser.add_argument("--out", type=Path, default=Path("data/results/train_throughput.json"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--base", type=int, default=16)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--no-batch-norm", dest="batch_norm", action="store_false")
    parser.add_argument("--slices", type=int, default=640, help="of training patients, the same for all")
    parser.add_argument("--steps", type=int, default=20, help="in each turn")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each")
    parser.add_argument("--workers", type=int, default=2, help="processes of the peers' DataLoaders")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="+", choices=BUILD, default=list(BUILD), help="ours must be among them")
    parser.add_argument("--memory", action="store_true", help="only the peak memory of base 64, 256×256, batch 4")
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    parser.add_argument("--peak-of", choices=BUILD, help=argparse.SUPPRESS)
    args = parser.parse_args()
    for name, value in ((LONG_RUN if args.memory else {}) | (QUICK if args.quick else {})).items():
        setattr(args, name, value)
    return args


def common(setting: Setting) -> dict[str, Any]:
    args = setting.args
    return {**provenance(setting.device), "instructions": torch.backends.cpu.get_cpu_capability(),
            "threads": args.threads, "base": args.base, "size": args.size,
            "batch": args.batch, "batch_norm": args.batch_norm, "data": setting.cache.content,
            "slices": len(setting.indices), "workers": args.workers, "steps": args.steps, "repeats": args.repeats}


# ------------------------------------------------------------------ measuring

def throughput(setting: Setting) -> dict[str, Any]:
    """Slices a second of all, in turns; the ratios; and how near the bare step is to the machine's limits."""
    args = setting.args
    competitors = {name: BUILD[name](setting) for name in args.only}
    found: dict[str, list[float]] = {name: [] for name in competitors}
    for turn in range(-1, args.repeats):  # the first turn only warms up
        for name, competitor in competitors.items():
            if competitor.stock:
                competitor.train(competitor.stock)
            slices, seconds = timed(setting.device, lambda c=competitor: c.train(args.steps))
            if turn >= 0:
                found[name].append(slices / seconds)
    speed = {name: statistics.median(values) for name, values in found.items()}
    ratios = {f"ours / {peer}": round(speed["ours"] / value, 3) for peer, value in speed.items() if peer != "ours"}
    return {"images_per_second": {name: [round(value, 1) for value in values] for name, values in found.items()},
            "median": {name: round(value, 1) for name, value in speed.items()}, "ratios": ratios,
            "parameters": {name: competitor.parameters for name, competitor in competitors.items()},
            **({"limits": limits(setting, args.batch / speed["bare"])} if "bare" in speed else {})}


def timed(device: torch.device, work: Callable[[], Any]) -> tuple[Any, float]:
    finish = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    finish()
    start = time.perf_counter()
    result = work()
    finish()
    return result, time.perf_counter() - start


def plan(setting: Setting) -> architecture.Totals:
    args = setting.args
    width = choose_precision("auto", setting.device).itemsize
    stages = architecture.plan(base=args.base, size=args.size, batch_norm=args.batch_norm)
    return architecture.totals(stages, args.batch, width)


def limits(setting: Setting, seconds: float) -> dict[str, float]:
    """Of a bare step that takes so long: what it reaches, and as a fraction of what the machine reaches."""
    total, device = plan(setting), setting.device
    operations = 6 * total.multiply_adds * setting.args.batch
    least = 2 * total.kept_bytes + 2 * total.output_bytes + 7 * 4 * total.parameters
    convolution, product, copy = (measured(device, setting.args.quick)
                                  for measured in (convolution_rate, matmul_rate, copy_rate))
    reached = operations / seconds
    return {"step_seconds": round(seconds, 5), "flops": round(reached),
            "megapixels_per_second": round(setting.args.batch * setting.args.size**2 / seconds / 1e6, 3),
            "convolution_flops": round(convolution), "convolution_fraction": round(reached / convolution, 4),
            "matmul_flops": round(product), "arithmetic_fraction": round(reached / product, 4),
            "least_bytes": least, "copy_bytes_per_second": round(copy),
            "memory_fraction": round(least / seconds / copy, 4)}


def convolution_rate(device: torch.device, quick: bool) -> float:
    """Operations a second of a 3×3 convolution of many channels, forward and backward, the best of several."""
    channels, side, count = (8, 8, 2) if quick else (128, 64, 16)
    layer = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    layer.to(device, memory_format=torch.channels_last)
    maps = torch.randn(count, channels, side, side, device=device).to(memory_format=torch.channels_last)
    maps.requires_grad_()
    ones = torch.ones_like(maps)
    seconds = min(timed(device, lambda: forward(layer, maps).backward(ones))[1] for _ in range(5))
    return 6 * layer.weight.numel() * count * side**2 / seconds


def matmul_rate(device: torch.device, quick: bool) -> float:
    """Operations a second of a large square product, the best of several."""
    side = 128 if quick else 8192 if device.type == "cuda" else 2048
    one, other = (torch.randn(side, side, device=device, dtype=choose_precision("auto", device)) for _ in range(2))
    return 2 * side**3 / min(timed(device, lambda: one @ other)[1] for _ in range(10))


def copy_rate(device: torch.device, quick: bool) -> float:
    """Bytes a second, those read and those written, of a large copy, the best of several."""
    source = torch.zeros(2**20 if quick else 2**28, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * len(source) / min(timed(device, lambda: target.copy_(source))[1] for _ in range(10))


def peak_in_a_process(name: str) -> dict[str, int]:
    """`peak` in a fresh process with the same settings: memory that was once used counts for ever in its own."""
    done = subprocess.run([sys.executable, *sys.argv, "--peak-of", name], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def peak(setting: Setting, name: str) -> dict[str, int]:
    """Bytes before the training and at its peak, in the machine's memory and in the GPU's."""
    before = resident()
    BUILD[name](setting).train(3)
    on_gpu = {"gpu_peak": torch.cuda.max_memory_allocated()} if setting.device.type == "cuda" else {}
    return {"before": before, "peak": resident(), **on_gpu}


def resident() -> int:
    """The most memory that this process has held so far, in bytes (Linux counts in KiB, macOS in bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def report(row: dict[str, Any]) -> None:
    print(f"{row['device']}, base {row['base']}, {row['size']}×{row['size']}, batch {row['batch']}")
    for name, found in row["peak_bytes"].items():
        print(f"  {name:8}  " + ", ".join(f"{key} {value / 1e9:.2f} GB" for key, value in found.items())
              + (f", {row['median'][name]} images/s" if "median" in row else ""))
    for name, ratio in row.get("ratios", {}).items():
        print(f"  {name}: {ratio:.2f}×" + (f", an overhead of {1 / ratio - 1:.0%}" if name == "ours / bare" else ""))
    if "limits" in row:
        print("  the bare step: {megapixels_per_second} megapixels a second; {convolution_fraction:.0%} of the large "
              "convolution's arithmetic, {arithmetic_fraction:.0%} of the matrix product's, and at least "
              "{memory_fraction:.0%} of the copy's bytes".format(**row["limits"]))
    if "kept_bytes_by_plan" in row:
        print(f"  kept for the backward pass by the plan: {row['kept_bytes_by_plan'] / 1e9:.2f} GB")


if __name__ == "__main__":
    main()
