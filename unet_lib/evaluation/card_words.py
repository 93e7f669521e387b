"""The sentences of a result card (`card`): plain data in, lines of text out."""

from collections.abc import Mapping, Sequence
from typing import Any

from unet_lib.evaluation.comparison import Comparison, changed
from unet_lib.evaluation.patients import PatientScore
from unet_lib.inference.predictor import NOT_FOR_DIAGNOSIS

FEW = 20  # patients; with fewer, the interval is told to be too narrow
MOST_CHANGES = 6


def trained_lines(name: str, settings: Mapping[str, Any], card: Mapping[str, Any],
                  history: Sequence[Mapping[str, float]]) -> tuple[str, ...]:
    """Network, data and training of a run."""
    network = dict(settings["network"])
    kind = network.pop("network", "unet")
    data, training, split = card.get("data", {}), card.get("training", {}), card.get("split", {})
    told = _told(network)
    lines = [f"{name}: {kind}, {told}",
             f"{len(split.get('train', ()))} training patients, {len(split.get('validation', ()))} to validate, "
             f"{len(split.get('test', ()))} kept for the test; data set {settings['data set']}",
             f"images of {data.get('size', '?')}×{data.get('size', '?')} in batches of {data.get('batch', '?')}, "
             f"{'with' if data.get('augment') else 'without'} augmentation; of the slices without tumour "
             f"{100 * data.get('negative_fraction', 1):.0f} % an epoch",
             f"loss {training.get('loss', '?')}, Adam, learning rate {training.get('learning_rate', '?')}, schedule "
             f"{training.get('schedule', '?')}; seed {data.get('seed', '?')}"]
    made = f"commit {card.get('commit') or 'unknown'}, on {card.get('device', 'an unknown device')}"
    return (*lines, _epochs(history), f"unet_lib {card.get('unet_lib', '?')}, {made}")


def figure_lines(found: Mapping[str, Any], where: str, comparison: Comparison | None, settings: Mapping[str, Any],
                 before: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Scores with their intervals; with a baseline the paired difference, and what differs in the settings."""
    def score(name: str) -> str:
        low, high = found[f"{name}_interval"]
        return f"{found[name]:.3f} [{low:.3f}, {high:.3f}]"

    lines = [f"{found['patients']} {where}",
             f"mean Dice of a patient {score('mean_dice')}", f"median {score('median_dice')}",
             f"F1 of all pixels together (pooled) {score('pooled_f1')}",
             "in brackets: 95 % intervals over patients (bootstrap)"]
    if comparison and before is not None:
        lines += [f"beside the baseline, patient by patient: {comparison.words}", comparison.verdict,
                  _differences(before, settings)]
    return tuple(lines)


def limit_lines(scores: Sequence[PatientScore], split: str, card: Mapping[str, Any]) -> tuple[str, ...]:
    """What the figures do not say; `split` is "" for a data set that the weights never saw."""
    lines = [_whose(scores)]
    if len(scores) < FEW:
        lines.append(f"{len(scores)} patient{'s are' if len(scores) > 1 else ' is'} few: an interval over so few is "
                     f"narrower than it should be.")
    lines.append(f"One training, with seed {card.get('data', {}).get('seed', '?')}. Another seed gives other figures.")
    if split == "validation":
        lines.append("Validation patients chose the epoch that was kept, so they flatter it. No test patient was "
                     "scored for this card.")
    if split == "test":
        lines.append("Test patients: to be scored once, when nothing is chosen any more.")
    if empty := sum(score.counts.tn == score.counts.total for score in scores):
        lines.append(f"{empty} without tumour in either mask, counted as Dice 1.")
    return (*lines, NOT_FOR_DIAGNOSIS)


def plain(cases: Sequence[Any]) -> str:
    """What stands above each picture, in a sentence each."""
    return " ".join(f"{case.title[0].upper()}{case.title[1:]}.".replace("\n", ", ") for case in cases)


def _told(network: Mapping[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in network.items())


def _epochs(history: Sequence[Mapping[str, float]]) -> str:
    scored = [row for row in history if "validation_f1" in row]
    best = max(scored, key=lambda row: row["validation_f1"], default=None)
    return f"{len(history)} epochs" + (f"; kept is epoch {best['epoch']:.0f}, the best F1 on validation patients"
                                       if best else "")


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    found = [f"{name.removeprefix('training.')} {_value(old)} → {_value(new)}"
             for name, (old, new) in changed(before, after).items()]
    if not found:
        return "settings that differ from the baseline: none"
    more = f" and {len(found) - MOST_CHANGES} more" * (len(found) > MOST_CHANGES)
    return f"settings that differ from the baseline: {', '.join(found[:MOST_CHANGES])}{more}"


def _value(value: Any) -> str:
    return "none" if value is None else str(value)


def _whose(scores: Sequence[PatientScore]) -> str:
    phantoms = sum(score.site.startswith("PH-") for score in scores)
    if phantoms == len(scores):
        return "Phantoms, synthetic patients: what holds for them need not hold for real ones."
    mixed = f"{phantoms} of them are phantoms. " if phantoms else ""
    return f"{mixed}This page shows scans of real patients: do not publish it, faces can be reconstructed from heads."
