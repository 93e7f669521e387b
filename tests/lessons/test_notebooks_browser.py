"""Every lesson, opened in JupyterLab as a reader would, run from top to bottom, and looked at."""

import re
import shutil
import time
from collections.abc import Callable

import numpy as np
import pytest
from browser import IDLE, Lab, Notebook, _is_jupyterlabs_own, pixels_of, write_notebook
from PIL import Image
from repository import REPOSITORY

from animations.manifest import CLIPS

FOLDER = REPOSITORY / "notebooks"
LESSONS = sorted(path.name for path in FOLDER.glob("[0-9][0-9]_*.ipynb"))
LIMIT = 240  # seconds for one lesson of the smoke profile, on a machine that is busy with other things

LOADED = "video => video.readyState >= video.HAVE_CURRENT_DATA && video.paused && video.currentTime === 0"
DRAWN = """video => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    canvas.getContext("2d").drawImage(video, 0, 0, 320, 180);
    return canvas;
}"""


@pytest.fixture(scope="module")
def copies(lab: Lab) -> Lab:
    """The lessons as copies, beside the clips that they show, so that running them changes nothing of ours."""
    shutil.copytree(FOLDER, lab.folder / FOLDER.name, dirs_exist_ok=True,
                    ignore=shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__"))
    shutil.copytree(CLIPS, lab.folder / CLIPS.relative_to(FOLDER.parent), dirs_exist_ok=True)
    return lab


def test_there_are_lessons():
    assert LESSONS, f"no lesson [0-9][0-9]_*.ipynb in {FOLDER}"


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_runs_in_jupyterlab(name: str, copies: Lab, notebook: Callable[..., Notebook]):
    book = notebook(f"{FOLDER.name}/{name}")
    book.run_all(LIMIT)
    book.screenshot(name.replace(".ipynb", ".png"))
    errors, console = book.errors(), book.console_errors()
    book.close()
    assert errors == []
    assert console == []


def test_stop_in_lesson_04_lets_the_rest_run(copies: Lab, notebook: Callable[..., Notebook]):
    """As the text invites: the button is pressed while the network learns, here for ever, and all cells follow."""
    lesson = copies.folder / FOLDER.name / "04_training.ipynb"
    source = lesson.read_text("utf-8")
    endless = source.replace("(4, 32, 2)", "(4, 32, 100_000)").replace("patience=6", "patience=100_000")
    assert endless.count("100_000") == 2
    (lesson.parent / "stopped.ipynb").write_text(endless, "utf-8")
    book = notebook(f"{FOLDER.name}/stopped.ipynb", {"width": 1440, "height": 900})
    page = book.page
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    page.wait_for_function("document.querySelector('.gb-live')?.dataset.epochs >= 2", timeout=LIMIT * 1000)
    page.get_by_role("button", name="■ Stop").click()
    page.wait_for_function(IDLE, timeout=LIMIT * 1000)
    book.screenshot("04_stopped.png", ".gb-live")
    written = ["".join(out.get("text", "")) for cell in book.cells() for out in cell.get("outputs", [])]
    assert any(re.search(r"Stopped after epoch \d+. The network keeps", text) for text in written)
    assert book.errors() == [] and book.console_errors() == []
    assert all(cell["execution_count"] for cell in book.cells() if cell["cell_type"] == "code")
    book.close()


def test_before_it_plays_each_clip_shows_its_poster(copies: Lab, notebook: Callable[..., Notebook]):
    """Lesson 02 has eight of them; none of its cells is run."""
    book = notebook(f"{FOLDER.name}/02_convolution.ipynb", {"width": 1440, "height": 900})
    page, names = book.page, []
    for number, cell in enumerate(book.cells()):
        for name in re.findall(r"clips/(\w+)\.mp4", "".join(cell["source"])):
            page.evaluate("number => jupyterapp.shell.currentWidget.content.scrollToItem(number, 'start')", number)
            video = page.locator(f'video[src*="/{name}.mp4"]')
            video.scroll_into_view_if_needed()
            page.wait_for_function(LOADED, arg=video.element_handle(), timeout=20_000)
            book.screenshot(f"clip_{name}.png", f'video[src*="/{name}.mp4"]')
            shown = pixels_of(video.evaluate_handle(DRAWN))[..., :3].astype(float)
            with Image.open(CLIPS / f"{name}.jpg") as poster:
                wanted = np.asarray(poster.convert("RGB").resize((320, 180)), float)
            assert np.abs(shown - wanted).mean() < 5, name
            names.append(name)
    assert len(names) == 8
    book.close()


def test_errors_would_be_seen(lab: Lab, notebook: Callable[..., Notebook]):
    """What the tests above rely on: waiting for slow cells, and noticing both kinds of error."""
    script = "from IPython.display import Javascript\nJavascript('console.error(\"from a cell\")')"
    write_notebook(lab.folder / "faulty.ipynb", script, "import time; time.sleep(1)", "1 / 0", "'never reached'")
    book = notebook("faulty.ipynb")
    book.run_all()
    assert book.errors() == ["cell 2: ZeroDivisionError: division by zero"]
    assert book.cells()[3]["outputs"] == []
    assert book.console_errors() == ["from a cell"]
    book.close()


def slide_the_threshold(book: Notebook) -> None:
    """Lesson 00's slider, eight steps to the right; the picture below it changes."""
    number, = (n for n, cell in enumerate(book.cells()) if "FloatSlider(" in "".join(cell["source"]))

    def picture() -> str:
        return next(o["data"]["image/png"] for o in book.cells()[number]["outputs"] if "image/png" in o["data"])

    before = picture()
    handle = book.page.locator(".jupyter-widgets.widget-slider .noUi-handle").first
    handle.focus()
    for _ in range(8):
        handle.press("ArrowRight")
    deadline = time.monotonic() + 20
    while picture() == before and time.monotonic() < deadline:
        book.page.wait_for_timeout(100)
    assert picture() != before


def test_a_lesson_by_keyboard_alone(copies: Lab, notebook: Callable[..., Notebook]):
    """From the address bar: Tab to the lesson, Shift+Enter from cell to cell, a slider, and out again."""
    book = notebook(f"{FOLDER.name}/00_start_here.ipynb", fresh=True)
    page = book.page
    cells = len(book.cells())
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("!!document.activeElement.closest('.jp-Notebook')"):
            break
    assert page.evaluate("!!document.activeElement.closest('.jp-Notebook')"), "the lesson cannot be reached with Tab"
    page.keyboard.press("Escape")
    for _ in range(cells):
        page.keyboard.press("Shift+Enter")
    page.wait_for_function(IDLE, polling=50, timeout=LIMIT * 1000)
    code = [cell for cell in book.cells()[:cells] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    slide_the_threshold(book)
    assert book.errors() == book.console_errors() == []
    page.keyboard.press("Escape")
    for _ in range(200):
        page.keyboard.press("Tab")
        if not page.evaluate("!!document.activeElement.closest('.jp-Notebook')"):
            break
    assert not page.evaluate("!!document.activeElement.closest('.jp-Notebook')"), "the focus is trapped in the lesson"
    book.close()


@pytest.mark.parametrize(("text", "stack", "forgiven"), [
    ("Failed to execute 'removeChild' on 'Node': no child", "at lab/static/1.js:3", True),
    ("Failed to execute 'removeChild' on 'Node': no child", "at blob:http://127.0.0.1/x:3", False),
    ("x is not defined", "at lab/static/1.js:3", False)])
def test_only_jupyterlabs_own_race_is_forgiven(text: str, stack: str, forgiven: bool):
    class Error(Exception):
        pass

    error = Error(text)
    error.stack = stack
    assert _is_jupyterlabs_own(error) is forgiven
