"""The book: every lesson whole, opened from a disk, without a network, by keyboard, in the dark and on a telephone."""

import hashlib
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from base64 import b64decode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag

import nbformat
import pytest
from accessibility import barriers
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from lesson_reader import folds, formulas
from repository import REPOSITORY

from animations.manifest import clips
from book.build import MADE, build, resolve_links
from book.conf import finish_outputs
from unet_lib.core.errors import SettingsError
from unet_lib.lessons.glossary import look_up, read_glossary

LESSONS = sorted((REPOSITORY / "notebooks").glob("[0-9][0-9]_*.ipynb"))
TITLES = {path.stem: nbformat.read(path, 4).cells[0].source.partition("\n")[0].lstrip("# ") for path in LESSONS}
TEACHING = [f"teaching/{name}" for name in ("README", "schedules", "editions", "project_ideas", "assessment",
                                            *(f"notes/{name}" for name in TITLES))]
ORDER = ["lessons", *(f"notebooks/{name}" for name in TITLES), "animations", "glossary", *TEACHING]
PAGES = [*ORDER, "search"]
OTHERS = ["The animations", "The glossary", "For teachers"]
ALIKE = {*TEACHING} - {"teaching/README", "teaching/assessment", "teaching/notes/02_convolution"}  # text and tables
LEFT = "net::ERR_ABORTED"  # a reader went on before all of the page was there
NARROW, WIDE = {"width": 480, "height": 900}, {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book, built once by the command that `make book` calls."""
    out = tmp_path_factory.mktemp("book")
    done = subprocess.run([sys.executable, "-m", "book.build", out], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "html"


@dataclass
class Reader:
    """A browser's page on the book. `faults` holds what it complained of and whatever it asked the network for."""

    page: object
    site: Path
    faults: list[str]

    def open(self, name: str) -> object:
        """Go to a page; Playwright's own object is returned."""
        self.page.goto((self.site / f"{name}.html").as_uri())
        return self.page


@pytest.fixture
def reader(site: Path, chromium: object) -> Iterator[Callable[..., Reader]]:
    """A factory of readers; it takes what Playwright's `new_context` takes."""
    contexts = []

    def start(**settings: object) -> Reader:
        contexts.append(chromium.new_context(**{"viewport": WIDE, "reduced_motion": "reduce"} | settings))
        faults = []
        page = contexts[-1].new_page()
        page.route(re.compile("^(?!file:|data:)"), lambda route: (faults.append(route.request.url), route.abort()))
        page.on("console", lambda message: message.type in ("error", "warning") and faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(f"uncaught: {error}"))
        page.on("requestfailed", lambda request: request.failure != LEFT and faults.append(f"not found: {request.url}"))
        return Reader(page, site, faults)

    yield start
    for context in contexts:
        context.close()


def soup(path):
    return _soup(path.read_text("utf-8"))


@cache
def _soup(text):
    return BeautifulSoup(text, "html.parser")


def outputs(path, mime):
    cells = nbformat.read(path, 4).cells
    return [output["data"] for cell in cells for output in cell.get("outputs", []) if mime in output.get("data", {})]


def test_every_page_is_there_and_named_once(site):
    found = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")
             if "_static" not in path.parts}
    assert found == {*PAGES, "index", "training"}  # the playground, and its training
    for name in PAGES:
        page = soup(site / f"{name}.html")
        heading, = page.find_all("h1")
        assert page.title.text.count("Glass-Box U-Net") == 1
        assert page.html["lang"] == "en"
        text = heading.get_text().removesuffix("#")
        assert name in TEACHING or text == TITLES.get(Path(name).stem, text)
        assert not page.select(".bd-breadcrumbs")


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_has_all_that_its_notebook_has(site, path):
    notebook, page = nbformat.read(path, 4), soup(site / "notebooks" / f"{path.stem}.html").article
    drawn = page.find_all("math")
    assert len(drawn) == len(formulas(notebook))
    for formula in drawn:
        assert "&" not in formula.get_text() and not formula.find("merror")
        ElementTree.fromstring(str(formula))
    assert len(page.find_all("details")) == folds(notebook)
    assert len(page.select(".cell_input")) == sum(cell.cell_type == "code" for cell in notebook.cells)
    clips_shown = page.find_all("video")
    assert len(clips_shown) == sum(cell.source.count("<video ") for cell in notebook.cells)
    assert all(clip["poster"].removesuffix(".jpg") == clip["src"].removesuffix(".mp4") for clip in clips_shown)
    said = [data["text/html"] for data in outputs(path, "text/html") if "Not attempted yet" not in data["text/html"]]
    for text in said:  # what open exercises say is tested below
        assert " ".join(_soup(text).get_text().split()) in " ".join(page.get_text().split())
    printed = [output.text for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output]
    assert [line for text in printed for line in text.split("\n") if line not in page.get_text()] == []
    assert not re.search("widget-view|model_id", page.decode())
    assert not [said for said in page.select(".cell_output") if "Slider(value=" in said.get_text()]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_every_picture_is_there_with_its_alternative_text(site, path):
    shown = [(hashlib.sha256((site / "notebooks" / picture["src"]).read_bytes()).digest(), picture["alt"])
             for picture in soup(site / "notebooks" / f"{path.stem}.html").article.find_all("img")
             if "/clips/" not in picture["src"]]
    kept = [(hashlib.sha256(b64decode(data["image/png"])).digest(), " ".join(data["text/plain"].split()))
            for data in outputs(path, "image/png")]
    assert [(digest, " ".join(alt.split())) for digest, alt in shown] == kept
    assert len(kept) >= 4


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(site, name):
    here = site / f"{name}.html"
    links = [tag[key] for tag in soup(here).find_all(True) for key in ("href", "src", "poster") if tag.has_attr(key)]
    assert links
    for link in links:
        if link.startswith(("https://", "data:")):
            continue
        target, heading = urldefrag(link)
        path = (here.parent / unquote(target.partition("?")[0])).resolve() if target else here
        assert path.is_file(), link
        assert path.is_relative_to(site.resolve()), link
        assert not heading or soup(path).find(id=unquote(heading)), link
    loaded = [tag for tag in soup(here).find_all(["script", "img", "video", "link", "iframe"])]
    assert not [tag for tag in loaded if (tag.get("src") or tag.get("href") or "").startswith(("http", "//"))]


