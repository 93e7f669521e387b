"""The shape explorer in JupyterLab and Chromium: every slider by keyboard, every number against the plan."""

import json
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest
from browser import Lab, Notebook, write_executed, write_notebook

from unet_lib.models.architecture import plan
from unet_lib.plotting.unet_layout import layout
from unet_lib.widgets.shape_explorer.shape_explorer import ACROSS, BASES, DOWN
from unet_lib.widgets.shape_explorer.shape_words import cards, panel

SETUP = """
import torch
from unet_lib.models.registry import build
from unet_lib.widgets.shape_explorer import ShapeExplorer
NETWORK = build({"base": 4, "depth": 3}, seed=0)
IMAGE = torch.rand(3, 64, 64, generator=torch.Generator().manual_seed(0))
"""
SHOW = "explorer = ShapeExplorer(NETWORK, IMAGE, depth=4, base=16, size=256)\nexplorer"
START = {"depth": 4, "base": 16, "size": 256, "in_channels": 3, "batch_norm": True, "batch": 1}


@pytest.fixture(scope="module")
def book(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    write_notebook(lab.folder / "shapes.ipynb", SETUP, SHOW)
    return notebook("shapes.ipynb")


@pytest.fixture
def page(book: Notebook) -> object:
    """The notebook with a fresh explorer in it."""
    book.run_all()
    assert book.errors() == []
    drawn(book.page, START)
    yield book.page
    assert book.console_errors() == []


def drawn(page: object, settings: dict) -> None:
    page.wait_for_function("wanted => document.querySelector('.gb-shapes')?.dataset.drawn === wanted",
                           arg=json.dumps(settings, separators=(",", ":"), sort_keys=True), polling=20)


def planned(settings: dict) -> tuple:
    return plan(settings["in_channels"], settings["base"], settings["depth"], settings["size"],
                batch_norm=settings["batch_norm"])


def check_drawing(page: object, settings: dict) -> None:
    """Cards, labels and boxes on the page are those of the plan."""
    stages = planned(settings)
    place = layout(stages, ACROSS, DOWN)
    seen = page.evaluate(LOOK)
    assert seen["cards"] == cards(stages, settings["batch"])
    assert seen["stages"] == [stage.name for stage in stages]
    assert sorted(seen["labels"]) == sorted(label.text for label in place.labels)
    boxes = {box.name: (box.x, box.y, box.width, box.height) for box in place.boxes}
    for name, sides in seen["boxes"].items():
        assert sides == pytest.approx(boxes[name], abs=0.06)
    assert set(seen["boxes"]) == set(boxes) - {"input"}


LOOK = """() => {
    const root = document.querySelector(".gb-shapes");
    const texts = (selector, from = root) => [...from.querySelectorAll(selector)].map((node) => node.textContent);
    const stages = [...root.querySelectorAll("[data-stage]")];
    const sides = (rect) => ["x", "y", "width", "height"].map((side) => Number(rect.getAttribute(side)));
    return { cards: [...root.querySelectorAll(".gb-cards > div")].map((card) => texts("div", card)),
             labels: texts("svg text"), stages: stages.map((stage) => stage.dataset.stage),
             boxes: Object.fromEntries(stages.map((stage) =>
                 [stage.dataset.stage, sides(stage.querySelector(".gb-box-of-stage"))])) };
}"""


@pytest.mark.parametrize(("label", "name", "values"), [
    ("Depth", "depth", range(1, 6)), ("Base", "base", BASES), ("Input channels", "in_channels", range(1, 5)),
    ("Batch", "batch", range(1, 33))])
def test_every_slider_end_to_end_by_keyboard(page, label, name, values):
    slider = page.get_by_label(label, exact=True)
    slider.focus()
    page.keyboard.press("Home")
    for value in values:
        settings = START | {name: value}
        drawn(page, settings)
        check_drawing(page, settings)
        page.keyboard.press("ArrowRight")
    drawn(page, START | {name: values[-1]})
    assert slider.evaluate("node => node === document.activeElement")


def test_every_size_is_drawn_or_explained(page):
    page.get_by_label("Input size", exact=True).focus()
    page.keyboard.press("Home")
    shown = None
    for size in range(32, 513, 4):
        settings = START | {"size": size}
        drawn(page, settings)
        fits = size % 16 == 0
        assert page.locator(".gb-problem").is_visible() is not fits
        if fits:
            shown = settings
        if fits or size == 100:
            check_drawing(page, shown)  # the last that fits
        page.keyboard.press("ArrowRight")


def test_batch_norm_by_keyboard(page):
    page.get_by_label("batch norm").focus()
    page.keyboard.press("Space")
    drawn(page, START | {"batch_norm": False})
    check_drawing(page, START | {"batch_norm": False})


def test_a_size_that_does_not_fit_is_explained_and_can_be_put_right(page):
    page.get_by_label("Input size", exact=True).fill("100")
    drawn(page, START | {"size": 100})
    box = page.locator(".gb-problem")
    assert "100×100 does not fit: 4 poolings halve the image's side, so it must be divisible by 16." in box.inner_text()
    assert "100 → 50 → 25 → 12.5 is no whole number of pixels." in box.inner_text()
    assert "the last plan that fits, for 256×256" in page.locator(".gb-shapes .gb-status").inner_text()
    assert float(page.locator(".gb-u svg").evaluate("node => getComputedStyle(node).opacity")) < 1
    page.get_by_role("button", name="Use depth 2").focus()
    page.keyboard.press("Enter")
    settings = START | {"size": 100, "depth": 2}
    drawn(page, settings)
    check_drawing(page, settings)
    assert box.is_hidden()
    assert page.locator(".gb-shapes .gb-status").inner_text() == ""
    assert page.get_by_label("Depth", exact=True).evaluate("node => node === document.activeElement")


def shown_stage(page: object) -> dict:
    return page.evaluate("""() => ({
        title: document.querySelector(".gb-panel-of-stage h3").textContent,
        rows: [...document.querySelectorAll(".gb-formulas tr")].map((row) => row.textContent),
        made: document.querySelector(".gb-made").textContent,
        source: document.querySelector(".gb-source").textContent,
        chosen: [...document.querySelectorAll(".gb-shapes [aria-selected=true]")]
            .map((node) => node.dataset.stage) })""")


def test_a_click_on_any_stage_shows_its_formulas_and_code(page):
    for stage in planned(START):
        box = page.locator(f'[data-stage="{stage.name}"] .gb-box-of-stage')
        box.scroll_into_view_if_needed()
        area = box.bounding_box()
        page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
        seen = shown_stage(page)
        wanted = panel(stage, 1, True)
        assert seen["chosen"] == [stage.name]
        assert seen["title"] == f"{stage.name} {wanted['kind']}"
        assert seen["made"] == wanted["build"]
        assert f"self.{wanted['part']} = " in seen["source"]
        for row, (label, formula, value) in zip(seen["rows"], wanted["rows"], strict=True):
            assert row == label + (f"{formula} = {value}" if formula and value else formula or value)


def test_arrow_keys_walk_through_the_stages(page):
    names = [stage.name for stage in planned(START)]
    page.locator('[data-stage="encoder.1"]').focus()
    for name in names[1:]:
        page.keyboard.press("ArrowRight")
        assert shown_stage(page)["chosen"] == [name]
    page.keyboard.press("ArrowDown")
    assert shown_stage(page)["chosen"] == [names[-1]]
    page.keyboard.press("ArrowUp")
    assert shown_stage(page)["chosen"] == [names[-2]]
    page.keyboard.press("Home")
    assert shown_stage(page)["chosen"] == [names[0]]
    page.keyboard.press("End")
    assert shown_stage(page)["chosen"] == [names[-1]]
    options = page.locator('.gb-shapes [role="listbox"] [role="option"]')
    assert options.count() == len(names)
    said = "output, 1×1 convolution, 1 channel of 256 by 256, 17 parameters"
    assert options.last.get_attribute("aria-label") == said
    page.keyboard.press("Tab")  # one stop for all the stages
    assert page.evaluate("!document.activeElement.closest('svg')")


def test_python_and_page_agree_on_the_stage(page, book):
    page.locator('[data-stage="up.2"]').focus()
    page.get_by_label("Depth", exact=True).fill("1")
    drawn(page, START | {"depth": 1})
    assert shown_stage(page)["chosen"] == ["bottleneck"]


def test_a_real_feature_map_of_every_stage(page):
    assert "of the network that was given, with depth 3, base 4, size 64." in page.locator(".gb-feature").inner_text()
    assert page.locator(".gb-map").is_hidden()
    page.get_by_role("button", name="Use its settings").click()
    drawn(page, START | {"depth": 3, "base": 4, "size": 64})
    assert page.locator(".gb-feature button").is_hidden()
    for stage in plan(3, 4, 3, 64):
        page.locator(f'[data-stage="{stage.name}"]').focus()
        page.wait_for_function("""name => { const map = document.querySelector(".gb-map");
            return map.alt.startsWith(`Feature map of ${name}:`) && map.complete && !map.hidden }""", arg=stage.name)
        sides = page.locator(".gb-map").evaluate("map => [map.naturalHeight, map.naturalWidth]")
        assert sides == [stage.height, stage.width]


LATENCY = """async (values) => {
    const root = document.querySelector(".gb-shapes"), slider = root.querySelector('[data-setting="size"]');
    const times = [];
    for (const value of values) {
        const wanted = `"size":${value}}`;
        const end = new Promise((done) => new MutationObserver((_, watcher) => {
            if (root.dataset.drawn.includes(wanted)) requestAnimationFrame(() => { watcher.disconnect(); done(); });
        }).observe(root, { attributes: true, attributeFilter: ["data-drawn"] }));
        const start = performance.now();
        slider.value = value;
        slider.dispatchEvent(new Event("input"));
        await end;
        times.push(performance.now() - start);
        await new Promise((done) => setTimeout(done, 60));
    }
    return times;
}"""


def test_the_sliders_answer_at_once(page, capsys):
    times = page.evaluate(LATENCY, [64 + 16 * place for place in range(1, 28)] + [100, 256])
    with capsys.disabled():
        print(f"\nshape explorer: slider to drawn U, median {statistics.median(times):.0f} ms, "
              f"slowest {max(times):.0f} ms of {len(times)}")
    assert statistics.median(times) < 1000  # a busy machine takes longer than the 100 ms that a free one needs


def test_the_latest_of_many_slider_events_wins(page):
    page.evaluate("""() => { const slider = document.querySelector('[data-setting="batch"]');
        for (let n = 1; n <= 32; n++) { slider.value = n; slider.dispatchEvent(new Event("input")); } }""")
    drawn(page, START | {"batch": 32})
    check_drawing(page, START | {"batch": 32})


EXTREMES = [{}, {"base": 64, "depth": 5, "size": 512}, {"base": 4, "depth": 5, "size": 32}, {"base": 4, "depth": 1}]
CROWDED = """() => {  // words that overlap, in the U and in the cards, and whatever is wider than the widget
    const root = document.querySelector(".gb-shapes");
    const wide = [...root.querySelectorAll("*")].filter((node) =>
        !node.closest(".gb-unseen") && node.getBoundingClientRect().right > root.getBoundingClientRect().right + 1);
    const area = (text) => [text.textContent, text.getBoundingClientRect()];
    const boxes = [...root.querySelectorAll("svg text")].map(area);
    const found = wide.map((node) => `wide: ${node.tagName} ${node.className}`);
    for (const [i, [one, a]] of boxes.entries()) for (const [other, b] of boxes.slice(i + 1))
        if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 4 && b.top < a.bottom - 4)
            found.push(`${one} over ${other}`);
    for (const card of root.querySelectorAll(".gb-cards > div, .gb-cards > div > div, .gb-slider-row"))
        if (card.scrollWidth > card.clientWidth) found.push(`cut: ${card.textContent}`);
    return found;
}"""


@pytest.mark.parametrize("width", [1280, 800])
def test_nothing_is_cut_or_crowded(page, width):
    page.set_viewport_size({"width": width, "height": 1500})
    for change in EXTREMES:
        for name, value in (START | change).items():
            if name in ("depth", "base", "size"):
                place = BASES.index(value) if name == "base" else value
                page.locator(f'[data-setting="{name}"]').fill(str(place))
        drawn(page, START | change)
        assert page.evaluate(CROWDED) == []


CONTRAST = """([property, selectors]) => {  // of words with the nearest background behind them
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (colour) => {
        const [r, g, b] = numbers(colour).slice(0, 3).map((v) => v / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (node) => {
        const colour = getComputedStyle(node).backgroundColor;
        return numbers(colour)[3] === 0 ? behind(node.parentElement) : light(colour);
    };
    const over = (text, page) => (Math.max(page, text) + 0.05) / (Math.min(page, text) + 0.05);
    return selectors.map((selector) => {
        const node = document.querySelector(`.gb-shapes ${selector}`);
        return [selector, over(light(getComputedStyle(node)[property]), behind(node.parentElement))];
    });
}"""


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_words_stand_out_in_both_themes(page, book, theme):
    book.use_theme(theme)
    page.get_by_label("Input size", exact=True).fill("100")
    drawn(page, START | {"size": 100})
    ratios = page.evaluate(CONTRAST, ["color", [".gb-status", ".gb-problem p", ".gb-wrong"]])
    page.get_by_role("button", name="Use size 112").click()
    drawn(page, START | {"size": 112})
    ratios += page.evaluate(CONTRAST, ["color", [".gb-label", ".gb-big", ".gb-small", ".gb-formulas th", ".gb-result",
                                                 ".gb-source", ".gb-key", ".gb-feature figcaption"]])
    ratios += page.evaluate(CONTRAST, ["fill", [f".gb-role-{r}" for r in ("channels", "size", "pool", "up", "skip")]])
    assert [(selector, round(ratio, 1)) for selector, ratio in ratios if ratio < 4.5] == []  # WCAG AA


@pytest.mark.parametrize(("theme", "width"), [("Light", 1280), ("Dark", 1280), ("Light", 800), ("Dark", 800)])
def test_screenshots(page, book, theme, width):
    page.set_viewport_size({"width": width, "height": 1500})
    book.use_theme(f"JupyterLab {theme}")
    page.get_by_role("button", name="Use its settings").click()
    page.get_by_label("Base", exact=True).fill(str(BASES.index(64)))
    page.get_by_label("Depth", exact=True).fill("4")
    page.get_by_label("Input size", exact=True).fill("256")
    drawn(page, START | {"base": 64})
    page.locator('[data-stage="decoder.3"]').focus()
    picture = book.screenshot(f"shape_explorer_{theme.lower()}_{width}.png", ".gb-shapes")
    assert picture.stat().st_size > 20_000


@pytest.fixture(scope="module")
def saved(lab: Lab) -> Path:
    """A notebook that was run elsewhere, widget state and all."""
    return write_executed(lab.folder / "saved_shapes.ipynb", SETUP, SHOW)


def test_an_untrusted_notebook_shows_the_still_picture(saved, notebook):
    book = notebook(saved.name)
    still = book.page.locator(".jp-OutputArea img")
    still.wait_for()
    assert still.evaluate("image => image.naturalWidth") == 720
    assert book.console_errors() == []
    book.close()


def test_a_saved_notebook_shows_the_last_plan_and_says_when_python_is_missing(saved, lab, notebook):
    lab.trust(saved)
    book = notebook(saved.name)
    drawn(book.page, START)
    check_drawing(book.page, START)
    book.page.locator('[data-stage="decoder.2"]').click()
    assert shown_stage(book.page)["title"] == "decoder.2 double convolution"  # needs no Python
    book.page.get_by_label("Depth", exact=True).fill("2")
    book.page.get_by_text("Python does not answer, so this is still the last plan: run this cell again.").wait_for()
    check_drawing(book.page, START)
    assert book.console_errors() == []
    book.close()
