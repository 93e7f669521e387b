"""The moving picture at the head of the README: a blob is painted into the playground, and training is played.

    python -m book.playground_film      # → book/playground/playground.webp

Needs Chromium and Playwright.
"""

import shutil
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from book.playground_site import write_playground
from unet_lib.core.atomic_io import atomic_file

OUT = Path(__file__).resolve().parent / "playground" / "playground.webp"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WINDOW = {"width": 1440, "height": 900}
WIDTH = 720  # pixels of the picture
STROKE, HOLD, STEP = 110, 1400, 450  # ms that a frame stays: while painting, between parts, at a step of training
DABS = 14


def frames(page: Page) -> Iterator[tuple[Image.Image, int]]:
    """Pictures of the page, each with the milliseconds that it stays."""
    box = page.locator(".gb-feat-paint").bounding_box()
    yield seen(page), HOLD
    page.mouse.move(box["x"] + 0.28 * box["width"], box["y"] + 0.55 * box["height"])
    page.mouse.down()
    for dab in range(DABS):
        page.mouse.move(box["x"] + (0.28 + 0.012 * dab) * box["width"], box["y"] + (0.55 + 0.008 * dab) * box["height"])
        yield seen(page), STROKE
    page.mouse.up()
    yield seen(page), HOLD
    slider = page.get_by_role("slider", name="Step of training")
    for step in range(int(slider.get_attribute("max")) + 1):
        slider.fill(str(step))
        yield seen(page), STEP
    yield seen(page), HOLD


def seen(page: Page) -> Image.Image:
    """The window after the network has answered."""
    page.wait_for_selector("main[data-drawn]", state="attached")
    page.wait_for_timeout(60)
    whole = Image.open(BytesIO(page.screenshot())).convert("RGB")
    return whole.resize((WIDTH, WIDTH * whole.height // whole.width), Image.Resampling.LANCZOS)


def main() -> None:
    """Take the pictures and keep them as one."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_playground(Path(folder))
        browser = playwright.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS))),
                                             args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport=WINDOW, reduced_motion="reduce")
        page.goto((Path(folder) / "index.html").as_uri() + "#step=4000&cut=")
        page.wait_for_selector("main[data-ready]", state="attached")
        page.get_by_role("button", name="skip 1").click()  # loads the weights
        page.get_by_role("button", name="skip 1").click()
        pictures, stays = zip(*frames(page), strict=True)
        browser.close()
    with atomic_file(OUT) as file:
        pictures[0].save(file, "WEBP", save_all=True, append_images=pictures[1:], duration=stays, loop=0, quality=60,
                         method=6)


if __name__ == "__main__":
    main()
