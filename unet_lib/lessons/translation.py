"""Lessons in other languages: `texts/translations/<language>/<lesson>.toml` holds the cells translated so far.

Each entry is named by its cell's id, and keeps a fingerprint of the English text that it was made from:

    ["scan-00-title"]
    source = "3f9c01d2a4b7"
    text = '''
    # 01 · Die Aufnahme
    '''

When the English changes, the entry is stale: it is reported, and the cell is shown in English again until somebody has
looked at it. Only prose is translated; code, its outputs and the quizzes stay as they are.
"""

import hashlib
import tomllib
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from unet_lib.core.atomic_io import write_text
from unet_lib.core.errors import SettingsError
from unet_lib.core.paths import TEXTS

STUB = """["{name}"]
source = "{source}"
text = '''
{text}
'''
"""
MARK = "unet_lib_translated_to"   # in a translated notebook's metadata
FOLDER = TEXTS / "translations"


@dataclass(frozen=True, slots=True)
class Entry:
    """One translated cell, and the fingerprint of the English it was made from."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a lesson's translation is; `stale` and `lost` are ids of cells that changed, or are no more."""

    translated: int
    cells: int
    stale: tuple[str, ...]
    lost: tuple[str, ...]


def languages(folder: Path = FOLDER) -> list[str]:
    """The languages begun, as two letters."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir())


def fingerprint(source: str) -> str:
    """Twelve hexadecimal digits that change when the text does, but not with spaces at the ends of its lines."""
    text = "\n".join(line.rstrip() for line in source.strip().splitlines())
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def read_translation(lesson: str, language: str, folder: Path = FOLDER) -> dict[str, Entry]:
    """The translated cells of a lesson by id; none if it is not begun. Raises SettingsError for a file that is none."""
    path = folder / language / f"{lesson}.toml"
    if language not in languages(folder):
        raise SettingsError(f"expected a language out of {', '.join(languages(folder))}; got {language!r}. "
                            f"To begin one, make the folder {folder / language}.")
    if not path.exists():
        return {}
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
        return {name: Entry(entry["source"], entry["text"].strip()) for name, entry in entries.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{path}: expected entries of a cell's id with source and text ({error!r}). "
                            f"See the beginning of unet_lib/lessons/translation.py for an example.") from error


def progress(notebook: NotebookNode, entries: Mapping[str, Entry]) -> Progress:
    """How many of the prose cells have a translation that is up to date."""
    english = _english(notebook)
    stale = tuple(name for name, entry in entries.items() if name in english and entry.source != english[name])
    lost = tuple(name for name in entries if name not in english)
    return Progress(len(entries) - len(stale) - len(lost), len(english), stale, lost)


def translated(notebook: NotebookNode, entries: Mapping[str, Entry]) -> NotebookNode:
    """A copy in which every cell with a translation that is up to date shows it."""
    copy, english = deepcopy(notebook), _english(notebook)
    for cell in copy.cells:
        entry = entries.get(cell.get("id", ""))
        if entry and english.get(cell["id"]) == entry.source:
            cell["source"] = entry.text
    return copy


def stub(notebook: NotebookNode, entries: Mapping[str, Entry]) -> str:
    """What a translator is to fill in: every prose cell without a translation that is up to date, in English."""
    english = _english(notebook)
    open_cells = [cell for cell in notebook.cells if cell.get("id", "") in english
                  and (cell["id"] not in entries or entries[cell["id"]].source != english[cell["id"]])]
    return "\n".join(STUB.format(name=cell["id"], source=english[cell["id"]], text=cell["source"].strip())
                     for cell in open_cells)


def read_lesson(path: Path) -> NotebookNode:
    """A notebook. Raises SettingsError for what is none."""
    try:
        return nbformat.read(path, as_version=4)
    except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
        raise SettingsError(f"{path}: expected a Jupyter notebook ({error}). The lessons lie in notebooks/.") from error


def write_translated(path: Path, language: str, out: Path) -> Path:
    """Write the lesson as far as it is translated into `out`, all or nothing; returns the file's name."""
    notebook = translated(read_lesson(path), read_translation(path.stem, language))
    notebook.metadata[MARK] = language
    write_text(out / path.name, nbformat.writes(notebook))
    return out / path.name


def _english(notebook: NotebookNode) -> dict[str, str]:
    """The fingerprints of the prose cells by id."""
    return {cell["id"]: fingerprint(cell["source"]) for cell in notebook.cells if cell["cell_type"] == "markdown"}
