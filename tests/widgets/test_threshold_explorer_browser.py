"""The threshold explorer in JupyterLab and Chromium: figures against metrics, every pixel's kind, every control."""

import re
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
    pixels_of,
    spill,
    still_size,
    tabs_until_out,
    write_executed,
    write_notebook,
)

from unet_lib.core.metrics import Counts, count, count_slices, pooled
from unet_lib.widgets.threshold_explorer.threshold_explorer import STEPS, f1_curve, tally, threshold_levels

MAKE = """
import numpy as np
draw = np.random.default_rng(11)
row, column = np.mgrid[:64, :64]
REFERENCE = np.stack([(row - 30) ** 2 + (column - 20) ** 2 < 120, np.zeros((64, 64), bool), (row > 40) & (column > 40)])
NEAR = np.stack([np.exp(-((row - 33) ** 2 + (column - 24) ** 2) / 150), 0.3 * np.ones((64, 64)), REFERENCE[2] * 0.7])
CHANCE = (0.9 * NEAR * draw.uniform(0.7, 1.1, (3, 64, 64)) + 0.01).astype(np.float32)
IMAGE = draw.integers(0, 256, (3, 64, 64, 3), np.uint8)
"""
made: dict = {}
exec(MAKE, made)
CHANCE, REFERENCE, IMAGE = made["CHANCE"], made["REFERENCE"], made["IMAGE"]
SETUP = MAKE + "from unet_lib.widgets.threshold_explorer import ThresholdExplorer\n"
ALL = "explorer = ThresholdExplorer(CHANCE, REFERENCE, IMAGE)\nexplorer"
ONE = "one = ThresholdExplorer(CHANCE[0], REFERENCE[0])\none"
TELL = "print(explorer.threshold, explorer.slice, explorer.counts, explorer.all_counts)"
TABLES = tally(threshold_levels(CHANCE), REFERENCE)
FORMULAS = {"precision": lambda c: f"{c.tp} / ({c.tp} + {c.fp})",
            "recall": lambda c: f"{c.tp} / ({c.tp} + {c.fn})",
            "F1": lambda c: f"2·{c.tp} / ({2 * c.tp} + {c.fp} + {c.fn})",
            "IoU": lambda c: f"{c.tp} / ({c.tp} + {c.fp} + {c.fn})",
            "accuracy": lambda c: f"({c.tp} + {c.tn}) / {c.total}"}
SCORES = {"precision": Counts.precision, "recall": Counts.recall, "F1": Counts.dice, "IoU": Counts.iou,
          "accuracy": Counts.accuracy}


class Explorer:
    """What a test reads and does, on the explorer at `index` of the page."""

    def __init__(self, book: Notebook, index: int = 0):
        self.book, self.page = book, book.page
        self.root = book.page.locator(".gb-thr").nth(index)
        self.slider = self.root.get_by_label("Threshold", exact=True)

    def shown(self, slice_: int, step: int) -> None:
        self.root.and_(self.page.locator(f'[data-shown="{slice_} {step}"]')).wait_for()

    def canvas(self, index: int) -> np.ndarray:
        return pixels_of(self.root.locator("canvas").nth(index))

    def kinds(self, side: int = 64) -> np.ndarray:
        """3 found, 2 false alarm, 1 missed, 0 none, by the colour in the middle of each pixel."""
        over = self.canvas(1)
        middle = ((np.arange(side) + 0.5) * len(over) / side).astype(int)
        red, green, blue, alpha = np.moveaxis(over[np.ix_(middle, middle)].astype(int), -1, 0)
        kinds = np.where(alpha == 0, 0, np.where(red < 20, 3, np.where(blue > red, 2, 1)))
        for kind, colour in {3: (0, 158, 115), 2: (86, 180, 233), 1: (230, 159, 0)}.items():
            seen = np.stack([red, green, blue], axis=-1)[kinds == kind]
            assert np.abs(seen - colour).max(initial=0) <= 3  # alpha costs a level or two
        return kinds

    def figures(self) -> dict[str, list[str]]:
        """Each row's cells, e.g. F1 → ["2·5 / (10 + 1 + 2) = 0.769", …]."""
        rows = {name: self.root.locator(f"[data-score={name}]").all_inner_texts() for name in SCORES}
        return rows | {"counts": self.root.locator(".gb-thr-counts").all_inner_texts()}

    def says(self, slice_: int, step: int) -> None:
        """The table holds what metrics computes from the masks, for this slice and for all."""
        self.shown(slice_, step)
        called = step / STEPS <= CHANCE
        figures = self.figures()
        both = count(called[slice_], REFERENCE[slice_]), pooled(count_slices(called, REFERENCE))
        for scope, counts in enumerate(both):
            assert [int(n) for n in re.findall(r"\d+", figures["counts"][scope])] == [
                counts.tp, counts.fp, counts.fn, counts.tn]
            for name, score in SCORES.items():
                fraction, _, value = (part.strip() for part in figures[name][scope].partition("="))
                assert fraction == FORMULAS[name](counts)
                if "0 / 0" in value:
                    assert re.search(r"/ (\(0( \+ 0)+\))$", fraction) and value == "0 / 0 → 1" and score(counts) == 1
                else:
                    assert float(value) == pytest.approx(score(counts), abs=0.000501)
                    assert float(value) not in (0, 1) or float(value) == score(counts)

    def line(self, chart: str, name: str) -> np.ndarray:
        """A curve's points as numbers on the axes."""
        svg = self.root.locator(f"[data-chart={chart}] svg")
        path = svg.locator(f"path.{name}:not(.gb-thr-best)").get_attribute("d")
        width, height = (float(svg.get_attribute(side)) for side in ("width", "height"))
        x, y = np.array(re.findall(r"[\d.]+", path), float).reshape(-1, 2).T
        return np.stack([(x - 38) / (width - 52), (height - 34 - y) / (height - 42)], axis=1)


