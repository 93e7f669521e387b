"""The quiz in a real JupyterLab, answered with the keyboard alone."""

import pytest
from browser import write_notebook

from unet_lib.widgets.quiz.quiz import FOLDER, read_quiz

QUESTIONS = read_quiz(FOLDER / "01_the_scan.json")["questions"]
RIGHT = [[option["right"] for option in question["options"]].index(True) for question in QUESTIONS]


@pytest.fixture
def book(lab, notebook):
    source = "from unet_lib.widgets.quiz import quiz\nquiz('01_the_scan')"
    write_notebook(lab.folder / "quiz.ipynb", source)
    book = notebook("quiz.ipynb", {"width": 800, "height": 900})
    book.run_all()
    book.page.wait_for_selector(".gb-quiz")
    yield book
    book.close()


def answer(book, number, choice):
    """Arrow keys choose, Enter checks; returns the verdict."""
    form = book.page.locator(".gb-quiz form").nth(number)
    form.locator("input").first.focus()
    book.page.keyboard.press("Space")
    for _ in range(choice):
        book.page.keyboard.press("ArrowDown")
    book.page.keyboard.press("Enter")
    return form.locator("[role=status]").inner_text()


def test_every_option_gets_its_feedback_and_right_ones_the_score(book):
    score = book.page.locator(".gb-score")
    assert score.inner_text() == f"0 of {len(RIGHT)} right, 0 at the first try."
    for choice, option in reversed([*enumerate(QUESTIONS[0]["options"])]):
        word = "✓ Right." if option["right"] else "✗ Not yet."
        assert answer(book, 0, choice) == f"{word} {option['feedback']}".replace("`", "")
    for number, choice in [*enumerate(RIGHT)][1:]:
        assert answer(book, number, choice).startswith("✓ Right.")
    assert score.inner_text() == f"{len(RIGHT)} of {len(RIGHT)} right, {len(RIGHT) - 1} at the first try."
    assert not book.errors()
    assert not book.console_errors()


def test_nothing_chosen_is_said_and_the_focus_stays(book):
    form = book.page.locator(".gb-quiz form").first
    button = form.locator("button")
    button.focus()
    book.page.keyboard.press("Enter")
    assert form.locator("[role=status]").inner_text() == "Choose an answer first."
    assert button.evaluate("node => node === document.activeElement")


def test_it_fits_a_narrow_window_and_each_radio_button_has_a_name(book):
    page = book.page
    assert page.evaluate("(node => node.scrollWidth <= node.clientWidth)(document.querySelector('.gb-quiz'))")
    assert page.locator(".gb-quiz fieldset > legend").count() == len(QUESTIONS)
    for option in QUESTIONS[0]["options"]:
        name = option["text"].replace("`", "")
        assert page.locator(".gb-quiz form").first.get_by_role("radio", name=name, exact=True).count() == 1


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_text_stands_out_in_both_themes(book, theme):
    answer(book, 0, 1 - RIGHT[0] if RIGHT[0] < 2 else 0)
    answer(book, 1, RIGHT[1])
    book.use_theme(theme)
    ratios = book.page.evaluate(CONTRAST, [".gb-verdict strong", ".gb-verdict", ".gb-option", "legend", ".gb-score"])
    assert min(ratios) >= 4.5, ratios  # WCAG AA


CONTRAST = """(selectors) => {
    const light = (colour) => {
        const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((v) => v / 255)
            .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const page = light(getComputedStyle(document.querySelector(".jp-Notebook")).backgroundColor);
    return selectors.flatMap((s) => [...document.querySelectorAll(`.gb-quiz ${s}`)]).map((node) => {
        const text = light(getComputedStyle(node).color);
        return (Math.max(page, text) + 0.05) / (Math.min(page, text) + 0.05);
    });
}"""
