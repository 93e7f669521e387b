"""The finished slides, as a speaker opens them: from the disk, without a network."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from repository import REPOSITORY

from animations.manifest import CLIPS, LANGUAGES
from teaching.talk.build import HERE, build
from teaching.talk.pdf import print_deck

HEADINGS = {language: len(re.findall(r"(?m)^# ", (HERE / f"talk.{language}.md").read_text("utf-8")))
            for language in LANGUAGES}
SLIDE = """() => {
    const slide = Reveal.getCurrentSlide(), video = slide.querySelector("video"), border = slide.getBoundingClientRect()
    const boxes = [...slide.children].map((part) => part.getBoundingClientRect())
    return { words: video.getAttribute("aria-label"), loops: video.loop, notes: Reveal.getSlideNotes(),
             spilt: boxes.some((box) => box.right > border.right + 1 || box.bottom > border.bottom + 1),
             lines: slide.querySelector("p").getClientRects().length } }"""
VIDEO = 'Reveal.getCurrentSlide().querySelector("video")'


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """The folder with both languages' slides."""
    out = tmp_path_factory.mktemp("talk")
    for language in LANGUAGES:
        build(language, out, [CLIPS])
    return out


@pytest.fixture
def deck(talk, chromium):
    """A factory of open decks; a request that leaves the folder, or fails, or an error of a script, is a fault."""
    contexts, faults = [], []

    def open_deck(language):
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 720}, offline=True))
        page = contexts[-1].new_page()
        page.on("request", lambda request: request.url.startswith(talk.as_uri()) or faults.append(request.url))
        page.on("console", lambda message: message.type == "error" and faults.append(message.text))
        page.goto((talk / language / "index.html").as_uri())
        page.wait_for_function("Reveal.isReady()")
        return page

    yield open_deck
    assert not faults
    for context in contexts:
        context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_slide_is_reached_and_its_clip_plays(deck, language):
    page = deck(language)
    assert page.evaluate("Reveal.getTotalSlides()") == HEADINGS[language]
    for number in range(HEADINGS[language]):
        assert page.evaluate("Reveal.getSlidePastCount()") == number
        page.wait_for_function(f"{VIDEO}.readyState >= 3 && !{VIDEO}.paused && {VIDEO}.currentTime > 0.1")
        slide = page.evaluate(SLIDE)
        assert slide["words"] and len(slide["notes"]) > 100, number
        assert not slide["loops"] and not slide["spilt"] and slide["lines"] == 1, number
        page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.isLastSlide()")


def test_a_clip_stops_and_goes_on_by_key_and_leaves_with_its_slide(deck):
    page = deck("en")
    page.wait_for_function(f"!{VIDEO}.paused")
    page.keyboard.press("k")
    assert page.evaluate(f"{VIDEO}.paused")
    page.keyboard.press("k")
    page.wait_for_function(f"!{VIDEO}.paused")
    page.keyboard.press("ArrowRight")
    page.wait_for_function('document.querySelector("video").paused')


def test_the_notes_open_and_follow(deck):
    page = deck("en")
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value
    shown = notes.locator(".speaker-controls-notes .value")
    shown.get_by_text("Welcome.").wait_for()
    page.keyboard.press("ArrowRight")
    shown.get_by_text("To a computer a slice is a table").wait_for()
    notes.keyboard.press("ArrowRight")  # works from here, too
    page.wait_for_function("Reveal.getSlidePastCount() === 2")
    notes.locator(".pacing").first.wait_for()


def test_one_page_a_slide_with_its_poster(talk, chromium):
    """In German, whose notes are longer and must fit a page as well."""
    slides, notes = print_deck(chromium, talk / "de" / "index.html")
    posters = list((talk / "de" / "clips").glob("*.jpg"))
    assert pages(slides) == HEADINGS["de"] and pages(notes) == 2 * HEADINGS["de"]
    assert slides.read_bytes().count(b"/Subtype /Image") >= len(posters) >= 12


def test_without_a_browser_there_are_slides_and_a_clear_error(tmp_path):
    done = subprocess.run([sys.executable, "-m", "teaching.talk.build", "--language", "de", "--clips", CLIPS, "--out",
                           tmp_path, "--browser", "no-such-program"], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert re.search("error: expected Chrome.*got no-such-program.*playwright install chromium.*--no-pdf", done.stderr)
    assert (tmp_path / "de" / "index.html").is_file()


def pages(pdf: Path) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf.read_bytes()))
