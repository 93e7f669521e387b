"""The playground in all conditions: pictures of one's own, browsers and sites that lack something, a telephone."""

import functools
import re
import shutil
from io import BytesIO

import numpy as np
import pytest
import tifffile
from accessibility import barriers
from PIL import Image
from playground_visit import DESKTOP, FLAIR, LAST, NEAR, PHONE, SLICES, Visit, expected

# ---- a picture of one's own ----------------------------------------------------------------------------------------


def png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def choose(page: Visit, name: str, content: bytes) -> None:
    page.page.locator("input[type=file]").set_input_files({"name": name, "mimeType": "", "buffer": content})


def test_a_picture_of_ones_own_is_prepared_as_the_network_expects(visit):
    page = visit().ready()
    slices = np.repeat(np.repeat(SLICES[1].planes.transpose(1, 2, 0), 2, 0), 2, 1)
    for name, content in (("slice.png", png(slices)), ("slice.tif", tiff_bytes(slices))):
        page.answered(functools.partial(choose, page, name, content))
        assert np.array_equal(page.flair, SLICES[1].planes[FLAIR])
        assert "stays on this machine" in page.page.locator(".pg-status").text_content()
    assert page.page.locator(".pg-score b").last.text_content() == "–"  # nobody knows where its tumour is
    assert not page.faults


def tiff_bytes(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, photometric="rgb")
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "content", "said"), [
    ("notes.txt", b"hello", "notes.txt is not a PNG, JPEG or TIFF"),
    ("empty.png", b"", "empty.png is not a PNG"),
    ("cut.png", png(np.eye(64, dtype=np.uint8) * 255)[:60], "cut.png cannot be opened"),
    ("huge.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (20000).to_bytes(4) + (20000).to_bytes(4) + b"\x08\0\0\0\0",
     "huge.png has 20000 × 20000 pixels"),
    ("flat.png", png(np.full((40, 40), 7, np.uint8)), "same grey everywhere"),
])
def test_a_picture_that_is_none_gets_a_sentence_and_nothing_is_lost(visit, name, content, said):
    page = visit().ready()
    before = page.flair, page.marked
    choose(page, name, content)
    page.page.wait_for_selector(".pg-bad")
    assert said in page.page.locator(".pg-status").text_content()
    assert np.array_equal(page.flair, before[0]) and page.marked == before[1]
    page.dab(0.7, 0.6)
    assert abs(page.marked - expected(page)) <= NEAR


# ---- browsers and sites that lack something ------------------------------------------------------------------------


@pytest.mark.parametrize("script", [
    "delete globalThis.Worker",
    "globalThis.Worker = class { constructor() { throw new Error('not allowed'); } }",
    "globalThis.Worker = class { constructor() { setTimeout(() => this.onerror()); } postMessage() {} }",
    "delete globalThis.DecompressionStream",
])
def test_a_browser_without_it_still_answers(visit, script):
    page = visit(script=script).ready()
    page.dab(0.7, 0.6)
    assert abs(page.marked - expected(page)) <= NEAR


@pytest.mark.parametrize(("damage", "said"), [
    (lambda text: re.sub(r'"checksum":\d+', '"checksum":1', text), "checksum"),
    (lambda text: text[:5000], "does not hold what it should"),
    (lambda text: None, "cannot be loaded"),
])
def test_damaged_weights_get_a_sentence_and_the_page_goes_on(visit, playground, tmp_path, damage, said):
    copy = shutil.copytree(playground, tmp_path / "copy")
    weights = copy / "playground" / "data" / f"step-{LAST:04}.js"
    damaged = damage(weights.read_text())
    weights.unlink() if damaged is None else weights.write_text(damaged)
    page = visit((copy / "index.html").as_uri()).ready()
    page.page.locator(".gb-feat-paint").click()
    page.page.wait_for_selector(".pg-bad")
    assert said in page.page.locator(".pg-status").text_content()
    page.answered(lambda: page.page.locator("label", has_text="before training").click())
    assert abs(page.marked - expected(page, step=0)) <= NEAR


# ---- a telephone, the dark, a screen reader --------------------------------------------------------------------------


def test_a_finger_paints_on_a_telephone(visit):
    page = visit(viewport=PHONE, has_touch=True, is_mobile=True, device_scale_factor=2).ready()
    box = page.page.locator(".gb-feat-paint").bounding_box()
    assert box["width"] >= 300
    before = page.marked
    page.answered(lambda: page.page.touchscreen.tap(box["x"] + 0.7 * box["width"], box["y"] + 0.6 * box["height"]))
    assert page.marked != before and abs(page.marked - expected(page)) <= NEAR
    assert page.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert not page.faults


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "telephone"])
def test_nothing_stands_in_anybodys_way(visit, scheme, viewport):
    page = visit(viewport=viewport, color_scheme=scheme).ready()
    page.page.get_by_role("button", name="Tour").click()
    assert barriers(page.page) == []


def test_what_changed_is_spoken(visit):
    page = visit().ready()
    page.dab(0.7, 0.6)
    page.page.wait_for_function("/marks \\d+ pixels, Dice/.test(document.querySelector('[aria-live]').textContent)")
    assert str(page.marked) in page.page.locator("[aria-live=polite]").text_content()


# ---- the training ----------------------------------------------------------------------------------------------------


def test_a_visitor_trains_a_network_and_takes_it_to_the_dark(visit, playground):
    page = visit((playground / "training.html").as_uri(), viewport=PHONE)
    assert not [url for url in page.asked if "training-" in url]
    page.page.get_by_role("button", name="Train").click()
    page.page.wait_for_function("Number(/step (\\d+)/.exec(document.body.textContent)?.[1]) >= 4", timeout=60_000)
    page.page.get_by_role("button", name="Pause").click()
    light = page.page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.page.get_by_role("button", name="Theme").click()
    assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    assert barriers(page.page) == []
    assert page.page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.page.get_by_role("link", name="Playground").click()
    page.page.wait_for_selector("main[data-ready]")
    assert page.page.evaluate("getComputedStyle(document.body).backgroundColor") != light  # as chosen on the other page
    assert not page.faults