@pytest.mark.parametrize(("window", "colours"), [(WIDE, "light"), (NARROW, "dark")], ids=["wide light", "narrow dark"])
@pytest.mark.parametrize("name", [name for name in PAGES if name not in ALIKE])
def test_a_page_keeps_nobody_out(reader, name, window, colours):
    someone = reader(viewport=window, color_scheme=colours)
    page = someone.open(name)
    page.wait_for_function("colours => document.documentElement.dataset.theme === colours", arg=colours)
    assert barriers(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    too_far = page.evaluate("""[...document.querySelectorAll("article img, article video, article details")].filter(
        (node) => node.getBoundingClientRect().right > innerWidth).map((node) => node.outerHTML.slice(0, 200))""")
    assert too_far == []
    broken = page.evaluate("[...document.images].filter(picture => !picture.naturalWidth).map(picture => picture.src)")
    assert broken == []
    assert page.evaluate("[...document.querySelectorAll('math')].every(m => m.getBoundingClientRect().width > 1)")
    assert someone.faults == []


def test_what_keeps_readers_out_is_noticed(chromium):
    page = chromium.new_page()
    good = ("<!DOCTYPE html><html lang='en'><title>A</title><main><h1>A</h1><p style='color: {}'>Words.</p>"
            "<details><summary>More</summary><img src='data:image/png;base64,' {}></details></main>")
    page.set_content(good.format("#222", "alt='A disc.'"))
    assert barriers(page) == []
    page.set_content(good.format("#ccc", ""))
    assert [found.partition(":")[0] for found in barriers(page)] == ["color-contrast", "image-alt"]
    code = "<!DOCTYPE html><html lang='en'><title>A</title><main><h1>A</h1><pre>{}</pre></main>"
    word = "<span style='color: {}'>word</span> "
    page.set_content(code.format(3 * word.format("#222") + 2 * word.format("#ccc")))
    (found,) = barriers(page)
    assert found.startswith("color-contrast: <span") and "#ccc" in found
    page.set_content(code.format(word.format("#222") + f"<b style='background: #333'>{word.format('#222')}</b>"))
    (found,) = barriers(page)  # the same word, on a ground of another colour
    assert found.startswith("color-contrast: <span") and "#222" in found
    page.close()


def test_help_stays_folded_until_it_is_asked_for(reader):
    page = reader().open("notebooks/02_convolution")
    solution = page.locator("article details", has_text="Solution").first
    code = solution.locator("pre")
    assert not code.is_visible()
    solution.locator("summary").click()
    assert code.is_visible()
    assert code.inner_text().strip() == "answer = (2, 3, (6 + 2 * 8 + 9) - (1 + 2 * 4 + 6))"


def test_formulas_within_folds_are_drawn():
    page = new_document("a lesson")
    page += nodes.raw("", "<details><summary>Formula</summary>$a < b$ and $c$</details>", format="html")
    finish_outputs(None, page)
    assert re.sub("<math.*?</math>", "M", page.astext()) == "<details><summary>Formula</summary>M and M</details>"


@pytest.mark.parametrize(("word", "pages"), [
    ("Toeplitz", {"notebooks/07_the_full_mathematics", "glossary"}),
    ("Merkmalskarte", {"notebooks/07_the_full_mathematics", "animations", "glossary"}),
    ("hippopotamus", set())])
def test_search_finds_the_pages_with_a_word(reader, site, word, pages):
    someone = reader()
    page = someone.open("lessons")
    page.keyboard.press("Control+k")
    page.keyboard.type(word)
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.search-summary, #search-results p')?.textContent.match("
                           "/found|did not match/)")
    links = page.locator("#search-results li a").evaluate_all("links => links.map(link => link.href)")
    found = {Path(unquote(urldefrag(link)[0].removeprefix("file://"))).relative_to(site) for link in links}
    assert {path.with_suffix("").as_posix() for path in found} == pages
    assert someone.faults == []


