"""One training on one page: what was asked, what was trained, how good it is, three of its masks, and the limits.

    card = make_card(read_run(Path("runs/first")), cache, question="Does a wider network help?")
    write_card(card, Path("runs/first/card"))

All figures are those of `patients.summary`; a second run, the baseline, adds the paired difference (`comparison`).
"""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from unet_lib.core.atomic_io import write_text
from unet_lib.core.errors import DatasetError, SettingsError
from unet_lib.data.cache import SliceCache
from unet_lib.data.slice_files import FLAIR
from unet_lib.evaluation.card_words import figure_lines, limit_lines, plain, trained_lines
from unet_lib.evaluation.comparison import Comparison, compare
from unet_lib.evaluation.patients import PatientScore, choose_patients, score_patients, summary
from unet_lib.inference.predictor import Predictor, load_predictor
from unet_lib.models.registry import Network, described
from unet_lib.training.experiment import HISTORY
from unet_lib.training.loop import BEST

SPLITS = ("validation", "test")
MOST_LETTERS = {"question": 160, "answer": 400}
MASKS = "The network's mask is blue, the expert's outline orange."


@dataclass(frozen=True)
class Run:
    """A training's folder: the network of its best epoch, and its history, a row an epoch."""

    folder: Path
    predictor: Predictor
    history: tuple[Mapping[str, float], ...]

    @property
    def stages(self) -> tuple[str, ...]:
        """What a recipe in several stages leaves unsaid: card and history are those of the last."""
        several = (self.folder / "stage-1").exists()
        return ("the last stage of several; the settings above are its own",) if several else ()

    @property
    def settings(self) -> dict[str, Any]:
        """What fixed this training, from the card of its weights; the names of the patients left out."""
        card = self.predictor.card
        content = card.get("data", {}).get("content", "not told")
        data = {name: value for name, value in card.get("data", {}).items() if name != "content"}
        return {"network": described(cast(Network, self.predictor.model)), **data, "training": card.get("training", {}),
                "data set": re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1…", str(content)),
                "training patients": len(card.get("split", {}).get("train", ()))}


@dataclass(frozen=True)
class Case:
    """A patient's slice with most tumour: title, FLAIR, the network's mask and the expert's."""

    title: str
    flair: np.ndarray
    predicted: np.ndarray
    reference: np.ndarray


@dataclass(frozen=True)
class Card:
    """All that the page says and shows; `sections` are headings with their lines, in order."""

    question: str
    sections: Mapping[str, tuple[str, ...]]
    cases: tuple[Case, ...]
    curves: Mapping[str, tuple[float, ...]]
    scores: tuple[PatientScore, ...]
    comparison: Comparison | None
    summary: Mapping[str, Any]


def read_run(folder: Path, device: str = "auto") -> Run:
    """A run that `unet_lib train` wrote. Raises SettingsError for a folder that is none, CheckpointError."""
    for name in (BEST, HISTORY):
        if not (folder / name).is_file():
            raise SettingsError(f"{folder}: expected a run's folder with {BEST} and {HISTORY}; {name} is not there. "
                                f"Name the folder that was the --out of `unet_lib train`.")
    return Run(folder, load_predictor(folder / BEST, device), tuple(_history(folder / HISTORY)))


def make_card(run: Run, cache: SliceCache, *, split: str = "validation", baseline: Run | None = None,
              question: str = "", answer: str = "", title: str = "") -> Card:
    """Score the run, and the baseline on the same patients. Raises SettingsError or DatasetError for what does not fit.

    `title` is the run's name on the page, by default its folder's.
    """
    question, answer = _short("question", question), _short("answer", answer)
    names, seen = choose_subset(run, cache, split)
    scores = tuple(score_patients(run.predictor, cache, names))
    found, name = summary(scores), title or run.folder.resolve().name
    comparison = None
    if baseline:
        _refuse_other_patients(baseline, cache, split, names)
        comparison = compare(list(score_patients(baseline.predictor, cache, names)), scores)
    where = f"{split} patients" if seen else "patients, all of a data set that these weights never saw"
    sections = {"Answer": (answer,) if answer else (),
                "What was trained": trained_lines(name, run.settings, run.predictor.card, run.history)
                + run.stages,
                "How good it is": figure_lines(found, where, comparison, run.settings,
                                               baseline.settings if baseline else None),
                "Limits": limit_lines(scores, split if seen else "", run.predictor.card)}
    curves = {label: tuple(row[column] for row in run.history) for label, column in
              (("training", "train_f1"), ("validation", "validation_f1")) if all(column in row for row in run.history)}
    asked = question or ("Is it better than the baseline?" if baseline else "How good is this network?")
    return Card(asked, {heading: lines for heading, lines in sections.items() if lines},
                tuple(_cases(run.predictor, cache, scores)), curves, scores, comparison, found)


