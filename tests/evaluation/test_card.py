"""A training on one page: its figures against others' arithmetic, what it says and what it refuses."""

import re

import numpy as np
import pytest
from made_up import made_up_cache
from PIL import Image
from predictors import Shifted
from scipy import stats
from sklearn.metrics import f1_score

from unet_lib.core.errors import CheckpointError, SettingsError
from unet_lib.evaluation import card as library
from unet_lib.models.registry import build

HISTORY = ({"epoch": 1, "train_f1": 0.2, "validation_f1": 0.1}, {"epoch": 2, "train_f1": 0.5, "validation_f1": 0.4},
           {"epoch": 3, "train_f1": 0.7, "validation_f1": 0.3})
DATA = {"content": "0123456789abcdef" * 4, "size": 64, "batch": 8, "augment": True, "seed": 5, "negative_fraction": 0.3}
TRAINING = {"loss": "bce_dice", "learning_rate": 0.004, "schedule": "cosine"}


@pytest.fixture(scope="module")
def cache():
    return made_up_cache()


def run_of(cache, tmp_path, shift, validation=None, **card):
    """A run whose network is a stand-in that draws the expert's mask some pixels off."""
    validation = cache.names if validation is None else validation
    predictor = Shifted(cache, shift)
    predictor.card.update({"data": DATA, "training": TRAINING,
                           "split": {"train": ["a", "b"], "validation": list(validation), "test": ["c"]}} | card)
    object.__setattr__(predictor, "model", build({"base": 4, "depth": 2}, 0))
    (tmp_path / f"shift-{shift}").mkdir(exist_ok=True)
    return library.Run(tmp_path / f"shift-{shift}", predictor, HISTORY)


def masks(cache, shift, names):
    true = [cache.masks[cache.slices_of([name])] > 0 for name in names]
    return true, [np.roll(one, shift, 2) for one in true]


def dice(cache, shift, names):
    pairs = zip(*masks(cache, shift, names), strict=True)
    return np.array([2 * (a & b).sum() / (a.sum() + b.sum()) if (a | b).any() else 1.0 for a, b in pairs])


def shown(text, label):
    """The figure after a label, and its interval."""
    return [float(number) for number in re.search(rf"{label} ([\d.]+) \[([\d.]+), ([\d.]+)\]", text).groups()]


def test_the_figures_are_those_of_other_libraries(cache, tmp_path):
    text = library.as_markdown(library.make_card(run_of(cache, tmp_path, 6), cache))
    each = dice(cache, 6, cache.names)
    for label, statistic in (("mean Dice of a patient", np.mean), ("median", np.median)):
        value, low, high = shown(text, label)
        assert value == pytest.approx(statistic(each), abs=6e-4)
        theirs = stats.bootstrap((each,), statistic, method="percentile", n_resamples=10_000, rng=1)
        assert (low, high) == pytest.approx(tuple(theirs.confidence_interval), abs=0.01)
    true, found = (np.concatenate([one.ravel() for one in both]) for both in masks(cache, 6, cache.names))
    assert shown(text, r"\(pooled\)")[0] == pytest.approx(f1_score(true, found), abs=6e-4)
    assert "- 3 validation patients" in text


def test_beside_a_baseline_the_same_patients_are_compared(cache, tmp_path):
    before = run_of(cache, tmp_path, 9, training={**TRAINING, "loss": "dice"})
    card = library.make_card(run_of(cache, tmp_path, 2), cache, baseline=before)
    gains = dice(cache, 2, cache.names) - dice(cache, 9, cache.names)
    np.testing.assert_allclose([*card.comparison.gains.values()], gains, atol=1e-12)
    text = library.as_markdown(card)
    assert f"mean gain in Dice +{gains.mean():.3f} [" in text and "2 gained and 0 lost" in text
    assert "settings that differ from the baseline: loss dice → bce_dice\n" in text
    assert card.question == "Is it better than the baseline?" and "Answer" not in card.sections
    assert f"- {card.comparison.verdict}\n" in text


def test_the_page_says_what_was_trained_and_where_it_ends(cache, tmp_path):
    card = library.make_card(run_of(cache, tmp_path, 3), cache, question=" Is it\n good? ", answer="It is.")
    text = library.as_markdown(card)
    assert text.startswith("# Is it good?\n\n## Answer\n\n- It is.\n\n## What was trained\n\n- shift-3: unet, ")
    for words in ("base 4, depth 2", "2 training patients, 3 to validate, 1 kept for the test; data set 0123456789ab…",
                  "images of 64×64 in batches of 8, with augmentation", "30 % an epoch",
                  "loss bce_dice, Adam, learning rate 0.004, schedule cosine; seed 5", "3 epochs; kept is epoch 2",
                  "scans of real patients", "3 patients are few", "One training, with seed 5",
                  "No test patient was scored", "1 without tumour in either mask", "Do not diagnose"):
        assert words in text, words
    assert card.curves == {"training": (0.2, 0.5, 0.7), "validation": (0.1, 0.4, 0.3)}
    assert "the last stage" not in text
    (tmp_path / "shift-3" / "stage-1").mkdir()
    assert "the last stage of several" in library.as_markdown(library.make_card(run_of(cache, tmp_path, 3), cache))


