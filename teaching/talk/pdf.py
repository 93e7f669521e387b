"""A deck as PDF, printed by Chrome or Chromium without a window."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

from unet_lib.core.atomic_io import atomic_file
from unet_lib.core.errors import SettingsError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ELSEWHERE: tuple[dict[str, Any], ...] = ({}, {"channel": "chrome"}, {"channel": "msedge"})
"""Playwright's own Chromium, and what Windows and macOS keep outside the search path."""
LAID_OUT = """document.querySelector(".pdf-page") &&
    [...document.querySelectorAll("img.poster")].every((image) => image.complete)"""
"""reveal.js puts all pages into the document at once."""


def print_pdfs(pages: Sequence[Path], program: str | None = None) -> list[Path]:
    """Print each deck twice, beside its folder, and return the files.

    Raises SettingsError where there is no browser.
    """
    with sync_playwright() as playwright:
        browser = open_browser(playwright, program)
        files = [file for page in pages for file in print_deck(browser, page)]
        browser.close()
    return files


def print_deck(browser: Browser, page: Path) -> tuple[Path, Path]:
    """Print `LANGUAGE/index.html` as talk-LANGUAGE.pdf, a page for each slide, and as talk-LANGUAGE-notes.pdf, where a
    page of notes follows each slide."""
    slides, notes = (page.parents[1] / f"talk-{page.parent.name}{ending}.pdf" for ending in ("", "-notes"))
    for target, query in ((slides, "?view=print"), (notes, "?view=print&showNotes=separate-page")):
        tab = browser.new_page()
        tab.goto(page.resolve().as_uri() + query)
        tab.wait_for_function(LAID_OUT)
        with atomic_file(target) as file:
            file.write(tab.pdf(prefer_css_page_size=True, print_background=True))
        tab.close()
    return slides, notes


def open_browser(playwright: Playwright, program: str | None = None) -> Browser:
    """The browser of this name, or else the first that is found. Raises SettingsError where there is none."""
    found = shutil.which(program) if program else next(filter(None, map(shutil.which, PROGRAMS)), None)
    choices = ({"executable_path": found},) if found else () if program else ELSEWHERE
    for choice in choices:
        try:
            return playwright.chromium.launch(**choice)
        except Error:
            continue
    raise SettingsError(f"expected Chrome, Chromium or Edge, to print the PDF; got {program or 'none'}. Install one "
                        f"(`playwright install chromium` does), or name a program with --browser. The slides in HTML "
                        f"are ready; --no-pdf makes them alone.")