def choose_subset(run: Run, cache: SliceCache, split: str) -> tuple[tuple[str, ...], bool]:
    """The run's patients of `split`, and whether it knows this data set at all (see `choose_patients`)."""
    if split not in SPLITS:
        raise SettingsError(f"expected a split out of {', '.join(SPLITS)}; got {split!r}. A card shows patients that "
                            f"the network did not learn from.")
    return choose_patients(run.predictor.card, cache, split)


def write_card(card: Card, folder: Path) -> None:
    """card.md with masks.png, and card.png with all on one page."""
    from unet_lib import plotting  # here, because scoring alone should not load matplotlib
    from unet_lib.plotting.base import save_figure

    masks = [(case.title, case.flair, case.predicted, case.reference) for case in card.cases]
    save_figure(plotting.scores.worst_sheet(masks), folder / "masks.png")
    save_figure(picture(card), folder / "card.png")
    write_text(folder / "card.md", as_markdown(card))


def picture(card: Card) -> Any:
    """The page as a figure."""
    from unet_lib.plotting.card_page import card_page

    gains = list(card.comparison.gains.values()) if card.comparison else None
    return card_page(card.question, card.sections, [(case.title, case.flair, case.predicted, case.reference)
                                                    for case in card.cases],
                     card.curves, [score.dice for score in card.scores], gains,
                     (card.comparison.mean, *card.comparison.interval) if card.comparison else None)


def as_markdown(card: Card) -> str:
    """The page as Markdown; it shows masks.png, which lies beside it."""
    parts = [f"# {card.question}"]
    for heading, lines in card.sections.items():
        if heading == "Limits":
            words = f"{MASKS} {plain(card.cases)}"
            parts.append(f"## {len(card.cases)} of its masks\n\n![{words}](masks.png)\n\n{words}")
        parts.append(f"## {heading}\n\n" + "\n".join(f"- {line}" for line in lines))
    return "\n\n".join(parts) + "\n"


def _history(path: Path) -> Iterator[dict[str, float]]:
    """The rows of a history.csv as numbers; what is empty is left out."""
    try:
        for row in csv.DictReader(path.read_text("utf-8").splitlines()):
            yield {name: float(value) for name, value in row.items() if value} | {"epoch": int(row["epoch"])}
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise SettingsError(f"{path}: expected a row of numbers for each epoch, as `unet_lib train` writes them; got "
                            f"something else ({error!r}). Train again, or take an intact copy.") from error


def _short(name: str, text: str) -> str:
    """On one line. Raises SettingsError for more than the page has room for."""
    line = " ".join(text.split())
    if len(line) > MOST_LETTERS[name]:
        raise SettingsError(f"expected a --{name} of at most {MOST_LETTERS[name]} letters; got {len(line)}. Say it "
                            f"shorter: the card is one page.")
    return line


def _refuse_other_patients(baseline: Run, cache: SliceCache, split: str, names: Sequence[str]) -> None:
    fix = "Train both with the same --data and --seed."
    try:
        others, _ = choose_subset(baseline, cache, split)
    except DatasetError as error:
        raise SettingsError(f"{baseline.folder}: expected a baseline with the same {split} patients; got one without "
                            f"any in {cache.root}. {fix}") from error
    if lacking := sorted(set(names) - set(others)):
        raise SettingsError(f"{baseline.folder}: expected a baseline with the same {split} patients; {len(lacking)} of "
                            f"{len(names)} are none of its own, {lacking[0]} for one. {fix}")


def _cases(predictor: Predictor, cache: SliceCache, scores: Sequence[PatientScore]) -> Iterator[Case]:
    """The best, the median and the worst patient; fewer where there are fewer."""
    ranked = sorted(scores, key=lambda score: -score.dice)
    middle = float(np.median([score.dice for score in scores]))
    nearest = min(range(len(ranked)), key=lambda place: abs(ranked[place].dice - middle))
    ranks = {nearest: "median", len(ranked) - 1: "worst", 0: "best"}
    for place in sorted(ranks):
        score = ranked[place]
        found = predictor.patient(cache, score.patient)
        pixels = found.references.sum((1, 2)) + found.masks.sum((1, 2)) / found.masks[0].size
        shown = int(pixels.argmax())  # most tumour; the network's mask decides where the expert drew none
        index = found.indices[shown]
        word = ranks[place] if len(ranked) > 1 else "only"
        yield Case(f"{word} patient, Dice {score.dice:.2f}\n{score.patient[5:12].replace('_', ' ')}, slice "
                   f"{cache.numbers[index]}", cache.images[index][..., FLAIR], found.masks[shown],
                   found.references[shown])
