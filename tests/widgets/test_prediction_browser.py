"""Predictions in JupyterLab and Chromium: locked in by keyboard or pointer, frozen, and marked once compared."""

import pytest
from accessibility import barriers
from browser import nameless, spill, tabs_until_out, write_executed, write_notebook

SOURCES = (
    "from unet_lib.widgets.prediction import predict",
    "mask = predict('What happens to the mask at a higher `threshold`?', ('It grows', 'It shrinks', 'Nothing'))\nmask",
    "size = predict('How many parameters has the network?', unit='parameters')\nsize",
    "print()",
)
COMPARE = "print(repr({}))"
SHRINKS = COMPARE.format("mask.compare('It shrinks', 'Fewer pixels lie above it.')")
SIZE = COMPARE.format("size.compare(7_763_041, 'Most lie at the bottom.')")


@pytest.fixture(scope="module")
def opened(lab, notebook):
    write_notebook(lab.folder / "prediction.ipynb", *SOURCES)
    return notebook("prediction.ipynb", {"width": 1440, "height": 900})


@pytest.fixture
def book(opened):
    opened.run_all()
    opened.page.wait_for_function("document.querySelectorAll('.gb-prediction').length === 2")
    yield opened
    assert opened.errors() == opened.console_errors() == []


@pytest.fixture
def mask(book):
    return book.page.locator(".gb-prediction").first


@pytest.fixture
def size(book):
    return book.page.locator(".gb-prediction").last


def said(root):
    return root.locator("[role=status]").inner_text()


def lock(root, choice="It grows", number="7.0 million"):
    """With the pointer."""
    if root.get_by_role("radio").count():
        root.get_by_label(choice).check()
    else:
        root.get_by_label("Your number").fill(number)
    root.get_by_role("button").click()


def test_a_choice_is_locked_compared_and_marked(book, mask):
    lock(mask)
    assert said(mask) == "A cell below compares it with what comes out."
    assert mask.locator(".gb-mark").all_inner_texts() == ["your prediction", "", ""]
    assert book.ask("print(mask.locked, mask.prediction, mask.verdict)") == "0 It grows {}"
    assert book.ask(SHRINKS) == ("✗ Not this time. You predicted “It grows”. It is “It shrinks”. "
                                 "Fewer pixels lie above it.")
    mask.locator("[data-state=wrong]").first.wait_for()
    assert said(mask) == "✗ Not this time. It is “It shrinks”."
    assert [text.split("\n") for text in mask.locator(".gb-mark").all_inner_texts()] == [
        ["your prediction", "✗"], ["✓"], [""]]


def test_what_is_locked_stays(book, mask):
    lock(mask)
    other = mask.get_by_label("Nothing")
    other.click(force=True)  # Playwright would wait until it is enabled
    assert mask.get_by_label("It grows").is_checked() and not other.is_checked()
    mask.get_by_label("It grows").focus()
    book.page.keyboard.press("ArrowDown")
    mask.get_by_role("button").click(force=True)
    assert mask.get_by_label("It grows").is_checked()
    assert book.ask("print(mask.locked)") == "0"


def test_a_number_is_read_back_locked_and_compared(book, size):
    field = size.get_by_label("Your number")
    field.fill("7.0 million")
    assert said(size) == "Read as 7,000,000 parameters."
    field.press("Enter")
    assert field.input_value() == "7,000,000" and not field.is_editable()
    assert book.ask(SIZE).startswith("✓ Close. You predicted 7,000,000 parameters. It is 7,763,041 parameters: ")
    size.locator("[data-state=right]").first.wait_for()
    assert said(size) == "✓ Close. It is 7,763,041 parameters: your number is 10 % too low."


def test_nobody_has_to_predict(book, mask, size):
    assert book.ask(SHRINKS).startswith("… No prediction locked in this time. It is “It shrinks”.")
    assert book.ask(SIZE).startswith("… No prediction locked in this time. It is 7,763,041 parameters.")
    assert said(mask) == said(size) == ""
    lock(mask)  # late, but it can be compared once more
    assert mask.locator("[data-state=right], [data-state=wrong]").count() == 0
    assert book.ask(SHRINKS).startswith("✗")


def test_nothing_chosen_is_said_and_the_focus_stays(book, mask, size):
    for root, words in ((mask, "Choose an answer first"), (size, "Type a number such as 1200 or 0.5 first")):
        button = root.get_by_role("button")
        button.focus()
        book.page.keyboard.press("Enter")
        assert said(root) == f"{words}, or go on without."
        assert button.evaluate("node => node === document.activeElement")
    size.get_by_label("Your number").fill("many")
    size.get_by_role("button").click()
    assert said(size).startswith("Type a number")
    assert book.ask("print(mask.locked, size.locked)") == "None None"


def test_everything_by_keyboard(book, mask):
    mask.get_by_role("radio").first.focus()
    for key in ("Space", "ArrowDown", "Tab", "Enter"):
        book.page.keyboard.press(key)
    assert mask.get_by_role("button").inner_text() == "Locked in"
    assert mask.get_by_role("button").evaluate("node => node === document.activeElement")
    assert book.ask("print(mask.prediction)") == "It shrinks"
    mask.get_by_role("radio").nth(1).focus()
    assert tabs_until_out(book.page, ".gb-prediction", 9) < 4


@pytest.mark.parametrize("state", ["open", "locked", "compared"])
@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_nothing_keeps_readers_out_in_both_themes(book, mask, size, theme, state):
    book.use_theme(theme)
    if state != "open":
        lock(mask)
        lock(size, number="12")
    if state == "compared":
        book.ask("print()\ndisplay(mask.compare('It shrinks', 'Fewer pixels lie above the `threshold`.'))\n"
                 "size.compare(7_763_041, 'Most lie at the bottom.')")
        size.locator("[data-state=wrong]").first.wait_for()
    assert barriers(book.page, ".gb-prediction") == nameless(book.page, ".gb-prediction") == []
    for width in (1440, 800):
        book.page.set_viewport_size({"width": width, "height": 900})
        assert spill(mask) == spill(size) == []
        book.screenshot(f"prediction_{state}_{width}_{theme.split()[-1].lower()}.png")
    book.page.set_viewport_size({"width": 1440, "height": 900})
    book.use_theme("JupyterLab Light")


def test_a_saved_notebook_gives_nothing_away_and_can_be_locked_without_python(lab, notebook):
    saved = write_executed(lab.folder / "saved_prediction.ipynb", *SOURCES[:3], "mask.compare('It shrinks')")
    lab.trust(saved)
    book = notebook(saved.name)
    mask = book.page.locator(".gb-prediction").first
    mask.wait_for()
    assert mask.locator("[data-state=right]").count() == 0
    lock(mask, "Nothing")
    assert mask.locator(".gb-mark").all_inner_texts() == ["", "", "your prediction"]
    assert book.console_errors() == []
    book.close()
