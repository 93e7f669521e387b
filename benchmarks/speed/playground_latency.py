"""How soon does the playground show something, and how soon does it answer? In Chromium, from the disk.

    python benchmarks/speed/playground_latency.py [--visits 10] [--strokes 40]

Timed by the browser's own clock: from the start of navigation to the first picture with all maps, in a new context
each time; from the first touch of the brush to its answer, which loads the weights; and from a move of the brush to the
first frame after the new answer has been drawn, 60 ms after the one before. A pass through the network alone is timed
by Node. Rows go to data/results/playground_latency.json, with the machine's load: figures of a busy
machine say little. Needs Chromium, Playwright and Node.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import Browser, Page, sync_playwright

from book.playground_site import WEIGHTS, write_playground
from unet_lib.core.paths import repository
from unet_lib.core.provenance import provenance
from unet_lib.evaluation.result_rows import add_row

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WINDOW = {"width": 1440, "height": 900}
STROKES = """async (count) => {
    const paper = document.querySelector(".gb-feat-paint"), area = paper.getBoundingClientRect(), times = [];
    const main = document.querySelector("main");
    paper.setPointerCapture = () => {};
    const pen = (name, x, y) => paper.dispatchEvent(new PointerEvent(name, { bubbles: true, button: 0, buttons: 1,
        pointerId: 1, clientX: area.left + x * area.width, clientY: area.top + y * area.height }));
    const answered = () => new Promise((done) => new MutationObserver((_, watch) => {
        if (!("drawn" in main.dataset)) return;
        watch.disconnect();
        done();
    }).observe(main, { attributeFilter: ["data-drawn"] }));
    const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    for (let at = 0; at <= count; at++) {
        await new Promise((done) => setTimeout(done, 60));
        const answer = answered(), start = performance.now();
        pen(at ? "pointermove" : "pointerdown", 0.25 + (0.5 * at) / count, 0.3 + 0.4 * ((at % 7) / 7));
        await answer;
        await painted();
        times.push(performance.now() - start);
    }
    pen("pointerup", 0.75, 0.3);
    return times;
}"""
PASS = """
import {{ readFileSync }} from "node:fs";
import {{ UNet }} from "{live}/unet/network.js";
import {{ readSafetensors }} from "{live}/unet/safetensors.js";
const weights = readSafetensors(new Uint8Array(readFileSync("{weights}")));
const network = new UNet(weights.tensors, JSON.parse(weights.metadata.glass_box_unet).architecture);
const values = new Float32Array(3 * 128 * 128).map((_, at) => Math.sin(at));
const image = {{ channels: 3, height: 128, width: 128, values }};
const times = Array.from({{ length: 30 }}, () => {{
  const start = performance.now();
  network.forward(image);
  return performance.now() - start;
}});
console.log(JSON.stringify(times.slice(5)));
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visits", type=int, default=10)
    parser.add_argument("--strokes", type=int, default=40)
    parser.add_argument("--out", type=Path, default=repository() / "data" / "results" / "playground_latency.json")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        write_playground(Path(folder))
        browser = playwright.chromium.launch(executable_path=next(filter(None, map(shutil.which, BROWSERS))),
                                             args=["--no-sandbox", "--disable-gpu"])
        address = (Path(folder) / "index.html").as_uri()
        pages, first = zip(*(visited(browser, address) for _ in range(args.visits)), strict=True)
        told("first picture", first, args.out)
        strokes = [page.evaluate(STROKES, args.strokes) for page in pages[:2]]
        told("first touch, weights loaded", [times[0] for times in strokes], args.out)
        told("stroke", [time for times in strokes for time in times[1:]], args.out)
        browser.close()
    for name, weights in (("pass, playground-steps", WEIGHTS / "step-4000.safetensors"),
                          ("pass, base 8 and depth 4", repository() / "data/models/phantom-baseline.safetensors")):
        told(name, passes(weights), args.out)


def visited(browser: Browser, address: str) -> tuple[Page, float]:
    """A page as soon as its first picture is drawn, and the milliseconds from its navigation to there."""
    page = browser.new_context(viewport=WINDOW).new_page()
    page.goto(address, wait_until="commit")
    page.wait_for_selector("main[data-ready]", state="attached")
    return page, page.evaluate("performance.now()")


def passes(weights: Path) -> list[float]:
    """Milliseconds of forward passes of this network at 128 × 128, by Node."""
    source = PASS.format(live=repository() / "book" / "live", weights=weights)
    done = subprocess.run(["node", "--input-type=module", "-e", source], capture_output=True, text=True, check=True)
    return list(json.loads(done.stdout))


def told(what: str, times: Sequence[float], out: Path) -> None:
    """Print a line and keep a row."""
    row = {"what": what, "times": len(times), "median_ms": round(statistics.median(times)),
           "p95_ms": round(float(np.percentile(times, 95))), "load": round(os.getloadavg()[0], 1),
           **provenance(torch.device("cpu"))}
    add_row(out, {"command": "python benchmarks/speed/playground_latency.py"}, row, ("what",))
    print(f"{what}: median {row['median_ms']} ms, 95th percentile {row['p95_ms']} ms of {row['times']} "
          f"(load {row['load']})", flush=True)


if __name__ == "__main__":
    main()
