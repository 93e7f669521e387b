"""The embedding map in JupyterLab and Chromium: steps, kinds, pointer and keys, both themes, narrow and wide."""

import numpy as np
import pytest
from accessibility import barriers
from browser import nameless, pixels_of, spill, tabs_until_out, write_notebook

SOURCE = """
import numpy as np
from unet_lib.inspection.embedding import Embedding, Squares
from unet_lib.widgets.embedding_map import EmbeddingMap
rows, columns = np.mgrid[:256, :256]
slices = np.stack([rows, columns]).astype(np.uint8)
squares = Squares(8, np.array([0, 0, 1, 1]), np.array([1, 2, 3, 4]), np.array([5, 6, 7, 0]), np.array([4, 5, 2, 5]))
plane = np.array([[0, 0], [1, 1], [-1, 1], [0.5, -1]])
shown = EmbeddingMap(Embedding(np.stack([plane, plane[:, ::-1]]), np.array([0.2, 0.8])), squares, slices,
                     ["A, slice 1", "B, slice 2"], [0, 40], [0.5, 0.75])
shown
"""


@pytest.fixture(scope="module")
def opened(lab, notebook):
    write_notebook(lab.folder / "embedding.ipynb", SOURCE, "print()")
    book = notebook("embedding.ipynb", {"width": 1280, "height": 900})
    book.run_all()
    book.page.wait_for_selector(".gb-embed[data-drawn]")
    return book


@pytest.fixture
def root(opened):
    yield opened.page.locator(".gb-embed")
    assert opened.errors() == opened.console_errors() == []


def marked(root):
    """The marked point's number, and where it lies on the map."""
    return tuple(map(int, root.get_attribute("data-marked").split()))


def test_one_map_by_slider_legend_pointer_and_keys(opened, root):
    screen, words = root.locator(".gb-embed-points"), root.locator("p").first
    wide = screen.evaluate("node => node.clientWidth")
    middle, unit = wide / 2, wide / 2 - 10                      # the furthest coordinate is 1
    spot = lambda x, y: (round(middle + unit * x), round(middle - unit * y))  # noqa: E731
    assert marked(root) == (1, *spot(1, 1)) and "AUC 0.75" in root.inner_text()
    assert words.inner_text() == "A, slice 1: square in row 3, column 7, holds tumour"

    root.get_by_label("Step of training").fill("0")
    root.locator("output", has_text="step 0").wait_for()
    x, y = spot(-1, 1)
    screen.hover(position={"x": x + 3, "y": y + 3})
    assert marked(root) == (2, x, y) and "B, slice 2: square in row 4, column 8, mostly fluid" in words.inner_text()
    screen.click(position={"x": x, "y": y})
    assert opened.ask("print(shown.at, shown.chosen)") == "0 2"

    root.get_by_role("button", name="tumour").click()
    assert root.get_by_role("button", name="tumour").get_attribute("aria-pressed") == "true"
    screen.hover(position={"x": x, "y": y})                     # fluid does not count now
    assert marked(root)[0] == 2
    screen.focus()
    opened.page.keyboard.press("ArrowRight")
    assert marked(root)[0] == 3
    opened.page.keyboard.press("Shift+ArrowLeft")
    assert marked(root)[0] == 1 and "holds tumour" in root.locator("[aria-live]").inner_text()
    opened.page.mouse.move(2, 2)
    red, green, blue, _ = pixels_of(screen.locator("canvas"))[spot(1, 1)[1], spot(1, 1)[0]]
    assert red > green + 40 > blue                              # the diamond, at 0.7 of its strength

    root.get_by_role("button", name="Play").click()
    root.locator("output", has_text="step 40").wait_for()
    root.get_by_role("button", name="Play").wait_for()          # the last step is the end
    root.get_by_role("button", name="all squares").click()


def test_the_marked_square_is_drawn_into_its_slice(root):
    """The first slice's grey levels are its rows: row 3 of 8 begins at level 64."""
    dots = pixels_of(root.locator(".gb-embed-slice"))[..., 0].astype(int)
    assert dots.shape == (192, 192)
    assert abs(dots[60, 60] - 80) < 8 and (dots[50, 144] > 180 or dots[48, 150] > 180)
    assert np.all(np.diff(dots[::24, 20]) > 20)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_fits_and_can_be_read(opened, root, theme):
    opened.use_theme(theme)
    for width in (1280, 800, 480):
        opened.page.set_viewport_size({"width": width, "height": 900})
        opened.page.wait_for_timeout(150)
        assert spill(root) == []
        opened.screenshot(f"embedding_map_{width}_{theme.split()[-1].lower()}.png", ".gb-embed")
        if width > 480:
            box = root.bounding_box()
            assert box["height"] <= 600 and box["width"] <= 800
    opened.page.set_viewport_size({"width": 1280, "height": 900})
    assert nameless(opened.page, ".gb-embed") == [] and barriers(opened.page, ".gb-embed") == []


def test_the_keyboard_gets_in_and_out(opened, root):
    root.get_by_role("button", name="Play").focus()
    assert 3 <= tabs_until_out(opened.page, ".gb-embed", 20) < 20
