"""The talk's text: its figures, its seconds, and that both languages say the same."""

import json
import re

import pytest
from repository import REPOSITORY

from animations.manifest import CLIPS, LANGUAGES, index
from teaching.talk.build import HERE, build, find_clips
from teaching.talk.figures import figures, fill
from unet_lib.core.errors import SettingsError

RESULTS = REPOSITORY / "data" / "results"
TEXTS = {language: (HERE / f"talk.{language}.md").read_text("utf-8") for language in LANGUAGES}
FIGURE = re.compile(r"\{\{(\w+)\}\}")
A_MINUTE = {"en": 150, "de": 130}
"""Words that a calm speaker says in a minute; German words are longer."""


def slides(language):
    """Each slide's heading, clip, seconds, line and notes."""
    parts = re.compile(r"(.+)\n\n:::\{clip\} (\w+)\n:seconds: (\d+)\n:::\n\n(.+)\n\n:::\{notes\}\n(.+)\n:::\s*",
                       re.DOTALL)
    return [parts.fullmatch(slide).groups() for slide in re.split(r"(?m)^# ", TEXTS[language])[1:]]


def test_figures_are_those_of_the_lab_notebook():
    notebook = (RESULTS / "README.md").read_text("utf-8")
    said = re.search(r"`lgg-best` (0\.\d+) \[(0\.\d+), (0\.\d+)\]", notebook).groups()
    found = figures("en")
    for name, value in zip(("best_dice", "best_dice_low", "best_dice_high"), said):
        assert float(found[name]) == pytest.approx(float(value), abs=0.0051), name
    assert f"mean\n{found['all_dice']}" in notebook.replace("0.854", "0.85") and found["all_patients"] == "110"
    assert "Eleven of the 88" in notebook and (found["failed_patients"], found["tested_patients"]) == ("11", "88")
    assert "Ten have tumours below 8,000 pixels" in notebook and found["failed_small"] == "10"
    assert "trained without all of them\n0.10" in notebook
    assert float(found["skips_dice"]) - float(found["no_skips_dice"]) == pytest.approx(0.10, abs=0.001)


def test_marking_nothing_is_right_where_no_tumour_is():
    patients = json.loads((RESULTS / "sealed_test.json").read_text())["patients_lgg_best"]
    tumour, pixels = (sum(patient[what] for patient in patients) for what in ("tumour_pixels", "slices"))
    assert figures("en")["nothing_accuracy"] == f"{100 - 100 * tumour / (pixels * 256 * 256):.1f}\N{NO-BREAK SPACE}%"


def test_german_figures_have_commas():
    english, german = figures("en"), figures("de")
    assert german["best_dice"] == english["best_dice"].replace(".", ",") != english["best_dice"]
    assert {name: text.replace(",", ".") for name, text in german.items()} == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_figures_are_read_and_not_typed(language):
    assert not re.search(r"\d[.,]\d|(?<!95)[  ]%|\d-?%", TEXTS[language].replace("95-%-", ""))
    filled = fill(TEXTS[language], language, "talk.md")
    assert "{{" not in filled and "}}" not in filled
    assert set(FIGURE.findall(TEXTS[language])) == set(figures(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_ten_minutes(language):
    assert sum(int(seconds) for _, _, seconds, _, _ in slides(language)) == 600


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_notes_can_be_said_in_their_seconds(language):
    for heading, _, seconds, _, notes in slides(language):
        said = re.split(r"\n\n\*", notes)[0].split()
        assert 0.5 < 60 * len(said) / int(seconds) / A_MINUTE[language] <= 1, heading


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_clip_is_longer_than_its_slide(language):
    rendered = index(CLIPS)
    for heading, clip, seconds, _, _ in slides(language):
        assert rendered[f"{clip}.mp4"]["seconds"] <= int(seconds), heading


def test_both_languages_have_the_same_slides():
    english, german = ([(clip, seconds, *(sorted(FIGURE.findall(part)) for part in (heading, line, notes)),
                         notes.count("\n\n")) for heading, clip, seconds, line, notes in slides(language)]
                       for language in ("en", "de"))
    assert english == german and len(english) == 13


def test_a_missing_clip_is_named_with_what_makes_it(tmp_path):
    (tmp_path / "unet.mp4").touch()  # its poster is missing
    with pytest.raises(SettingsError, match=r"talk.en.md: expected unet.mp4 and unet.jpg in .*got .*--only unet"):
        find_clips(["unet"], [tmp_path], "talk.en.md")
    with pytest.raises(SettingsError, match="no clip 'look'; expected one of .*unet"):
        find_clips(["look"], [CLIPS], "talk.en.md")


def test_the_first_folder_that_has_both_files_counts(tmp_path):
    for name in ("plain/unet.mp4", "german/unet.mp4", "german/unet.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    folders = [tmp_path / "none", tmp_path / "plain", tmp_path / "german", CLIPS]
    found = find_clips(["unet", "dice"], folders, "talk.de.md")
    assert [path.parent for path in found] == [folders[2], folders[2], CLIPS, CLIPS]


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "en").mkdir()
    (tmp_path / "en" / "mine.txt").touch()
    with pytest.raises(SettingsError, match="expected a new folder"):
        build("en", tmp_path, [CLIPS])
    assert (tmp_path / "en" / "mine.txt").is_file()


def test_an_unknown_figure_is_named_with_its_line():
    with pytest.raises(SettingsError, match=r"talk.de.md, line 3: expected .*best_dice.*; got 'best_dise'"):
        fill("# A\n\n{{best_dice}} {{best_dise}}", "de", "talk.de.md")


@pytest.mark.parametrize(("text", "said"), [("# A\n\n:::{clip} unet\n:::\n", "expected :seconds:"),
                                            ("# A\n\n:::{klip} unet\n:::\n", "klip")])
def test_what_cannot_be_read_is_said(text, said, tmp_path, capfd):
    (tmp_path / "own.md").write_text(text)
    with pytest.raises(SettingsError, match="own.md: Sphinx has said above"):
        build("en", tmp_path / "out", [CLIPS], tmp_path / "own.md")
    assert said in capfd.readouterr().err
