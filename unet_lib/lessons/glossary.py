"""The terms of all lessons, English and German, each explained in one sentence: `texts/glossary.json`."""

import difflib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from unet_lib.core.errors import SettingsError
from unet_lib.core.paths import TEXTS

GLOSSARY = TEXTS / "glossary.json"


@dataclass(frozen=True, slots=True)
class Term:
    """A term, its German name, what it means, and the number of the lesson that explains it, such as "02"."""

    term: str
    german: str
    meaning: str
    lesson: str


def read_glossary(path: Path = GLOSSARY) -> tuple[Term, ...]:
    """All terms, in the order of the alphabet."""
    terms = (Term(**entry) for entry in json.loads(path.read_text("utf-8")))
    return tuple(sorted(terms, key=lambda term: term.term.casefold()))


def look_up(name: str, terms: Iterable[Term]) -> Term:
    """The term with this English or German name, in capitals or not. Raises SettingsError with what comes close."""
    terms = tuple(terms)
    named = {key.casefold(): term for term in terms for key in (term.german, term.term)}
    if name.casefold() in named:
        return named[name.casefold()]
    close = difflib.get_close_matches(name.casefold(), named, n=3)
    meant = f"Did you mean {', '.join(close)}?" if close else "glossary.table(terms) shows all."
    raise SettingsError(f"expected one of the {len(terms)} terms of the glossary; got {name!r}. {meant}")


def table(terms: Iterable[Term]) -> str:
    """A Markdown table, one row a term."""
    rows = (f"| **{t.term}** | {t.german} | {t.meaning} | {t.lesson} |" for t in terms)
    return "\n".join(["| term | German | meaning | lesson |", "|:--|:--|:--|:--|", *rows])