def test_a_clip_plays(reader):
    someone = reader()
    page = someone.open("notebooks/02_convolution")
    if not page.evaluate("document.createElement('video').canPlayType('video/mp4; codecs=\"avc1.42E01E\"')"):
        pytest.skip("this Chromium was built without the codec of the clips (H.264)")
    clip = page.locator("video").first
    clip.evaluate("clip => { clip.muted = true; return clip.play(); }")
    page.wait_for_function("document.querySelector('video').currentTime > 0.2")
    assert clip.evaluate("clip => [clip.readyState >= 2, clip.videoWidth, clip.videoHeight]") == [True, 1280, 720]
    assert someone.faults == []


def test_next_leads_through_the_book_and_previous_back(reader, site):
    for side, way in (("right-next", ORDER), ("left-prev", ORDER[::-1])):
        for name, other in pairwise(way):
            link, = soup(site / f"{name}.html").select(f"a.{side}")
            assert (site / name).parent.joinpath(link["href"]).resolve() == (site / f"{other}.html").resolve()
        assert not soup(site / f"{way[-1]}.html").select(f"a.{side}")
    someone = reader()
    page = someone.open(ORDER[1])
    for side, name in (("right-next", ORDER[2]), ("left-prev", ORDER[1])):
        page.locator(f"a.{side}").click()
        page.wait_for_url((site / f"{name}.html").as_uri())
    assert someone.faults == []


def test_the_contents_stand_on_every_page(site):
    for name in ORDER[1:]:
        listed = soup(site / f"{name}.html").select("nav[aria-label=Contents] a")
        assert [link.get_text() for link in listed] == [*TITLES.values(), *OTHERS]
        current, = (link for link in listed if "current" in link.parent["class"])
        above = os.path.relpath(f"{TEACHING[0]}.html", Path(name).parent)
        assert current["href"] == (above if name in TEACHING[1:] else "#")
        assert soup(site / f"{name}.html").select("#pst-page-toc-nav, .page-toc") or name == "glossary"


def test_the_theme_is_switched_and_kept(reader):
    page = reader(color_scheme="light").open("lessons")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator(".theme-switch-button").locator("visible=true").click()
    page.locator("button[data-mode=dark]").locator("visible=true").click()
    assert page.evaluate(ground) != light
    dark = page.evaluate(ground)
    page.locator("a.right-next").click()
    page.wait_for_url("**/00_start_here.html")
    assert page.evaluate(ground) == dark


