"""Bold terms in JupyterLab and Chromium: marked as cells appear, explained to pointer and keyboard, in both themes."""

import nbformat
import pytest
from accessibility import barriers
from browser import write_notebook

from unet_lib.lessons.glossary import look_up, read_glossary

TEXT = "# Words\n\nA **channel**, some **feature maps**, **nothing**, and [**stride**](stride.md)."
CARD = ".gb-glossary"


@pytest.fixture(scope="module")
def book(lab, notebook):
    path = write_notebook(lab.folder / "words.ipynb",
                          "from unet_lib.widgets.glossary_cards import glossary_cards\n\nglossary_cards()", "print()")
    written = nbformat.read(path, 4)
    written.cells[:0] = [nbformat.v4.new_markdown_cell(TEXT)]
    written.cells += [nbformat.v4.new_markdown_cell("word " * 400) for _ in range(14)]
    written.cells += [nbformat.v4.new_markdown_cell("And **padding**."), nbformat.v4.new_code_cell("")]
    nbformat.write(written, path)
    book = notebook(path.name)
    book.run_all()
    book.page.locator("[data-gb-term]").last.wait_for()
    return book


@pytest.fixture
def page(book):
    """Its beginning in sight, the pointer out of the way."""
    book.page.mouse.move(5, 5)
    book.page.evaluate("jupyterapp.shell.currentWidget.content.scrollToItem(0, 'start')")
    term(book.page, "feature map").wait_for()
    yield book.page
    assert book.errors() == book.console_errors() == []


def term(page, name):
    return page.locator(f"[data-gb-term='{name}']")


def test_only_terms_are_marked_and_cells_that_come_into_sight_too(book, page):
    term(page, "channel").wait_for()
    assert page.locator(".jp-MarkdownOutput strong").count() > page.locator("[data-gb-term]").count()
    for name in ("nothing", "stride"):
        assert not page.locator("strong", has_text=name).evaluate("node => node.matches('[data-gb-term]')")
    page.evaluate("jupyterapp.shell.currentWidget.content.scrollToItem(17, 'start')")
    term(page, "padding").wait_for()
    assert all(not cell.get("outputs") for cell in book.cells() if "glossary_cards" in cell["source"])


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_pointer_brings_the_card_and_takes_it_away(book, page, theme):
    book.use_theme(theme)
    bold, card = term(page, "feature map"), page.locator(CARD)
    bold.hover()
    meaning = look_up("feature map", read_glossary())
    assert card.inner_text().split("\n\n") == [f"feature map {meaning.german}", meaning.meaning, "Lesson 02"]
    card.hover()  # it stays, so that one can read it, select in it, magnify it
    page.wait_for_timeout(300)
    assert card.is_visible() and barriers(page, CARD) == []
    book.screenshot(f"glossary_{theme.split()[-1].lower()}.png")
    box, below = bold.bounding_box(), card.bounding_box()
    assert 0 <= below["y"] - (box["y"] + box["height"]) < 10 and below["x"] + below["width"] <= 1280
    page.mouse.move(5, 5)
    card.wait_for(state="hidden")
    book.use_theme("JupyterLab Light")


def test_the_keyboard_alone(book, page):
    bold, card = term(page, "channel"), page.locator(CARD)
    bold.focus()
    assert card.is_visible() and bold.get_attribute("aria-describedby") == card.get_attribute("id")
    page.keyboard.press("Escape")
    assert card.is_hidden() and bold.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    assert card.is_visible() and bold.get_attribute("aria-expanded") == "true"
    assert page.locator(".jp-mod-editMode").count() == 0, "the cell's source was opened"
    page.keyboard.press("Tab")
    assert "feature map" in card.inner_text()
    page.keyboard.press("Tab")
    assert card.is_hidden()


def test_a_second_run_leaves_one_card(book, page):
    book.run_all()
    term(page, "channel").wait_for()
    assert page.locator(CARD).count() == 1
