"""Widgets that ask a network, in a page of the book: every control, by mouse and finger, light and dark."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from accessibility import barriers
from browser import pixels_of
from page_site import write_page_site

from book.page_states import feature_explorer, skip_switchboard

WINDOW, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SECOND = "TCGA_PH_C002_19830213"
FLAIR = 1
FLIPPED = 2  # pixels whose probability may lie on the other side of the threshold for a last bit
LOOK = """root => [...root.querySelectorAll("canvas")].filter((shown) => shown.width)
    .map((shown) => shown.style.opacity + shown.toDataURL()).join() + root.innerText"""
EXPLORER, BOARD = ".gb-feat[data-drawn]", ".gb-skips[data-shown]"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page_site(tmp_path_factory.mktemp("site"))


@dataclass
class Widget:
    """A living widget. `faults` holds what the browser complained of and all that left the machine."""

    page: object
    selector: str
    faults: list[str] = field(default_factory=list)

    @property
    def root(self) -> object:
        return self.page.locator(self.selector.partition("[")[0])

    def changes(self, act: Callable[[], object]) -> None:
        """Do something, and wait until pictures or words are others."""
        before = self.root.evaluate(LOOK)
        act()
        changed = f"before => ({LOOK})(document.querySelector('{self.selector}')) !== before"
        self.page.wait_for_function(changed, arg=before)

    def choose(self, group: str, value: str) -> None:
        self.changes(lambda: self.root.get_by_role("group", name=group).get_by_text(value, exact=True).click())

    def slide(self, name: str, value: object) -> None:
        self.changes(lambda: self.root.get_by_role("slider", name=re.compile(f"^{name}")).fill(str(value)))

    def press(self, name: str) -> None:
        self.changes(lambda: self.root.get_by_role("button", name=name, exact=True).click())

    def settled(self) -> None:
        """Wait until the answer is to what is set."""
        self.page.wait_for_timeout(120)  # "thinking" is said after 80 ms
        self.page.wait_for_function("selector => !document.querySelector(selector + ' [class$=thinking]').textContent",
                                    arg=self.root.evaluate("root => '.' + root.classList[1]"))

    def paint(self, across: float, down: float, touch: bool = False) -> None:
        screen = self.root.locator(".gb-feat-paint")
        screen.scroll_into_view_if_needed()
        box = screen.bounding_box()
        at = box["x"] + across * box["width"], box["y"] + down * box["height"]
        self.changes(lambda: self.page.touchscreen.tap(*at) if touch else self.page.mouse.click(*at))


@pytest.fixture
def living(page_file: Path, chromium: object) -> Iterator[Callable[..., Widget]]:
    """A factory: living(EXPLORER, viewport=…) → the widget, awake."""
    contexts = []

    def start(selector: str, **settings: object) -> Widget:
        contexts.append(chromium.new_context(**{"viewport": WINDOW, "reduced_motion": "reduce"} | settings))
        widget = Widget(contexts[-1].new_page(), selector)
        widget.page.on("request", lambda request: re.match("file:|data:|blob:", request.url) or
                       widget.faults.append(request.url))
        widget.page.on("console", lambda message: message.type in ("error", "warning") and
                       widget.faults.append(message.text))
        widget.page.on("pageerror", lambda error: widget.faults.append(f"uncaught: {error}"))
        widget.page.set_default_timeout(20_000)
        widget.page.goto(page_file.as_uri())
        name = {EXPLORER: "feature_explorer", BOARD: "skip_switchboard"}[selector]
        widget.page.locator(f"[data-widget={name}]").scroll_into_view_if_needed()
        widget.page.wait_for_selector(selector)
        return widget

    yield start
    for context in contexts:
        context.close()


def counted(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


# ---- the feature explorer --------------------------------------------------------------------------------------------


def test_every_control_of_the_explorer_moves_something(living):
    explorer = living(EXPLORER)
    root, page = explorer.root, explorer.page
    explorer.changes(lambda: root.get_by_label("Patient").select_option(SECOND))
    explorer.slide("Slice", 1)
    explorer.changes(lambda: root.get_by_label("Channel on show").select_option("post-contrast"))
    explorer.changes(lambda: root.get_by_label("Channel on show").select_option("FLAIR"))
    explorer.slide("Step of training", 3)
    explorer.changes(lambda: root.locator("[data-stage=bottleneck]").last.click())
    explorer.choose("Sorted by", "ROC AUC")
    explorer.changes(lambda: root.locator(".gb-feat-tile").nth(5).click())
    explorer.slide("Opacity", 0.4)
    explorer.choose("About this channel", "made of")
    explorer.choose("Before and after", "wipe")
    explorer.slide("How much of each picture", 0.8)
    explorer.choose("Before and after", "side by side")
    explorer.changes(lambda: root.locator("summary").click())
    explorer.choose("Colours span", "each stage")
    explorer.choose("Boxes show", "strongest")
    page.keyboard.press("Escape")
    root.get_by_role("slider", name="Radius").fill("12")
    root.get_by_role("slider", name="Grey levels").fill("200")
    explorer.paint(0.65, 0.4)
    twin = feature_explorer()
    twin.patient, twin.slice = SECOND, 12
    brighter = pixels_of(root.locator(".gb-feat-paint canvas").first)[..., 0].astype(int) - twin.image[FLAIR]
    assert brighter.max() > 120 and np.flatnonzero(brighter.any(axis=1)).size == pytest.approx(24, abs=2)
    root.get_by_role("switch").check()
    explorer.paint(0.3, 0.6)
    explorer.choose("Brush", "erase")
    explorer.paint(0.65, 0.4)
    explorer.press("Undo")
    explorer.press("Reset")
    explorer.press("▶ Play")
    explorer.changes(lambda: root.locator("[data-stage=output]").click())
    assert explorer.faults == []


def test_a_painted_slice_has_the_counts_that_python_says(living):
    explorer, twin = living(EXPLORER), feature_explorer()
    explorer.slide("Step of training", len(twin.steps) - 2)
    twin.step = twin.steps[-2]
    explorer.paint(0.68, 0.4)
    explorer.settled()
    planes = twin.image
    planes[FLAIR] = pixels_of(explorer.root.locator(".gb-feat-paint canvas").first)[..., 0]
    assert (planes != twin.image).sum() > 100
    twin._hear(None, {"kind": "paint", "paint": "here", "of": [twin.patient, twin.slice]}, [planes.tobytes()])
    said = counted(explorer.root.locator(".gb-feat-counts").inner_text())
    expected = [twin.counts.tp, twin.counts.fp, twin.counts.fn]
    assert np.abs(np.subtract(said, expected)).max() <= FLIPPED
    assert explorer.faults == []


def test_weights_that_are_missing_get_a_sentence(living, page_file):
    weights = page_file.parent.parent / "playground/data/step-0000.js"
    kept = weights.rename(weights.with_suffix(".away"))
    try:
        explorer = living(EXPLORER)
        explorer.root.get_by_role("slider", name="Step of training").fill("0")
        explorer.page.wait_for_selector(".gb-feat-status:has-text('cannot be loaded')")
        explorer.slide("Step of training", 4)
        explorer.settled()
        assert explorer.root.locator(".gb-feat-status").inner_text() == ""
    finally:
        kept.rename(weights)


# ---- the skip switchboard --------------------------------------------------------------------------------------------


def test_every_control_of_the_switchboard_moves_something(living):
    board, twin = living(BOARD), skip_switchboard()
    root = board.root
    board.changes(lambda: root.get_by_label("Patient").select_option(SECOND))
    board.slide("Slice", 1)
    board.changes(lambda: root.get_by_label("close-up").check())
    for level in (1, 2, 3):
        for state in ("mean", "swapped", "zeroed"):
            board.choose(f"Skip {level}", state)
    board.press("All on")
    board.changes(lambda: root.locator(".gb-skips-pill").nth(1).click())
    board.press("Probability")
    board.choose("Shown beside", "what a skip is worth")
    board.choose("Shown beside", "switches")
    board.press("All zeroed")
    board.choose("Skip 1", "swapped")
    board.settled()
    twin.patient, twin.slice = SECOND, 12
    twin.skips = ["swapped", "zeroed", "zeroed"]
    lost, gained = counted(root.locator(".gb-skips-change").inner_text())
    assert np.abs(np.subtract([lost, gained], [twin.answer["lost"], twin.answer["gained"]])).max() <= FLIPPED
    assert board.faults == []


# ---- a telephone, the dark -------------------------------------------------------------------------------------------


def test_fingers_use_both_on_a_telephone(living):
    explorer = living(EXPLORER, viewport=PHONE, has_touch=True, is_mobile=True)
    explorer.paint(0.7, 0.6, touch=True)
    explorer.changes(lambda: explorer.root.locator("[data-stage='encoder.3']").last.tap())
    training = explorer.root.locator(".gb-feat-training")
    explorer.root.locator(".gb-feat-whole").scroll_into_view_if_needed()
    assert training.bounding_box()["y"] + training.bounding_box()["height"] <= PHONE["height"] + 1  # it stays in sight
    board = Widget(explorer.page, BOARD)
    explorer.page.locator("[data-widget=skip_switchboard]").scroll_into_view_if_needed()
    explorer.page.wait_for_selector(BOARD)
    board.changes(lambda: board.root.get_by_role("group", name="Skip 1").get_by_text("swapped").tap())
    inside = "node => node.getBoundingClientRect().right <= innerWidth"
    assert all(label.evaluate(inside) for label in board.root.locator(".gb-choice label").all())
    assert explorer.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert explorer.faults == []


@pytest.mark.parametrize(("viewport", "scheme"), [(WINDOW, "light"), (PHONE, "dark")], ids=["light", "dark telephone"])
def test_nothing_stands_in_anybodys_way(living, viewport, scheme):
    explorer = living(EXPLORER, viewport=viewport, color_scheme=scheme)
    explorer.page.locator("[data-widget=skip_switchboard]").scroll_into_view_if_needed()
    explorer.page.wait_for_selector(BOARD)
    assert barriers(explorer.page) == []


def test_an_old_browser_keeps_the_pictures_and_says_why(page_file, chromium):
    page = chromium.new_page()
    page.add_init_script("delete globalThis.DecompressionStream")
    page.goto(page_file.as_uri())
    said = page.locator(".gb-live").all_text_contents()
    assert said and all("needs a newer browser" in text for text in said)
    assert not page.locator(".gb-awake").count()  # so the style hides no picture
    page.close()
