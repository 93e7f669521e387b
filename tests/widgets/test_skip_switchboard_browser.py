"""The skip switchboard in JupyterLab and Chromium: every switch by every way, every pixel and figure against torch."""

import statistics
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from browser import (
    OUTPUT,
    Lab,
    Notebook,
    nameless,
    out_of_sight,
    pixels_of,
    spill,
    still_size,
    tabs_until_out,
    write_executed,
    write_notebook,
)
from repository import HELPERS, LGG_BEST, REPOSITORY
from scipy import ndimage
from skip_board import CACHE, FIRST, MEASURED, OFF, ON, SECOND, board, by_hand

from unet_lib.core.metrics import count
from unet_lib.inference.predictor import load_predictor
from unet_lib.widgets.skip_switchboard import SkipSwitchboard
from unet_lib.widgets.skip_switchboard.skip_switchboard import GAINED, LOST, PALETTE, STATES

SETUP = f"""
import sys; sys.path.insert(0, {str(HELPERS)!r})
import torch
torch.set_num_threads(1)
from skip_board import board as make
"""
SHOW = "board = make()\nboard"
TELL = "print(board.patient, board.slice, *board.skips, board.close_up, round(board.now.counts.dice(), 3))"
COLOURS = {3: (86, 180, 233), 2: LOST, 1: GAINED}


