"""How long a lesson takes, counted from its notebook: one way for all lessons, so that their minutes can be compared.

    python -m unet_lib.lessons.minutes notebooks/*.ipynb
    python -m unet_lib.lessons.minutes --sections notebooks/04_training.ipynb

Reading: the visible words before the references at 150 a minute (what is folded, code and formulas are no words), a
third of a minute for each figure, a minute for each displayed formula. Exercises: three minutes for each, and three
quarters of a minute for each line of its solution. Playing: two minutes for each widget, half a minute for each
prediction and for each clip with its transcript (previews are not counted). Quiz: a third of a minute for each
question. Computing: what the cells took when the notebook was run and saved. Allowances are guesses; nobody was timed.
"""

import re
import sys
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat import v4

WORDS, FIGURE, FORMULA = 150, 1 / 3, 1
EXERCISE, LINE = 3, 3 / 4
WIDGET, CLIP, PREDICTION, QUESTION = 2, 1 / 2, 1 / 2, 1 / 3
NO_WORDS = re.compile(r"<details>.*?</details>|^(```|~~~).*?^\1\s*$|\$\$.+?\$\$|\$[^$\n]+?\$|<[^>]+>|\]\(\S+\)",
                      re.DOTALL | re.MULTILINE)
WORD = re.compile(r"\w[\w'’-]*")
DISPLAYED = re.compile(r"\$\$.+?\$\$", re.DOTALL)
HEADING = re.compile(r"^## (.+)\n?", re.MULTILINE)
CLIP_WITH_TEXT = re.compile(r"</video>\s*<details><summary>Clip:")
SOLUTION = re.compile(r"<summary>Solution</summary>\s*```python\n(.*?)```", re.DOTALL)
VIEW = "application/vnd.jupyter.widget-view+json"


@dataclass(frozen=True)
class Minutes:
    """The parts of a lesson's time, in minutes."""

    reading: float
    exercises: float
    playing: float
    quiz: float
    computing: float

    @property
    def total(self) -> float:
        """All of them."""
        return sum(astuple(self))


def estimate(notebook: nbformat.NotebookNode) -> Minutes:
    """Of a lesson that was run and saved with its outputs; see the head of this file."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    prose = "\n\n".join(texts).partition("\n## References")[0]
    outputs = [output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])]
    told = [str(data.get("text/plain", "")) for data in outputs]
    solutions = [line for lines in SOLUTION.findall(prose) for line in lines.splitlines() if line.strip()]
    figures = sum("image/png" in data and VIEW not in data for data in outputs)
    widgets = sum("image/png" in data and VIEW in data for data in outputs)
    predictions = sum(text.startswith("Prediction:") for text in told)
    questions = sum(int(number) for text in told for number in re.findall(r"^Quiz: (\d+) questions", text))
    return Minutes(
        reading=(len(WORD.findall(NO_WORDS.sub(" ", prose))) / WORDS + FIGURE * figures
                 + FORMULA * len(DISPLAYED.findall(prose))),
        exercises=EXERCISE * len(SOLUTION.findall(prose)) + LINE * len(solutions),
        playing=WIDGET * widgets + CLIP * len(CLIP_WITH_TEXT.findall(prose)) + PREDICTION * predictions,
        quiz=QUESTION * questions, computing=sum(map(_took, notebook.cells)))


def by_section(notebook: nbformat.NotebookNode) -> dict[str, Minutes]:
    """The estimate of each part under a heading of the second level, in order; before the first it is the Opening."""
    parts: dict[str, list[nbformat.NotebookNode]] = {(title := "Opening"): []}
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            parts[title].append(cell)
            continue
        before, *rest = HEADING.split(cell.source)
        parts[title].append(v4.new_markdown_cell(before))
        for title, text in zip(rest[::2], rest[1::2], strict=True):
            parts[title] = [v4.new_markdown_cell(f"{title}\n\n{text}")]
    parts.pop("References", None)
    return {title: estimate(v4.new_notebook(cells=cells)) for title, cells in parts.items()}


def _took(cell: Any) -> float:
    """Minutes that a cell ran, by what Jupyter noted; 0 where it noted nothing."""
    times = cell.metadata.get("execution", {})
    begin, end = times.get("iopub.execute_input"), times.get("shell.execute_reply")
    if not (begin and end):
        return 0.0
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds() / 60


def main(arguments: Iterable[str]) -> None:
    """Print a line for each notebook, and with `--sections` one for each of its sections."""
    words = list(arguments)
    print(f"{'lesson':44}{'reading':>9}{'exercises':>11}{'playing':>9}{'quiz':>6}{'computing':>11}{'total':>7}")
    for path in (Path(word) for word in words if word != "--sections"):
        notebook = nbformat.read(path, 4)
        _print_line(path.stem, estimate(notebook))
        if "--sections" in words:
            for title, found in by_section(notebook).items():
                _print_line(f"  {title}", found)


def _print_line(title: str, found: Minutes) -> None:
    print(f"{title:44}{found.reading:9.1f}{found.exercises:11.1f}{found.playing:9.1f}{found.quiz:6.1f}"
          f"{found.computing:11.1f}{found.total:7.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
