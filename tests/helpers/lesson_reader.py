"""Reads a notebook into numbered cells and headings, for the rules of `lesson_rules`; exercises as the editions do."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import nbformat

from unet_lib.lessons.editions import exercise_cells
from unet_lib.lessons.editions.exercise_cells import checks, find_exercises, holds_ellipsis, parse

__all__ = ["Cell", "Exercise", "Lesson", "checks", "holds_ellipsis"]

FENCE = re.compile(r"^(```|~~~).*?^\1\s*$", re.MULTILINE | re.DOTALL)
FOLDED = re.compile(r"<details>.*?</details>", re.DOTALL)
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+?\$", re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """A notebook cell with its number as a reader counts, from 1, and the H2 it stands under."""

    number: int
    section: str
    node: nbformat.NotebookNode

    @property
    def kind(self) -> str:
        """markdown, code or raw."""
        return self.node.cell_type

    @property
    def source(self) -> str:
        """What the author typed."""
        return self.node.source

    @property
    def outputs(self) -> Sequence[nbformat.NotebookNode]:
        """What running it left behind."""
        return self.node.get("outputs", [])

    @cached_property
    def prose(self) -> str:
        """Markdown without code, link targets and tags."""
        return prose(self.source)

    @property
    def unfolded(self) -> str:
        """The prose that is not folded away."""
        return prose(FOLDED.sub(" ", self.source))

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed code; lines of IPython magic are left out."""
        return parse(self.source)

    @property
    def parses(self) -> bool:
        """Is the code Python?"""
        try:
            return isinstance(self.tree, ast.Module)
        except SyntaxError:
            return False

    @property
    def ignored(self) -> bool:
        """Does nbval leave this cell's output uncompared?"""
        return bool(self.marks & {"nbval-ignore-output", "pytest-validate-ignore-output"})

    @cached_property
    def marks(self) -> set[str]:
        """Tags and nbval's comments, written alike."""
        # Written like the tags that nbval knows, so that one spelling is enough for the rules.
        comments = re.findall(r"^\s*#+\s*((?:NBVAL|PYTEST_VALIDATE)_\w+)\s*$", self.source, re.MULTILINE)
        return {mark.lower().replace("_", "-") for mark in [*comments, *self.node.metadata.get("tags", [])]}

    def texts(self) -> Iterator[str]:
        """Every text in the outputs that a viewer may show or interpret."""
        for output in self.outputs:
            yield output.get("text", "")
            yield from (value for value in output.get("data", {}).values() if isinstance(value, str))


@dataclass(frozen=True)
class Exercise(exercise_cells.Exercise):
    """An exercise with its cell, which a test may change."""

    cell: Cell

    @property
    def help(self) -> tuple[str, ...]:
        """The stages of the help by name, in order."""
        return tuple(self.stages)


class Lesson:
    """A notebook, read once."""

    def __init__(self, notebook: nbformat.NotebookNode, quizzes: Mapping[str, int]) -> None:
        """`quizzes` says how many questions each quiz file has, by name."""
        self.notebook, self.quizzes = notebook, quizzes
        self.cells = list(number_cells(notebook))
        self.markdown = [cell for cell in self.cells if cell.kind == "markdown"]
        self.code = [cell for cell in self.cells if cell.kind == "code"]

    @property
    def first(self) -> bool:
        """Is this lesson 00?"""
        return any(text.startswith("00 ·") for _, text, _ in self.headings[:1])

    @cached_property
    def headings(self) -> list[tuple[int, str, int]]:
        """Level, text and cell number of every heading, in order."""
        found = ((cell.number, heading) for cell in self.markdown for heading in headings(cell.source))
        return [(len(marks), text, number) for number, (marks, text) in found]

    def section(self, name: str) -> str:
        """The markdown under an H2, up to the next."""
        text = "\n\n".join(cell.source for cell in self.markdown)
        found = re.search(rf"^## {re.escape(name)}\s*$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
        return found[1] if found else ""

    @cached_property
    def exercises(self) -> list[Exercise]:
        """Code cells that hold `...` and call a checker, with the help that follows them."""
        return [Exercise(found.source, found.stages, self.cells[at]) for at, found in find_exercises(self.notebook)]


def prose(source: str) -> str:
    """Markdown without code, link targets and tags."""
    text = re.sub(r"`[^`\n]*`", " code ", FENCE.sub(" ", source))
    return re.sub(r"<[^>]*>|\]\([^)]*\)|https?://\S+", " ", text)


def formulas(notebook: nbformat.NotebookNode) -> list[str]:
    """Every formula with its dollars, in order; a dollar in code is none."""
    prose = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return [found for text in prose for found in FORMULA.findall(re.sub(r"`[^`\n]+`", "", FENCE.sub("", text)))]


def folds(notebook: nbformat.NotebookNode) -> int:
    """How many <details> a lesson has, the answers of its quiz included."""
    outputs = (output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", []))
    prose = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return sum(text.count("<details>") for text in [*prose, *(data.get("text/html", "") for data in outputs)])


def headings(source: str) -> list[tuple[str, str]]:
    """Marks and text of each heading; a comment in fenced code is not one."""
    return re.findall(r"^(#{1,6})\s+(.*?)\s*#*\s*$", FENCE.sub("", source), re.MULTILINE)


def number_cells(notebook: nbformat.NotebookNode) -> Iterator[Cell]:
    """Cells with number and section; a cell belongs to the last H2 it opens or follows."""
    section = ""
    for number, node in enumerate(notebook.cells, 1):
        if node.cell_type == "markdown":
            opened = [text for marks, text in headings(node.source) if marks == "##"]
            section = opened[-1] if opened else section
        yield Cell(number, section, node)


def at(cell: Cell) -> str:
    """Where to look: JupyterLab shows no cell numbers, so the first words help to find it."""
    first = next(iter(cell.source.strip().splitlines()), "(empty)")
    return f"cell {cell.number} ({first[:40]!r})"