class Board:
    """What a test reads and does."""

    def __init__(self, book: Notebook):
        self.book, self.page, self.root = book, book.page, book.page.locator(".gb-skips")

    def switch(self, level: int, state: str) -> None:
        self.root.locator(f'fieldset[data-level="{level}"]').get_by_label(state, exact=True).check()

    def shown(self, skips: list[str], patient: str = FIRST, slice_: int = 3) -> SkipSwitchboard:
        """Wait until this is drawn; returns the same switchboard in this process."""
        self.root.and_(self.page.locator(f'[data-shown="{patient} {slice_} {" ".join(skips)}"]')).wait_for()
        states = [self.root.locator(f'fieldset[data-level="{level}"] :checked').input_value() for level in (1, 2)]
        drawn = [node.get_attribute("data-state") for node in self.root.locator(".gb-skips-skip").all()]
        assert states == skips == drawn
        return board(patient=patient, slice=slice_, skips=skips)

    def canvas(self, picture: str, layer: int) -> np.ndarray:
        return pixels_of(self.root.locator(f"[data-picture={picture}] canvas").nth(layer)).astype(int)

    def says(self, twin: SkipSwitchboard) -> None:
        """Dice, and pixels lost and gained, are those that torch finds; a pixel may stand on the very threshold."""
        now, whole = by_hand(twin._index, twin.skips) >= 0.5, by_hand(twin._index, ON) >= 0.5
        dice, before = (count(mask, CACHE.masks[twin._index]).dice() for mask in (now, whole))
        assert float(self.text(".gb-skips-score")) == pytest.approx(dice, abs=0.0011)
        if twin.skips == ON:
            assert self.text(".gb-skips-before") == "with all skips on"
        else:
            assert float(self.text(".gb-skips-before").split()[2]) == pytest.approx(before, abs=0.0011)
            lost, _, _, gained, _ = self.text(".gb-skips-change").split()
            assert int(lost) == pytest.approx(np.sum(whole > now), abs=3)
            assert int(gained) == pytest.approx(np.sum(now > whole), abs=3)

    def pictures(self, twin: SkipSwitchboard, view: tuple[slice, slice] = np.s_[:, :]) -> None:
        """Grey levels and probabilities are exact; tints and stripes where no border is near."""
        flair = CACHE.images[twin._index][..., 1][view]
        for picture in ("answer", "changed"):
            assert np.array_equal(self.canvas(picture, 0), np.dstack([flair] * 3 + [np.full_like(flair, 255)]))
        chance = np.rint(255 * twin.now.probability).astype(int)[view]
        assert np.array_equal(self.canvas("probability", 0)[..., :3], PALETTE[chance])
        borders = CACHE.masks[twin._index] > 0
        kinds = (2 * twin.whole.mask + twin.now.mask)[view]
        self.compare("changed", kinds, far(borders)[view], {kind: (colour, (0.35, 0.9, 0.4))
                                                           for kind, colour in COLOURS.items()})
        clear = far(borders)[view] & far(twin.now.mask)[view]
        self.compare("answer", kinds % 2, clear, {1: (COLOURS[3], (0.35,))})

    def compare(self, picture: str, kinds: np.ndarray, where: np.ndarray, looks: dict) -> None:
        self.enlarge(picture)  # in a small one, borders are wider than three pixels of the slice
        over = self.canvas(picture, 1)
        at = [np.arange(dots) * side // dots for side, dots in zip(kinds.shape, over.shape)]  # the pixel of each dot
        kinds, where = kinds[np.ix_(*at)], where[np.ix_(*at)]
        assert where.sum() > 500
        assert (over[where & (kinds == 0)][:, 3] == 0).all()
        for kind, (colour, alphas) in looks.items():
            dots = over[where & (kinds == kind)]
            assert np.abs(dots[:, :3] - colour).max(initial=0) <= 4  # alpha costs a level or two
            assert set(dots[:, 3]) <= {round(255 * alpha) for alpha in alphas}

    def enlarge(self, picture: str) -> None:
        self.root.locator(f"[data-picture={picture}]").get_by_role("button").click()

    def text(self, selector: str) -> str:
        return self.root.locator(selector).inner_text()

    def cell(self, levels: str, how: str) -> str:
        return " ".join(self.root.locator(f'tr[data-levels="{levels}"] [data-how="{how}"]').inner_text().split())


def far(mask: np.ndarray) -> np.ndarray:
    """Pixels more than three away from the other side of the mask's border; the picture's edge ends a mask, too."""
    inside = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    outside = ndimage.distance_transform_edt(~mask) if mask.any() else np.full(mask.shape, np.inf)
    return np.where(mask, inside, outside) > 3


@pytest.fixture(scope="module")
def book(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    write_notebook(lab.folder / "skips.ipynb", SETUP, SHOW, TELL)
    return notebook("skips.ipynb", {"width": 1280, "height": 1600})


@pytest.fixture
def fresh(book: Notebook) -> Board:
    """The notebook with a fresh switchboard in it."""
    book.run_all()
    assert book.errors() == []
    fresh = Board(book)
    fresh.shown(ON)
    yield fresh
    assert book.console_errors() == []


# ---- figures and pixels -----------------------------------------------------------------------------------------


def test_every_combination_of_states(fresh):
    """Figures of all, and pixels where both skips are in the same state, or in the two that differ most."""
    for skips in map(list, product(STATES, STATES)):
        for level, state in enumerate(skips, 1):
            fresh.switch(level, state)
        twin = fresh.shown(skips)
        fresh.says(twin)
        if len(set(skips)) == 1 or skips == ["zeroed", "swapped"]:
            fresh.pictures(twin)


def test_what_the_switches_do_is_told_in_words(fresh):
    """Counted by NumPy, of pixels that torch calls tumour."""
    fresh.switch(1, "mean")
    twin = fresh.shown(["mean", "on"])
    tumour, whole, now = CACHE.masks[twin._index] > 0, twin.whole.mask, twin.now.mask
    lost, gained = whole & ~now, now & ~whole
    assert fresh.text(".gb-skips-story") == (
        f"With all skips on the network finds {(whole & tumour).sum()} of the {tumour.sum()} pixels of tumour on this "
        f"slice. With skip 1 mean it drops {lost.sum()} pixels ({(lost & tumour).sum()} of them tumour) and adds "
        f"{gained.sum()} ({(gained & tumour).sum()} of them tumour).")


def test_each_picture_can_be_the_large_one(fresh):
    for name in ("changed", "probability", "answer"):
        fresh.enlarge(name)
        widths = {other: fresh.root.locator(f"[data-picture={other}]").bounding_box()["width"]
                  for other in ("answer", "probability", "changed")}
        assert widths[name] == max(widths.values()) > 1.8 * min(widths.values())


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768)])
def test_switches_and_answer_are_in_one_screen(fresh, width, height):
    fresh.page.set_viewport_size({"width": width, "height": height})
    for side in ("what a skip is worth", "switches"):
        fresh.root.get_by_label(side, exact=True).check()
        for _ in range(25):  # until the notebook, and the observer of sizes, have taken in the new window
            fresh.page.wait_for_timeout(200)
            fresh.root.evaluate("root => root.scrollIntoView()")
            hidden = out_of_sight(fresh.root, "[data-picture], .gb-skips-score, .gb-skips-story, .gb-skips-pill")
            if not hidden:
                break
        assert hidden == []
    fresh.page.set_viewport_size({"width": 1280, "height": 1600})