@pytest.fixture(scope="module")
def book(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    write_notebook(lab.folder / "threshold.ipynb", SETUP, ALL, ONE, TELL)
    return notebook("threshold.ipynb", {"width": 1280, "height": 1700})


@pytest.fixture
def fresh(book: Notebook) -> Notebook:
    """The notebook with fresh explorers in it."""
    book.run_all()
    assert book.errors() == []
    Explorer(book, 0).shown(2, 50)
    Explorer(book, 1).shown(0, 50)
    yield book
    assert book.console_errors() == []


@pytest.fixture
def all_(fresh: Notebook) -> Explorer:
    return Explorer(fresh, 0)


@pytest.fixture
def one(fresh: Notebook) -> Explorer:
    return Explorer(fresh, 1)


def kinds_of(slice_: int, step: int) -> np.ndarray:
    return 2 * (CHANCE[slice_] >= step / STEPS) + REFERENCE[slice_]


# ---- figures and pixels ---------------------------------------------------------------------------------------


def test_every_figure_at_many_thresholds_on_every_slice(all_):
    for slice_ in (0, 1, 2):
        all_.root.get_by_label("Slice", exact=True).fill(str(slice_))
        for step in (0, 1, 7, 29, 50, 57, 73, 99, 100):
            all_.slider.fill(str(step))
            all_.says(slice_, step)
            assert np.array_equal(all_.kinds(), kinds_of(slice_, step))


def test_the_slice_is_drawn_exactly(all_, one):
    grey = all_.canvas(0)
    assert np.array_equal(grey[..., :3], np.repeat(IMAGE[2, ..., 1:2], 3, axis=2))
    levels = threshold_levels(CHANCE[:1])[0]  # without images: the probabilities
    assert np.abs(one.canvas(0)[..., 0] - 2.55 * levels).max() <= 0.51


def test_stripes_lean_and_found_pixels_have_none(all_):
    """Told apart without colour: along a stripe the opacity stays, across it changes."""
    all_.root.get_by_label("Slice", exact=True).fill("0")
    all_.slider.fill("40")
    all_.shown(0, 40)
    over, kinds = all_.canvas(1)[..., 3].astype(int), kinds_of(0, 40)
    scale = len(over) // 64
    for kind, along, across in ((2, (1, -1), (1, 1)), (1, (1, 1), (1, -1))):
        inside = np.argwhere([[(kinds[max(r - 1, 0):r + 2, max(c - 1, 0):c + 2] == kind).all() for c in range(64)]
                              for r in range(64)])
        assert len(inside), f"no pixel of kind {kind} lies among its own"
        y, x = inside[0] * scale + scale // 2
        steps = range(-scale // 2, scale // 2)
        assert len({over[y + along[0] * at, x + along[1] * at] for at in steps}) == 1
        assert len({over[y + across[0] * at, x + across[1] * at] for at in steps}) == 2
    y, x = np.argwhere(kinds == 3)[20] * scale + scale // 2
    assert len(set(over[y - 2:y + 3, x - 2:x + 3].ravel())) == 1


def test_close_up(all_):
    all_.root.get_by_label("close-up of the tumour").check()
    all_.root.get_by_label("Slice", exact=True).fill("0")
    all_.shown(0, 50)
    grey = all_.canvas(0)
    side = len(grey)
    assert grey.shape[:2] == (side, side) and 32 <= side < 64
    rows, columns = np.nonzero(REFERENCE[0])
    top, left = round((rows.min() + rows.max() + 1 - side) / 2), round((columns.min() + columns.max() + 1 - side) / 2)
    window = np.s_[max(top, 0):max(top, 0) + side, max(left, 0):max(left, 0) + side]
    assert np.array_equal(grey[..., 0], IMAGE[0, ..., 1][window])
    assert np.array_equal(all_.kinds(side), kinds_of(0, 50)[window])
    all_.root.get_by_label("Slice", exact=True).fill("1")  # no tumour: around the likeliest pixels
    all_.shown(1, 50)
    assert len(all_.canvas(0)) == 32 or len(all_.canvas(0)) == 64
    all_.says(1, 50)


# ---- charts -----------------------------------------------------------------------------------------------------


def test_the_curves_are_those_of_metrics(all_):
    all_.root.get_by_label("Slice", exact=True).fill("0")
    all_.shown(0, 50)
    for name, table in (("gb-thr-one", TABLES[0]), ("gb-thr-all", TABLES.sum(axis=0))):
        steps = np.arange(STEPS + 1) / STEPS
        assert np.allclose(all_.line("f1", name), np.stack([steps, f1_curve(table)], axis=1), atol=0.001)
        counts = [Counts(*row) for row in table.tolist() if row[0] + row[1] and row[0] + row[2]]
        points = [[c.recall(), c.precision()] for c in counts]
        assert np.allclose(all_.line("tradeoff", name), points, atol=0.001)
    label = all_.root.locator("[data-chart=f1] svg").get_attribute("aria-label")
    assert f"all 3 slices: F1 {pooled(TABLES[:, 50]).dice():.3f}" in label


def test_a_slice_without_tumour_has_no_curve_but_scores(all_):
    all_.root.get_by_label("Slice", exact=True).fill("1")
    all_.slider.fill("90")
    all_.says(1, 90)
    assert all_.root.locator("[data-chart=tradeoff] path.gb-thr-one").get_attribute("d") == ""
    assert all_.root.locator("[data-chart=tradeoff] circle").count() == 1
    assert all_.root.locator(".gb-thr-note").evaluate("note => getComputedStyle(note).visibility") == "visible"
    all_.root.get_by_label("Slice", exact=True).fill("0")
    all_.slider.fill("50")
    all_.says(0, 50)
    assert all_.root.locator(".gb-thr-note").evaluate("note => getComputedStyle(note).visibility") == "hidden"


@pytest.mark.parametrize("slice_", [0, 1, 2])
def test_best_buttons(all_, one, slice_):
    all_.root.get_by_label("Slice", exact=True).fill(str(slice_))
    curves = {"this slice": f1_curve(TABLES[slice_]), "all 3 slices": f1_curve(TABLES.sum(axis=0))}
    for name, curve in curves.items():
        all_.root.get_by_role("button", name=f"Best F1, {name}").click()
        all_.says(slice_, int(np.argmax(curve)))
        written = all_.root.locator("[data-chart=f1] figcaption").inner_text()
        assert re.search(rf"{name}: best {curve.max():.3f} at {np.argmax(curve) / STEPS:.2f}", written)
    one.root.get_by_role("button", name="Best F1", exact=True).click()
    one.shown(0, int(np.argmax(f1_curve(TABLES[0]))))


def test_a_drag_on_the_strip_moves_the_threshold(all_):
    svg = all_.root.locator("[data-chart=f1] svg")
    box = svg.bounding_box()
    place = lambda value: box["x"] + 38 + value * (box["width"] - 52)  # noqa: E731
    all_.page.mouse.move(place(0.3), box["y"] + 40)
    all_.page.mouse.down()
    all_.says(2, 30)
    all_.page.mouse.move(place(0.62), box["y"] + 10, steps=4)
    all_.says(2, 62)
    all_.page.mouse.move(place(1.3), box["y"] + 10)
    all_.shown(2, 100)
    all_.page.mouse.up()
    all_.page.mouse.move(place(0.1), box["y"] + 10)
    all_.page.wait_for_timeout(100)
    all_.shown(2, 100)


def test_a_click_on_the_trade_off_goes_to_the_nearest_point(all_):
    svg = all_.root.locator("[data-chart=tradeoff] svg")
    box = svg.bounding_box()
    table = TABLES.sum(axis=0)
    recall = table[:, 0] / (table[:, 0] + table[:, 2])
    precision = np.where(table[:, 0] + table[:, 1] > 0, table[:, 0] / np.maximum(table[:, 0] + table[:, 1], 1), np.inf)
    for x, y in ((0.9, 0.9), (0.5, 0.95), (0.99, 0.2)):
        position = {"x": 38 + x * (box["width"] - 52), "y": box["height"] - 34 - y * (box["height"] - 42)}
        svg.click(position=position)
        all_.page.wait_for_timeout(50)
        found = int(all_.root.get_attribute("data-shown").split()[1])
        far = np.hypot(recall - x, precision - y)
        assert far[found] <= far.min() + 0.01  # the pointer stands on whole pixels: a neighbour as near will do
        all_.says(2, found)


def test_a_drag_along_the_curve_moves_the_threshold(all_):
    """The large dot follows the pointer to the nearest point of the curve of all slices."""
    all_.slider.fill("50")
    all_.shown(2, 50)
    dot = all_.root.locator("[data-chart=tradeoff] circle.gb-thr-all")
    curve, box = all_.line("tradeoff", "gb-thr-all"), dot.bounding_box()
    svg = all_.root.locator("[data-chart=tradeoff] svg").bounding_box()
    all_.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    all_.page.mouse.down()
    recall, precision = curve[30]
    place = (svg["x"] + 38 + recall * (svg["width"] - 52),
             svg["y"] + svg["height"] - 34 - precision * (svg["height"] - 42))
    all_.page.mouse.move(*place, steps=5)
    all_.page.mouse.up()
    all_.page.wait_for_timeout(50)
    box = dot.bounding_box()
    assert np.hypot(box["x"] + box["width"] / 2 - place[0], box["y"] + box["height"] / 2 - place[1]) < 4
    step = int(all_.root.get_attribute("data-shown").split()[1])
    assert step != 50
    all_.says(2, step)


def test_f1_stands_large_beside_the_slider(all_, one):
    all_.slider.fill("40")
    all_.says(2, 40)
    large = all_.root.locator(".gb-thr-big strong")
    scores = pooled(TABLES[:, 40]).dice(), Counts(*TABLES[2, 40].tolist()).dice()
    assert large.all_inner_texts() == [f"{score:.2f}" for score in scores]
    slider, first = all_.slider.bounding_box(), large.first.bounding_box()
    assert first["height"] >= 30 and first["x"] > slider["x"] and abs(first["y"] - slider["y"]) < 60
    assert one.root.locator(".gb-thr-big strong").count() == 1


def test_everything_is_in_sight_at_once(all_):
    assert all_.root.bounding_box()["height"] <= 700


# ---- keyboard, speech, Python -----------------------------------------------------------------------------------


def test_everything_by_keyboard(all_, fresh):
    page = all_.page
    all_.slider.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "ArrowLeft"):
        page.keyboard.press(key)
    all_.says(2, 52)
    page.keyboard.press("Home")
    all_.says(2, 0)
    page.keyboard.press("End")
    all_.says(2, 100)
    page.keyboard.press("PageDown")
    all_.says(2, 90)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # best over all slices
    best = int(np.argmax(f1_curve(TABLES.sum(axis=0))))
    all_.says(2, best)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    all_.says(1, best)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert all_.root.get_by_label("close-up of the tumour").is_checked()
    page.keyboard.press("Control+s")  # the notebook's own shortcuts still work from inside the widget
    page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")


def test_scores_are_spoken_once_the_slider_rests(all_):
    spoken = all_.root.locator(".gb-unseen[aria-live=polite]")
    all_.page.wait_for_timeout(700)
    before = spoken.inner_text()
    all_.slider.focus()
    for _ in range(8):
        all_.page.keyboard.press("ArrowRight")
        assert spoken.inner_text() == before
    all_.page.wait_for_timeout(700)
    counts, both = Counts(*TABLES[2, 58].tolist()), pooled(TABLES[:, 58])
    assert spoken.inner_text() == (
        f"Threshold 0.58. this slice: F1 {counts.dice():.2f}, precision {counts.precision():.2f}, "
        f"recall {counts.recall():.2f}. all 3 slices: F1 {both.dice():.2f}, precision {both.precision():.2f}, "
        f"recall {both.recall():.2f}")


def test_focus_is_never_trapped(all_):
    all_.slider.focus()
    assert 4 <= tabs_until_out(all_.page, ".gb-thr", 20) < 20


def test_every_control_has_a_name(fresh):
    assert nameless(fresh.page, ".gb-thr") == []


def test_python_reads_what_the_reader_chose(all_, fresh):
    all_.slider.fill("37")
    all_.root.get_by_label("Slice", exact=True).fill("0")
    all_.says(0, 37)
    both = pooled(TABLES[:, 37])
    expected = f"0.37 0 {Counts(*TABLES[0, 37].tolist())} {both}"
    for _ in range(20):  # a change waits until Python has answered the one before
        if (told := fresh.ask(TELL)) == expected:
            break
    assert told == expected


def test_python_moves_the_slider(all_, fresh):
    fresh.ask("explorer.threshold = 0.29; explorer.slice = 1; explorer.close_up = True; print('done')")
    all_.says(1, 29)
    assert all_.slider.input_value() == "29"
    assert all_.slider.get_attribute("aria-valuetext") == "0.29"
    assert all_.root.get_by_label("close-up of the tumour").is_checked()
    fresh.ask(TELL)  # the cell is as it was


# ---- looks ------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("width", [1280, 800, 480])
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_fits_its_window_in_both_themes(fresh, width, theme):
    fresh.page.set_viewport_size({"width": width, "height": 1700})
    fresh.use_theme(theme)
    fresh.page.wait_for_timeout(200)  # the observer of sizes
    OUTPUT.mkdir(exist_ok=True)
    faults = []
    for index in (0, 1):
        root = fresh.page.locator(".gb-thr").nth(index)
        faults += spill(root, ".gb-thr-figures *")
        root.screenshot(path=str(OUTPUT / f"threshold_{index}_{width}_{theme.split()[-1].lower()}.png"))
    fresh.page.set_viewport_size({"width": 1280, "height": 1700})
    fresh.use_theme("JupyterLab Light")
    assert faults == []


LATENCY = """async () => {
    const root = document.querySelector(".gb-thr"), slider = root.querySelector("input"), times = [];
    for (let i = 0; i < 60; i++) {
        await new Promise(requestAnimationFrame);
        const start = performance.now();
        slider.value = (37 * i) % 101;
        slider.dispatchEvent(new Event("input", { bubbles: true }));
        root.getBoundingClientRect(); // layout included
        times.push(performance.now() - start);
        if (!root.dataset.shown.endsWith(` ${(37 * i) % 101}`)) throw new Error(root.dataset.shown);
    }
    return times;
}"""


def test_everything_follows_the_slider_at_once(lab, notebook, capsys):
    large = "CHANCE, REFERENCE = (np.kron(a, np.ones((1, 4, 4), a.dtype)) for a in (CHANCE, REFERENCE))"
    write_notebook(lab.folder / "slider.ipynb", SETUP, large, "ThresholdExplorer(CHANCE, REFERENCE)")
    book = notebook("slider.ipynb")
    book.run_all()
    Explorer(book).shown(2, 50)
    times = book.page.evaluate(LATENCY)
    with capsys.disabled():
        print(f"\nthreshold explorer, 256×256: input event to pixels, curves and figures, median "
              f"{statistics.median(times):.1f} ms, slowest {max(times):.1f} ms of {len(times)}")
    assert statistics.median(times) < 100
    assert book.errors() == book.console_errors() == []
    book.close()


# ---- a saved notebook, a finger ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(lab: Lab) -> Path:
    """A notebook that was run elsewhere, widget state and all."""
    return write_executed(lab.folder / "saved_threshold.ipynb", SETUP, ALL)


def test_an_untrusted_notebook_shows_the_still_picture(saved, notebook):
    book = notebook(saved.name)
    assert still_size(book)[0] > 400
    book.close()


def test_a_saved_notebook_explores_without_python_under_a_finger(saved, lab, notebook):
    lab.trust(saved)
    book = notebook(saved.name, {"width": 800, "height": 1200}, has_touch=True)
    explorer = Explorer(book)
    explorer.shown(2, 50)
    box = explorer.root.locator("[data-chart=f1] svg").bounding_box()
    explorer.root.locator("[data-chart=f1] svg").tap(position={"x": 38 + 0.25 * (box["width"] - 52), "y": 60})
    explorer.page.wait_for_timeout(100)
    step = int(explorer.root.get_attribute("data-shown").split()[1])
    assert abs(step - 25) <= 1
    explorer.says(2, step)
    explorer.root.get_by_label("Slice", exact=True).fill("0")
    explorer.says(0, step)
    assert book.console_errors() == []
    book.close()
