"""How long does a patient take? From a folder of TIFFs to masks, with each shipped network.

    python benchmarks/speed/predict_speed.py [--data data/phantom] [--threads 2] [--device cuda]

The patient is the one whose number of slices is nearest to 36. Timed is what `unet_lib predict` does with a patient
once it has started: read all slices, run the network (lgg-best first adapts its batch norms to the patient), make the
masks, read the expert's and count. What the network alone takes of that is timed in the same turn. Writing the
overlays, one figure a slice, is left out, as is starting Python. Medians over turns; rows, one a network, device and
number of threads, go to data/results/predict_speed.json.

Seconds depend on the machine, so each turn also times one large dense convolution (3×3, 128 → 128 channels, 8 maps of
64×64, float32). As many multiply-adds as the network needs to see each slice once would take, at that rate, the time
named convolution_limit_seconds; the patient takes times_the_convolution_limit of it (a median over turns).
"""

import argparse
import statistics
import time
from pathlib import Path

import numpy as np
import torch

from unet_lib.core.paths import repository
from unet_lib.core.provenance import provenance
from unet_lib.data.intensity import channel_histograms, intensity_statistics
from unet_lib.data.slice_files import SliceRecord, find_slices
from unet_lib.data.tiff import read_image
from unet_lib.evaluation.result_rows import add_row
from unet_lib.inference.predictor import Predictor, load_predictor
from unet_lib.inference.slice_predictions import predict_patient

KEY = ("network", "device", "threads", "instructions")
SLICES, LIMIT = 36, 2.0


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    records = patient(args.data)
    for path in args.models or sorted((repository() / "data" / "models").glob("*.safetensors")):
        predictor = load_predictor(path, args.device)
        turns = [turn(predictor, records) for _ in range(args.repeats + 1)][1:]  # the first warms up
        whole, network, rate = (statistics.median(values) for values in zip(*turns, strict=True))
        work = len(records) * sum(stage.multiply_adds for stage in predictor.model.plan(predictor.size))
        over = statistics.median(seconds * rate / work for seconds, _, rate in turns)
        row = {"network": path.stem, "slices": len(records), "size": predictor.size, "flip_tta": predictor.flip_tta,
               "batch_norm_adaptation": predictor.batch_norm_adaptation,
               "megabytes": round(path.stat().st_size / 1e6, 2), "seconds": round(whole, 3),
               "network_fraction": round(network / whole, 2), "of_the_limit": round(whole / LIMIT, 3),
               "multiply_adds": work, "convolution_limit_seconds": round(work / rate, 3),
               "times_the_convolution_limit": round(over, 2), "instructions": torch.backends.cpu.get_cpu_capability(),
               "threads": args.threads, "repeats": args.repeats, **provenance(predictor.device)}
        print(f"{path.stem}: {whole:.2f} s for {len(records)} slices, {row['of_the_limit']:.0%} of the limit of "
              f"{LIMIT:.0f} s and {over:.1f} times the machine's convolution limit; the network alone "
              f"{row['network_fraction']:.0%} of it")
        add_row(args.out, {"command": "python benchmarks/speed/predict_speed.py"}, row, KEY)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=repository() / "data" / "phantom")
    parser.add_argument("--models", type=Path, nargs="*", help="weights; all shipped ones by default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=repository() / "data" / "results" / "predict_speed.json")
    return parser.parse_args()


def patient(data: Path) -> tuple[SliceRecord, ...]:
    """The patient whose number of slices is nearest to 36."""
    records = find_slices(data)
    patients = [tuple(r for r in records if r.patient == name) for name in sorted({r.patient for r in records})]
    return min(patients, key=lambda mine: abs(len(mine) - SLICES))


def turn(predictor: Predictor, records: tuple[SliceRecord, ...]) -> tuple[float, float, float]:
    """Seconds for the whole patient, and for the network alone; multiply-adds a second of a dense convolution."""
    start = time.perf_counter()
    found = list(predict_patient(predictor, records))
    whole = time.perf_counter() - start
    assert len(found) == len(records)
    images = np.stack([read_image(record.image) for record in records])
    statistics_ = intensity_statistics(channel_histograms(images))
    start = time.perf_counter()
    predictor.probabilities(images, statistics_)
    return whole, time.perf_counter() - start, convolution_rate(predictor.device)


@torch.no_grad()
def convolution_rate(device: torch.device, channels: int = 128, side: int = 64, count: int = 8) -> float:
    """Multiply-adds a second of one large convolution, in the layout that the networks use; the best of four."""
    convolution = torch.nn.Conv2d(channels, channels, 3, padding=1, bias=False)
    convolution.to(device, memory_format=torch.channels_last)
    maps = torch.zeros(count, channels, side, side, device=device).to(memory_format=torch.channels_last)
    seconds = []
    for _ in range(4):
        start = time.perf_counter()
        float(convolution(maps)[0, 0, 0, 0])  # a number on the CPU: a GPU must have finished
        seconds.append(time.perf_counter() - start)
    return count * side**2 * convolution.weight.numel() / min(seconds)


if __name__ == "__main__":
    main()
