"""The playground as its visitors have it: from a disk or a server, by mouse, finger and keyboard, in any state."""

import functools
import http.server
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from accessibility import barriers
from PIL import Image

from book.playground_site import WEIGHTS, palette, write_playground
from book.playground_slices import load_slices
from unet_lib.data.intensity import normalise
from unet_lib.inspection.activations import capture
from unet_lib.inspection.attribution import ablate_skips
from unet_lib.inspection.checkpoint_series import load_series

DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
SLICES, SERIES = load_slices(), load_series(WEIGHTS)
LAST = SERIES.steps[-1]
FIRST = ("index.html", "playground/playground.css", "playground/playground.js", "playground/data/worker.js",
         "playground/data/first.js")
BAD = ("error", "warning")
FLAIR = 1
NEAR = 2  # pixels whose probability may lie on the other side of the threshold for a last bit


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The playground, as it lies in the book."""
    folder = tmp_path_factory.mktemp("site")
    write_playground(folder)
    return folder


@dataclass
class Visit:
    """A page of the playground. `faults` holds what the browser complained of; `asked` every address it asked for."""

    page: object
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def ready(self) -> "Visit":
        self.page.wait_for_selector("main[data-ready]")
        return self

    def answered(self, act: Callable[[], object]) -> None:
        """Do something, and wait until the network has answered for it."""
        self.page.evaluate("delete document.querySelector('main').dataset.drawn")
        act()
        self.page.wait_for_selector("main[data-drawn]", timeout=60_000)

    def dab(self, across: float, down: float) -> None:
        """A touch of the brush at this fraction of the slice."""
        box = self.page.locator(".gb-feat-paint").bounding_box()
        at = box["x"] + across * box["width"], box["y"] + down * box["height"]
        self.answered(lambda: self.page.mouse.click(*at))

    @property
    def marked(self) -> int:
        """Pixels that the network marks, as the page says."""
        return int(self.page.locator(".pg-score b").first.text_content().split()[0])

    @property
    def flair(self) -> np.ndarray:
        """The slice as it is painted now."""
        return self.pixels(".gb-feat-paint canvas")[..., 0]

    def pixels(self, selector: str) -> np.ndarray:
        """Red, green and blue of a canvas's own pixels."""
        width, height, data = self.page.evaluate("""selector => {
            const shown = document.querySelector(selector);
            const { width, height } = shown;
            const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
            context.drawImage(shown, 0, 0);
            return [width, height, Array.from(context.getImageData(0, 0, width, height).data)]; }""",
                                                 selector)
        return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]

    def set(self, name: str, value: object) -> None:
        """Move a slider."""
        self.page.get_by_role("slider", name=name, exact=True).fill(str(value))


@pytest.fixture
def visit(site: Path, chromium: object) -> Iterator[Callable[..., Visit]]:
    """A factory of visits: visit(viewport=…); `url` for another copy of the site, `script` to run before the page's."""
    contexts = []

    def start(url: str | None = None, script: str = "", **settings: object) -> Visit:
        contexts.append(chromium.new_context(**{"viewport": DESKTOP, "reduced_motion": "reduce"} | settings))
        found = Visit(contexts[-1].new_page())
        found.page.add_init_script(script)
        found.page.on("request", lambda request: found.asked.append(request.url))
        found.page.on("console", lambda message: message.type in BAD and found.faults.append(message.text))
        found.page.on("pageerror", lambda error: found.faults.append(f"uncaught: {error}"))
        found.page.goto(url or (site / "index.html").as_uri())
        return found

    yield start
    for context in contexts:
        context.close()


def logits(planes: np.ndarray, statistics: np.ndarray, step: int = LAST, cut: tuple[int, ...] = ()) -> torch.Tensor:
    """What PyTorch says of the same slice."""
    with ablate_skips(SERIES.at(step), dict.fromkeys(cut, "zeroed")) as network, torch.no_grad():
        return network(normalise(torch.as_tensor(planes)[None], torch.as_tensor(statistics)))[0, 0]


