"""A site of one page, with the widgets that ask a network: what the book has of them, without the book."""

import shutil
from pathlib import Path
from typing import Any

import pydata_sphinx_theme
from repository import REPOSITORY

from book.live_widgets import packed, place_of, write_states, write_views
from book.page_states import MADE, page_state
from book.playground_site import WEIGHTS, write_networks
from unet_lib.inspection.checkpoint_series import load_series

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme/pydata_sphinx_theme/static/styles/pydata-sphinx-theme.css"
PAGE = """<!DOCTYPE html><html lang="en" data-theme="light"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Widgets</title>
<link rel="stylesheet" href="../_static/theme.css"><link rel="stylesheet" href="../_static/live/widgets.css">
<link rel="stylesheet" href="../_static/book.css"><script defer src="../_static/live/lessons.js"></script>
<script>
const dark = matchMedia("(prefers-color-scheme: dark)").matches;
document.documentElement.dataset.theme = dark ? "dark" : "light";
</script>
<main class="bd-content"><article class="bd-article" style="padding: 1rem">
<h1>A lesson</h1><h2>Widgets</h2>{widgets}</article></main></html>
"""


def write_page_site(folder: Path, states: dict[str, Any] | None = None) -> Path:
    """Write it, with widgets in these states; returns the page, in which each model is called like its widget."""
    live = folder / "_static" / "live"
    states = states or {widget: packed(page_state(widget)) for widget in MADE}
    write_views(live)
    write_states(live, "page", states)
    write_networks(folder / "playground" / "data", load_series(WEIGHTS))
    shutil.copyfile(THEME, folder / "_static" / "theme.css")
    shutil.copyfile(REPOSITORY / "book" / "book.css", folder / "_static" / "book.css")
    widgets = "".join(place_of(widget, "page", widget, "../_static/live") for widget in states)
    page = folder / "notebooks" / "page.html"
    page.parent.mkdir()
    page.write_text(PAGE.replace("{widgets}", widgets), "utf-8")
    return page