def test_switches_in_the_drawing(fresh):
    pill = fresh.root.locator(".gb-skips-pill")
    before = fresh.canvas("probability", 0)
    pill.nth(1).click()
    fresh.says(fresh.shown(["on", "zeroed"]))
    assert not np.array_equal(fresh.canvas("probability", 0), before)
    pill.nth(0).click()
    fresh.says(fresh.shown(OFF))
    assert fresh.root.locator(".gb-skips-state").all_text_contents() == ["0", "0"]
    pill.nth(1).click()
    fresh.says(fresh.shown(["zeroed", "on"]))
    fresh.switch(1, "swapped")
    pill.nth(0).click()
    fresh.shown(ON)


def test_all_on_and_all_zeroed(fresh):
    fresh.root.get_by_role("button", name="All zeroed").click()
    fresh.says(fresh.shown(OFF))
    fresh.root.get_by_role("button", name="All on").click()
    fresh.says(fresh.shown(ON))
    assert fresh.text(".gb-skips-before") == "with all skips on"


def test_patient_slice_and_close_up(fresh):
    fresh.switch(2, "swapped")
    fresh.root.get_by_label("Patient").select_option(SECOND)
    twin = fresh.shown(["on", "swapped"], SECOND, 3)
    fresh.says(twin)
    fresh.root.get_by_label("close-up of the tumour").check()
    rows, columns = np.nonzero(CACHE.masks[twin._index])
    top, left = (min(max((place.min() + place.max() + 2 - 128) // 2, 0), 128) for place in (rows, columns))
    fresh.page.wait_for_function("document.querySelector('[data-picture=answer] canvas').width === 128")
    fresh.pictures(twin, np.s_[top:top + 128, left:left + 128])
    fresh.root.get_by_label("close-up of the tumour").uncheck()
    for place in (0, 3):
        fresh.root.get_by_label("Slice", exact=True).fill(str(place))
        twin = fresh.shown(["on", "swapped"], SECOND, place + 1)
        fresh.says(twin)
        fresh.pictures(twin)
    assert fresh.text("output").startswith("slice 4 of 4, no tumour")


def test_measured_figures_and_what_was_not_measured(fresh):
    fresh.root.get_by_label("what a skip is worth").check()
    for how, levels, dice in MEASURED:
        key = " ".join(map(str, levels))
        assert fresh.cell(key, how).startswith(f"{dice + 0.01:.2f} {dice:.2f} to {dice + 0.02:.2f}")
    assert fresh.cell("2", "zeroed") == fresh.cell("1 2", "retrained without") == "not measured"
    lane = fresh.root.locator('tr[data-levels="1"] .gb-skips-lane').nth(0)
    indices = [mark.evaluate("mark => parseFloat(mark.style.left)") for mark in lane.locator("i").all()]
    assert indices == pytest.approx([10, 11, 12])


def test_the_row_of_the_skips_that_are_off(fresh):
    said = lambda name: fresh.text(f"[data-said={name}]")  # noqa: E731
    for skips, row, cut, retrained in ((["zeroed", "on"], "1", "0.11", "0.66"), (["mean", "on"], "1", "0.41", "0.66"),
                                       (["swapped", "on"], "1", "not measured", "0.66"),
                                       (["zeroed", "mean"], "1 2", "not measured", "not measured")):
        for level, state in enumerate(skips, 1):
            fresh.switch(level, state)
        fresh.shown(skips)
        assert fresh.root.locator(".gb-skips-now").get_attribute("data-levels") == row
        assert (said("cut"), said("retrained")) == (cut, retrained)


def test_a_row_switches_its_skips_off(fresh):
    fresh.root.get_by_label("what a skip is worth").check()
    for name, skips in (("skip 2", ["on", "zeroed"]), ("all skips", OFF), ("skip 1", ["zeroed", "on"]), ("none", ON)):
        fresh.root.get_by_role("button", name=name, exact=True).click()
        fresh.says(fresh.shown(skips))
        focused = fresh.page.evaluate("document.activeElement.textContent")
        assert focused == name


# ---- keyboard, speech, Python -----------------------------------------------------------------------------------


def test_everything_by_keyboard(fresh):
    press = fresh.page.keyboard.press
    fresh.root.get_by_label("Patient").focus()
    press("ArrowDown")
    fresh.shown(ON, SECOND, 3)
    press("Tab")
    press("ArrowLeft")
    fresh.shown(ON, SECOND, 2)
    press("ArrowRight")
    fresh.shown(ON, SECOND, 3)
    press("Tab")
    press("Space")
    fresh.page.wait_for_function("document.querySelector('[data-picture=answer] canvas').width === 128")
    press("Tab")  # what stands at the left
    press("Tab")
    for state in ("zeroed", "mean", "swapped", "on"):
        press("ArrowRight")
        fresh.says(fresh.shown([state, "on"], SECOND, 3))
    press("ArrowLeft")
    fresh.shown(["swapped", "on"], SECOND, 3)
    press("Tab")
    press("ArrowRight")
    fresh.says(fresh.shown(["swapped", "zeroed"], SECOND, 3))
    press("Tab")
    press("Enter")
    fresh.shown(ON, SECOND, 3)
    press("Tab")
    press("Space")
    fresh.shown(OFF, SECOND, 3)
    press("Control+s")  # the notebook's own shortcuts still work from inside the widget
    fresh.page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")


def test_dice_and_what_is_off_are_spoken(fresh):
    spoken = fresh.root.locator(".gb-unseen[aria-live=polite]")
    fresh.switch(1, "mean")
    fresh.switch(2, "zeroed")
    twin = fresh.shown(["mean", "zeroed"])
    lost, gained = twin.answer["lost"], twin.answer["gained"]
    text = (f"Skip 1 mean, skip 2 zeroed. Dice {twin.now.counts.dice():.2f} instead of {twin.whole.counts.dice():.2f}. "
            f"{lost} pixels lost, {gained} gained.")
    fresh.page.wait_for_function("([node, text]) => node.textContent === text", arg=[spoken.element_handle(), text])
    label = fresh.root.locator("[data-picture=changed] canvas").nth(1).get_attribute("aria-label")
    assert label == f"Against all skips on: {lost} pixels lost, {gained} gained"


def test_focus_is_never_trapped(fresh):
    fresh.root.get_by_label("Patient").focus()
    assert 7 <= tabs_until_out(fresh.page, ".gb-skips", 25) < 25


def test_every_control_has_a_name(fresh):
    assert nameless(fresh.page, ".gb-skips") == []


def test_python_reads_what_the_reader_chose(fresh):
    fresh.switch(1, "zeroed")
    fresh.root.get_by_label("close-up of the tumour").check()
    twin = fresh.shown(["zeroed", "on"])
    expected = f"{FIRST} 3 zeroed on True {round(twin.now.counts.dice(), 3)}"
    for _ in range(20):  # a change waits until Python has answered the one before
        if (told := fresh.book.ask(TELL)) == expected:
            break
    assert told == expected


def test_python_moves_the_switches(fresh):
    fresh.book.ask(f"board.patient = {SECOND!r}; board.skips = ['mean', 'swapped']; print('done')")
    fresh.says(fresh.shown(["mean", "swapped"], SECOND, 3))
    fresh.book.ask(TELL)  # the cell is as it was


def test_the_newest_of_many_switches_wins(fresh):
    fresh.page.evaluate("""() => {
        const radios = [...document.querySelectorAll(".gb-skips-switch input")];
        for (let i = 0; i < 40; i++) radios[(3 * i) % 8].click();
        radios[2].click();
        radios[5].click();
    }""")
    fresh.says(fresh.shown(["mean", "zeroed"]))


LATENCY = """async () => {
    const root = document.querySelector(".gb-skips"), times = [];
    const radios = [...root.querySelectorAll(".gb-skips-switch input")];
    for (let i = 0; i < 32; i++) {
        const radio = radios[(i % 2) * 4 + (Math.floor(i / 2) * 3 + 1) % 4];
        if (radio.checked) continue;
        const end = new Promise((done) => new MutationObserver((_, watcher) => { watcher.disconnect(); done(); })
            .observe(root, { attributes: true, attributeFilter: ["data-shown"] }));
        const start = performance.now();
        radio.click();
        await end;
        await new Promise(requestAnimationFrame);
        times.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, 60));
    }
    return times;
}"""


def test_latency_is_printed(lab, notebook, capsys):
    """The network of the lesson, on smooth slices: the first time, and from memory."""
    smooth = """
import numpy as np
from dataclasses import replace
from unet_lib.data.intensity import channel_histograms
from unet_lib.inference.predictor import load_predictor
from unet_lib.widgets.skip_switchboard import SkipSwitchboard
from made_up import made_up_cache
CACHE = made_up_cache()
row, column = np.mgrid[:256, :256]
head = 70 * ((row - 128) ** 2 + (column - 128) ** 2 < 100 ** 2)
IMAGES = np.repeat((head + 90 * CACHE.masks).astype(np.uint8)[..., None], 3, 3)
LEVELS = np.stack([channel_histograms(IMAGES[CACHE.patient_of == place]) for place in range(3)])
"""
    weights = REPOSITORY / "data" / "models" / "lgg-steps" / "step-1600.safetensors"
    make = f"SkipSwitchboard(load_predictor({str(weights)!r}), replace(CACHE, images=IMAGES, histograms=LEVELS))"
    write_notebook(lab.folder / "speed.ipynb", SETUP, smooth, make)
    book = notebook("speed.ipynb", {"width": 1280, "height": 1600})
    book.run_all()
    book.page.wait_for_selector(".gb-skips[data-shown]")
    first, again = book.page.evaluate(LATENCY), book.page.evaluate(LATENCY)
    with capsys.disabled():
        for name, times in (("new", first), ("remembered", again)):
            print(f"\nskip switchboard, {name}: click to changed pixels, median {statistics.median(times):.0f} ms, "
                  f"95 % below {np.percentile(times, 95):.0f} ms of {len(times)}")
    assert len(first) >= 16
    assert book.errors() == book.console_errors() == []
    book.close()


def test_the_best_network_has_its_switches_too(lab, notebook):
    show = f"""
from skip_board import CACHE
from unet_lib.inference.predictor import load_predictor
from unet_lib.widgets.skip_switchboard import SkipSwitchboard
board = SkipSwitchboard(load_predictor({str(LGG_BEST)!r}), CACHE, skips=["on"] * 4)
board"""
    write_notebook(lab.folder / "best_skips.ipynb", SETUP, show, TELL)
    book = notebook("best_skips.ipynb", {"width": 1280, "height": 1600})
    book.run_all()
    fresh = Board(book)
    whole = SkipSwitchboard(load_predictor(LGG_BEST), CACHE)
    fresh.root.and_(book.page.locator(f'[data-shown="{FIRST} 3 on on on on"]')).wait_for()
    assert fresh.root.locator(".gb-skips-end").all_text_contents() == ["slice", "answer"]
    fresh.switch(4, "zeroed")
    fresh.root.and_(book.page.locator(f'[data-shown="{FIRST} 3 on on on zeroed"]')).wait_for()
    whole.skips = ["on", "on", "on", "zeroed"]
    chance = np.rint(255 * whole.now.probability).astype(int)
    seen = fresh.canvas("probability", 0)[..., :3]
    assert np.abs(seen - PALETTE[chance]).max() <= 4  # another process may round otherwise: one step of the palette
    book.screenshot("skips_best.png")
    assert book.errors() == book.console_errors() == []
    book.close()


# ---- looks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1280, 800, 480])
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_fits_its_window_in_both_themes(fresh, width, theme):
    fresh.switch(2, "zeroed")
    fresh.shown(["on", "zeroed"])
    fresh.page.set_viewport_size({"width": width, "height": 1900})
    fresh.book.use_theme(theme)
    fresh.page.wait_for_timeout(300)  # the observer of sizes
    OUTPUT.mkdir(exist_ok=True)
    fresh.root.screenshot(path=str(OUTPUT / f"skips_{width}_{theme.split()[-1].lower()}.png"))
    faults = spill(fresh.root, *([".gb-skips-scroll *"] if width < 800 else []))
    fresh.page.set_viewport_size({"width": 1280, "height": 1600})
    fresh.book.use_theme("JupyterLab Light")
    assert faults == []


# ---- a saved notebook -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(lab: Lab) -> Path:
    """A notebook that was run elsewhere, widget state and all."""
    return write_executed(lab.folder / "saved_skips.ipynb", SETUP, "board = make(skips=['zeroed', 'mean'])\nboard")


def test_an_untrusted_notebook_shows_the_still_picture(saved, notebook):
    book = notebook(saved.name)
    assert still_size(book) == (800, 308)
    book.close()


def test_a_saved_notebook_shows_its_answer_and_says_when_python_is_missing(saved, lab, notebook):
    lab.trust(saved)
    book = notebook(saved.name, {"width": 1280, "height": 1600})
    opened = Board(book)
    twin = opened.shown(["zeroed", "mean"])
    opened.says(twin)
    opened.pictures(twin)
    opened.switch(1, "on")
    book.page.get_by_text("Python does not answer, so the pictures are still the last ones").wait_for()
    opened.pictures(twin)
    opened.switch(1, "zeroed")
    opened.shown(["zeroed", "mean"])
    assert opened.text(".gb-skips-status") == ""
    assert book.console_errors() == []
    book.close()
