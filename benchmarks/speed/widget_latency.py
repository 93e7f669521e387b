"""How long from the hand to the picture? The feature explorer and the skip switchboard, in JupyterLab and Chromium.

    python benchmarks/speed/widget_latency.py [--data data/phantom] [--moves 40]

Each move is an event in the browser: a stroke of the brush moves on, the slider of the slice or of the training steps
moves, a stage or a channel is chosen, a skip is switched. Timed is from there to the first frame after the new picture
has been drawn, by the browser's own clock; kernel, server, network and painting are all in it. A move follows 60 ms
after the picture of the one before. "New" moves need a forward pass, the others are answered from memory. Kernels use
one thread. Rows, one a widget, network and kind of move, go to data/results/widget_latency.json, with the machine's
load and the niceness of the run: figures of a busy machine say little, unless others had to give way (`nice -n -15`).
Needs Chromium and Playwright.
"""

import argparse
import os
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import numpy as np
import torch
from playwright.sync_api import Page, sync_playwright

from unet_lib.core.paths import repository
from unet_lib.core.provenance import provenance
from unet_lib.evaluation.result_rows import add_row

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LIMIT = 120_000  # ms for anything
WINDOW = {"width": 1440, "height": 900}
NETWORKS = {"lgg-steps": "data/models/lgg-steps", "lgg-best": "data/models/lgg-best.safetensors"}
SHOW = """
import torch
torch.set_num_threads(1)
from unet_lib.data.cache import open_cache
from unet_lib.inference.predictor import Predictor
from unet_lib.inspection.checkpoint_series import load_series
from unet_lib.widgets.feature_explorer import FeatureExplorer
from unet_lib.widgets.skip_switchboard import SkipSwitchboard
series, cache = load_series({weights!r}), open_cache({data!r})
{widget}
"""
EXPLORER = (".gb-feat", "FeatureExplorer(series, cache)",
            {"brush": 0, "slice": 0, "step, new": 1, "step": 1, "stage": 0, "channel": 0})
SWITCHBOARD = (".gb-skips", "SkipSwitchboard(Predictor(series.at(series.steps[-1]), {}, series.size), cache)",
               {"skip, new": 0, "skip": 0})
"""Selector, constructor, and kinds of moves; 1 for those that need several steps of training."""

