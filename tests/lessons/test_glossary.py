"""The glossary: whole, in two languages, in order, and each term is found in the lesson that it names."""

import json
import re

import nbformat
import pytest
from repository import REPOSITORY

from unet_lib.core.errors import SettingsError
from unet_lib.lessons.glossary import GLOSSARY, Term, look_up, read_glossary, table

TERMS = read_glossary()
LESSONS = {path.name[:2]: path for path in (REPOSITORY / "notebooks").glob("[0-9][0-9]_*.ipynb")}
PAIR = (Term("stride", "Schrittweite", "How far a window moves.", "02"), Term("Mask", "Maske", "Yes or no.", "00"))


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.term)
def test_a_term_is_whole(term):
    for text in (term.term, term.german, term.meaning):
        assert text and text == " ".join(text.split())
        assert "|" not in text
    assert re.fullmatch(r"0[0-9]", term.lesson)
    assert re.fullmatch(r"[A-Z0-9].*\.", term.meaning), "not a sentence"
    assert not re.search(r"\. [A-Z]", term.meaning), "more than one sentence"
    assert len(term.meaning) <= 140
    assert term.term.casefold() not in term.meaning.casefold().split()[:2], "explains itself by itself"


@pytest.mark.parametrize("number", sorted(LESSONS))
def test_each_term_is_used_in_its_lesson(number):
    cells = nbformat.read(LESSONS[number], as_version=4).cells
    text = " ".join(" ".join(cell.source for cell in cells).split()).casefold()
    assert [term.term for term in TERMS if term.lesson == number and term.term.casefold() not in text] == []


@pytest.mark.parametrize("number", sorted(LESSONS))
def test_a_lesson_brings_the_glossary_for_its_bold_terms(number):
    cells = nbformat.read(LESSONS[number], as_version=4).cells
    assert any(cell.source.endswith("\nglossary_cards()") or "\nglossary_cards()\n" in cell.source for cell in cells)
    bold = re.findall(r"\*\*(\w[^*]*)\*\*", " ".join(cell.source for cell in cells if cell.cell_type == "markdown"))
    names = {term.term.casefold() for term in TERMS}
    assert len(names & {" ".join(text.split()).casefold() for text in bold}) >= 7


def test_every_lesson_up_to_the_mathematics_has_its_terms():
    assert {term.lesson for term in TERMS} >= {f"0{number}" for number in range(8)}


def test_no_term_comes_twice():
    for names in ([term.term.casefold() for term in TERMS], [term.german.casefold() for term in TERMS],
                  [term.meaning for term in TERMS]):
        assert len(set(names)) == len(names) >= 70


def test_the_file_is_in_order_and_written_as_one_writes_json():
    entries = json.loads(GLOSSARY.read_text("utf-8"))
    assert [entry["term"] for entry in entries] == [term.term for term in TERMS]
    assert GLOSSARY.read_text("utf-8") == json.dumps(entries, ensure_ascii=False, indent=1) + "\n"


def test_terms_are_sorted_whatever_the_file_and_their_capitals(tmp_path):
    path = tmp_path / "glossary.json"
    path.write_text(json.dumps([{name: getattr(t, name) for name in Term.__slots__} for t in PAIR]))
    assert read_glossary(path) == PAIR[::-1]


def test_the_table_in_markdown():
    assert table(PAIR).splitlines() == [
        "| term | German | meaning | lesson |", "|:--|:--|:--|:--|",
        "| **stride** | Schrittweite | How far a window moves. | 02 |", "| **Mask** | Maske | Yes or no. | 00 |"]
    assert len(table(TERMS).splitlines()) == len(TERMS) + 2


def test_a_term_is_found_by_either_name():
    assert look_up("stride", PAIR) == look_up("SCHRITTWEITE", PAIR) == PAIR[0]
    assert look_up("mask", PAIR) == PAIR[1]


@pytest.mark.parametrize(("name", "message"), [("strides", "of the 2 terms .*got 'strides'. Did you mean stride"),
                                               ("xyzzy", r"got 'xyzzy'\. glossary\.table\(terms\) shows all")])
def test_an_unknown_term_is_explained(name, message):
    with pytest.raises(SettingsError, match=message):
        look_up(name, PAIR)