def test_the_home_page_lists_the_lessons_as_the_readme_does(site):
    readme = (REPOSITORY / "README.md").read_text()
    page = soup(site / "lessons.html").article
    rows = [[cell.get_text().strip() for cell in row.find_all("td")] for row in page.table.select("tbody tr")]
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", readme)
    told = [line.strip("| ").split(" | ") for line in plain.splitlines() if re.match(r"\| 0\d", line)]
    assert [[words.replace("’", "'") for words in row] for row in rows] == told
    for command in ("make lab", "conda env create"):
        assert command in page.get_text()


def test_an_open_exercise_says_where_it_can_be_done(site):
    for path in LESSONS:
        text = soup(site / "notebooks" / f"{path.stem}.html").article.get_text()
        assert "where the three dots are" not in text and "Not attempted yet" not in text
        opened = sum("Not attempted yet" in data["text/html"] for data in outputs(path, "text/html"))
        assert text.count("Run this in JupyterLab, where your answer is checked") == opened


def test_all_clips_in_a_row_with_their_words(site):
    page = soup(site / "animations.html").article
    assert [video["src"] for video in page.find_all("video")] == [f"animations/clips/{c.video.name}" for c in clips()]
    words = re.sub(r"[“”‘’\"']", "", " ".join(page.get_text().split()))
    for clip in clips():
        for text in (*clip.title.values(), *clip.statement.values(), *clip.transcript.values()):
            assert re.sub(r"[“”‘’\"']", "", text) in words
    lessons = [link["href"] for link in page.find_all("a") if link["href"].startswith("notebooks/")]
    assert lessons == [f"notebooks/{clip.lesson}.html" for clip in clips()]


def test_the_glossary_explains_every_term(site):
    page = soup(site / "glossary.html").article
    terms = read_glossary()
    listed = [term.get_text().strip("#\n ").replace("’", "'") for term in page.find_all("dt")]
    assert listed == [term.term for term in terms]
    for term, meaning in zip(terms, page.find_all("dd"), strict=True):
        plain = meaning.get_text().replace("’", "'").replace("…", "...")
        assert plain.strip() == f"{term.german}: {term.meaning} (lesson {term.lesson})".replace("’", "'")
        assert meaning.find(lang="de").get_text() == term.german
        assert meaning.a["href"].startswith(f"notebooks/{term.lesson}_")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_a_tap_on_a_bold_term_shows_what_it_means(reader, colours):
    someone = reader(viewport={"width": 390, "height": 800}, has_touch=True, color_scheme=colours)
    page = someone.open("notebooks/02_convolution")
    term, card = page.locator("[data-gb-term=kernel]").first, page.locator(".gb-glossary")
    assert page.locator("[data-gb-term]").count() >= 20 and card.is_hidden()
    term.tap()
    assert look_up("kernel", read_glossary()).meaning in card.inner_text()
    box = card.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert barriers(page, "article p:has(> [data-gb-term=kernel]), .gb-glossary") == []
    page.keyboard.press("Escape")
    assert card.is_hidden()
    term.tap()
    page.locator("h1").tap()
    assert card.is_hidden()
    assert someone.faults == []


def test_links_to_files_are_followed(tmp_path):
    lesson, figures = "[lesson](02_convolution.ipynb)", "[figures](../data/results/sim_to_real.json)"
    text = f"{lesson}, {figures}, [words](../data/README.md), [all](../data/results), [here](#What-next), [a](https://b#C)"
    assert resolve_links(text, REPOSITORY / "notebooks", tmp_path) == \
        f"{lesson}, {figures}, words, all, [here](#what-next), [a](https://b#C)"
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["sim_to_real.json"]


def test_only_a_book_is_overwritten(site, tmp_path):
    assert {path.name for path in site.parent.iterdir()} == set(MADE)
    mine = tmp_path / "mine.txt"
    mine.write_text("Do not lose me.")
    with pytest.raises(SettingsError, match="expected a new folder"):
        build(tmp_path)
    assert mine.read_text() == "Do not lose me."
