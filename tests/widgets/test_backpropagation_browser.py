"""The backpropagation widget in JupyterLab and Chromium."""

from collections.abc import Callable

import pytest
from browser import Lab, Notebook, nameless, spill, tabs_until_out, write_notebook

from unet_lib.widgets.backpropagation.backpropagation import STEPS
from unet_lib.widgets.backpropagation.tiny_unet import DEFAULTS, backward, descend, forward

SETUP = "from unet_lib.widgets.backpropagation import Backpropagation\nwidget = Backpropagation()\nwidget"
TO_LOSS = 35
SET_SLIDER = "(slider, step) => { slider.value = step; slider.dispatchEvent(new Event('input', { bubbles: true })); }"

CLIPPED = "spans => spans.filter((span) => span.scrollWidth > span.clientWidth + 1).map((span) => span.textContent)"


@pytest.fixture(scope="module")
def book(lab: Lab, notebook: Callable[..., Notebook]) -> Notebook:
    write_notebook(lab.folder / "back.ipynb", SETUP, "")
    return notebook("back.ipynb", {"width": 1440, "height": 900})


@pytest.fixture
def page(book: Notebook) -> object:
    """The notebook with a fresh widget in it."""
    book.run_all()
    assert book.errors() == []
    book.page.wait_for_selector(".gb-bp[data-drawn]")
    yield book.page
    assert book.console_errors() == []


