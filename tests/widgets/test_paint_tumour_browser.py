"""The painting widget in JupyterLab and Chromium: every tool by mouse and keyboard, scores against SciPy and MONAI."""

import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import (
    OUTPUT,
    Lab,
    Notebook,
    nameless,
    spill,
    still_size,
    tabs_until_out,
    write_executed,
    write_notebook,
)
from paint_tumour_page import (
    GUESS,
    HIGH,
    IMAGE,
    MAKE,
    REFERENCE,
    TELL,
    WIDE,
    Painter,
    check_scores,
    dab,
    empty,
    line,
    made,
)
from scipy import ndimage

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning:monai")
SETUP = MAKE + "from unet_lib.widgets.paint_tumour import PaintTumour\n"
BOTH = "paint = PaintTumour(IMAGE, REFERENCE, GUESS, brush=5, compared=True)\npaint"


@pytest.fixture(scope="module")
def book(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    alone = "alone = PaintTumour(IMAGE, REFERENCE, compared=True)\nalone"
    write_notebook(lab.folder / "paint.ipynb", SETUP, BOTH, alone, TELL)
    return notebook("paint.ipynb", {"width": 1280, "height": 1500})


@pytest.fixture
def fresh(book: Notebook) -> Notebook:
    """The notebook with fresh widgets in it."""
    book.run_all()
    assert book.errors() == []
    for index in (0, 1):
        book.page.locator(".gb-paint").nth(index).and_(book.page.locator("[data-ready]")).wait_for()
    yield book
    assert book.console_errors() == []


@pytest.fixture
def paint(fresh: Notebook) -> Painter:
    painter = Painter(fresh)
    painter.screen.scroll_into_view_if_needed()
    return painter


# ---- tools ----------------------------------------------------------------------------------------------------


def test_brush_eraser_rectangle_by_mouse(paint):
    mask = empty()
    paint.shows(mask)
    paint.stroke((30, 60), (50, 75), (50, 90))
    line(mask, (30, 60), (50, 75), 5)
    line(mask, (50, 75), (50, 90), 5)
    paint.reaches_python(mask)
    paint.size(17)
    paint.stroke((40, 70))
    dab(mask, 40, 70, 17)
    paint.reaches_python(mask)
    paint.choose("Tool", "eraser")
    paint.size(3)
    paint.stroke((20, 66), (60, 66))
    line(mask, (20, 66), (60, 66), 3, value=False)
    paint.reaches_python(mask)
    paint.choose("Tool", "rectangle")
    paint.stroke((80, 20), (70, 33))
    mask[70:81, 20:34] = True
    paint.reaches_python(mask)
    paint.press("Clear")
    paint.reaches_python(empty())


@pytest.mark.parametrize("brush", [1, 3, 7, 41])
def test_every_brush_is_a_disc_and_stays_on_the_slice(paint, brush):
    paint.size(brush)
    mask = empty()
    for place in ((48, 64), (0, 0), (95, 127)):
        paint.stroke(place)
        dab(mask, *place, brush)
    paint.shows(mask)
    paint.stroke((50, 100), (50, 126))
    line(mask, (50, 100), (50, 126), brush)
    paint.reaches_python(mask)


def test_a_stroke_may_leave_the_slice(paint):
    box = paint.screen.bounding_box()
    paint.page.mouse.move(*paint.at(10, 64))
    paint.page.mouse.down()
    paint.page.mouse.move(box["x"] + 64.5 * 4, box["y"] - 19)  # five rows above it
    paint.page.mouse.up()
    mask = empty()
    line(mask, (10, 64), (0, 64), 5)
    paint.reaches_python(mask)


def test_undo_and_redo(paint):
    masks = [empty()]
    for row in (20, 40, 60):
        paint.stroke((row, 30), (row, 50))
        masks.append(masks[-1].copy())
        line(masks[-1], (row, 30), (row, 50), 5)
    paint.press("Clear")
    masks.append(empty())
    for mask in masks[-2::-1]:
        paint.press("Undo")
        paint.shows(mask)
    undo = paint.root.get_by_role("button", name="Undo")
    assert undo.get_attribute("aria-disabled") == "true"
    undo.click(force=True)  # nothing is left to undo
    paint.reaches_python(masks[0])
    for mask in masks[1:3]:
        paint.press("Redo")
        paint.shows(mask)
    paint.reaches_python(masks[2])
    paint.stroke((80, 80))  # a new step: the old future is gone
    mask = masks[2].copy()
    dab(mask, 80, 80, 5)
    redo = paint.root.get_by_role("button", name="Redo")
    assert redo.get_attribute("aria-disabled") == "true"
    redo.click(force=True)
    paint.reaches_python(mask)


def test_fast_strokes_all_arrive(paint):
    mask = empty()
    for at in range(12):
        paint.stroke((10 + 6 * at, 20), (14 + 6 * at, 100))
        line(mask, (10 + 6 * at, 20), (14 + 6 * at, 100), 5)
    paint.reaches_python(mask)


def test_channels(paint):
    for channel, name in enumerate(("pre-contrast", "FLAIR", "post-contrast")):
        paint.choose("Channel", name)
        assert np.array_equal(paint.canvas(0)[..., :3], np.repeat(IMAGE[..., channel, None], 3, axis=2))
        paint.page.mouse.move(*paint.at(33, 44))
        place = paint.root.locator(".gb-paint-place").inner_text()
        assert place == f"row 33, column 44: {name} {IMAGE[33, 44, channel]}"


# ---- keyboard ---------------------------------------------------------------------------------------------------


def test_everything_by_keyboard(paint, fresh):
    page, mask, sources = paint.page, empty(), [cell["source"] for cell in fresh.cells()]
    press = page.keyboard.press
    paint.screen.focus()
    row, column = HIGH // 2, WIDE // 2
    for key, down, right in (("ArrowUp", -1, 0), ("Shift+ArrowUp", -10, 0), ("ArrowRight", 0, 1),
                             ("Shift+ArrowRight", 0, 10), ("ArrowDown", 1, 0), ("Shift+ArrowLeft", 0, -10)):
        press(key)
        row, column = row + down, column + right
    press("Space")
    dab(mask, row, column, 5)
    paint.shows(mask)
    for _ in range(4):
        press("ArrowLeft")
        press("Space")
        column -= 1
        dab(mask, row, column, 5)
    press("e")
    press("Space")
    dab(mask, row, column, 5, value=False)
    paint.reaches_python(mask)
    paint.screen.focus()
    press("b")
    press("r")
    for key in ("Shift+ArrowDown", "ArrowDown", "Shift+ArrowLeft"):
        press(key)
    paint.shows(mask)
    press("Escape")
    press("r")  # Escape has forgotten the first corner: this is the first
    press("ArrowUp")
    press("ArrowRight")
    press("r")
    before, top, left = mask.copy(), row + 10, column - 10
    mask[top:top + 2, left:left + 2] = True
    paint.shows(mask)
    press("z")
    paint.shows(before)
    press("Shift+Z")
    paint.shows(mask)
    press("Control+z")
    paint.shows(before)
    press("Control+Shift+Z")
    paint.reaches_python(mask)
    paint.screen.focus()
    for _ in range(20):
        press("Shift+ArrowUp")
        press("Shift+ArrowLeft")
    press("Space")
    dab(mask, 0, 0, 5)
    paint.reaches_python(mask)
    assert [cell["source"] for cell in fresh.cells()][:3] == sources[:3]  # JupyterLab has undone nothing of its own
    press("Control+s")
    page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")


def test_the_cursor_is_seen(paint):
    paint.page.mouse.move(5, 5)
    assert not paint.canvas(2).any()
    paint.screen.focus()
    paint.page.keyboard.press("ArrowLeft")
    ink = paint.canvas(2)[..., 3] > 0
    rows, columns = np.nonzero(ink)
    assert (rows.mean() / 4, columns.mean() / 4) == pytest.approx((HIGH // 2 + 0.5, WIDE // 2 - 0.5), abs=0.3)
    assert np.ptp(rows) / 4 == pytest.approx(5, abs=4)


def test_scores_are_spoken_after_a_stroke_not_during(paint):
    spoken = paint.root.locator(".gb-unseen[aria-live=polite]")
    paint.stroke((30, 60), (50, 75), up=False)
    paint.page.wait_for_timeout(800)
    assert spoken.inner_text() == ""
    paint.page.mouse.up()
    paint.page.wait_for_timeout(800)
    reference, model = ({name: value for name, (value, _) in paint.scores(key).items()}
                        for key in ("reference", "model"))
    pixels = int(paint.seen().sum())
    assert spoken.inner_text() == (
        f"{pixels} pixels painted. Against the expert: Dice {reference['F1']}, IoU {reference['IoU']}, "
        f"Hausdorff distance "
        f"{reference['far'].replace('px', 'pixels')}. Against the model: Dice {model['F1']}, IoU {model['IoU']}, "
        f"Hausdorff distance {model['far'].replace('px', 'pixels')}.")


def test_focus_is_never_trapped(paint):
    paint.screen.focus()
    assert 8 <= tabs_until_out(paint.page, ".gb-paint", 25) < 25


def test_every_control_has_a_name(fresh):
    assert nameless(fresh.page, ".gb-paint") == []


# ---- scores -----------------------------------------------------------------------------------------------------

MASKS = {
    "nothing": "np.zeros((96, 128), bool)", "everything": "np.ones((96, 128), bool)", "reference": "REFERENCE",
    "one pixel": "(row == 95) & (column == 0)", "a frame": "(row < 2) | (row > 90) | (column < 1) | (column > 120)",
    "noise": "np.random.default_rng(1).random((96, 128)) < 0.02", "stripes": "(row + 2 * column) % 7 < 2",
    "shifted": "np.roll(REFERENCE, (-30, 41), (0, 1))",
    "two far parts": "(row < 4) & (column < 9) | (row > 88) & (column > 99)",
    "half noise": "np.random.default_rng(2).random((96, 128)) < 0.5", "a line": "row == 7"}


def test_scores_of_many_masks(paint, fresh):
    for name, source in MASKS.items():
        assert fresh.ask(f"paint.mask = {source}; print('done')") == "done", name
        paint.shows(np.asarray(eval(source, dict(made))) > 0)
    paint.press("Undo")  # what Python painted can be undone, too
    paint.reaches_python(np.asarray(eval(MASKS["half noise"], dict(made))))


def test_scores_live_while_painting(paint, fresh):
    before = paint.scores("reference")
    paint.stroke((30, 60), (50, 75), up=False)
    mask = empty()
    line(mask, (30, 60), (50, 75), 5)
    assert paint.scores("reference")["F1"] != before["F1"]
    paint.page.wait_for_timeout(300)  # the distance follows a little later
    paint.shows(mask)
    assert fresh.ask("print(paint.mask.sum())") == "0"  # the stroke is not over
    paint.page.mouse.up()
    paint.reaches_python(mask)


def colours(paint: Painter) -> set[str]:
    """Of the outlines that are drawn."""
    paint.page.mouse.move(5, 5)
    paint.root.get_by_label("Brush size").focus()
    dots = {tuple(dot) for dot in paint.canvas(2)[..., :3][paint.canvas(2)[..., 3] == 255].tolist()}
    return {name for name, dot in {"reference": (230, 159, 0), "model": (86, 180, 233)}.items() if dot in dots}


def test_outlines_stay_hidden_until_asked_for(paint, fresh):
    third = paint.root.locator("[data-with=both]")
    assert colours(paint) == set() and third.is_hidden()
    paint.press("Show the expert")
    assert colours(paint) == {"reference"} and third.is_hidden()
    border = REFERENCE.astype(bool) ^ ndimage.binary_erosion(REFERENCE)
    orange = (paint.canvas(2)[..., :3] == (230, 159, 0)).all(axis=-1)
    near = ndimage.binary_dilation(border, np.ones((3, 3))).repeat(4, 0).repeat(4, 1)
    assert not (orange & ~near).any() and orange.sum() > 4 * border.sum()
    assert fresh.ask("print(paint.show_reference, paint.show_model)") == "True False"
    paint.press("Show the model")
    assert colours(paint) == {"reference", "model"}
    check_scores(paint.scores("both"), GUESS, REFERENCE)
    paint.press("Hide the expert")
    assert colours(paint) == {"model"}
    fresh.ask("paint.show_model = False; print('done')")
    paint.root.get_by_role("button", name="Show the model").wait_for()
    assert colours(paint) == set()


def test_scores_stay_hidden_until_compared(paint, fresh):
    fresh.ask("paint.compared = False; print('done')")
    hidden = paint.root.locator(".gb-paint-scores")
    hidden.wait_for(state="hidden")
    button = paint.root.get_by_role("button", name="Compare")
    assert button.get_attribute("aria-disabled") == "true"  # nothing is painted yet
    button.click(force=True)
    assert hidden.is_hidden()
    paint.stroke((40, 70))
    paint.page.wait_for_timeout(800)
    spoken = paint.root.locator(".gb-unseen[aria-live=polite]").inner_text()
    assert spoken == f"{paint.seen().sum()} pixels painted." and colours(paint) == set() and hidden.is_hidden()
    paint.press("Compare")
    hidden.wait_for(state="visible")
    assert colours(paint) == {"reference"}
    check_scores(paint.scores("reference"), paint.seen(), REFERENCE)
    assert fresh.ask("print(paint.compared, paint.show_reference)") == "True True"
    paint.press("Hide the scores")
    hidden.wait_for(state="hidden")
    assert colours(paint) == set()


def test_without_a_model(fresh):
    alone = Painter(fresh, 1)
    assert alone.root.locator(".gb-paint-block").count() == 1
    alone.screen.scroll_into_view_if_needed()
    alone.stroke((40, 70))
    mask = empty()
    dab(mask, 40, 70, 9)
    assert np.array_equal(alone.seen(), mask)
    check_scores(alone.scores("reference"), mask, REFERENCE)


def test_two_views_show_one_mask(lab, notebook):
    write_notebook(lab.folder / "views.ipynb", SETUP, BOTH, "paint", TELL)
    book = notebook("views.ipynb", {"width": 1280, "height": 1600})
    book.run_all()
    views = [Painter(book, 0), Painter(book, 1)]
    for view in views:
        view.root.and_(book.page.locator("[data-ready]")).wait_for()
    mask = empty()
    for view, row in ((views[0], 20), (views[1], 60)):
        view.screen.scroll_into_view_if_needed()
        view.stroke((row, 20), (row, 90))
        line(mask, (row, 20), (row, 90), 5)
        views[0].shows(mask)
        views[1].shows(mask)
    views[0].reaches_python(mask)
    assert book.console_errors() == []
    book.close()


# ---- looks ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("width", [1280, 800, 480])
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_fits_its_window_in_both_themes(paint, fresh, width, theme):
    fresh.page.set_viewport_size({"width": width, "height": 1500})
    fresh.use_theme(theme)
    fresh.ask("paint.mask = np.roll(REFERENCE, 9, 1); paint.show_reference = paint.show_model = True; print('done')")
    fresh.page.wait_for_timeout(200)  # the observer of sizes
    OUTPUT.mkdir(exist_ok=True)
    faults = spill(paint.root)
    paint.screen.focus()
    paint.root.screenshot(path=str(OUTPUT / f"paint_tumour_{width}_{theme.split()[-1].lower()}.png"))
    fresh.page.set_viewport_size({"width": 1280, "height": 1500})
    fresh.use_theme("JupyterLab Light")
    fresh.ask(TELL)  # the cell is as it was
    assert faults == []


LATENCY = """async () => {
    const root = document.querySelector(".gb-paint"), screen = root.querySelector(".gb-paint-screen");
    const area = screen.getBoundingClientRect(), moves = [], ends = [];
    screen.setPointerCapture = () => {};
    const send = (kind, x, y) => screen.dispatchEvent(new PointerEvent(kind, { bubbles: true, button: 0, buttons: 1,
        pointerId: 1, clientX: area.left + x * area.width, clientY: area.top + y * area.height }));
    const timed = (times, work) => {
        const start = performance.now();
        work();
        root.getBoundingClientRect(); // layout included
        times.push(performance.now() - start);
    };
    for (let stroke = 0; stroke < 12; stroke++) {
        await new Promise(requestAnimationFrame);
        send("pointerdown", 0.3, 0.2 + stroke / 20);
        for (let i = 1; i <= 6; i++) {
            await new Promise(requestAnimationFrame);
            timed(moves, () => send("pointermove", 0.3 + i / 20, 0.2 + stroke / 20 + (i % 2) / 50));
        }
        timed(ends, () => send("pointerup", 0.6, 0.2 + stroke / 20));
    }
    return [moves, ends];
}"""


def test_scores_follow_the_brush_at_once(lab, notebook, capsys):
    large = ("IMAGE, REFERENCE, GUESS = (np.kron(a, np.ones((2, 2, 1)[:a.ndim], a.dtype)) "
             "for a in (IMAGE, REFERENCE, GUESS))")
    write_notebook(lab.folder / "brush.ipynb", SETUP, large, BOTH)
    book = notebook("brush.ipynb")
    book.run_all()
    book.page.wait_for_selector(".gb-paint[data-ready]")
    names = ("a move: mask, Dice, IoU", "a stroke's end: Hausdorff, Python")
    for name, times in zip(names, book.page.evaluate(LATENCY), strict=True):
        with capsys.disabled():
            print(f"\npainting on 192×256, {name}: median {statistics.median(times):.1f} ms, slowest "
                  f"{max(times):.1f} ms of {len(times)}")
        assert statistics.median(times) < 100
    assert book.errors() == book.console_errors() == []
    book.close()


# ---- a saved notebook, a finger ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(lab: Lab) -> Path:
    """A notebook that was run elsewhere, widget state and all."""
    painted = BOTH.replace("\npaint", "\npaint.mask = GUESS\npaint")
    return write_executed(lab.folder / "saved_paint.ipynb", SETUP, painted)


def test_an_untrusted_notebook_shows_the_still_picture(saved, notebook):
    book = notebook(saved.name)
    assert still_size(book) == (2 * WIDE, 2 * HIGH)
    book.close()


def test_a_saved_notebook_is_painted_on_without_python_under_a_finger(saved, lab, notebook):
    lab.trust(saved)
    book = notebook(saved.name, {"width": 800, "height": 1200}, has_touch=True)
    paint = Painter(book)
    paint.root.and_(book.page.locator("[data-ready]")).wait_for()
    mask = GUESS.copy()
    paint.shows(mask)
    paint.page.touchscreen.tap(*paint.at(80, 20))
    dab(mask, 80, 20, 5)
    paint.shows(mask)
    paint.root.get_by_role("button", name="Undo").tap()
    paint.shows(GUESS)
    assert book.console_errors() == []
    book.close()
