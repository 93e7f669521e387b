"""The exercises of a lesson: a code cell with three dots and a checker, and the staged help in the cell below it.

The solution is the help's last stage. It is written once, there: the editions and the tests take it from here.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from nbformat import NotebookNode

STAGE = re.compile(r"<details>\s*<summary>(.*?)</summary>(.*?)</details>", re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
MAGIC = re.compile(r"^\s*[%!].*$", re.MULTILINE)
LONG = 5   # lines of a solution from which on an exercise counts twice


@dataclass(frozen=True)
class Exercise:
    """The source of an exercise's cell, and the stages of its help by name ("Nudge", …, "Solution")."""

    source: str
    stages: Mapping[str, str]

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed cell."""
        return parse(self.source)

    @property
    def checker(self) -> str:
        """The name of the checker that is called in the last line."""
        return checks(self.tree.body[-1])[0]

    @property
    def solution(self) -> str:
        """The Python of the help's last stage; "" if there is none."""
        found = PYTHON.search(self.stages.get("Solution", ""))
        return found[1] if found else ""

    @property
    def points(self) -> int:
        """1 for a solution of up to four lines, 2 for a longer one; empty lines do not count."""
        return 2 if sum(bool(line.strip()) for line in self.solution.splitlines()) >= LONG else 1

    @property
    def call(self) -> str:
        """The last line, which asks the checker."""
        return self._text(self.tree.body[-1])

    @property
    def stub(self) -> str:
        """All that stands above the last line, dots included."""
        return "\n".join(self.source.splitlines()[:self.tree.body[-1].lineno - 1]).rstrip()

    def solved(self) -> tuple[str, str]:
        """The code to run before the check, and the check itself as an expression.

        Statements that hold three dots give way to the solution; the others stay.
        """
        kept = [self._text(part) for part in self.tree.body[:-1] if not holds_ellipsis(part)]
        return "\n".join([*kept, self.solution]), self.call

    def _text(self, part: ast.stmt) -> str:
        return "\n".join(self.source.splitlines()[part.lineno - 1:part.end_lineno])


def find_exercises(notebook: NotebookNode) -> Iterator[tuple[int, Exercise]]:
    """Each exercise with the number of its cell, counted from 0."""
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and is_exercise(cell.source):
            below = notebook.cells[number + 1:number + 2]
            prose = "".join(cell.source for cell in below if cell.cell_type == "markdown")
            yield number, Exercise(cell.source, dict(STAGE.findall(prose)))


def parse(source: str) -> ast.Module:
    """The code of a cell; lines of IPython magic are left out. Raises SyntaxError for what is no Python."""
    return ast.parse(MAGIC.sub("", source))


def is_exercise(source: str) -> bool:
    """Is this the code of a cell with `...` and a checker?"""
    try:
        tree = parse(source)
    except SyntaxError:
        return False
    return holds_ellipsis(tree) and bool(checks(tree))


def holds_ellipsis(node: ast.AST) -> bool:
    """Is there a `...` for the reader to replace?"""
    return any(isinstance(part, ast.Constant) and part.value is ... for part in ast.walk(node))


def checks(node: ast.AST) -> list[str]:
    """Names of the checkers called in here."""
    calls = (part.func for part in ast.walk(node) if isinstance(part, ast.Call))
    return [f.attr for f in calls if isinstance(f, ast.Attribute) and ast.unparse(f.value) == "check"]
