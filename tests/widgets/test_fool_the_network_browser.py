"""Fool the network in JupyterLab and Chromium: the brush against NumPy, answers against Python, every control."""

from collections.abc import Callable
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
from made_up import made_up_cache
from repository import HELPERS

from unet_lib.widgets.fool_the_network.fool_the_network import opposite, square_around_head
from unet_lib.widgets.fool_the_network.two_answers import soft_dab

# A dark slice, and a network that takes for tumour what is bright in FLAIR.
SETUP = f"""
import sys; sys.path.insert(0, {str(HELPERS)!r})
import numpy as np
from torch import nn
from made_up import made_up_cache
from unet_lib.inference.predictor import Predictor
from unet_lib.widgets.fool_the_network import FoolTheNetwork
class Bright(Predictor):
    def probabilities(self, images, statistics):
        return images[..., 1] / np.float32(256)
CACHE = made_up_cache()
INDEX = int(np.argmax(CACHE.tumour_pixels))
CACHE.images[INDEX] //= 3
"""
SHOW = "fool = FoolTheNetwork(Bright(nn.Identity(), {}), CACHE, INDEX, brush={'radius': 20, 'strength': 60})\nfool"
TELL = "print(fool.now, fool.flair.tobytes().hex())"
CACHE = made_up_cache()
INDEX = int(np.argmax(CACHE.tumour_pixels))
FLAIR = CACHE.images[INDEX][..., 1] // 3
REFERENCE = CACHE.masks[INDEX] > 0
TUMOUR_FROM = 128


class Fool:
    """What a test reads and does."""

    def __init__(self, book: Notebook):
        self.book, self.page = book, book.page
        self.root = book.page.locator(".gb-fool")
        self.screen = self.root.locator(".gb-fool-screen")
        self.page.wait_for_selector(".gb-fool[data-ready]")
        self.screen.scroll_into_view_if_needed()

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()

    def shows(self, flair: np.ndarray) -> None:
        """Python has this channel, and both sides count what the network marks in it."""
        marked = int((flair >= TUMOUR_FROM).sum())
        self.root.locator(".gb-fool-counts b", has_text=f"{marked:,}").wait_for()
        now, levels = self.book.ask(TELL).split()
        assert int(now) == marked
        assert np.array_equal(np.frombuffer(bytes.fromhex(levels), np.uint8).reshape(256, 256), flair)
        white = min(255, int(1.5 * FLAIR[square_around_head(FLAIR)].max()))
        seen = pixels_of(self.root.locator("canvas").first)[..., 0].astype(int)
        part = flair[square_around_head(FLAIR)].astype(int)
        assert np.array_equal(seen, np.minimum(255, np.floor(255 * part / white + 0.5)))


@pytest.fixture(scope="module")
def book(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    write_notebook(lab.folder / "fool.ipynb", SETUP, SHOW, TELL)
    return notebook("fool.ipynb", {"width": 1440, "height": 900})


@pytest.fixture
def fool(book: Notebook) -> Fool:
    """A fresh one."""
    book.run_all()
    assert book.errors() == []
    yield Fool(book)
    assert book.console_errors() == []


def dabbed(flair: np.ndarray, middle: tuple[int, int], radius: int = 20, strength: int = 60) -> np.ndarray:
    """One touch of the brush at a pixel of the square on show."""
    painted, square = flair.copy(), square_around_head(FLAIR)
    painted[square] = soft_dab(flair[square], middle, radius, strength)
    return painted


def test_the_example_undo_and_reset(fool):
    once = dabbed(FLAIR, opposite(REFERENCE[square_around_head(FLAIR)]))
    fool.press("Paint one for me")
    fool.shows(once)
    more = f"{(once >= TUMOUR_FROM).sum() - (FLAIR >= TUMOUR_FROM).sum():,}"
    assert fool.root.locator(".gb-fool-says").inner_text() == (
        f"The network now marks {more} pixels more than before you painted.")
    fool.press("Paint one for me")
    fool.shows(dabbed(once, opposite(REFERENCE[square_around_head(FLAIR)])))
    fool.press("Undo")
    fool.shows(once)
    fool.press("Reset")
    fool.shows(FLAIR)
    assert fool.root.get_by_role("button", name="Reset").get_attribute("aria-disabled") == "true"


def test_a_stroke_of_the_mouse_is_the_most_of_its_dabs(fool):
    fool.root.get_by_label("Radius of the brush").fill("12")
    fool.root.get_by_label("Grey levels that the brush adds").fill("100")
    box = fool.screen.bounding_box()
    side = square_around_head(FLAIR)[0].stop - square_around_head(FLAIR)[0].start
    unit = box["width"] / side
    for at, column in enumerate((60, 75, 90)):
        fool.page.mouse.move(box["x"] + (column + 0.5) * unit, box["y"] + 50.5 * unit)
        if not at:
            fool.page.mouse.down()
    fool.page.mouse.up()
    fool.shows(np.max([dabbed(FLAIR, (50, column), 12, 100) for column in range(60, 91)], axis=0))


def test_by_keyboard_alone(fool):
    fool.screen.focus()
    keys = fool.page.keyboard
    side = square_around_head(FLAIR)[0].stop - square_around_head(FLAIR)[0].start
    for key in ("ArrowUp", "Shift+ArrowUp", "ArrowLeft", "Shift+ArrowRight", "Space"):
        keys.press(key)
    fool.shows(dabbed(FLAIR, (side // 2 - 9, side // 2 + 7)))
    fool.screen.focus()
    keys.press("z")
    fool.shows(FLAIR)
    fool.screen.focus()
    assert 4 <= tabs_until_out(fool.page, ".gb-fool", 20) < 20
    assert nameless(fool.page, ".gb-fool") == []


@pytest.mark.parametrize("width", [1440, 800])
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_fits_its_window_in_both_themes(fool, book, width, theme):
    book.page.set_viewport_size({"width": width, "height": 900})
    book.use_theme(f"JupyterLab {theme}")
    fool.press("Paint one for me")
    fool.root.scroll_into_view_if_needed()
    fool.screen.focus()
    book.page.wait_for_timeout(200)  # the observer of sizes
    faults = [*spill(fool.root), *out_of_sight(fool.root, ".gb-fool-screen")]
    OUTPUT.mkdir(exist_ok=True)
    fool.root.screenshot(path=str(OUTPUT / f"fool_the_network_{width}_{theme.lower()}.png"))
    book.page.set_viewport_size({"width": 1440, "height": 900})
    book.use_theme("JupyterLab Light")
    assert faults == []


@pytest.fixture(scope="module")
def saved(lab: Lab) -> Path:
    """A notebook that was run elsewhere, widget state and all."""
    return write_executed(lab.folder / "saved_fool.ipynb", SETUP, SHOW)


def test_an_untrusted_notebook_shows_two_pictures(saved, notebook):
    book = notebook(saved.name)
    wide, high = still_size(book)
    assert wide > 1.7 * high
    book.close()


def test_a_saved_notebook_says_how_to_bring_it_to_life(saved, lab, notebook):
    lab.trust(saved)
    book = notebook(saved.name, {"width": 1440, "height": 900})
    fool = Fool(book)
    fool.press("Paint one for me")
    fool.root.get_by_role("status").filter(has_text="press Shift + Enter").wait_for()
    assert book.console_errors() == []
    book.close()
