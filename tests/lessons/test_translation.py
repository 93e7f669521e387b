"""Translations: up to date, true to the English in every number and link, and reported when they are not."""

import re
from copy import deepcopy

import nbformat
import pytest
from repository import REPOSITORY

from unet_lib.core.errors import SettingsError
from unet_lib.lessons.translation import (
    Entry,
    fingerprint,
    languages,
    progress,
    read_lesson,
    read_translation,
    stub,
    translated,
    write_translated,
)

LESSONS = sorted((REPOSITORY / "notebooks").glob("[0-9][0-9]_*.ipynb"))
EACH = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
LANGUAGE = pytest.mark.parametrize("language", languages())


def lesson(*sources):
    cells = [nbformat.v4.new_markdown_cell(source, id=f"cell-{n}") for n, source in enumerate(sources)]
    return nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell("1 + 1", id="code")])


@LANGUAGE
@EACH
def test_nothing_is_stale_and_title_and_objectives_are_translated(path, language):
    notebook, entries = read_lesson(path), read_translation(path.stem, language)
    found = progress(notebook, entries)
    assert (found.stale, found.lost) == ((), ())
    opening = [cell["id"] for cell in notebook.cells[:3] if cell["cell_type"] == "markdown"]
    assert opening[:2] == list(entries)[:2]
    before, after = ([cell["source"] for cell in book.cells] for book in (notebook, translated(notebook, entries)))
    assert sum(a != b for a, b in zip(before, after, strict=True)) == found.translated >= 2


@LANGUAGE
@EACH
def test_numbers_links_code_and_formulas_are_those_of_the_english(path, language):
    english = {cell["id"]: cell["source"] for cell in read_lesson(path).cells}
    for name, entry in read_translation(path.stem, language).items():
        # A decimal comma is the only difference that a number may show.
        for kind in (r"\d+(?:[.,]\d+)?", r"\]\(([^)]+)\)", r"`[^`]+`", r"\$[^$]+\$", r"^#+ ", r"^- "):
            one, other = (sorted(re.findall(kind, text.replace(",", "."), re.MULTILINE))
                          for text in (english[name], entry.text))
            assert one == other, (name, kind)


def test_a_fingerprint_sees_words_but_not_spaces_at_the_ends():
    assert fingerprint("one\ntwo") == fingerprint("\none  \ntwo\n") != fingerprint("one\ntwo.")
    assert re.fullmatch("[0-9a-f]{12}", fingerprint(""))


def test_what_changed_in_english_is_stale_and_shown_in_english():
    old = lesson("# Title", "Some prose")
    entries = {"cell-0": Entry(fingerprint("# Title"), "# Ein Haus"),
               "cell-1": Entry(fingerprint("Some prose"), "Prosa"),
               "gone": Entry("0" * 12, "weg")}
    assert progress(old, entries).translated == 2 and progress(old, entries).cells == 2
    new = deepcopy(old)
    new.cells[1]["source"] = "Other prose"
    found = progress(new, entries)
    assert (found.translated, found.stale, found.lost) == (1, ("cell-1",), ("gone",))
    assert [cell["source"] for cell in translated(new, entries).cells] == ["# Ein Haus", "Other prose", "1 + 1"]
    assert new.cells[0]["source"] == "# Title"  # the lesson itself is left alone


def test_a_stub_holds_what_is_open_and_reads_back(tmp_path):
    notebook = lesson("# Title", 'A "quote", a \\backslash and $x\'$')
    (tmp_path / "xx").mkdir()
    done = {"cell-0": Entry(fingerprint("# Title"), "# Ein Haus")}
    (tmp_path / "xx" / "l.toml").write_text(stub(notebook, done))
    back = read_translation("l", "xx", tmp_path)
    assert {name: entry.text for name, entry in back.items()} == {"cell-1": notebook.cells[1]["source"]}
    assert stub(notebook, {**done, **back}) == ""


@pytest.mark.parametrize("text", ["not toml", '["a"]\nsource = "x"', 'a = 1', '["a"]\nsource = "x"\ntext = 3'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "xx").mkdir()
    (tmp_path / "xx" / "l.toml").write_text(text)
    with pytest.raises(SettingsError, match=r"l\.toml: expected entries"):
        read_translation("l", "xx", tmp_path)


def test_a_language_that_is_not_begun():
    with pytest.raises(SettingsError, match=r"expected a language out of de.*got 'fr'"):
        read_translation(LESSONS[0].stem, "fr")


def test_a_lesson_without_translation_is_english(tmp_path):
    (tmp_path / "xx").mkdir()
    assert read_translation("l", "xx", tmp_path) == {}


def test_a_written_lesson_is_a_valid_notebook_with_the_same_code_and_outputs(tmp_path):
    written = read_lesson(write_translated(LESSONS[0], "de", tmp_path))
    nbformat.validate(written)
    english = read_lesson(LESSONS[0])
    assert written.cells[0]["source"].startswith("# 00 · Hier geht es los")
    assert [c for c in written.cells if c["cell_type"] == "code"] == \
        [c for c in english.cells if c["cell_type"] == "code"]


def test_the_command_reports_and_writes(run_cli, tmp_path):
    done = run_cli("translate", *LESSONS, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(" cells\n") == len(LESSONS) == len(list(tmp_path.glob("*.ipynb")))
    other = tmp_path / "01_the_scan.ipynb"  # in German by now, so the English is not what the entries were made from
    done = run_cli("translate", other)
    assert done.returncode == 1 and "stale, the English has changed: scan-00-title" in done.stdout
    assert run_cli("translate", LESSONS[1], "--todo").stdout.count("source = ") > 10
    assert run_cli("translate", tmp_path / "none.ipynb").returncode == 2
