"""The slice browser in JupyterLab and Chromium: every pixel it draws, every way to use it."""

import base64
import statistics
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from browser import Lab, Notebook, write_executed, write_notebook
from made_up import NUMBERS, PATIENTS, made_up_cache
from repository import HELPERS

from unet_lib.widgets.shared.base import border

CACHE = made_up_cache()
FIRST, SECOND, THIRD = (patient.name for patient in PATIENTS)
SETUP = f"""
import sys; sys.path.insert(0, {str(HELPERS)!r})
from made_up import made_up_cache
from unet_lib.widgets.slice_browser import SliceBrowser
CACHE = made_up_cache()
"""
SHOW = "browser = SliceBrowser(CACHE)\nbrowser"
READ = """([layer, index]) => {  // as base64: a quarter of a million numbers are slow to pass one by one
    const canvas = document.querySelectorAll(layer)[index];
    const dots = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let text = "";
    for (const dot of dots) text += String.fromCharCode(dot);
    return btoa(text);
}"""


@pytest.fixture(scope="module")
def book(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    write_notebook(lab.folder / "slices.ipynb", SETUP, SHOW, "browser.patient, browser.slice, browser.pixel")
    return notebook("slices.ipynb")


@pytest.fixture
def page(book: Notebook) -> object:
    """The notebook with a fresh slice browser in it."""
    book.run_all()
    assert book.errors() == []
    drawn(book.page, FIRST, 3)
    yield book.page
    assert book.console_errors() == []


def drawn(page: object, patient: str, number: int) -> None:
    page.wait_for_selector(f'.gb-browser[data-drawn="{patient} {number}"]')


def pixels(page: object, channel: int) -> np.ndarray:
    """What the canvas of a channel holds; it must be grey and opaque."""
    rgba = canvas(page, ".gb-pixels", channel)
    assert (rgba[..., 3] == 255).all()
    assert (rgba[..., :3] == rgba[..., :1]).all()
    return rgba[..., 0]


def ink(page: object, channel: int = 0) -> np.ndarray:
    """Where the mask layer over a channel is drawn at all."""
    return canvas(page, ".gb-over", channel)[..., 3] > 0


def canvas(page: object, layer: str, index: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(page.evaluate(READ, [layer, index])), np.uint8).reshape(256, 256, 4)


def slide(page: object, place: int) -> None:
    page.locator(".gb-slider").fill(str(place))


def test_every_slice_is_drawn_exactly(page):
    for place, number in enumerate(NUMBERS[0]):
        slide(page, place)
        drawn(page, FIRST, number)
        for channel in range(3):
            assert np.array_equal(pixels(page, channel), CACHE.images[place, ..., channel])


def test_another_patient(page):
    page.get_by_label("Patient", exact=True).select_option(SECOND)
    drawn(page, SECOND, 3)
    assert np.array_equal(pixels(page, 0), CACHE.images[8, ..., 0])
    assert page.locator(".gb-facts").inner_text().split("\n") == [
        "site DU", "4 slices, 1 with tumour", "post-contrast was not taken"]
    assert page.locator(".gb-note").all_inner_texts()[:3] == ["", "", "a copy of FLAIR"]
    assert page.locator(".gb-bars span").count() == 4
    page.get_by_label("Next patient").click()
    drawn(page, THIRD, 2)
    assert page.locator(".gb-status").inner_text() == f"Patient {THIRD}, slice 2 of 3, no tumour"
    assert page.get_by_label("Next patient").is_disabled()


def test_tint_covers_the_mask_and_nothing_else(page):
    page.get_by_label("outline").uncheck()
    assert np.array_equal(ink(page), CACHE.masks[2] > 0)
    page.get_by_label("tint").uncheck()
    assert not ink(page).any()


def test_outline_runs_along_the_mask(page):
    page.get_by_label("tint").uncheck()
    mask, drawn_there = CACHE.masks[2] > 0, ink(page)
    assert drawn_there[border(mask)].all()
    far = np.ones_like(mask)
    for down, right in np.ndindex(5, 5):  # no ink further than two pixels from the border
        far &= ~np.roll(border(mask), (down - 2, right - 2), (0, 1))
    assert not (drawn_there & far).any()


def test_one_channel_large(page):
    page.get_by_label("post-contrast", exact=True).check()
    assert page.locator(".gb-screen:visible").count() == 1
    assert page.locator(".gb-screen:visible").bounding_box()["width"] == 512
    assert np.array_equal(pixels(page, 2), CACHE.images[2, ..., 2])
    assert page.locator(".gb-inspector figcaption").inner_text().startswith("post-contrast")


def test_contrast_window_stretches_the_greys(page):
    page.get_by_label("Grey level drawn black").fill("50")
    page.get_by_label("Grey level drawn white").fill("150")
    expected = np.clip(np.rint((CACHE.images[2, ..., 0].astype(float) - 50) * 2.55), 0, 255)
    assert np.abs(pixels(page, 0) - expected).max() <= 1  # halves may be rounded either way
    page.get_by_role("button", name="Reset").click()
    assert np.array_equal(pixels(page, 0), CACHE.images[2, ..., 0])


def readout(page: object) -> list[str]:
    return [text.strip() for text in page.locator(".gb-value .gb-number").all_inner_texts()]


def middle(page: object, row: int, column: int) -> dict[str, float]:
    """Where this pixel's middle is on a screen, which may be smaller than the slice."""
    scale = page.locator(".gb-screen").first.bounding_box()["width"] / 256
    return {"x": (column + 0.5) * scale, "y": (row + 0.5) * scale}


@pytest.mark.parametrize(("row", "column"), [(0, 0), (255, 255), (90, 170), (90, 160), (17, 203)])
def test_hovering_reads_the_arrays_numbers(page, row, column):
    for channel in range(3):
        page.locator(".gb-screen").nth(channel).hover(position=middle(page, row, column))
        mask = int(CACHE.masks[2, row, column])
        assert readout(page) == [str(row), str(column), *map(str, CACHE.images[2, row, column]),
                                 "1 tumour" if mask else "0 background"]
        padded = np.pad(CACHE.images[2, ..., channel].astype(int), 4, constant_values=-1)
        around = padded[row:row + 9, column:column + 9]
        cells = page.locator(".gb-table tr:not(:first-child) td").all_inner_texts()
        assert [int(cell or -1) for cell in cells] == around.ravel().tolist()


def test_a_click_chooses_the_pixel_for_python_too(page, book):
    page.locator(".gb-screen").nth(1).click(position=middle(page, 75, 160))
    page.mouse.move(5, 5)
    assert readout(page)[:2] == ["75", "160"]
    book.page.evaluate("jupyterapp.commands.execute('notebook:move-cursor-down')")
    assert ask(book) == f"('{FIRST}', 3, (75, 160))"


def ask(book: Notebook) -> str:
    """Run the last cell, which prints what Python believes."""
    book.page.evaluate("""() => { const notebook = jupyterapp.shell.currentWidget.content;
        notebook.activeCellIndex = notebook.widgets.length - 1;
        return jupyterapp.commands.execute('notebook:run-cell'); }""")
    return book.cells()[-1]["outputs"][0]["data"]["text/plain"]


def test_everything_by_keyboard(page, book):
    page.locator(".gb-slider").focus()
    page.keyboard.press("ArrowRight")
    drawn(page, FIRST, 4)
    page.keyboard.press("Tab")  # past the mask and contrast settings to the pictures
    while not page.evaluate("document.activeElement.matches('.gb-screen')"):
        page.keyboard.press("Tab")
    before = [int(number) for number in readout(page)[:2]]
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Shift+ArrowUp"):
        page.keyboard.press(key)
    row, column = before[0] - 8, before[1] + 1
    assert readout(page)[:2] == [str(row), str(column)]
    numbers = CACHE.images[3, row, column]
    assert page.locator(".gb-unseen[aria-live]").inner_text().startswith(
        f"Row {row}, column {column}: pre-contrast {numbers[0]}, FLAIR {numbers[1]}")
    page.keyboard.press("PageDown")
    drawn(page, SECOND, 3)
    page.keyboard.press("Control+s")  # the notebook's own shortcuts still work from inside the widget
    page.wait_for_function("!jupyterapp.shell.currentWidget.context.model.dirty")
    assert ask(book).startswith(f"('{SECOND}', 3")


def test_focus_is_never_trapped(page):
    page.get_by_label("Patient", exact=True).focus()
    inside = "document.activeElement.closest('.gb-browser') !== null"
    steps = 0
    while page.evaluate(inside) and steps < 30:
        page.keyboard.press("Tab")
        steps += 1
    assert 10 <= steps < 30


def test_every_control_has_a_name(page):
    nameless = page.evaluate("""() => {
        const controls = [...document.querySelectorAll(".gb-browser :is(button, input, select, [tabindex])")];
        const name = (node) => node.ariaLabel || node.labels?.[0]?.textContent.trim() || node.textContent.trim();
        return controls.filter((node) => !name(node)).map((node) => node.outerHTML);
    }""")
    assert nameless == []


@pytest.mark.parametrize(("width", "beside", "columns"), [(1440, [0, 1, 2], 4), (1150, [0, 1, 2], 4), (800, [2], 2)])
def test_the_numbers_stand_at_the_right_of_the_pictures(page, width, beside, columns):
    page.set_viewport_size({"width": width, "height": 1000})
    page.wait_for_timeout(300)
    *pictures, numbers = page.locator(".gb-panel").evaluate_all(
        "panels => panels.map((panel) => panel.getBoundingClientRect()).map(({ x, y, width }) => [x, y, width])")
    page.set_viewport_size({"width": 1280, "height": 900})
    assert [n for n, (_, top, _) in enumerate(pictures) if top == numbers[1]] == beside
    assert all(numbers[0] >= pictures[n][0] + pictures[n][2] for n in beside) and numbers[2] >= 240
    assert len({round(x) for x, *_ in (*pictures, numbers)}) == columns


def test_digits_are_read_on_every_grey(page):
    """By the contrast ratio of WCAG, with a window that gives every cell another grey."""
    seen = set()
    for white in range(40, 256, 12):
        page.get_by_label("Grey level drawn white").fill(str(white))
        for ink, paper in page.evaluate("""() => [...document.querySelectorAll(".gb-table td[style]")].map((cell) =>
                [cell.style.color, cell.style.backgroundColor].map((colour) => Number(colour.match(/\\d+/)[0])))"""):
            lighter, darker = sorted((luminance(ink), luminance(paper)), reverse=True)
            assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (ink, paper)
            seen.add(paper)
    assert len(seen) > 20


def luminance(grey: int) -> float:
    """Of an sRGB grey, 0 to 1."""
    level = grey / 255
    return level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_fits_its_window_in_both_themes(page, book, width, theme):
    page.set_viewport_size({"width": width, "height": 1000})
    book.use_theme(theme)
    spill = page.locator(".gb-browser").evaluate("root => root.scrollWidth - root.clientWidth")
    book.screenshot(f"slice_browser_{width}_{theme.split()[-1].lower()}.png")
    page.set_viewport_size({"width": 1280, "height": 900})
    book.use_theme("JupyterLab Light")
    assert spill <= 0


LATENCY = """async (places) => {
    const root = document.querySelector(".gb-browser"), slider = root.querySelector(".gb-slider");
    const turn = (place) => { slider.value = place; slider.dispatchEvent(new Event("input")); };
    const drawnNow = (number) => root.dataset.drawn.endsWith(` ${number}`);
    const seen = (number) => new Promise((done) => {
        const look = new MutationObserver(() => drawnNow(number) && (look.disconnect(), done()));
        look.observe(root, { attributes: true, attributeFilter: ["data-drawn"] });
    });
    const times = [];
    for (const place of places) {
        const start = performance.now(), end = seen(place + 1);
        turn(place);
        await end;
        times.push(performance.now() - start);
    }
    return times;
}"""
PILE = """async (places) => {
    const root = document.querySelector(".gb-browser"), slider = root.querySelector(".gb-slider");
    let draws = 0;
    const last = places.at(-1);
    const start = performance.now();
    const end = new Promise((done) => new MutationObserver(() => {
        draws++;
        if (root.dataset.drawn.endsWith(` ${last + 1}`) && sent) done(performance.now() - start);
    }).observe(root, { attributes: true, attributeFilter: ["data-drawn"] }));
    let sent = false;
    for (const place of places) { slider.value = place; slider.dispatchEvent(new Event("input")); }
    sent = true;
    return { wait: await end, draws };
}"""


def test_the_slider_answers_at_once(page, capsys):
    times = page.evaluate(LATENCY, [place % 6 for place in range(30)])
    with capsys.disabled():
        print(f"\nslice browser: input event to drawn pixels, median {statistics.median(times):.0f} ms, "
              f"slowest {max(times):.0f} ms of {len(times)}")
    assert statistics.median(times) < 1000


def test_the_latest_of_many_slider_events_wins(page, capsys):
    pile = page.evaluate(PILE, [place % 6 for place in range(60)] + [1])
    with capsys.disabled():
        print(f"\nslice browser: 61 slider events at once → {pile['draws']} drawings, "
              f"the last after {pile['wait']:.0f} ms")
    assert pile["draws"] <= 5
    assert pile["wait"] < 3000
    assert np.array_equal(pixels(page, 0), CACHE.images[1, ..., 0])


@pytest.fixture(scope="module")
def saved(lab: Lab) -> Path:
    """A notebook that was run elsewhere, widget state and all."""
    return write_executed(lab.folder / "saved.ipynb", SETUP, SHOW)


def test_an_untrusted_notebook_shows_the_still_picture(saved, notebook):
    book = notebook(saved.name)
    still = book.page.locator(".jp-OutputArea img")
    still.wait_for()
    assert still.evaluate("image => [image.naturalWidth, image.naturalHeight]") == [800, 286]
    assert book.console_errors() == []
    book.close()


def test_a_saved_notebook_shows_the_picture_without_python(saved, lab, notebook):
    lab.trust(saved)
    book = notebook(saved.name, has_touch=True)
    drawn(book.page, FIRST, 3)
    for channel in range(3):
        assert np.array_equal(pixels(book.page, channel), CACHE.images[2, ..., channel])
    slide(book.page, 0)
    book.page.get_by_text("Python does not answer").wait_for()
    assert np.array_equal(pixels(book.page, 0), CACHE.images[2, ..., 0])
    book.page.locator(".gb-screen").nth(2).tap(position={"x": 30.5, "y": 200.5})  # the numbers need no Python either
    assert readout(book.page) == ["200", "30", *map(str, CACHE.images[2, 200, 30]), "0 background"]
    assert book.console_errors() == []
    book.close()