def press(page: object, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def go_to(page: object, step: int) -> None:
    page.get_by_label("Step", exact=True).evaluate(SET_SLIDER, step)


def shown(page: object, kind: str) -> dict[str, str]:
    """The texts of all boxes that have one: their values, or (`kind` "gb-bp-gradient") their gradients."""
    texts = page.locator(".gb-bp-box").evaluate_all(
        "(boxes, kind) => boxes.map((box) => [box.dataset.name, box.querySelector(kind).textContent])", kind)
    return {name: text for name, text in texts if text}


def values(page: object) -> dict[str, str]:
    return shown(page, "span:first-child")


def gradients(page: object) -> dict[str, str]:
    return shown(page, ".gb-bp-gradient")


def number(text: str) -> float:
    return float(text.replace("−", "-"))


def close(texts: dict[str, str], rows: dict, count: int) -> None:
    """So many boxes are filled, each with the number of this place, as far as its text is exact."""
    assert len(texts) == count
    for name, text in texts.items():
        expected = rows[name[:-1]][int(name[-1])]
        assert number(text) == pytest.approx(expected, abs=0.0006, rel=0.06 if abs(expected) >= 1 else 0), name


def panel(page: object) -> str:
    return page.locator(".gb-bp-panel").inner_text().replace("\t", " ")


def test_steps_forward_and_back(page):
    given = sum(map(len, DEFAULTS.values()))
    assert len(values(page)) == given and gradients(page) == {}
    press(page, "The next number (→)")
    assert values(page)["c0"] == "1" and len(values(page)) == given + 1
    assert "c₀ = w₀·0 + w₁·x₀ + w₂·x₁ + b" in panel(page)
    press(page, "All numbers of the next operation (Shift →)")
    assert len(values(page)) == given + 4
    press(page, "Forward to the loss")
    close(values(page), forward(DEFAULTS), given + TO_LOSS)
    assert gradients(page) == {}
    press(page, "To the last gradient")
    close(gradients(page), backward(DEFAULTS), STEPS - TO_LOSS)
    press(page, "Back to the first step")
    assert len(values(page)) == given and gradients(page) == {}


def test_a_fork_is_explained_and_checked_by_nudging(page):
    press(page, "To the last gradient")
    page.locator(".gb-bp [data-name=a1]").click()
    text = panel(page)
    assert "a₁ = max(0, c₁)" in text
    assert "m₀ 0.16 × 1 wins the maximum = 0.16" in text and "s₁ −0.0336 × 1 a copy = −0.0336" in text
    assert "∂L/∂a₁ = 0.126" in text and "fork" in text
    assert page.locator(".gb-bp-on").count() == 2
    assert page.locator(".gb-bp-factors").inner_text().split() == ["×1", "×1"]
    press(page, "Check by nudging")
    assert "Difference / 0.002 = 0.1261, gradient 0.1261" in panel(page)
    page.get_by_label("Explained number").select_option("w0")
    assert page.locator(".gb-bp-on").count() == 3  # the fourth has padding before it
    assert "c₀ 0.0228 × 0 padding = 0" in panel(page)


def test_numbers_change_by_key_hand_and_typing(page, book):
    press(page, "To the last gradient")
    box = page.locator(".gb-bp [data-name=x1]")
    box.click()
    page.keyboard.press("ArrowUp")
    expected = DEFAULTS | {"x": [1, 3, 3, 0]}
    close(gradients(page), backward(expected), STEPS - TO_LOSS)
    at = box.bounding_box()
    page.mouse.move(at["x"] + 20, at["y"] + 10)
    page.mouse.down()
    page.mouse.move(at["x"] + 20, at["y"] + 31, steps=3)
    page.mouse.up()
    expected["x"] = [1, 1, 3, 0]
    page.locator(".gb-bp [data-name=t3]").click()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # a mask ends at 1
    page.locator(".gb-bp [data-name=w2]").click()
    page.get_by_label("Value", exact=True).fill("−0,75")
    press(page, "Smaller")
    expected |= {"t": [0, 1, 1, 1], "w": [-0.5, 1, -0.85]}
    close(gradients(page), backward(expected), STEPS - TO_LOSS)
    assert eval(book.ask("print(dict(widget.numbers))")) == expected


def test_descent_lowers_the_loss_and_can_be_undone(page):
    numbers, losses = DEFAULTS, []
    for _ in range(3):
        press(page, "Step of gradient descent")
        numbers = descend(numbers, 0.5)
        losses.append(forward(numbers)["L"][0])
    close(gradients(page), backward(numbers), STEPS - TO_LOSS)
    assert page.locator(".gb-bp-course").inner_text() == "loss … → " + " → ".join(f"{loss:.3f}" for loss in losses)
    press(page, "First numbers")
    close(values(page), forward(DEFAULTS), len(values(page)))


def test_keys_step_and_the_focus_gets_out(page):
    page.locator(".gb-bp [data-name=c0]").focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight", "ArrowLeft"):
        page.keyboard.press(key)
    assert page.get_by_label("Step", exact=True).get_attribute("aria-valuetext") == "3 of 88: Forward: convolution"
    assert page.evaluate("document.activeElement.dataset.name") == "c2"
    assert page.locator(".gb-bp > .gb-unseen").inner_text() == "c₂, convolution: c₂ = w₀·x₁ + w₁·x₂ + w₂·x₃ + b " \
                                                              "= (−0.5)·2 + 1·3 + 0.5·0 + (−1) = 1"
    assert nameless(page, ".gb-bp") == []
    page.get_by_role("button", name="Back to the first step").focus()
    assert 8 <= tabs_until_out(page, ".gb-bp", 40) < 40


@pytest.mark.parametrize(("window", "room"), [((1440, 900), (1100, 785)), ((1024, 768), (900, 640))])
def test_fits_one_screen_in_both_themes(page, book, window, room):
    page.set_viewport_size(dict(zip(("width", "height"), window, strict=True)))
    root = page.locator(".gb-bp")
    for theme in ("Light", "Dark"):
        book.use_theme(f"JupyterLab {theme}")
        go_to(page, STEPS)
        page.locator(".gb-bp [data-name=w1]").click()  # four paths: the longest explanation
        press(page, "Check by nudging")
        page.wait_for_timeout(100)  # the observer of sizes
        size = root.evaluate("root => [root.offsetWidth, root.offsetHeight]")
        assert size[0] <= room[0] and size[1] <= room[1]
        assert spill(root) == []
        assert page.locator(".gb-bp-box span").evaluate_all(CLIPPED) == []
        book.screenshot(f"backpropagation_{window[0]}_{theme.lower()}.png", ".gb-bp")
    book.use_theme("JupyterLab Light")


def test_plays_and_pauses(page):
    press(page, "▶ Play")
    page.wait_for_function("() => document.querySelectorAll('.gb-bp-empty').length < 34")
    press(page, "❚❚ Pause")
    before = len(values(page))
    page.wait_for_timeout(500)  # longer than from one step to the next
    assert len(values(page)) == before
