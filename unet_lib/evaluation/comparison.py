"""An idea beside its baseline: what differs in their settings, and what the same patients gain.

    runs = list(train_seeds(settings, cache, split, seeds=(0, 1, 2), work=Path("runs/own_idea")))
    print(changed(before, after), compare(scores_before, scores_after).words)

Everything else must be alike: the same patients, the same seeds, one change in the settings.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from unet_lib.core.devices import choose_device
from unet_lib.core.errors import SettingsError
from unet_lib.core.metrics import bootstrap
from unet_lib.data.cache import SliceCache
from unet_lib.data.splits import Split
from unet_lib.evaluation.patients import PatientScore, score_patients
from unet_lib.inference.predictor import load_predictor
from unet_lib.training.experiment import ExperimentConfig, prepare
from unet_lib.training.loop import BEST, LAST


@dataclass(frozen=True)
class Comparison:
    """What patients gain, by name, the mean of it, and its 95 % interval over patients (`bootstrap`)."""

    gains: Mapping[str, float]
    mean: float
    interval: tuple[float, float]

    @property
    def words(self) -> str:
        """One sentence: the mean gain, its interval, and how many gained."""
        low, high = self.interval
        gained, lost = (sum(sign * gain > 0 for gain in self.gains.values()) for sign in (1, -1))
        return (f"mean gain in Dice {self.mean:+.3f} [{low:+.3f}, {high:+.3f}]; of {len(self.gains)} patients {gained} "
                f"gained and {lost} lost").replace("-", "−")

    @property
    def verdict(self) -> str:
        """Where the interval lies."""
        low, high = self.interval
        if low > 0:
            return "its interval lies above 0: a gain, and more than the luck of which patients these are"
        if high < 0:
            return "its interval lies below 0: a loss, and more than the luck of which patients these are"
        return "its interval holds 0: these patients cannot tell a gain from a loss"


def compare(before: Sequence[PatientScore], after: Sequence[PatientScore], seed: int = 0) -> Comparison:
    """The paired difference in Dice, patient by patient. Raises SettingsError unless both have the same patients."""
    old, new = ({score.patient: score.dice for score in scores} for scores in (before, after))
    if odd := sorted(old.keys() ^ new.keys()):
        raise SettingsError(f"expected two scores of every patient; got one only of {', '.join(odd[:3])}"
                            f"{', …' * (len(odd) > 3)}. Score both networks on the same patients.")
    gains = {name: new[name] - old[name] for name in sorted(new)}
    values = np.array([*gains.values()])
    return Comparison(gains, float(values.mean()), bootstrap(values, np.mean, seed=seed))


def flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings as one level: {"training": {"loss": "bce"}} becomes {"training.loss": "bce"}."""
    found: dict[str, Any] = {}
    for name, value in settings.items():
        found |= flat(value, f"{before}{name}.") if isinstance(value, Mapping) else {f"{before}{name}": value}
    return found


def changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The settings whose values differ, by their names; None stands for what only the other has."""
    old, new = flat(before), flat(after)
    return {name: (old.get(name), new.get(name)) for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)}


def train_seeds(settings: ExperimentConfig, cache: SliceCache, split: Split, seeds: Collection[int], work: Path,
                device: str = "auto") -> Iterator[Path]:
    """Train once for each seed; yield each run's folder in `work` as soon as it is ready.

    The folder's name follows from settings, data and split: a training that is there is not repeated, one that was
    stopped goes on. Raises SettingsError if another process trains there.
    """
    for seed in seeds:
        chosen = replace(settings, seed=seed)
        folder = work / f"{_mark(chosen, cache, split)}-seed{seed}"
        run = prepare(chosen, cache, split, choose_device(device))
        for _ in run.train(folder, resume=(folder / LAST).exists()):
            pass
        yield folder


def dice_table(runs: Sequence[Path], cache: SliceCache, names: Sequence[str],
               device: str = "auto") -> Float[np.ndarray, "runs patients"]:
    """The Dice of each patient (a column) with the best weights of each run (a row)."""
    return np.array([[score.dice for score in score_patients(load_predictor(run / BEST, device), cache, names)]
                     for run in runs])


def _mark(settings: ExperimentConfig, cache: SliceCache, split: Split) -> str:
    """Eight digits that differ for other settings, data or splits; the seed left out."""
    plain = [type(settings.network).__name__, asdict(replace(settings, seed=0)), cache.content, asdict(split)]
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()[:8]
