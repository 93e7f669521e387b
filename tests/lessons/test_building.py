"""Lessons in which the reader builds: as much as promised, and run with right and with wrong answers."""

import ast

import nbformat
import pytest
from lesson_reader import Lesson
from nbclient import NotebookClient
from nbformat import v4
from repository import REPOSITORY

from unet_lib.core.paths import data_folder
from unet_lib.lessons import own_work

NOTEBOOKS = REPOSITORY / "notebooks"
LEAST = {"02_convolution": 40, "08_beyond_the_baseline": 45}  # lines that a reader writes in a lesson; 60 in the others
needs_phantoms = pytest.mark.skipif(not data_folder().is_dir(), reason="no phantom data; make it: unet_lib phantom")
# Exercise → what is changed in its solution (what stands there, what a reader wrote instead), and a piece of the hint.
WRONG = {
    "02_convolution": {
        "own_window": ("2, 3, ", "3, 2, ", "exchanged"),
        "correlate": ("(window * kernel).sum()", "(window * kernel).mean()", "mean of the products"),
        "edge_kernel": ("[-1, 0, 1]", "[1, 0, -1]", "exchange left and right"),
        "gradient_magnitude": ("np.sqrt(gx**2 + gy**2)", "gx**2 + gy**2", "square root is missing"),
        "blur_in_two_passes": ("weights[:, None]", "weights[None, :]", "Both passes run along the rows"),
        "output_size": ("return steps + 1", "return steps", "One too few"),
        "conv2d": ("r * stride, c * stride", "r, c", "does not move them"),
        "conv2d_fast": (" + bias[:, None, None]", "", "bias is missing"),
        "max_pool2d": (".max(", ".mean(", "mean pooling"),
        "receptive_field": ("(kernel - 1) * jump", "kernel - 1", "leave out the jump")},
    "03_building_the_unet": {
        "double_conv": ("padding=1, bias=False", "bias=False", "Give each convolution `padding=1`"),
        "encoder": ("nn.MaxPool2d(2)", "nn.AvgPool2d(2)", "mean of each block"),
        "stamp": ("] += x", "] = x", "Add: `+=`"),
        "decoder_level": ("[skip, x]", "[x, skip]", "are exchanged"),
        "own_unet": ("return self.output(x)", "return torch.sigmoid(self.output(x))", "Return the logits"),
        "outline": ("torch.sigmoid(logits)[0, 0]", "logits[0, 0]", "compare the logits"),
        "activation_stds": ("    for handle in handles:\n        handle.remove()\n", "", "stay in the network"),
        "gradient_norms": ("weight.grad.norm()", "weight.grad.sum()", "Take `.norm()`"),
        "diagnoses": ("dead block", "no skips", "Network B")},
    "04_training": {
        "slice_dataset": ("image.flip(-1), mask.flip(-1)", "image.flip(-1), mask", "wrong side"),
        "bce_by_hand": (".mean()", ".sum()", "sum over all pixels"),
        "dice_loss": ("return 1 - above / below", "return above / below", "1 minus it"),
        "descend": ("kernel.grad = None", "pass", "adds each gradient"),
        "overfit_one_batch": ("        optimiser.step()\n", "", "No weight has moved"),
        "train_epoch": ("        optimiser.zero_grad()\n", "", "add up from batch to batch"),
        "evaluate": ("network.eval()", "pass", "still in training mode"),
        "train": ("copy.deepcopy(network.state_dict())", "network.state_dict()", "those of the last epoch")},
    "07_the_full_mathematics": {
        "numerical_gradient": ("/ (2 * h)", "/ h", "distance is 2h"),
        "conv2d_backward": ("] += np.einsum", "] = np.einsum", "wipe each other out"),
        "batch_norm2d_backward": (" - normal * stretch", "", "s depends on every x"),
        "relu_backward": ("x > 0", "grad_y > 0", "negative gradients"),
        "max_pool2d_backward": ("window.argmax()", "(3 - window[::-1, ::-1].argmax())", "yours takes the last one"),
        "conv_transpose2d_backward": ("grad_x += ", "grad_x = ", "last kernel position"),
        "conv1x1_backward": ("(grads.T @ pixels)[:, :, None, None]", "grads.T @ pixels", "two axes of length 1"),
        "bce_dice_backward": (" / logits.size", "", "divide p − t by their number"),
        "adam_step": ("np.sqrt(corrected_square)", "corrected_square", "square root")},
    "08_beyond_the_baseline": {
        "patient_folds": ("place % k", "place % k + 1", "from 0"),
        "paired_interval": ("after[name] - before[name]", "before[name] - after[name]", "The sign"),
        "sign_flip_p": ("np.abs(means) >= abs(gains.mean())", "means >= gains.mean()", "one side only"),
        "signed_ranks": ("np.sign(gains) * ranks", "ranks", "the sign of its gain"),
        "best_of": ("again[rows, winner]", "again.max(axis=1)", "as large as the first"),
        "holm": ("alpha / (len(p) - step)", "alpha / len(p)", "Bonferroni's correction"),
        "freeze": ("        part.eval()\n", "", "into evaluation mode")},
}


