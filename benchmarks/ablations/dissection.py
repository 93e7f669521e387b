"""Which tissues do a network's channels show, before training and after? Network dissection, on phantoms.

    unet_lib phantom --patients 40 --seed 1 --out runs/phantoms-40
    python benchmarks/ablations/dissection.py [--data runs/phantoms-40] [--threads 1] [--only …] [--steps …]

Four slices of each phantom, evenly from the second to the last but one; every other patient chooses thresholds, the
rest score (`unet_lib.inspection.dissection`). Labels have 128×128 pixels, to which all maps are enlarged. No network
has seen these phantoms. Dissected are all blocks of

- lgg-steps with calibrated batch norms, at all its steps;
- untrained networks like it, three seeds, calibrated on the slices that choose thresholds;
- phantom-baseline and lgg-best, as trained (lgg-best without its adaptation to the patient), and untrained networks
  like lgg-best, calibrated;
- the image's three grey levels themselves: what one threshold finds without any network;
- and perfect maps of each tissue, as coarse as those of each level: more than their best IoU is not to be had there.

"shown" are the channels that show a tissue, by tissue; chance are the labels of three other patients. "false_alarms"
are the channels that would show one if wrong labels were the true ones. A census stands beside them, and alone for
lgg-steps and untrained networks without calibration: channels that are the same everywhere ("dead"), pairs of channels
with |r| > 0.95, how many channels have such a twin, and the channels' median standard deviation. Rows, one a network
and block, go to data/results/dissection.json; what is there is not measured again.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from unet_lib.core.errors import SettingsError
from unet_lib.core.provenance import provenance
from unet_lib.data.cache import SliceCache, open_cache
from unet_lib.data.loader import Batches
from unet_lib.data.phantom import GROUP_NAMES, group_tissues, read_labels
from unet_lib.data.preprocessing import training_size
from unet_lib.evaluation.result_rows import add_row, read_rows
from unet_lib.inspection.activations import block_names, feature_maps, map_statistics
from unet_lib.inspection.batch_norm_calibration import calibrate
from unet_lib.inspection.channel_metrics import duplicates
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.inspection.dissection import Dissection, dissect, labels_of_others
from unet_lib.models.checkpoint import load_model
from unet_lib.models.registry import Network, build, described

MODELS = Path("data/models")
NETWORKS = ("image", "lgg-steps", "phantom-baseline", "lgg-best")
BLOCKS = ("encoder", "bottleneck", "decoder")
KEY = ("network", "step", "seed", "batch_norm", "stage", "data")


@dataclass(frozen=True)
class Slices:
    """Slices of phantoms, with their tissues and those of the next few patients."""

    cache: SliceCache
    indices: np.ndarray
    choose: np.ndarray
    labels: np.ndarray
    others: np.ndarray

    def images(self, size: int) -> Tensor:
        batch, = Batches(self.cache, self.indices, batch=len(self.indices), size=size, shuffle=False).epoch()
        return batch.images


@dataclass(frozen=True)
class Subject:
    """What is looked at: its key, how to get its maps by stage; and only counted, unless it is dissected."""

    key: dict[str, Any]
    maps: Callable[[], dict[str, Tensor]]
    dissected: bool = True


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    slices = choose_slices(args)
    for name in args.only:
        for subject in subjects(name, args, slices):
            measure(args, subject, slices)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("runs/phantoms-40"))
    parser.add_argument("--series", type=Path, default=MODELS / "lgg-steps")
    parser.add_argument("--steps", type=int, nargs="+", help="of lgg-steps; by default all")
    parser.add_argument("--seeds", type=int, default=3, help="untrained networks")
    parser.add_argument("--slices", type=int, default=4, help="of each patient")
    parser.add_argument("--others", type=int, default=3, help="patients whose labels are the level of chance")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--only", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--out", type=Path, default=Path("data/results/dissection.json"))
    parser.add_argument("--quick", action="store_true", help="tiny, to see that it runs")
    args = parser.parse_args()
    return argparse.Namespace(**vars(args) | ({"seeds": 1, "slices": 2, "others": 2} if args.quick else {}))


def choose_slices(args: argparse.Namespace) -> Slices:
    cache, labels = open_cache(args.data), read_labels(args.data)
    names = [*cache.names[::2], *cache.names[1::2]]
    half = len(cache.names[::2])
    if len(names) < 2 * args.others + 2:
        raise SettingsError(f"{args.data}: expected at least {2 * args.others + 2} phantoms, so that each half has "
                            f"{args.others} others for each; got {len(names)}. Make more: unet_lib phantom --patients.")
    picks = [np.linspace(1, len(labels[name]) - 2, args.slices).round().astype(int) for name in names]
    kinds = [group_tissues(labels[name][pick][:, 1::2, 1::2]) for name, pick in zip(names, picks, strict=True)]
    others = [np.concatenate([*shifted(kinds[:half], by), *shifted(kinds[half:], by)])
              for by in range(1, 1 + args.others)]
    indices = np.concatenate([cache.slices_of([name])[pick] for name, pick in zip(names, picks, strict=True)])
    return Slices(cache, indices, np.arange(len(indices)) < half * args.slices,
                  np.concatenate(kinds), np.stack(others))


def shifted(labels: list[np.ndarray], by: int) -> list[np.ndarray]:
    """Labels of the next patient, or of one further on; all patients have equally many slices here."""
    for _ in range(by):
        labels = labels_of_others(labels)
    return labels


def subjects(name: str, args: argparse.Namespace, slices: Slices) -> Iterator[Subject]:
    """All there is to dissect under one name."""
    if name == "image":
        yield Subject(key(name), lambda: {name: slices.images(slices.labels.shape[-1])})
        yield Subject(key("perfect maps"), lambda: perfect_maps(slices))
    elif name == "lgg-steps":
        for batch_norm in ("calibrated", "as trained"):
            series = load_series(args.series, calibrated=batch_norm == "calibrated")
            for step in args.steps or series.steps:
                yield Subject(key(name, batch_norm, step=step),
                              lambda series=series, step=step: maps_of(series.at(step), slices.images(series.size)),
                              batch_norm == "calibrated")
        yield from untrained(name, series.networks[0], series.size, args, slices)
    else:
        network, card = load_model(MODELS / f"{name}.safetensors")
        yield Subject(key(name), lambda: maps_of(network, slices.images(training_size(card))))
        if name == "lgg-best":
            yield from untrained(name, network, training_size(card), args, slices)


def maps_of(network: Network, images: Tensor) -> dict[str, Tensor]:
    return feature_maps(network, images, [name for name in block_names(network) if name.startswith(BLOCKS)])


def perfect_maps(slices: Slices) -> dict[str, Tensor]:
    """A map a tissue: the fraction of each coarse pixel that it fills."""
    fine = torch.stack([torch.as_tensor(slices.labels == tissue) for tissue in range(len(GROUP_NAMES))], 1).float()
    return {f"{side}×{side}": adaptive_avg_pool2d(fine, side) for side in (8, 16, 32, 64, 128)}


def key(network: str, batch_norm: str = "as trained", step: int | None = None, seed: int | None = None) -> dict:
    return {"network": network, "step": step, "seed": seed, "batch_norm": batch_norm}


def untrained(name: str, like: Network, size: int, args: argparse.Namespace, slices: Slices) -> Iterator[Subject]:
    """Networks of the same architecture with other initial weights; calibrated on the slices that choose thresholds."""
    def maps(seed: int, calibrated: bool) -> dict[str, Tensor]:
        network, images = build(described(like), seed).eval(), slices.images(size)
        chosen = images[torch.as_tensor(slices.choose)]
        return maps_of(calibrate(network, chosen.split(40)) if calibrated else network, images)

    for seed in range(args.seeds):
        for batch_norm in ("calibrated", "initial"):
            calibrated = batch_norm == "calibrated"
            yield Subject(key(f"{name} untrained", batch_norm, seed=seed),
                          lambda seed=seed, calibrated=calibrated: maps(seed, calibrated), calibrated)


def measure(args: argparse.Namespace, subject: Subject, slices: Slices) -> None:
    """Add a row for each block of one network, unless they are there."""
    about = subject.key | {"data": slices.cache.content}
    if any(about.items() <= row.items() for row in read_rows(args.out)):
        return
    maps = subject.maps()
    rows = [about | {"stage": stage} | census(some) for stage, some in maps.items()]
    if subject.dissected:
        rows = [row | dissected(maps[row["stage"]], slices) for row in rows]
    for row in rows:
        add_row(args.out, {"command": "python benchmarks/ablations/dissection.py", "tissues": GROUP_NAMES},
                row | provenance(torch.device("cpu"), "float32"), KEY)
    shown = sum((Counter(row.get("shown", {})) for row in rows), Counter())
    channels, dead, alarms = (sum(row.get(name, 0) for row in rows) for name in ("channels", "dead", "false_alarms"))
    print(f"{subject.key}: {channels} channels, {dead} dead, {dict(shown.most_common())}, false alarms {alarms:.2f}",
          flush=True)


def census(maps: Tensor) -> dict[str, Any]:
    """How many channels there are, are dead, are double."""
    statistics, pairs = map_statistics(maps.transpose(0, 1).flatten(2)), duplicates(maps)
    return {"channels": maps.shape[1], "side": maps.shape[-1], "dead": int(statistics.dead.sum()),
            "duplicate_pairs": len(pairs), "with_a_twin": len({channel for pair in pairs for channel in pair[:2]}),
            "std": float(f"{np.median(np.sqrt(statistics.variance)):.3g}")}


def dissected(maps: Tensor, slices: Slices) -> dict[str, Any]:
    """Which tissues the channels show."""
    found = dissect(maps, slices.labels, slices.choose, slices.others, len(GROUP_NAMES))
    return {"shown": count_shown(found), "false_alarms": round(found.false_alarms, 2),
            "best_iou": best_of_tissues(found), "tissue": found.tissue.tolist(), "iou": rounded(found.iou),
            "chance": rounded(found.chance), "brighter": found.brighter.astype(int).tolist()}


def count_shown(found: Dissection) -> dict[str, int]:
    return dict(Counter(GROUP_NAMES[tissue] for tissue in found.tissue[found.shows]).most_common())


def best_of_tissues(found: Dissection) -> dict[str, list[float]]:
    """Of each tissue the channel that did best on the choosing patients: its IoU on the others, and by chance."""
    best = {}
    for tissue, name in enumerate(GROUP_NAMES):
        above = (found.chosen[0] - found.chosen[1:].max(axis=0))[:, tissue]
        if not np.isnan(above).all():
            scored = found.scored[:, np.nanargmax(above), tissue]
            best[name] = rounded(np.array([scored[0], scored[1:].max()]))
    return best


def rounded(values: np.ndarray) -> list[float | None]:
    return [None if np.isnan(value) else round(value, 4) for value in values.tolist()]


if __name__ == "__main__":
    main()