TIMES = """async ([kind, count]) => {
    const root = document.querySelector(".gb-feat, .gb-skips"), times = [];
    const find = (selector) => root.querySelector(selector), all = (selector) => [...root.querySelectorAll(selector)];
    const turn = (slider, by) => {
        slider.value = (Number(slider.value) + by) % (Number(slider.max) + 1);
        slider.dispatchEvent(new Event("input", { bubbles: true }));
    };
    const paper = find(".gb-feat-paint"), area = paper?.getBoundingClientRect();
    if (paper) paper.setPointerCapture = () => {};
    const pen = (name, x, y) => paper.dispatchEvent(new PointerEvent(name, { bubbles: true, button: 0, buttons: 1,
        pointerId: 1, clientX: area.left + x * area.width, clientY: area.top + y * area.height }));
    const next = (nodes, at) => nodes[at % nodes.length].click();
    const move = { brush: (at) => pen("pointermove", 0.25 + (0.5 * at) / count, 0.3 + 0.4 * ((at % 7) / 7)),
        slice: () => turn(find("[aria-label=Slice]"), 1), step: () => turn(find("[aria-label='Step of training']"), 1),
        stage: (at) => next(all(".gb-feat-u:last-child .gb-feat-box[aria-pressed=false]"), 5 * at),
        channel: (at) => next(all(".gb-feat-tile[aria-pressed=false]"), 3 * at),
        skip: (at) => next(all(".gb-skips-switch input:not(:checked)"), 5 * at) }[kind];
    const drawn = () => new Promise((done) => new MutationObserver((_, watch) => { watch.disconnect(); done(); })
        .observe(root, { attributes: true, attributeFilter: ["data-drawn", "data-shown"] }));
    const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    if (kind === "brush") pen("pointerdown", 0.25, 0.3);
    for (let at = 0; at < count; at++) {
        await new Promise((done) => setTimeout(done, 60));
        const change = drawn(), start = performance.now();
        move(at);
        await change;
        await painted();
        times.push(performance.now() - start);
    }
    if (kind === "brush") pen("pointerup", 0.75, 0.3);
    return times;
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=repository() / "data" / "phantom")
    parser.add_argument("--moves", type=int, default=40)
    parser.add_argument("--out", type=Path, default=repository() / "data" / "results" / "widget_latency.json")
    args = parser.parse_args()
    with lab() as (address, folder), sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, BROWSERS)))
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        for network, weights in NETWORKS.items():
            for selector, widget, kinds in (EXPLORER, SWITCHBOARD):
                source = SHOW.format(weights=str(repository() / weights), data=str(args.data.resolve()), widget=widget)
                page = opened(browser.new_page(viewport=WINDOW), address, folder, source)
                page.wait_for_selector(f"{selector}:is([data-drawn], [data-shown])")
                for kind, several in kinds.items():
                    if not several or Path(repository() / weights).is_dir():
                        told(page, network, selector, kind, args)
                page.evaluate("jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
                page.close()
        browser.close()


def told(page: Page, network: str, selector: str, kind: str, args: argparse.Namespace) -> None:
    """Time these moves, print a line and keep a row."""
    name, new = kind.split(", ")[0], kind.endswith("new") or kind in ("brush", "slice")
    few = {"step, new": 9, "slice": 16, "skip, new": 30}  # as many as there are before one comes again
    before = os.getloadavg()[0]
    times = page.evaluate(TIMES, [name, min(args.moves, few.get(kind, args.moves))])
    row = {"widget": {".gb-feat": "FeatureExplorer", ".gb-skips": "SkipSwitchboard"}[selector], "network": network,
           "move": name, "forward_pass": new, "moves": len(times), "median_ms": round(statistics.median(times)),
           "percentile_95_ms": round(float(np.percentile(times, 95))),
           "load": round(max(before, os.getloadavg()[0]), 1), "nice": os.nice(0), **provenance(torch.device("cpu"))}
    print(f"{row['widget']}, {network}, {name}{', new' if new else ''}: median {row['median_ms']} ms, 95th percentile "
          f"{row['percentile_95_ms']} ms of {row['moves']} moves (load {row['load']})", flush=True)
    about = {"command": "python benchmarks/speed/widget_latency.py",
             "unit": "ms from the event to the first frame after the new picture"}
    add_row(args.out, about, row, ("widget", "network", "move", "forward_pass"))


@contextmanager
def lab() -> Iterator[tuple[str, Path]]:
    """A JupyterLab of our own: its address with a token's place, and the folder that it serves."""
    with tempfile.TemporaryDirectory() as home:
        folder, token = Path(home) / "work", secrets.token_hex(8)
        folder.mkdir()
        # A fresh home, so that the user's own settings neither matter nor change; port 0 is any that is free.
        environment = os.environ | {"HOME": home, "JUPYTER_CONFIG_DIR": home, "JUPYTER_DATA_DIR": f"{home}/data",
                                    "PYTHONPATH": str(repository()), "OMP_NUM_THREADS": "1"}
        port = 8600 + os.getpid() % 300
        options = {"ServerApp.port": port, "ServerApp.root_dir": folder, "ServerApp.allow_root": True,
                   "IdentityProvider.token": token, "LabApp.expose_app_in_browser": True}
        settings = (f"--{name}={value}" for name, value in options.items())
        server = subprocess.Popen([sys.executable, "-m", "jupyterlab", "--no-browser", *settings], env=environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield f"http://localhost:{port}/lab/tree/{{name}}?token={token}", folder
        finally:
            server.terminate()
            server.wait(15)


def opened(page: Page, address: str, folder: Path, source: str) -> Page:
    """A notebook of this one cell, which is running."""
    name = f"{secrets.token_hex(4)}.ipynb"
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)], metadata=kernel), folder / name)
    page.set_default_timeout(LIMIT)
    for _ in range(60):  # until the server is up
        try:
            page.goto(address.format(name=name))
            break
        except Exception:
            time.sleep(1)
    # JupyterLab also opens what was open before: the notebook in front must be this one.
    ready = "window.jupyterapp?.shell?.currentWidget"
    page.wait_for_function(f"{ready}?.context?.path === '{name}' && "
                           f"{ready}.sessionContext?.session?.kernel?.status === 'idle'")
    page.evaluate("jupyterapp.shell.collapseLeft()")
    page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
    return page


if __name__ == "__main__":
    main()
