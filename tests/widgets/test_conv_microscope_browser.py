"""The convolution microscope in JupyterLab and Chromium: every number it shows against torch's, every way to use it."""

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
    spill,
    still_size,
    tabs_until_out,
    write_executed,
    write_notebook,
)
from torch_convolution import by_torch

from unet_lib.widgets.conv_microscope.conv_microscope import CLASSIC, problem

GREY = np.random.default_rng(2).integers(0, 256, (12, 11), np.uint8)
COLOUR = np.random.default_rng(3).integers(0, 256, (8, 9, 3), np.uint8)
LEARNT = np.random.default_rng(4).normal(0, 0.3, (3, 3, 3)).astype(np.float32)
SETUP = """
import numpy as np
from unet_lib.widgets.conv_microscope import ConvMicroscope
GREY = np.random.default_rng(2).integers(0, 256, (12, 11), np.uint8)
COLOUR = np.random.default_rng(3).integers(0, 256, (8, 9, 3), np.uint8)
LEARNT = np.random.default_rng(4).normal(0, 0.3, (3, 3, 3)).astype(np.float32)
LARGE = np.random.default_rng(5).normal(size=(20, 20, 3))
"""
ONE = "one = ConvMicroscope(GREY, 'Sobel x', overview=np.tile(GREY, (4, 4)), corner=(12, 22))\none"
THREE = "three = ConvMicroscope(COLOUR, 'edges', learnt={'edges': LEARNT}, padding=1)\nthree"
TELL = "print(one.kernel, one.position, one.output.tolist())"
SOBEL = np.array(CLASSIC["Sobel x"])
FILLED = "at => document.querySelector('.gb-conv-result .gb-conv-grid').children[at].textContent !== ''"
CELLS = """grid => [...grid.children].slice(0, -1).map((cell) => [cell.textContent, cell.title || cell.textContent])"""


class Microscope:
    """What a test reads and does, on the microscope at `index` of the page."""

    def __init__(self, book: Notebook, index: int = 0):
        self.book, self.page = book, book.page
        self.root = book.page.locator(".gb-conv").nth(index)
        self.output = self.root.locator(".gb-conv-result .gb-conv-grid")
        self.inputs = self.root.locator(".gb-conv-channel .gb-conv-grid")
        self.weights = self.root.locator(".gb-conv-small input")

    def press(self, name: str) -> None:
        self.root.get_by_role("button", name=name, exact=True).click()

    def choose(self, group: str, value: object) -> None:
        self.root.get_by_role("group", name=group, exact=True).get_by_label(str(value), exact=True).check()

    def preset(self, name: str) -> None:
        self.root.get_by_label("Kernel", exact=True).select_option(label=name)

    def pad(self, amount: int) -> None:
        self.root.get_by_label("Padding in pixels").fill(str(amount))

    def equation(self) -> str:
        return " ".join(self.root.locator(".gb-conv-equation").inner_text().replace("−", "-").split())

    def fault(self) -> str:
        return self.root.locator(".gb-conv-fault").inner_text()

    def numbers(self) -> list[float | None]:
        """The exact numbers of the output; None where it is still empty."""
        cells = self.output.evaluate(CELLS)
        for text, exact in cells:
            assert text == exact or float(text.replace("−", "-")) == pytest.approx(float(exact), abs=0.0501)
        return [float(exact.replace("−", "-")) if exact else None for _, exact in cells]

    def shows(self, image: np.ndarray, kernel: np.ndarray, **settings: object) -> None:
        """Every output pixel is torch's, to float64's rounding; whole numbers to the letter."""
        self.press("Fill all")
        expected = by_torch(image, kernel, **settings)
        columns = self.output.evaluate("grid => getComputedStyle(grid).getPropertyValue('--columns')")
        assert int(columns) == expected.shape[1]
        found = np.array(self.numbers()).reshape(expected.shape)
        assert np.allclose(found, expected, rtol=1e-12, atol=1e-11)
        if (np.mod(expected, 1) == 0).all():
            assert np.array_equal(found, expected)


