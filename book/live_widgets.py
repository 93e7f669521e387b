"""Widgets that live in the book: for each output a place in the page, its state, and the script and style of its view.

A saved lesson holds the state of all its widgets. It is shipped as it is, without the scripts in it, but for those
that `page_states` and `opened_widgets` make anew; `live/host.js` gives it to the same view that JupyterLab shows. Where
no script runs, the still picture stays.
"""

from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_output

from book.browser_slices import write_browser_patients
from book.delivery import classic_script, deliver
from book.opened_widgets import NOTES, OPENED
from book.page_states import MADE, NOTE, page_state, write_patients
from unet_lib.core.atomic_io import write_text
from unet_lib.lessons.html_export import WIDGET
from unet_lib.widgets.shared.base import script, stylesheet

HERE = Path(__file__).resolve().parent
WIDGETS = HERE.parent / "unet_lib" / "widgets"
STATES = "application/vnd.jupyter.widget-state+json"
LIVE = ("backpropagation", "conv_microscope", "embedding_map", "feature_explorer", "fool_the_network", "paint_tumour",
        "prediction", "quiz", "receptive_field", "shape_explorer", "skip_switchboard", "slice_browser",
        "threshold_explorer")
"""The widgets that need no Python to answer, or have their answers in `live/`."""
PAGE_VIEWS = {"live_training": "Here your browser trains a small network, with a training set of its own. Figures in "
                               "the text are those of the lesson's network."}
"""Widgets that have a view of their own in pages, and what is said beside it; `live/lessons.js` builds them."""
NOT_SHIPPED = ("_esm", "_css", "layout", "tabbable", "tooltip")


def make_live(notebook: NotebookNode, lesson: str, folder: str) -> dict[str, Any]:
    """Put a place behind each output that can live, in `notebook` itself; returns their states by model.

    `folder` is where the page finds what `write_views` and `deliver` wrote.
    """
    saved = notebook.metadata.get("widgets", {}).get(STATES, {}).get("state", {})
    states = {}
    for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
        outputs = []
        for output in cell.outputs:
            outputs.append(output)
            model = output.get("data", {}).get(WIDGET, {}).get("model_id")
            widget = widget_of(saved[model]) if model in saved else None
            if widget in LIVE:
                states[model] = packed(state_in_page(widget, saved[model]))
            if widget in (*LIVE, *PAGE_VIEWS):
                outputs.append(new_output("display_data", {"text/html": place_of(widget, lesson, model, folder),
                                                           "text/plain": ""}))
        cell.outputs = outputs
    return states


def state_in_page(widget: str, saved: dict[str, Any]) -> dict[str, Any]:
    """What a page shows of a saved model: the same, but for those that answer with what the site brings along."""
    if widget in MADE:
        return page_state(widget)
    return OPENED[widget](saved["state"]) if widget in OPENED else saved


def place_of(widget: str, lesson: str, model: str, folder: str) -> str:
    """Where a widget will live, as HTML; beside one that is not quite as in JupyterLab, a sentence says so."""
    words = NOTE if widget in MADE else (NOTES | PAGE_VIEWS).get(widget)
    note = f'<p class="gb-live-note">{words}</p>' if words else ""
    return f'<div class="gb-live" data-widget="{widget}" data-lesson="{lesson}" data-model="{model}" ' \
           f'data-folder="{folder}">{note}</div>'


def widget_of(saved: dict[str, Any]) -> str | None:
    """The folder of a saved model's widget; None for one that is not ours."""
    parts = saved["state"].get("_anywidget_id", "").split(".")
    return parts[2] if parts[:2] == ["unet_lib", "widgets"] else None


def packed(saved: dict[str, Any]) -> dict[str, Any]:
    """The traits of a saved model, and its bytes in base64 by name."""
    traits = {name: value for name, value in saved["state"].items()
              if name not in NOT_SHIPPED and not name.startswith("_")}
    return {"traits": traits, "buffers": {buffer["path"][0]: buffer["data"] for buffer in saved.get("buffers", ())}}


def write_views(folder: Path) -> None:
    """The script of each view, the styles of all, and the script that wakes them."""
    files = {widget: str(WIDGETS / widget / f"{widget}.py") for widget in LIVE}
    for widget, python in files.items():
        view = script(python).replace("export default", "return")
        write_text(folder / "views" / f"{widget}.js", f'glassBox.deliver("view-{widget}", (() => {{\n{view}}})());\n')
    write_text(folder / "widgets.css", stylesheet(*files.values(), str(HERE / "live" / "live_training_view.py")))
    write_text(folder / "lessons.js", classic_script(HERE / "live" / "lessons.js"))
    write_patients(folder / "patients")
    write_browser_patients(folder / "browser")


def write_states(folder: Path, lesson: str, states: dict[str, Any]) -> None:
    """The script with the states of a lesson's widgets."""
    deliver(folder / "states", f"lesson-{lesson}", states, file=lesson)