def expected(visit: Visit, patient: int = 0, **how: object) -> int:
    """Pixels that PyTorch marks in the slice as it is painted on the page."""
    planes = SLICES[patient].planes.copy()
    planes[FLAIR] = visit.flair
    return int((torch.sigmoid(logits(planes, SLICES[patient].statistics, **how)) >= 0.5).sum())


# ---- what is seen at once ------------------------------------------------------------------------------------------


def test_the_first_picture_needs_no_weights_and_is_what_the_network_says(visit):
    page = visit().ready()
    assert not [url for url in page.asked if "step-" in url]
    assert abs(page.marked - expected(page)) <= NEAR
    dice = float(page.page.locator(".pg-score b").last.text_content())
    mask = torch.sigmoid(logits(SLICES[0].planes, SLICES[0].statistics)).numpy() >= 0.5
    reference = SLICES[0].mask > 0
    assert dice == pytest.approx(2 * (mask & reference).sum() / (mask.sum() + reference.sum()), abs=0.01)
    assert not page.faults


def test_it_fits_one_screen_and_no_request_leaves_the_machine(visit, site):
    page = visit().ready()
    page.dab(0.7, 0.6)
    size = page.page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]")
    assert size[0] <= DESKTOP["height"] and size[1] <= DESKTOP["width"]
    assert all(url.startswith(("file:", "data:", "blob:")) for url in page.asked)
    assert sum((site / name).stat().st_size for name in FIRST) <= 400_000
    weights = sorted((site / "playground/data").glob("step-*.js"))
    assert len(weights) == 10 and max(path.stat().st_size for path in weights) <= 1_000_000


def test_it_works_from_a_server_below_any_path(visit, site):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=site.parent)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = visit(f"http://127.0.0.1:{server.server_port}/{site.name}/index.html").ready()
        page.dab(0.7, 0.6)
        assert abs(page.marked - expected(page)) <= NEAR
        assert not page.faults
        server.shutdown()


# ---- the network answers -------------------------------------------------------------------------------------------


def test_strokes_steps_skips_and_threshold_give_what_torch_gives(visit):
    page = visit().ready()
    before = page.marked
    page.dab(0.7, 0.6)
    assert page.marked != before and abs(page.marked - expected(page)) <= NEAR
    for level in range(1, SERIES.config.depth + 1):
        page.answered(page.page.get_by_role("button", name=f"skip {level}").click)
    assert abs(page.marked - expected(page, cut=(1, 2, 3))) <= NEAR
    page.answered(lambda: page.page.get_by_role("button", name="skip 2").click())
    assert abs(page.marked - expected(page, cut=(1, 3))) <= NEAR
    page.answered(lambda: page.page.locator("label", has_text="before training").click())
    assert abs(page.marked - expected(page, cut=(1, 3), step=0)) <= NEAR
    page.set("Threshold", 0.99)
    assert page.page.locator(".pg-threshold output").text_content() == "0.99"
    assert not page.faults


def test_every_map_on_show_has_the_colours_of_its_values(visit):
    page = visit().ready()
    page.answered(lambda: page.page.get_by_role("button", name="skip 1").click())
    page.answered(lambda: page.page.get_by_role("button", name="skip 1").click())
    with capture(SERIES.networks[-1], ["encoder.2"]) as maps:
        logits(SLICES[0].planes, SLICES[0].statistics)
    values = maps["encoder.2"][0].numpy()
    high = np.quantile(values, 0.998)
    shown = page.pixels('[data-stage="encoder.2"] canvas')
    side, colours = values.shape[-1], palette().astype(int)
    for channel, value in enumerate(values):
        row, column = divmod(channel, 8)
        tile = shown[row * (side + 2):, column * (side + 2):][:side, :side].astype(int)
        wanted = colours[np.clip(np.rint(255 * value / high), 0, 255).astype(int)]
        assert np.abs(tile - wanted).max() <= 12  # the brightest value is found in bins


