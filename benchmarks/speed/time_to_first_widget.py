"""How long until a new user moves the first slider? Clone, install, open lesson 00 in a browser, move the threshold.

    python benchmarks/speed/time_to_first_widget.py

Types what the README says, three commands, in a fresh folder; opens the address that JupyterLab prints; runs lesson 00
and moves its threshold until the image changes. The row goes to data/results/time_to_first_widget.json. Needs git,
make, Chromium and Playwright. Packages come from wherever pip is told to look, or from its cache: that time is counted.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

import torch
from playwright.sync_api import Page, sync_playwright

from unet_lib.core.paths import repository
from unet_lib.core.provenance import provenance
from unet_lib.evaluation.result_rows import add_row

COMMANDS = (f"git clone --quiet '{repository()}' glass-box", "cd glass-box", "make lab ARGS=--no-browser")
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\S*token=\S+")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT = 600  # seconds for everything


class Clock:
    """Prints what was reached and when, in seconds from the start, and remembers it."""

    def __init__(self) -> None:
        self.start, self.reached = time.perf_counter(), {}

    def tick(self, what: str) -> None:
        self.reached[what] = round(time.perf_counter() - self.start)
        print(f"{self.reached[what]:5d} s  {what}", flush=True)


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        shell = subprocess.Popen(["sh", "-c", " && ".join(COMMANDS)], cwd=folder, stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.STDOUT, start_new_session=True)
        try:
            address = lab_address(shell)
            clock.tick("JupyterLab is up")
            with sync_playwright() as playwright:
                path = next(filter(None, map(shutil.which, BROWSERS)))
                browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
                move_the_threshold(browser.new_page(), address, clock)
                browser.close()
        finally:
            os.killpg(shell.pid, signal.SIGTERM)
            shell.wait()
    row = {"commands": len(COMMANDS), "seconds": clock.reached, **provenance(torch.device("cpu"))}
    about = {"command": "python benchmarks/speed/time_to_first_widget.py", "limit_seconds": LIMIT}
    add_row(repository() / "data" / "results" / "time_to_first_widget.json", about, row, ("commands",))


def lab_address(shell: subprocess.Popen) -> str:
    """The address with its token, as soon as it is printed."""
    output = []
    for line in shell.stdout:
        output.append(line)
        if found := ADDRESS.search(line):
            threading.Thread(target=shell.stdout.read, daemon=True).start()  # a full pipe would block the server
            return found[0]
    raise SystemExit(f"JupyterLab did not come up:\n{''.join(output)[-3000:]}")


def move_the_threshold(page: Page, address: str, clock: Clock) -> None:
    """As a reader would, with the arrow keys."""
    page.set_default_timeout(LIMIT * 1000)
    page.goto(address)
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
    clock.tick("lesson 00 is open in the browser")
    page.locator(".jp-Notebook .jp-MarkdownCell").first.click()
    while not page.locator(".widget-slider").count():  # JupyterLab draws only the cells that are in sight
        page.keyboard.press("Shift+Enter")
        page.wait_for_timeout(300)
    cell = page.locator(".jp-CodeCell", has=page.locator(".widget-slider"))
    handle, picture = cell.locator(".noUi-handle").first, cell.locator(".jp-OutputArea img").first
    handle.wait_for()
    before = picture.get_attribute("src")
    clock.tick("its slider is there")
    for _ in range(8):
        handle.press("ArrowRight")
    while picture.get_attribute("src") == before:
        page.wait_for_timeout(50)
    clock.tick("the slider was moved and the picture has changed")


if __name__ == "__main__":
    main()
