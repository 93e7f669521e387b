"""Widgets that a page opens with its own slices, in a browser: every control, by mouse and finger, light and dark."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from accessibility import barriers
from browser import pixels_of
from page_site import write_page_site

from book.browser_slices import SLICES, load_browser_cache
from book.live_widgets import packed
from book.opened_widgets import OPENED, fool_the_network
from unet_lib.models.architecture import plan, totals
from unet_lib.widgets.shared.masks import from_bits
from unet_lib.widgets.shared.patients import find_slice

WINDOW, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
LESSON = {"patient": "TCGA_PH_D012_19910921", "slice": 18, "patients": [{"missing": ["FLAIR"]}], "view": "all",
          "outline": True, "tint": True, "window": (0, 255)}
LARGE = "TCGA_PH_F017_19850503"
NEAR = 1  # a grey level, between one decoder and another
FLIPPED = 2  # pixels whose probability may lie on the other side of the threshold for a last bit


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    states = {widget: packed(state(LESSON)) for widget, state in OPENED.items()}
    return write_page_site(tmp_path_factory.mktemp("site"), states)


@dataclass
class Reader:
    """Somebody on the page. `faults` holds what the browser complained of and all that left the machine."""

    page: object
    faults: list[str] = field(default_factory=list)

    def widget(self, name: str) -> object:
        """A widget, once it is awake."""
        self.page.locator(f"[data-widget={name}]").scroll_into_view_if_needed()
        self.page.wait_for_selector(f"[data-widget={name}].gb-awake")
        return self.page.locator(f"[data-widget={name}]")

    def browses(self, patient: str, number: int) -> None:
        self.page.wait_for_selector(f".gb-browser[data-drawn='{patient} {number}']")

    def answered(self, act: Callable[[], object]) -> int:
        """Do something, wait until the network has answered all of it; returns the pixels that it marks now."""
        before = self.page.locator(".gb-fool").get_attribute("data-answered")
        act()
        self.page.wait_for_function("before => document.querySelector('.gb-fool').dataset.answered !== before",
                                    arg=before, timeout=20_000)
        return int(self.page.locator(".gb-fool-counts b").text_content().replace(",", ""))


@pytest.fixture
def reader(page_file: Path, chromium: object) -> Iterator[Callable[..., Reader]]:
    """A factory; it takes what Playwright's `new_context` takes."""
    contexts = []

    def start(file: Path = page_file, **settings: object) -> Reader:
        contexts.append(chromium.new_context(**{"viewport": WINDOW, "reduced_motion": "reduce"} | settings))
        someone = Reader(contexts[-1].new_page())
        someone.page.on("request", lambda request: re.match("file:|data:|blob:", request.url) or
                        someone.faults.append(request.url))
        someone.page.on("console", lambda message: message.type in ("error", "warning") and
                        someone.faults.append(message.text))
        someone.page.on("pageerror", lambda error: someone.faults.append(f"uncaught: {error}"))
        someone.page.goto(file.as_uri())
        return someone

    yield start
    for context in contexts:
        context.close()


def test_every_control_at_a_desk(reader):
    someone = reader()
    browses_the_slices(someone)
    explores_the_shapes(someone)
    fools_the_network(someone)
    assert someone.faults == []


def browses_the_slices(someone: Reader) -> None:
    browser, slices = someone.widget("slice_browser"), load_browser_cache()
    someone.browses(LESSON["patient"], LESSON["slice"])
    browser.get_by_role("slider", name="Slice").fill("2")
    someone.browses(LESSON["patient"], 24)
    assert browser.locator(".gb-position").text_content() == "24 (3 of 5)"
    browser.get_by_label("Next patient").click()
    someone.browses(LARGE, 23)
    image = slices.images[find_slice(slices, LARGE, 23)].astype(int)
    for channel in range(3):
        shown = pixels_of(browser.locator(".gb-pixels").nth(channel))[..., 0]
        assert np.abs(shown - image[..., channel]).max() <= NEAR
    browser.get_by_label("Patient", exact=True).select_option("TCGA_PH_C006_19871209")
    someone.browses("TCGA_PH_C006_19871209", 13)
    assert browser.get_by_text("post-contrast was not taken").is_visible()
    browser.get_by_text("FLAIR", exact=True).first.click()
    assert browser.locator(".gb-panel:visible").count() == 2  # FLAIR and the numbers
    assert "Python" not in browser.inner_text()


