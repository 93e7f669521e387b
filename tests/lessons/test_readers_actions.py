"""What a reader is invited to do with a lesson's widgets: it ends well, and shows what the text says."""

import re

import nbformat
import numpy as np
import pytest
from lesson_reader import Lesson
from nbclient import NotebookClient
from repository import REPOSITORY

from unet_lib.core.paths import data_folder, repository
from unet_lib.data.cache import open_cache
from unet_lib.data.phantom import write_phantoms
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.lessons.profiles import claim
from unet_lib.widgets.skip_switchboard import SkipSwitchboard

NOTEBOOKS = REPOSITORY / "notebooks"
needs_phantoms = pytest.mark.skipif(not data_folder().is_dir(), reason="no phantom data; make it: unet_lib phantom")
# As pressing the button does: the kernel is interrupted while the reader's own loop runs, here in a certain step.
PRESS = """
import signal
def pressed(logits, masks, plain=loss_function, left=[{step}]):
    left[0] -= 1
    if left[0] == 0:
        signal.raise_signal(signal.SIGINT)
    return plain(logits, masks)
right, loss_function = loss_function, pressed
"""


@needs_phantoms
@pytest.mark.usefixtures("forked_kernels")
@pytest.mark.parametrize(("step", "said"), [(1, "Stopped within the first epoch. The network keeps what it has learnt"),
                                            (60, "Stopped after epoch 1. The network keeps what it has learnt")])
