"""The glossary on cards, without a browser: what is sent, and that a cell that asks for it shows nothing."""

import json
import re

from unet_lib.lessons.glossary import read_glossary
from unet_lib.widgets.glossary_cards import glossary_cards
from unet_lib.widgets.glossary_cards.glossary_cards import GlossaryCards, page_script, page_style

TERMS = [{"term": t.term, "german": t.german, "meaning": t.meaning, "lesson": t.lesson} for t in read_glossary()]


def test_a_cell_shows_nothing_and_the_browser_gets_every_term(monkeypatch):
    sent = []
    monkeypatch.setattr(GlossaryCards, "open", lambda widget: sent.append(widget.get_state()))
    assert glossary_cards() is None
    assert [state["entries"] for state in sent] == [TERMS]


def test_a_page_without_python_gets_one_plain_script_with_every_term():
    whole = page_script()
    assert not re.search("^(import|export)", whole, re.MULTILINE)
    assert json.loads(re.search(r"^explainBoldTerms\((\[.*\])\);$", whole, re.MULTILINE)[1]) == TERMS
    assert ".gb-glossary" in page_style()