def explores_the_shapes(someone: Reader) -> None:
    shapes = someone.widget("shape_explorer")
    picture = shapes.locator(".gb-map")
    picture.evaluate("picture => picture.decode()")
    assert picture.evaluate("picture => picture.naturalWidth") == 128
    shapes.locator("[data-stage=bottleneck]").click()
    someone.page.wait_for_function("document.querySelector('.gb-map').naturalWidth === 8")
    settings = {"Depth": 3, "Base": 2, "Input channels": 1}  # the third base is 16
    for name, value in settings.items():
        shapes.get_by_label(name, exact=True).fill(str(value))
    shapes.get_by_label("batch norm").uncheck()
    expected = totals(plan(in_channels=1, base=16, depth=3, size=128, batch_norm=False))
    assert f"{expected.parameters:,}, or" in shapes.inner_text()
    assert shapes.get_by_text("The feature maps are of the network that was given").is_visible()
    shapes.get_by_label("Input size").fill("100")
    shapes.get_by_role("button", name="Use size 104").click()
    assert shapes.locator(".gb-problem").is_hidden()
    shapes.get_by_role("button", name="Use its settings").click()
    assert picture.is_visible() and "Python does not" not in shapes.inner_text()


def fools_the_network(someone: Reader) -> None:
    fool, python = someone.widget("fool_the_network"), fool_the_network()
    someone.page.wait_for_selector(".gb-fool[data-ready]")
    marked = someone.answered(fool.get_by_role("button", name="Paint one for me").click)
    python.flair = python.example_stroke()
    assert abs(marked - python.now) <= FLIPPED
    assert f"{marked - python.before} pixels more" in fool.inner_text()
    assert someone.answered(fool.get_by_role("button", name="Reset").click) == python.before
    reference = np.argwhere(from_bits(python.reference_bits, (python.side, python.side))).mean(0) / python.side
    fool.get_by_role("slider", name="Grey levels").fill("-80")
    box = fool.locator(".gb-fool-screen").bounding_box()
    at = box["x"] + reference[1] * box["width"], box["y"] + reference[0] * box["height"]
    assert someone.answered(lambda: someone.page.mouse.click(*at)) < python.before


@pytest.mark.parametrize("settings", [{"viewport": PHONE, "has_touch": True, "color_scheme": "dark"}, {}],
                         ids=["telephone, dark", "desk, light"])
def test_nobody_is_kept_out_and_all_fits(reader, settings):
    someone = reader(**settings)
    for name in OPENED:
        someone.widget(name)
    if settings:
        someone.page.locator("[data-widget=slice_browser]").get_by_label("Next patient").tap()
        someone.browses(LARGE, 23)
        screen = someone.page.locator(".gb-fool-screen")
        screen.scroll_into_view_if_needed()
        before = int(someone.page.locator(".gb-fool-counts b").text_content().replace(",", ""))
        assert someone.answered(lambda: screen.tap(position={"x": 110, "y": 150})) != before
    assert someone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert barriers(someone.page) == []
    assert someone.faults == []


def test_a_patient_that_is_not_there_is_said_to_be_missing(reader, tmp_path):
    states = {"slice_browser": packed(OPENED["slice_browser"](LESSON))}
    file = write_page_site(tmp_path, states)
    next(iter(tmp_path.rglob(f"browser/{LARGE}.js"))).unlink()
    someone = reader(file)
    browser = someone.widget("slice_browser")
    someone.browses(LESSON["patient"], LESSON["slice"])
    browser.get_by_label("Next patient").click()
    browser.get_by_text(f"{LARGE}.js cannot be loaded").wait_for()
    browser.get_by_label("Previous patient").click()
    browser.get_by_label("Previous patient").click()
    someone.browses("TCGA_PH_C006_19871209", 13)
    assert len(SLICES) == browser.get_by_label("Patient", exact=True).locator("option").count()