def read(name):
    return Lesson(nbformat.read(NOTEBOOKS / f"{name}.ipynb", 4), {})


@pytest.mark.parametrize("name", WRONG)
def test_the_reader_writes_as_much_as_promised(name):
    """Lines of the solutions, empty ones not counted, and classes and functions alone."""
    solutions = [exercise.solution for exercise in read(name).exercises]
    built = [text for text in solutions if any(isinstance(part, ast.ClassDef | ast.FunctionDef)
                                               for part in ast.parse(text).body)]
    lines = sum(bool(line.strip()) for text in built for line in text.splitlines())
    assert lines >= LEAST.get(name, 60), f"{lines} lines in {len(built)} exercises"


@pytest.mark.parametrize("name", WRONG)
def test_what_the_reader_builds_is_used(name):
    """By `check.….mine(…)`, which goes on with it, in a later cell."""
    lesson = read(name)
    code = "\n".join(cell.source for cell in lesson.code)
    built = [exercise.checker for exercise in lesson.exercises if "answer = " not in exercise.solution]
    assert len(built) >= 7 and not [used for used in built if f"check.{used}.mine(" not in code]


def run(lesson, tmp_path, monkeypatch):
    """In a kernel, in small; nbclient raises at the first cell that does. What the exercises' cells say, by checker."""
    monkeypatch.setenv("UNET_PROFILE", "smoke")
    monkeypatch.setenv("UNET_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.delenv("UNET_CHECK", raising=False)
    cells = {exercise.checker: exercise.cell.node for exercise in lesson.exercises}
    NotebookClient(lesson.notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOKS)}}).execute()
    said = "".join(output.get("text", "") for cell in lesson.code for output in cell.outputs)
    return {name: cell.outputs[-1]["data"]["text/plain"] for name, cell in cells.items()}, said


def keep_the_unet_of_lesson_03(folder, monkeypatch):
    """As lesson 03 does, once its exercises are solved."""
    monkeypatch.setenv("UNET_PROGRESS", str(folder / "progress.json"))
    cells = [exercise.solution for exercise in read("03_building_the_unet").exercises]
    theirs = {name: type(name, (), {}) for name in ("DoubleConv", "Encoder", "DecoderLevel", "UNet")}
    assert own_work.keep(theirs, cells)


@needs_phantoms
@pytest.mark.usefixtures("forked_kernels")
@pytest.mark.parametrize("name", WRONG)
def test_a_lesson_runs_with_every_exercise_solved(name, tmp_path, monkeypatch):
    lesson = read(name)
    for exercise in lesson.exercises:
        exercise.cell.node.source = "\n".join(exercise.solved())
    lesson.notebook.cells.append(v4.new_code_cell(f'print(check.progress("{name[:2]}"))'))
    if name == "04_training":
        keep_the_unet_of_lesson_03(tmp_path, monkeypatch)
    feedback, said = run(read_again(lesson), tmp_path, monkeypatch)
    assert (tmp_path / "my_unet.py").is_file() == (name in ("03_building_the_unet", "04_training"))
    assert not [text for text in feedback.values() if not text.startswith("✓ Right.")]
    assert ": yours\n" in said and ": ours" not in said
    assert f"{len(feedback)} of {len(feedback)}\n" in said


@needs_phantoms
@pytest.mark.usefixtures("forked_kernels")
@pytest.mark.parametrize("name", WRONG)
def test_a_lesson_runs_with_a_wrong_answer_in_each_exercise(name, tmp_path, monkeypatch):
    """No exception, the right hint for each, and the lesson goes on with ours."""
    lesson, wrong = read(name), WRONG[name]
    assert set(wrong) == {exercise.checker for exercise in lesson.exercises}
    for exercise in lesson.exercises:
        right, instead, _ = wrong[exercise.checker]
        solved, call = exercise.solved()
        assert right in solved, exercise.checker
        exercise.cell.node.source = f"{solved.replace(right, instead)}\n{call}"
    feedback, said = run(read_again(lesson), tmp_path, monkeypatch)
    for exercise, (_, _, hint) in wrong.items():
        assert feedback[exercise].startswith("✗ Not yet.") and hint in feedback[exercise], feedback[exercise]
    assert ": ours, until yours passes its check\n" in said and ": yours" not in said


def read_again(lesson):
    """As changed; the exercises of the lesson as it was keep their names."""
    fresh = Lesson(lesson.notebook, {})
    fresh.exercises = lesson.exercises
    return fresh
