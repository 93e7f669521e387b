"""The lessons show the clips: each where its entry says, by relative path, with its transcript."""

import html
import re

import nbformat
import pytest
from repository import REPOSITORY

from animations.manifest import clips
from unet_lib.lessons.html_export import lesson_page

NOTEBOOKS = REPOSITORY / "notebooks"
# No poster: JupyterLab does not find one by a relative path, and then shows nothing at all until the clip is played.
# Without one it shows the first picture of the clip, which is the poster.
SHOWN = re.compile(r'<video src="([^"]*)" width="640" controls preload="metadata" title="([^"]*)"></video>'
                   r"\s*<details><summary>Clip: ([^<]*[.?]) What it shows</summary>([^<]*)</details>")


def lesson(name):
    return nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)


def prose_of(name):
    return "\n\n".join(cell.source for cell in lesson(name).cells if cell.cell_type == "markdown")


def sentence(clip):
    """A clip's title with a full stop, unless it is a question."""
    return clip.title["en"] + "." * (not clip.title["en"].endswith("?"))


@pytest.mark.parametrize("clip", clips(), ids=lambda clip: clip.name)
def test_a_clip_is_shown_in_its_lesson(clip):
    found = {src: rest for src, *rest in SHOWN.findall(prose_of(clip.lesson))}
    title, name, transcript = found[f"../animations/clips/{clip.video.name}"]
    assert (NOTEBOOKS / f"../animations/clips/{clip.video.name}").is_file()
    assert html.unescape(name) == sentence(clip)
    assert html.unescape(title) == f"{sentence(clip)} {clip.statement['en']}"
    assert html.unescape(transcript) == clip.transcript["en"]


def test_no_lesson_shows_a_clip_twice_or_one_that_is_not_there():
    names = [src for path in NOTEBOOKS.glob("[0-9]*.ipynb") for src, *_ in SHOWN.findall(prose_of(path.stem))]
    assert sorted(names) == sorted(f"../animations/clips/{clip.video.name}" for clip in clips())


def test_on_paper_a_clip_is_its_poster():
    clip = clips()[0]
    page = lesson_page(lesson(clip.lesson), NOTEBOOKS)
    assert "<video" not in page and f'alt="{html.escape(sentence(clip))} ' in page
