"""The receptive field explorer in JupyterLab and Chromium."""

import base64
from collections.abc import Callable

import numpy as np
import pytest
from browser import Lab, Notebook, write_notebook

from unet_lib.widgets.receptive_field.receptive_field import KINDS, MOST_LAYERS, PRESETS, field_square, receptive_fields

ROWS, COLUMNS = np.mgrid[:128, :128]
HEAD = (ROWS - 64) ** 2 + 1.4 * (COLUMNS - 60) ** 2 < 55 ** 2
SLICE = (HEAD * (90 + 50 * np.sin(ROWS / 9) * np.cos(COLUMNS / 7)) + 8).astype(np.uint8)
SETUP = f"""
import numpy as np, base64
from unet_lib.widgets.receptive_field import ReceptiveFieldExplorer
SLICE = np.frombuffer(base64.b64decode({base64.b64encode(SLICE.tobytes()).decode()!r}), np.uint8).reshape(128, 128)
"""
C3, C5, WIDE, STRIDE, POOL = KINDS
READ = """canvas => {
    const dots = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return btoa(String.fromCharCode(...dots.filter((_, index) => index % 4 === 0)));
}"""


@pytest.fixture(scope="module")
def book(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    write_notebook(lab.folder / "fields.ipynb", SETUP,
                   "explorer = ReceptiveFieldExplorer(SLICE, ['3×3 conv'])\nexplorer",
                   "str((explorer.layers, explorer.pixel))")
    return notebook("fields.ipynb", {"width": 1280, "height": 1000})


@pytest.fixture
def page(book: Notebook) -> object:
    """The notebook with a fresh explorer in it."""
    book.run_all()
    assert book.errors() == []
    book.page.wait_for_selector(".gb-rf[data-drawn]")
    yield book.page
    assert book.console_errors() == []


def square(page: object) -> tuple[int, ...]:
    return tuple(map(int, page.locator(".gb-rf").get_attribute("data-square").split()))


def table(page: object) -> list[list[str]]:
    """The cells of each layer's row, without the buttons."""
    return [row.locator("th, td").all_inner_texts()[:6] for row in page.locator(".gb-rf tbody tr").all()[1:]]


def shows(page: object, names: list[str]) -> None:
    """The table has these layers, with numbers that Python counts too; the square is Python's."""
    page.mouse.move(5, 5)  # a row under the pointer would show its own square
    rows = table(page)
    assert [row[0] for row in rows] == names
    assert [tuple(int(cell.split("= ")[1]) for cell in row[4:]) for row in rows] == receptive_fields(names)
    for row in rows:  # each formula gives its own result
        for formula in row[4:]:
            left, right = formula.replace("−", "-").replace("·", "*").split("=")
            assert eval(left) == int(right)
    if names and not page.locator(".gb-rf tbody :focus").count():
        assert square(page) == field_square(names, (64, 64))


def test_the_slice_is_drawn_exactly(page):
    drawn = base64.b64decode(page.locator(".gb-rf canvas").first.evaluate(READ))
    assert np.array_equal(np.frombuffer(drawn, np.uint8).reshape(128, 128), SLICE)


def test_layers_are_stacked_and_counted(page, book):
    names = [C3]
    shows(page, names)
    for name in (C5, POOL, WIDE, STRIDE, C3):
        page.get_by_role("button", name=f"Add: {name}", exact=True).click()
        names.append(name)
        shows(page, names)
    assert "one value sees 28×28 pixels, 5 % of the slice" in page.locator(".gb-rf-status").inner_text()
    page.get_by_role("button", name="Remove last").click()
    shows(page, names[:-1])
    page.get_by_role("button", name="Move up layer 3").click()
    shows(page, [C3, POOL, C5, WIDE, STRIDE])
    page.keyboard.press("Enter")  # the focus went up with its layer
    shows(page, [POOL, C3, C5, WIDE, STRIDE])
    page.get_by_role("button", name="Move down layer 2").click()
    page.get_by_role("button", name="Remove layer 1").click()
    shows(page, [C5, C3, WIDE, STRIDE])
    page.get_by_role("button", name="Remove all").click()
    shows(page, [])
    page.get_by_role("button", name="Remove all").click(force=True)
    assert "No layers yet" in page.locator(".gb-rf-status").inner_text()


def test_presets_and_python_see_each_other(page, book):
    for name, names in PRESETS.items():
        page.get_by_label("Stack of layers").select_option(name)
        shows(page, names)
    for _ in range(20):  # the browser's last word may still be on its way to a busy kernel
        if (told := eval(eval(ask(book)))) == (PRESETS[name], (64, 64)):
            break
        page.wait_for_timeout(250)
    assert told == (PRESETS[name], (64, 64))


def ask(book: Notebook) -> str:
    """Run the last cell, which shows what Python believes."""
    book.page.evaluate("""() => { const notebook = jupyterapp.shell.currentWidget.content;
        notebook.activeCellIndex = notebook.widgets.length - 1;
        return jupyterapp.commands.execute('notebook:run-cell'); }""")
    return book.cells()[-1]["outputs"][0]["data"]["text/plain"]


def test_no_more_layers_than_fit(page):
    add = page.get_by_role("button", name=f"Add: {C3}", exact=True)
    for _ in range(MOST_LAYERS):
        add.click(force=True)
    assert len(table(page)) == MOST_LAYERS
    assert add.get_attribute("aria-disabled") == "true"


def test_the_square_follows_pointer_and_keys(page):
    page.get_by_label("Stack of layers").select_option("U-Net encoder, depth 2")
    names, screen = PRESETS["U-Net encoder, depth 2"], page.locator(".gb-rf-screen")
    screen.hover(position={"x": 4 * 30 + 1, "y": 4 * 50 + 1})
    assert square(page) == field_square(names, (50, 30))
    page.mouse.move(5, 5)
    assert square(page) == field_square(names, (64, 64))
    screen.click(position={"x": 4 * 31 + 1, "y": 4 * 50 + 1})
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    page.mouse.move(5, 5)
    assert square(page) == field_square(names, (49, 41))
    top, left, side = field_square(names, (49, 41))
    assert page.locator(".gb-rf .gb-unseen").inner_text() == (
        f"Row 49, column 41: rows {top} to {top + side - 1}, columns {left} to {left + side - 1}")


def test_a_row_shows_its_own_square(page):
    page.get_by_label("Stack of layers").select_option("U-Net encoder, depth 1")
    page.locator(".gb-rf tbody tr").nth(2).hover()
    assert square(page) == field_square([C3, C3], (64, 64))
    assert "After layer 2 one value sees 5×5 pixels" in page.locator(".gb-rf-status").inner_text()


GROWN = """async () => {
    const root = document.querySelector(".gb-rf"), [button] = [...root.querySelectorAll("button")].filter((node) =>
        node.textContent.includes("Grow")), seen = [];
    new MutationObserver(() => seen.at(-1) !== root.dataset.square && seen.push(root.dataset.square))
        .observe(root, { attributeFilter: ["data-square"] });
    button.click();
    while (button.textContent.includes("Stop")) await new Promise((done) => setTimeout(done, 50));
    return seen;
}"""


def test_the_stack_grows_layer_by_layer_until_it_is_touched(page):
    page.mouse.move(0, 0)  # away from the row that another test has pointed at
    page.get_by_label("Stack of layers").select_option("U-Net encoder, depth 1")
    names = PRESETS["U-Net encoder, depth 1"]
    squares = [(64, 64, 1), *(field_square(names[:count], (64, 64)) for count in range(1, len(names) + 1))]
    assert page.evaluate(GROWN) == [" ".join(map(str, square)) for square in squares]
    page.get_by_role("button", name="Grow").click()
    assert square(page) == (64, 64, 1) and page.locator(".gb-rf-later").count() == len(names)
    page.locator(".gb-rf tbody tr").nth(2).hover()
    assert square(page) == field_square([C3, C3], (64, 64)) and page.locator(".gb-rf-later").count() == 0


def test_focus_is_never_trapped_and_every_control_has_a_name(page):
    page.locator(".gb-rf-screen").focus()
    inside = "document.activeElement.closest('.gb-rf') !== null"
    steps = 0
    while page.evaluate(inside) and steps < 40:
        page.keyboard.press("Tab")
        steps += 1
    assert 8 <= steps < 40
    assert page.evaluate("""() => [...document.querySelectorAll(".gb-rf :is(button, input, select, [tabindex])")]
        .filter((node) => !(node.ariaLabel || node.labels?.[0]?.textContent.trim() || node.textContent.trim())).length
    """) == 0


@pytest.mark.parametrize("width", [1280, 800])
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_fits_its_window_in_both_themes(page, book, width, theme):
    page.get_by_label("Stack of layers").select_option(f"U-Net encoder, depth {4 if width == 1280 else 2}")
    page.mouse.move(5, 5)
    page.set_viewport_size({"width": width, "height": 1300})
    book.use_theme(theme)
    page.wait_for_timeout(200)  # the observer of sizes
    spill = page.locator(".gb-rf").evaluate("root => root.scrollWidth - root.clientWidth")
    book.screenshot(f"receptive_field_{width}_{theme.split()[-1].lower()}.png", ".gb-rf")
    page.set_viewport_size({"width": 1280, "height": 1000})
    book.use_theme("JupyterLab Light")
    assert spill <= 0


def test_touch(lab, notebook, book):
    book = notebook("fields.ipynb", {"width": 800, "height": 1000}, has_touch=True)
    book.run_all()
    book.page.wait_for_selector(".gb-rf[data-drawn]")
    book.page.locator(".gb-rf-screen").tap(position={"x": 4 * 20 + 1, "y": 4 * 10 + 1})
    assert square(book.page) == field_square([C3], (10, 20))
    book.page.get_by_role("button", name=f"Add: {POOL}", exact=True).tap()
    assert square(book.page) == field_square([C3, POOL], (10, 20))
    assert book.console_errors() == []