def test_a_stopped_training_is_told_kindly_and_the_lesson_goes_on(step, said, monkeypatch):
    """Lesson 04, whose text invites to press Stop; nbclient raises at the first cell that fails."""
    monkeypatch.setenv("UNET_PROFILE", "smoke")
    monkeypatch.delenv("UNET_CHECK", raising=False)
    lesson = nbformat.read(NOTEBOOKS / "04_training.ipynb", 4)
    watch = next(number for number, cell in enumerate(lesson.cells) if "live.watching(" in cell.source)
    lesson.cells.insert(watch, nbformat.v4.new_code_cell(PRESS.format(step=step)))
    lesson.cells.insert(watch + 2, nbformat.v4.new_code_cell(
        "loss_function = right; print(len(live.rows), live.stopped, live.status)"))
    NotebookClient(lesson, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    assert said in texts(lesson.cells[watch + 1])
    assert texts(lesson.cells[watch + 2]).startswith(f"{int(step > 1)} True stopped after ")
    assert all(cell.execution_count for cell in lesson.cells if cell.cell_type == "code")


def texts(cell):
    return "".join(output.get("text", "") for output in cell.outputs)


@pytest.fixture(scope="module")
def few_patients(tmp_path_factory):
    return write_phantoms(tmp_path_factory.mktemp("other"), 8, seed=7, progress=False)


@pytest.mark.usefixtures("forked_kernels")
@pytest.mark.parametrize("name", ["01_the_scan", "03_building_the_unet", "04_training", "09_your_own_idea"])
def test_a_lesson_runs_on_a_few_other_patients(name, few_patients, monkeypatch):
    """Those that train on the reader's data; UNET_DATA names another folder, as the first code cell offers."""
    monkeypatch.setenv("UNET_PROFILE", "smoke")
    monkeypatch.setenv("UNET_DATA", str(few_patients))
    monkeypatch.delenv("UNET_CHECK", raising=False)
    lesson = nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4)
    NotebookClient(lesson, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()


@pytest.fixture(scope="module")
def idea_runs(tmp_path_factory):
    """What ideas are compared with is trained by the first of them, as in the lesson."""
    return tmp_path_factory.mktemp("runs")


@pytest.mark.usefixtures("forked_kernels")
@pytest.mark.parametrize("idea", ["augmentation", "width", "mine"])
def test_an_idea_goes_from_its_line_to_the_test_and_the_card(idea, few_patients, idea_runs, monkeypatch):
    """Lesson 09 as its text invites: another starter or a loss of one's own, all exercises solved, FINISHED."""
    monkeypatch.setenv("UNET_PROFILE", "smoke")
    monkeypatch.setenv("UNET_DATA", str(few_patients))
    monkeypatch.delenv("UNET_CHECK", raising=False)
    lesson = nbformat.read(NOTEBOOKS / "09_your_own_idea.ipynb", 4)
    fold, = (cell.source for cell in lesson.cells if "LOSSES[" in cell.source)
    own_loss = re.search(r"```python\n(.*?)```", fold, re.DOTALL)[1] if idea == "mine" else ""
    for exercise in Lesson(lesson, {}).exercises:
        exercise.cell.node.source = "\n".join(exercise.solved())
    for old, new in (('IDEA = "loss"', f'IDEA = "{idea}"'), ("FINISHED = False", "FINISHED = True"),
                     ("QUESTIONS = {", 'QUESTIONS = {"mine": "Is my loss better?",'),
                     ("idea = STARTERS[IDEA]", f"{own_loss}\nidea = STARTERS[IDEA]"),
                     ('repository() / "runs" / "own_idea"', repr(str(idea_runs)))):
        cell, = (cell for cell in lesson.cells if cell.cell_type == "code" and old in cell.source)
        cell.source = cell.source.replace(old, new)
    before = set(idea_runs.glob("*/card-*/card.md"))
    NotebookClient(lesson, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    said = "".join(texts(cell) for cell in lesson.cells if cell.cell_type == "code")
    changed = {"augmentation": "augment", "width": "network.base", "mine": "training.loss"}[idea]
    assert f"differ in 1 of 33 settings: {changed}\n" in said
    assert said.count(": yours\n") == 4 and "Over 3 seeds and 2 test patients" in said
    page, = set(idea_runs.glob("*/card-*/card.md")) - before
    assert page.parent.name == "card-test" and "- 2 test patients" in page.read_text("utf-8")


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb")), ids=lambda path: path.stem)
def test_what_depends_on_data_epochs_or_seeds_stops_no_reader(path):
    """An `assert` in a lesson holds for all data: it is an identity, or about the cell's own code."""
    allowed = {"07_the_full_mathematics": ["whole.parameters, whole.multiply_adds"]}.get(path.stem, [])
    lines = [line for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"
             for line in cell.source.splitlines() if line.strip().startswith("assert ")]
    assert not [line for line in lines if not any(part in line for part in allowed)], "write claim(…) instead"


@pytest.mark.parametrize(("check", "true", "stops"), [("1", False, True), ("1", True, False), (None, False, False),
                                                      ("1", np.False_, True)])
def test_a_claim_stops_tests_alone(check, true, stops, monkeypatch):
    monkeypatch.delenv("UNET_CHECK", raising=False)
    if check:
        monkeypatch.setenv("UNET_CHECK", check)
    if stops:
        with pytest.raises(AssertionError, match="text says something else"):
            claim(true)
    else:
        claim(true)


@needs_phantoms
def test_the_skips_do_what_lesson_06_says_of_them():
    series = load_series(repository() / "data" / "models" / "lgg-steps")
    cache = open_cache(data_folder(), progress=False)
    board = SkipSwitchboard(Predictor(series.at(series.steps[-1]), {}, series.size), cache, cache.names[:6])
    gained = {"zeroed": [], "swapped": []}
    for board.patient in cache.names[:6]:
        whole = board.whole.counts.dice()
        board.skips = ["zeroed", "on", "on", "on"]
        assert not board.now.mask.any() and whole > 0.3
        for state, found in gained.items():
            for level in (1, 2, 3):
                board.skips = [state if place == level else "on" for place in range(4)]
                found.append(board.now.counts.dice() - whole)
    zeroed, skip_2 = np.array(gained["zeroed"]), np.array(gained["swapped"])[::3]
    assert np.abs(zeroed).max() < 0.04 and (zeroed > 0.002).sum() >= 3 and (zeroed < -0.002).sum() >= 3
    assert (skip_2 < -0.01).sum() == 5 and 0.17 < -skip_2.min() < 0.25
