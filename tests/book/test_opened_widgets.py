"""Widgets that a page opens with its own slices: JavaScript answers what Python would, on random ways through them."""

import base64
import json
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from page_site import write_page_site
from repository import REPOSITORY

from book.browser_slices import SLICES, load_browser_cache, load_pictures
from book.live_widgets import STATES, packed, widget_of
from book.opened_widgets import OPENED, fool_the_network, shape_explorer, slice_browser
from unet_lib.data.slice_files import SIDE
from unet_lib.widgets.shape_explorer.shape_explorer import BASES

JS = Path(__file__).parent / "js"
LESSON = {"patient": "TCGA_PH_D012_19910921", "slice": 18, "patients": [{"missing": []}], "view": "all",
          "outline": True, "tint": False, "window": (0, 120)}
TOLD = ("patient", "slice", "strip", "pixel", "shown", "pixels")
FLIPPED = 2  # pixels whose probability may lie on the other side of the threshold for a last bit
NEAR = 1e-9  # Python adds floats more exactly


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with these widgets, and what it needs."""
    folder = tmp_path_factory.mktemp("site")
    write_page_site(folder, {widget: packed(state(LESSON)) for widget, state in OPENED.items()})
    return folder


@pytest.fixture
def page_says(node: str, site: Path) -> Callable[..., list[dict]]:
    """What the page answers to moves; see js/opened_widgets.mjs."""
    def ask(widget: str, moves: list[dict]) -> list[dict]:
        images = load_browser_cache().images
        levels = [np.ascontiguousarray(image.transpose(2, 0, 1)).tobytes() for image in images]
        pictures = {text(picture): text(planes) for picture, planes in zip(load_pictures(), levels, strict=True)}
        done = subprocess.run([node, JS / "opened_widgets.mjs", site, widget, site / "_static/live/states/page.js"],
                              input=json.dumps({"moves": moves, "pictures": pictures}), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answers = json.loads(done.stdout)
        assert len(answers) == len(moves), "the page did not answer each move"
        return answers

    return ask


def text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


# ---- the slice browser -----------------------------------------------------------------------------------------------


def test_a_page_opens_the_browser_where_the_lesson_did():
    saved = [one["state"] for path in sorted((REPOSITORY / "notebooks").glob("0*.ipynb"))
             for one in nbformat.read(path, 4).metadata.get("widgets", {}).get(STATES, {}).get("state", {}).values()
             if widget_of(one) == "slice_browser"]
    assert saved
    for lesson in saved:
        browser = slice_browser(lesson)
        assert (browser.patient, browser.slice) == (lesson["patient"], lesson["slice"]), "add it to SLICES"


@pytest.mark.parametrize("missing", [[], ["post-contrast"]])
def test_the_browser_opens_as_the_lesson_left_it_and_is_as_silent(missing):
    browser = slice_browser({**LESSON, "slice": 20, "patients": [{"missing": missing}]})
    assert (browser.patient, browser.slice, browser.tint, browser.window) == (LESSON["patient"], 21, False, (0, 120))
    told = [patient["missing"] for patient in browser.patients if patient["missing"]]
    assert told == ([["pre-contrast", "post-contrast"]] if missing else [])


def test_the_slice_browser_answers_what_python_answers(page_says):
    browser, generator = slice_browser(LESSON), np.random.default_rng(0)
    moves, expected = [], []
    for kind in ("patient", "slice", "patient", "slice", "slice", "patient", "patient", "slice"):
        there = SLICES if kind == "patient" else SLICES[browser.patient]
        others = [one for one in there if one != getattr(browser, kind)]
        moves.append({"set": {kind: others[generator.integers(len(others))]}})
        setattr(browser, kind, moves[-1]["set"][kind])
        expected.append({name: getattr(browser, name) for name in TOLD})
    assert {move["set"]["patient"] for move in moves if "patient" in move["set"]} >= {*SLICES} - {LESSON["patient"]}
    for found, wanted in zip(page_says("slice_browser", moves), expected, strict=True):
        pixels = [zlib.decompress(data) for data in (base64.b64decode(found.pop("pixels")), wanted.pop("pixels"))]
        assert found == json.loads(json.dumps(wanted))
        assert pixels[0] == pixels[1]


# ---- the shape explorer ----------------------------------------------------------------------------------------------


def test_the_shape_explorer_answers_what_python_answers(page_says):
    explorer, generator = shape_explorer(), np.random.default_rng(0)
    own = explorer.settings
    moves, expected = [], []
    for at in range(16):
        settings = own if at % 4 == 3 else {
            name: generator.choice(choices).item() for name, choices in CHOICES.items()}
        stage = {"stage": generator.choice([stage.name for stage in explorer.plan]).item()}
        moves += [{"set": settings}, {"set": stage}]
        for move in moves[-2:]:
            with explorer.hold_trait_notifications():
                for name, value in move["set"].items():
                    setattr(explorer, name, value)
            expected.append({"answer": explorer.answer, "stage": explorer.stage, "feature": explorer.feature,
                             "feature_png": text(explorer.feature_png)})
    for found, wanted in zip(page_says("shape_explorer", moves), expected, strict=True):
        assert different(found, json.loads(json.dumps(wanted))) == []
    assert sum(bool(one["feature_png"]) for one in expected) > 4 and any(one["answer"]["problem"] for one in expected)


CHOICES = {"depth": range(1, 6), "base": BASES, "size": range(32, 513, 4), "in_channels": range(1, 5),
           "batch_norm": (False, True), "batch": range(1, 33)}


def different(found: Any, expected: Any, name: str = "answer") -> list[str]:
    """What is not the same; floats may differ by NEAR."""
    if isinstance(expected, dict | list):
        keys = list(expected) if isinstance(expected, dict) else range(len(expected))
        if len(found) != len(keys):
            return [f"{name}: {len(found)} instead of {len(keys)}"]
        return [one for key in keys for one in different(found[key], expected[key], f"{name}.{key}")]
    same = abs(found - expected) <= NEAR if isinstance(expected, float) else found == expected
    return [] if same else [f"{name}: {found} instead of {expected}"]


# ---- fool the network ------------------------------------------------------------------------------------------------


def test_who_paints_is_answered_as_by_python(page_says):
    fool, generator = fool_the_network(), np.random.default_rng(0)
    assert fool.side == SIDE  # the page takes what is painted for the whole slice
    strokes = [fool.example_stroke()]
    for _ in range(2):
        strokes.append(strokes[-1].copy())
        row, column = generator.integers(60, 180, 2)
        strokes[-1][row:row + 33, column:column + 21] = generator.integers(256)
    strokes.append(strokes[0] * 0 + fool.flair)
    moves = [{"paint": text(np.ascontiguousarray(stroke).tobytes())} for stroke in strokes]
    for at, (found, stroke) in enumerate(zip(page_says("fool_the_network", moves), strokes, strict=True)):
        fool.flair = stroke
        assert found["answered"] == fool.answered == at + 1
        ours, theirs = (np.unpackbits(np.frombuffer(bits, np.uint8)) for bits in
                        (base64.b64decode(found["found_bits"]), fool.found_bits))
        assert np.count_nonzero(ours != theirs) <= FLIPPED
        assert found["now"] == np.count_nonzero(ours)


def test_the_example_stroke_fools_the_network_of_the_page():
    fool = fool_the_network()
    unpainted = fool.mask
    fool.flair = fool.example_stroke()
    more = np.count_nonzero(fool.mask & ~unpainted)
    assert more > 200 and fool.now > fool.before