def test_ten_strokes_in_a_second_are_all_painted_and_the_last_is_answered(visit):
    page = visit().ready()
    box = page.page.locator(".gb-feat-paint").bounding_box()
    for turn in range(10):
        page.page.mouse.click(box["x"] + box["width"] * (0.55 + 0.02 * turn), box["y"] + box["height"] * 0.6)
    page.page.wait_for_selector("main[data-drawn]", timeout=60_000)
    assert abs(page.marked - expected(page)) <= NEAR


def test_keys_paint_and_undo(visit):
    page = visit().ready()
    page.page.locator(".gb-feat-paint").focus()
    untouched = page.flair
    page.answered(lambda: page.page.keyboard.press("Space"))
    assert (page.flair > untouched).any()
    page.answered(lambda: page.page.keyboard.press("z"))
    assert np.array_equal(page.flair, untouched)
    page.page.locator('[data-stage="encoder.1"] .pg-maps').focus()
    page.page.keyboard.press("ArrowRight")
    assert "encoder 1, map 2 of 8" in page.page.locator(".pg-lens p").text_content()


def test_a_view_can_be_sent_by_its_address(visit):
    page = visit().ready()
    page.dab(0.7, 0.6)
    page.answered(lambda: page.page.get_by_role("button", name="skip 2").click())
    page.page.wait_for_function("location.hash.includes('cut=2') && location.hash.includes('strokes=')")
    other = visit(page.page.url).ready()
    other.page.wait_for_selector("main[data-drawn]", timeout=60_000)
    assert np.array_equal(other.flair, page.flair)
    assert other.marked == page.marked
    assert not other.faults


# ---- tour and challenges -------------------------------------------------------------------------------------------


def test_the_tour_has_seven_steps_and_can_be_left(visit):
    page = visit().ready()
    tour = page.page.get_by_role("dialog", name="Guided tour")
    page.page.get_by_role("button", name="Tour").click()
    titles = []
    for step in range(7):
        assert tour.locator(".pg-count").text_content() == f"{step + 1} of 7"
        assert page.page.locator(".pg-pointed").count() == 1
        titles.append(tour.locator("h2").text_content())
        page.page.keyboard.press("Enter")
    assert len(set(titles)) == 7
    assert not tour.is_visible() and not page.page.locator(".pg-pointed").count()
    page.page.keyboard.press("Enter")
    page.page.keyboard.press("Escape")
    assert not tour.is_visible()
    assert page.page.evaluate("document.activeElement.id") == "tour"


def test_challenges_see_by_themselves_when_they_are_met(visit):
    page = visit().ready()
    page.page.get_by_role("button", name="Challenges").click()
    card = page.page.get_by_role("dialog", name="Challenges")
    assert "pg-done" not in card.get_attribute("class")
    for down in (0.5, 0.58, 0.66):
        page.dab(0.68, down)
    assert "pg-done" in card.get_attribute("class")
    card.get_by_role("button", name="Next challenge").click()
    assert "% found" in card.locator(".pg-state").text_content()
    card.get_by_role("button", name="Next challenge").click()
    costs = {}
    for level in (1, 2, 3):
        skip = page.page.locator("button.pg-skip", has_text=f"skip {level}")
        page.answered(skip.click)
        costs[level] = float(page.page.locator(".pg-score b").last.text_content())
        page.answered(skip.click)
    worst = min(costs, key=costs.get)
    card.get_by_role("button", name=f"skip {worst}").click()
    assert "pg-done" in card.get_attribute("class")


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
def test_damaged_weights_get_a_sentence_and_the_page_goes_on(visit, site, tmp_path, damage, said):
    copy = shutil.copytree(site, tmp_path / "copy")
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


def test_a_visitor_trains_a_network_and_takes_it_to_the_dark(visit, site):
    page = visit((site / "training.html").as_uri(), viewport=PHONE)
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