@pytest.fixture(scope="module")
def book(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    write_notebook(lab.folder / "microscope.ipynb", SETUP, ONE, THREE, TELL)
    return notebook("microscope.ipynb", {"width": 1280, "height": 1500})


@pytest.fixture
def fresh(book: Notebook) -> Notebook:
    """The notebook with fresh microscopes in it."""
    book.run_all()
    assert book.errors() == []
    book.page.locator(".gb-conv").nth(1).wait_for()
    yield book
    assert book.console_errors() == []


@pytest.fixture
def one(fresh: Notebook) -> Microscope:
    return Microscope(fresh, 0)


@pytest.fixture
def three(fresh: Notebook) -> Microscope:
    return Microscope(fresh, 1)


# ---- the numbers --------------------------------------------------------------------------------------------


def test_presets(one):
    for name, kernel in CLASSIC.items():
        one.preset(name)
        one.shows(GREY, kernel)


def test_every_setting(one):
    for stride in (2, 3, 4, 1):
        one.choose("Stride", stride)
        one.shows(GREY, SOBEL, stride=stride)
    for dilation in (2, 3):
        one.choose("Dilation", dilation)
        one.shows(GREY, SOBEL, dilation=dilation)
    for mode in ("zeros", "reflect", "replicate"):
        one.choose("Padding", mode)
        one.shows(GREY, SOBEL, dilation=3, padding=3, padding_mode=mode)  # as much as keeps the size
        for amount in (1, 6):
            one.pad(amount)
            one.shows(GREY, SOBEL, dilation=3, padding=amount, padding_mode=mode)
        one.press("same size")
    one.choose("Stride", 2)
    one.root.get_by_label("Bias", exact=True).fill("-12,5")
    one.shows(GREY, SOBEL, dilation=3, padding=3, padding_mode="replicate", stride=2, bias=-12.5)
    one.root.get_by_label("ReLU").check()
    one.shows(GREY, SOBEL, dilation=3, padding=3, padding_mode="replicate", stride=2, bias=-12.5, relu=True)
    one.choose("Padding", "none")
    one.shows(GREY, SOBEL, dilation=3, stride=2, bias=-12.5, relu=True)


def test_a_kernel_is_typed(one):
    wanted = SOBEL.astype(float)
    for place, (text, value) in enumerate([("7", 7), ("-2", -2), ("1/9", 1 / 9), ("−0,25", -0.25), ("1e-3", 0.001)]):
        one.weights.nth(place).fill(text)
        wanted.flat[place] = value
        one.shows(GREY, wanted)
    assert one.root.get_by_label("Kernel", exact=True).input_value() == ""  # none of the presets
    for nonsense in ("", "-", "1/", "x", "1/0", "1/2/3"):
        one.weights.first.fill(nonsense)
        assert one.weights.first.get_attribute("aria-invalid") == "true"
        assert one.numbers() == pytest.approx(by_torch(GREY, wanted).ravel().tolist(), abs=1e-9)
    one.weights.nth(1).focus()
    assert one.weights.first.input_value() == "7"  # the last number that made sense comes back
    assert one.weights.first.get_attribute("aria-invalid") == "false"


def test_a_small_picture_shows_where_the_patch_lies(one, three):
    assert three.root.locator(".gb-conv-overview").count() == 0
    assert one.root.locator(".gb-conv-overview figcaption").inner_text() == "rows 12 to 23\ncolumns 22 to 32"
    whole, frame = (one.root.locator(part).bounding_box() for part in (".gb-conv-overview canvas", ".gb-conv-patch"))
    assert (frame["x"] - whole["x"]) / whole["width"] == pytest.approx(22 / 44, abs=0.02)
    assert (frame["y"] - whole["y"]) / whole["height"] == pytest.approx(12 / 48, abs=0.02)
    assert frame["height"] / whole["height"] == pytest.approx(12 / 48, abs=0.02)


def test_a_kernel_cell_is_stepped_and_dragged(one):
    cell, wanted = one.weights.nth(4), SOBEL.astype(float)
    cell.press("ArrowUp")
    cell.press("ArrowUp")
    cell.press("Shift+ArrowDown")
    wanted[1, 1] = 1.9
    one.shows(GREY, wanted)
    cell.fill("0")
    box = cell.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    one.page.mouse.move(x, y)
    one.page.mouse.down()
    one.page.mouse.move(x, y - 25, steps=10)  # 8 px a step
    one.page.mouse.up()
    one.page.mouse.move(x, y - 90)
    wanted[1, 1] = 3
    one.shows(GREY, wanted)


def test_sizes_keep_the_middle(one):
    for size in (5, 4, 2, 1, 3):
        one.choose("Size", size)
        kernel = np.array([float(text.replace("−", "-")) for text in one.weights.evaluate_all(
            "fields => fields.map((field) => field.value)")]).reshape(size, size)
        if size == 5:
            assert np.array_equal(kernel[1:4, 1:4], SOBEL)
            assert np.count_nonzero(kernel) == np.count_nonzero(SOBEL)
        one.shows(GREY, kernel)


def test_three_channels_are_summed(three):
    three.shows(COLOUR, LEARNT, padding=1)
    three.root.get_by_label("Bias", exact=True).fill("0.75")
    three.root.get_by_label("ReLU").check()
    three.shows(COLOUR, LEARNT, padding=1, bias=0.75, relu=True)
    three.preset("Sobel y")
    kernel = np.stack([CLASSIC["Sobel y"]] * 3)
    three.root.get_by_label("Kernel of FLAIR, row 1, column 1").fill("9")
    kernel[1, 1, 1] = 9
    three.shows(COLOUR, kernel, padding=1, bias=0.75, relu=True)
    three.choose("Stride", 2)
    three.shows(COLOUR, kernel, padding=1, stride=2, bias=0.75, relu=True)


def test_three_channels_say_their_partial_sums(three):
    three.preset("Sobel x")
    three.root.get_by_label("Bias", exact=True).fill("-5")
    three.root.get_by_label("ReLU").check()
    three.output.hover(position=pixel(three.output, 4, 5))
    parts = [int((COLOUR[3:6, 4:7, channel].astype(int) * SOBEL).sum()) for channel in range(3)]
    total = sum(parts) - 5
    bracket = lambda number: f"({number})" if number < 0 else str(number)  # noqa: E731
    assert [part.inner_text().replace("−", "-") for part in three.root.locator(".gb-conv-sums strong").all()] == [
        f"= {part}" for part in parts]
    assert three.equation().endswith(
        f"pre-contrast {bracket(parts[0])} + FLAIR {bracket(parts[1])} + post-contrast {bracket(parts[2])} "
        f"+ bias (-5) = {total} → ReLU: max(0, {total}) = {max(total, 0)}")


# ---- the window ----------------------------------------------------------------------------------------------


def pixel(grid: object, row: int, column: int) -> dict:
    side = grid.locator("span").first.bounding_box()["width"]
    return {"x": (column + 0.5) * side, "y": (row + 0.5) * side}


def worked_out(equation: str) -> tuple[list[list[int]], int]:
    """[[number, weight] of each term], and what stands after the last equals sign."""
    terms = re.findall(r"\(?(-?[\d.]+)\)?·\(?(-?[\d.]+)\)?", equation)
    return [[int(number), int(weight)] for number, weight in terms], int(equation.split("=")[-1])


@pytest.mark.parametrize(("row", "column"), [(0, 0), (9, 8), (4, 7)])
def test_hovering_an_output_pixel_explains_it(one, row, column):
    one.output.hover(position=pixel(one.output, row, column))
    terms, result = worked_out(one.equation())
    window = GREY[row:row + 3, column:column + 3].astype(int)
    assert terms == np.stack([window.ravel(), SOBEL.ravel()], axis=1).tolist()
    assert result == (window * SOBEL).sum()
    products = one.root.locator(".gb-conv-small span").all_inner_texts()
    assert [int(text.replace("−", "-")) for text in products] == (window * SOBEL).ravel().tolist()
    frame, cell = one.inputs.locator(".gb-conv-frame").bounding_box(), one.inputs.locator("span").first.bounding_box()
    assert (frame["x"] + 1, frame["y"] + 1) == pytest.approx(
        (cell["x"] + column * cell["width"], cell["y"] + row * cell["height"]), abs=0.1)
    assert frame["width"] - 2 == pytest.approx(3 * cell["width"], abs=0.1)
    one.page.mouse.move(5, 5)
    assert worked_out(one.equation())[0][0][0] == GREY[0, 0]  # back to the chosen pixel


def test_a_dilated_window_shows_its_taps(one):
    one.choose("Dilation", 3)
    one.output.hover(position=pixel(one.output, 2, 1))
    taps = one.inputs.evaluate("""grid => [...grid.children].flatMap((cell, at) =>
        cell.classList.contains("gb-conv-tap") ? [at] : [])""")
    assert taps == [row * 11 + column for row in (2, 5, 8) for column in (1, 4, 7)]
    assert worked_out(one.equation())[1] == (GREY[2:9:3, 1:8:3].astype(int) * SOBEL).sum()


def test_hovering_the_input_moves_the_window_there(one):
    one.inputs.hover(position=pixel(one.inputs, 7, 5))
    assert worked_out(one.equation())[0][4] == [int(GREY[7, 5]), 0]  # in the middle of the window


def test_a_click_chooses_for_python_too(one, fresh):
    one.output.click(position=pixel(one.output, 3, 6))
    one.weights.first.fill("4")
    kernel = SOBEL.copy()
    kernel[0, 0] = 4
    expected = f"{kernel.tolist()} (3, 6) {by_torch(GREY, kernel).astype(int).tolist()}"
    for _ in range(20):  # a change waits until Python has answered the one before
        if (told := fresh.ask(TELL)) == expected:
            break
    assert told == expected


def test_python_turns_the_knobs(one, fresh):
    fresh.ask("one.kernel = 'emboss'; one.stride = 2; one.filled = True; print('done')")
    fresh.page.wait_for_function(FILLED, arg=24)
    one.shows(GREY, CLASSIC["emboss"], stride=2)
    fresh.ask(TELL)  # the cell is as it was


# ---- settings that do not fit ---------------------------------------------------------------------------------


def test_settings_without_an_output_are_explained_and_can_be_put_right(one):
    one.choose("Dilation", 3)
    one.choose("Size", 5)
    assert one.fault() == problem((12, 11), 5, 0, "zeros", 3)
    assert one.output.is_hidden()
    one.book.screenshot("conv_microscope_no_output.png", ".gb-conv")
    assert one.root.get_by_role("button", name="Step").is_disabled()
    one.inputs.hover(position=pixel(one.inputs, 2, 2))
    one.inputs.press("ArrowRight")
    one.inputs.press("Space")
    one.choose("Padding", "zeros")
    one.pad(1)
    kernel = np.pad(SOBEL, 1)
    assert one.fault() == ""
    one.shows(GREY, kernel, dilation=3, padding=1)


def test_too_much_reflection(three):
    three.choose("Padding", "reflect")
    three.pad(8)
    assert three.fault() == problem((8, 9), 3, 8, "reflect", 1)
    three.choose("Padding", "replicate")
    three.shows(COLOUR, LEARNT, padding=8, padding_mode="replicate")


# ---- stepping, playing, keys -------------------------------------------------------------------------------------


def filled(microscope: Microscope) -> list[int]:
    return [at for at, number in enumerate(microscope.numbers()) if number is not None]


def test_step_by_keyboard(one):
    one.output.focus()
    assert filled(one) == [0]
    for key in ("n", "N", "ArrowRight", "ArrowDown"):
        one.page.keyboard.press(key)
    assert filled(one) == [0, 1, 2, 3, 12]
    one.page.keyboard.press("ArrowLeft")
    one.page.keyboard.press("ArrowUp")
    spoken = one.root.locator(".gb-unseen[aria-live]").inner_text().replace("−", "-")
    assert spoken.startswith("Output row 0, column 2: ")
    assert worked_out(spoken.split(": ")[1])[1] == by_torch(GREY, SOBEL)[0, 2]
    for _ in range(7):
        one.page.keyboard.press("ArrowRight")  # after the end of a row to the next
    assert one.root.locator(".gb-conv-steps output").inner_text() == "output row 1, column 0"
    one.press("Reset")
    assert filled(one) == [0]


def test_play_and_pause(one):
    one.choose("Stride", 4)  # 3×3 pixels
    one.output.focus()
    one.page.keyboard.press("Space")
    one.root.get_by_role("button", name="Pause").wait_for()
    one.page.wait_for_function(FILLED, arg=3)
    one.page.keyboard.press("Space")
    seen = filled(one)
    assert 4 <= len(seen) < 9
    one.page.wait_for_timeout(700)
    assert filled(one) == seen
    one.press("▶ Play")
    one.root.get_by_role("button", name="Play").wait_for()  # it ends by itself
    assert filled(one) == list(range(9))
    one.press("▶ Play")  # and starts anew
    assert len(filled(one)) < 9


def test_focus_is_never_trapped(one):
    one.root.get_by_label("Kernel", exact=True).focus()
    assert 20 <= tabs_until_out(one.page, ".gb-conv", 50) < 50


def test_every_control_has_a_name(fresh):
    assert nameless(fresh.page, ".gb-conv") == []


# ---- looks ---------------------------------------------------------------------------------------------------------

CRAMPED = """root => [...root.querySelectorAll(".gb-conv-grid > span, .gb-conv-small > *")].filter((cell) =>
    cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent || cell.value)"""


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_fits_its_window_in_both_themes(fresh, width, theme):
    page, one, three = fresh.page, Microscope(fresh, 0), Microscope(fresh, 1)
    page.set_viewport_size({"width": width, "height": 1500})
    fresh.use_theme(theme)
    name = f"{width}_{theme.split()[-1].lower()}.png"
    for _ in range(25):
        one.press("Step")
    three.press("Fill all")
    three.output.click(position=pixel(three.output, 3, 4))
    OUTPUT.mkdir(exist_ok=True)
    faults = []
    for microscope, stem in ((one, "conv_microscope_one"), (three, "conv_microscope_three")):
        faults += spill(microscope.root, ".gb-conv-grid *") + microscope.root.evaluate(CRAMPED)
        microscope.root.screenshot(path=str(OUTPUT / f"{stem}_{name}"))
    one.choose("Padding", "reflect")
    one.choose("Size", 5)
    one.choose("Dilation", 2)
    one.press("same size")
    one.press("Fill all")
    one.output.hover(position=pixel(one.output, 5, 5))
    faults += spill(one.root, ".gb-conv-grid *") + one.root.evaluate(CRAMPED)
    one.root.screenshot(path=str(OUTPUT / f"conv_microscope_dilated_{name}"))
    page.set_viewport_size({"width": 1280, "height": 1500})
    fresh.use_theme("JupyterLab Light")
    assert faults == []


LATENCY = """async (index) => {
    const root = document.querySelectorAll(".gb-conv")[index];
    const grid = root.querySelector(".gb-conv-result .gb-conv-grid");
    const equation = root.querySelector(".gb-conv-equation");
    const area = grid.getBoundingClientRect(), times = [];
    for (let i = 0; i < 60; i++) {
        const clientX = area.left + area.width * ((i * 0.37) % 1), clientY = area.top + area.height * ((i * 0.61) % 1);
        await new Promise(requestAnimationFrame);
        const before = equation.textContent, start = performance.now();
        grid.dispatchEvent(new PointerEvent("pointermove", { bubbles: true, clientX, clientY }));
        root.getBoundingClientRect(); // layout included
        const took = performance.now() - start;
        if (equation.textContent !== before) times.push(took);
    }
    return times;
}"""


def test_the_equation_follows_the_pointer_at_once(lab, notebook, capsys):
    hardest = "ConvMicroscope(LARGE, np.random.default_rng(6).normal(size=(3, 5, 5)), padding=6, dilation=3)"
    write_notebook(lab.folder / "hover.ipynb", SETUP, ONE, hardest)
    book = notebook("hover.ipynb")
    book.run_all()
    book.page.locator(".gb-conv").nth(1).wait_for()
    cases = {"3×3 kernel on 12×11": 50, "3×5×5 kernel on 20×20, padded to 32×32": 150}
    for index, (name, bound) in enumerate(cases.items()):
        times = book.page.evaluate(LATENCY, index)
        with capsys.disabled():
            print(f"\nmicroscope, {name}: pointer event to equation, median {statistics.median(times):.1f} ms, "
                  f"slowest {max(times):.1f} ms of {len(times)}")
        assert len(times) > 40
        assert statistics.median(times) < bound
    for width in (1280, 800, 480):
        book.page.set_viewport_size({"width": width, "height": 900})
        book.page.wait_for_timeout(200)  # the observer of sizes
        for index in (0, 1):
            assert spill(book.page.locator(".gb-conv").nth(index), ".gb-conv-grid *") == []
            book.page.locator(".gb-conv").nth(index).screenshot(path=str(OUTPUT / f"conv_hard_{index}_{width}.png"))
    assert book.errors() == book.console_errors() == []
    book.close()


# ---- a saved notebook, a finger --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def saved(lab: Lab) -> Path:
    """A notebook that was run elsewhere, widget state and all."""
    return write_executed(lab.folder / "saved_microscope.ipynb", SETUP, ONE)


def test_an_untrusted_notebook_shows_the_still_picture(saved, notebook):
    book = notebook(saved.name)
    assert still_size(book)[0] > 400
    book.close()


def test_a_saved_notebook_convolves_without_python_under_a_finger(saved, lab, notebook):
    lab.trust(saved)
    book = notebook(saved.name, {"width": 800, "height": 1200}, has_touch=True)
    one = Microscope(book)
    one.root.wait_for()
    one.root.get_by_role("button", name="Fill all").tap()
    one.output.tap(position=pixel(one.output, 6, 2))
    assert worked_out(one.equation())[1] == by_torch(GREY, SOBEL)[6, 2]
    one.preset("sharpen")
    one.choose("Padding", "zeros")
    one.shows(GREY, CLASSIC["sharpen"], padding=1)
    assert book.console_errors() == []
    book.close()