def test_best_median_and_worst_patient_on_their_slice_with_most_tumour(cache, tmp_path):
    card = library.make_card(run_of(cache, tmp_path, 6), cache)
    each = dict(zip(cache.names, dice(cache, 6, cache.names), strict=True))
    ranked = sorted(each, key=each.get)
    for case, word, name in zip(card.cases, ("best", "median", "worst"), ranked[::-1], strict=True):
        assert case.title.startswith(f"{word} patient, Dice {each[name]:.2f}\n{name[5:12].replace('_', ' ')}, slice ")
        stack = cache.masks[cache.slices_of([name])] > 0
        np.testing.assert_array_equal(case.reference, stack[stack.sum((1, 2)).argmax()])
        np.testing.assert_array_equal(case.predicted, np.roll(case.reference, 6, 1))


@pytest.mark.parametrize(("count", "words"), [(1, ["only"]), (2, ["best", "worst"])])
def test_fewer_patients_show_fewer_masks(cache, tmp_path, count, words):
    card = library.make_card(run_of(cache, tmp_path, 6, cache.names[:count]), cache)
    assert [case.title.split()[0] for case in card.cases] == words
    library.write_card(card, tmp_path / "few")
    assert f"- {count} validation patients" in (tmp_path / "few" / "card.md").read_text("utf-8")


def test_test_patients_only_when_asked(cache, tmp_path):
    split = {"train": ["a"], "validation": list(cache.names[:2]), "test": list(cache.names[2:])}
    run = run_of(cache, tmp_path, 6, split=split)
    assert [score.patient for score in library.make_card(run, cache).scores] == list(cache.names[:2])
    card = library.make_card(run, cache, split="test")
    assert [score.patient for score in card.scores] == list(cache.names[2:])
    assert "- 1 test patients" in library.as_markdown(card) and "when nothing is chosen any more" in str(card.sections)


def test_new_data_is_called_new(cache, tmp_path):
    card = library.make_card(run_of(cache, tmp_path, 6, ["x"]), cache)
    assert "3 patients, all of a data set that these weights never saw" in library.as_markdown(card)
    assert "chose the epoch" not in library.as_markdown(card)


def test_the_files_are_there_in_colours_that_mean_something(cache, tmp_path):
    card = library.make_card(run_of(cache, tmp_path, 2), cache, baseline=run_of(cache, tmp_path, 9),
                             question="Q" * 160, answer="a b " * 100)
    library.write_card(card, tmp_path / "card")
    assert sorted(path.name for path in (tmp_path / "card").iterdir()) == ["card.md", "card.png", "masks.png"]
    assert "](masks.png)" in (tmp_path / "card" / "card.md").read_text("utf-8")
    for name in ("card.png", "masks.png"):
        pixels = np.asarray(Image.open(tmp_path / "card" / name).convert("RGB")).astype(int)
        for colour in ((0xE6, 0x9F, 0x00), (0x56, 0xB4, 0xE9)):
            assert (np.abs(pixels - colour).max(-1) < 8).sum() > 100, (name, colour)
    height, width = np.asarray(Image.open(tmp_path / "card" / "card.png")).shape[:2]
    assert height / width == pytest.approx(2 ** 0.5, abs=0.01)


def test_a_page_of_many_words_is_still_a_page(cache, tmp_path):
    many = {f"setting {number}": number for number in range(30)}
    before = run_of(cache, tmp_path, 9, training=TRAINING | many)
    card = library.make_card(run_of(cache, tmp_path, 2), cache, baseline=before, title="long name " * 30)
    assert "and 24 more" in library.as_markdown(card)
    library.write_card(card, tmp_path / "card")


@pytest.mark.parametrize(("settings", "message"), [
    ({"split": "train"}, "expected a split out of validation, test; got 'train'"),
    ({"question": "q" * 161}, "expected a --question of at most 160 letters; got 161. Say it shorter"),
    ({"answer": "a" * 401}, "expected a --answer of at most 400 letters; got 401")])
def test_what_does_not_fit_is_refused(cache, tmp_path, settings, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        library.make_card(run_of(cache, tmp_path, 6), cache, **settings)


def test_a_baseline_with_other_patients_is_refused(cache, tmp_path):
    own = run_of(cache, tmp_path, 6)
    with pytest.raises(SettingsError, match="1 of 3 are none of its own, TCGA_DU_A003.* Train both with the same"):
        library.make_card(own, cache, baseline=run_of(cache, tmp_path, 2, cache.names[:2]))
    split = {"train": list(cache.names), "validation": ["x"], "test": ["y"]}
    elsewhere = run_of(cache, tmp_path, 2, split=split)
    with pytest.raises(SettingsError, match="same validation patients; got one without any"):
        library.make_card(own, cache, baseline=elsewhere)


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(SettingsError, match=r"with best\.safetensors and history\.csv; best\.safetensors is not there"):
        library.read_run(tmp_path)
    (tmp_path / "best.safetensors").write_bytes(b"nonsense, and long enough")
    with pytest.raises(SettingsError, match=r"history\.csv is not there\. Name the folder that was the --out"):
        library.read_run(tmp_path)
    (tmp_path / "history.csv").write_text("epoch;loss\n1;0,5\n")
    with pytest.raises(CheckpointError):
        library.read_run(tmp_path)


@pytest.mark.parametrize("text", ["epoch;loss\n1;0,5\n", "epoch,train_f1\n1,high\n", "epoch\nx\n"])
def test_a_history_that_a_spreadsheet_changed_is_explained(tmp_path, text):
    (tmp_path / "history.csv").write_text(text)
    with pytest.raises(SettingsError, match="expected a row of numbers for each epoch"):
        list(library._history(tmp_path / "history.csv"))
