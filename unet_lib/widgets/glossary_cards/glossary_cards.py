"""The glossary at hand: bold terms of a lesson's text show what they mean when somebody points at them.

The cell that calls `glossary_cards()` displays nothing: its script marks the bold terms of the whole page, and the text
of the lessons stays as it is, `**term**`. The book runs the same script, see `book/build.py`.
"""

import json

import traitlets

from unet_lib.lessons.glossary import read_glossary
from unet_lib.widgets.shared.base import GlassBoxWidget, script, stylesheet


class GlossaryCards(GlassBoxWidget):
    """Has no view of its own; it brings the terms and the script into the page."""

    _esm = script(__file__)
    _css = stylesheet(__file__)

    entries: traitlets.List = traitlets.List(help="term, german, meaning and lesson of each term").tag(sync=True)


def glossary_cards() -> None:
    """From now on every bold term shows its meaning on a card: for the pointer, for the Tab key, for a tap."""
    GlossaryCards(entries=_entries())


def page_script() -> str:
    """The same for a page that nobody runs Python for: a plain script, its terms inside, for the end of the page."""
    module = script(__file__).replace("export default ", "const widget = ")
    return f"(() => {{\n{module}\nexplainBoldTerms({json.dumps(_entries(), ensure_ascii=False)});\n}})();\n"


def page_style() -> str:
    """What `page_script` draws with."""
    return stylesheet(__file__)


def _entries() -> list[dict[str, str]]:
    return [{"term": t.term, "german": t.german, "meaning": t.meaning, "lesson": t.lesson} for t in read_glossary()]
