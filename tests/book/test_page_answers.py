"""Widgets that ask a network, in the book's pages: JavaScript answers as Python would, on random ways through them."""

import base64
import json
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from page_site import write_page_site

from book.page_states import feature_explorer, skip_switchboard
from book.phantom_slices import SIZE, SLICES
from unet_lib.widgets.shared.base import GlassBoxWidget
from unet_lib.widgets.skip_switchboard.skip_switchboard import STATES

JS = Path(__file__).parent / "js"
TOLERANCE = 1e-4  # of the largest number beside it
KINDS = ("patient", "slice", "step", "step", "stage", "stage", "channel", "channel", "compare", "boxes", "order",
         "paint", "paint", "reset")
FLIPPED = 2  # pixels whose probability may lie on the other side of the threshold for a last bit


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with these widgets, and what it needs."""
    folder = tmp_path_factory.mktemp("site")
    write_page_site(folder)
    return folder


@pytest.fixture
def page_says(node: str, site: Path) -> Callable[..., list[dict]]:
    """What the page answers to moves; see js/page_answers.mjs."""
    def ask(widget: str, moves: list[dict]) -> list[dict]:
        done = subprocess.run([node, JS / "page_answers.mjs", site, widget, site / "_static/live/states/page.js"],
                              input=json.dumps(moves), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        answers = json.loads(done.stdout)
        assert len(answers) == len(moves), "the page did not answer each move"
        return answers

    return ask


def test_what_the_scripts_compute_was_done_by_hand(node):
    done = subprocess.run([node, "--test", "--test-reporter=spec", *sorted(JS.glob("*.test.mjs"))],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- the feature explorer --------------------------------------------------------------------------------------------


def test_the_feature_explorer_answers_what_python_answers(page_says):
    explorer, told = feature_explorer(), []
    explorer.send = lambda content, buffers: told.append((content, buffers[0]))
    generator = np.random.default_rng(0)
    moves, expected = [], []
    kinds = [*generator.permutation(KINDS), *generator.permutation(KINDS)]
    for at, kind in enumerate(kinds):
        moves.append(explorer_move(explorer, kind, generator))
        if "set" in moves[-1]:
            for name, value in moves[-1]["set"].items():
                setattr(explorer, name, value)
        else:
            pixels = moves[-1]["paint"]
            explorer._hear(None, {"kind": "paint", "paint": f"painted {at}", "of": [explorer.patient, explorer.slice]},
                           [] if pixels is None else [base64.b64decode(pixels)])
        expected.append(told[-1])
    for found, (content, pictures) in zip(page_says("feature_explorer", moves), expected, strict=True):
        assert different(found["told"], json.loads(json.dumps({"kind": "answer", **content}))) == []
        same_pictures(explorer, content, base64.b64decode(found["bytes"]), pictures)


def explorer_move(explorer: GlassBoxWidget, kind: str, generator: np.random.Generator) -> dict[str, Any]:
    """A change of this trait, or something painted, or all paint taken away."""
    choices = {"patient": list(SLICES), "slice": [number for number, _ in explorer.strip], "step": explorer.steps,
               "stage": [stage["name"] for stage in explorer.stages], "compare": ["off", "wipe", "side by side"],
               "boxes": ["mean", "strongest"], "order": ["index", "energy", "roc_auc"],
               "channel": range(next(one["channels"] for one in explorer.stages if one["name"] == explorer.stage))}
    if kind == "reset":
        return {"paint": None}
    if kind == "paint":
        planes = explorer.image
        row, column = generator.integers(20, 100, 2)
        planes[generator.integers(3), row:row + 12, column:column + 9] = generator.integers(256)
        return {"paint": base64.b64encode(planes.tobytes()).decode("ascii")}
    others = [one for one in choices[kind] if one != getattr(explorer, kind)]
    return {"set": {kind: others[generator.integers(len(others))]}}


def same_pictures(explorer: GlassBoxWidget, content: dict, found: bytes, expected: bytes) -> None:
    """All bytes, within a grey level; those of the chosen channel are float32."""
    assert len(found) == len(expected)
    area = {stage["name"]: stage["height"] * stage["width"] for stage in explorer.stages}
    chosen = area[content["shown"]["stage"]]
    at = 4 * SIZE**2
    assert found[:at] == expected[:at]  # planes and mask
    for part in content["parts"]:
        for size, kind in ((sum(area.values()) + len(part["low"]) * chosen, np.uint8), (4 * chosen, np.float32),
                           (sum(np.prod(source["size"]) for source in part["sources"]), np.uint8)):
            ours, theirs = (np.frombuffer(data[at:at + int(size)], kind).astype(float) for data in (found, expected))
            tolerance = 1 if kind is np.uint8 else TOLERANCE * np.abs(theirs).max()
            assert np.abs(ours - theirs).max() <= tolerance
            at += int(size)
    assert at == len(expected)


def different(found: Any, expected: Any, name: str = "answer") -> list[str]:
    """What is not the same; numbers may differ by 1e-4 of the largest beside them."""
    if isinstance(expected, dict | list):
        keys = list(expected) if isinstance(expected, dict) else range(len(expected))
        if len(found) != len(keys):
            return [f"{name}: {len(found)} instead of {len(keys)}"]
        numbers = [key for key in keys if isinstance(expected[key], float)]
        scale = max((abs(expected[key]) for key in numbers), default=0)
        far = [f"{name}.{key}: {found[key]} instead of {expected[key]}" for key in numbers
               if abs(found[key] - expected[key]) > TOLERANCE * scale]
        others = (key for key in keys if key not in numbers)
        return far + [one for key in others for one in different(found[key], expected[key], f"{name}.{key}")]
    return [] if found == expected else [f"{name}: {found} instead of {expected}"]


# ---- the skip switchboard --------------------------------------------------------------------------------------------


def test_the_skip_switchboard_answers_what_python_answers(page_says):
    board = skip_switchboard()
    generator = np.random.default_rng(0)
    moves, expected = [], []
    for kind in ("skips", "skips", "patient", "skips", "slice", "skips", "skips", "skips"):
        moves.append({"set": board_move(board, kind, generator)})
        for name, value in moves[-1]["set"].items():
            setattr(board, name, value)
        expected.append({"answer": board.answer, "shown": board.shown, "strip": board.strip,
                         "maps": board.maps, "pixels": board.pixels})
    assert {state for move in moves for state in move["set"].get("skips", ())} == set(STATES)
    for found, wanted in zip(page_says("skip_switchboard", moves), expected, strict=True):
        wanted = json.loads(json.dumps(wanted, default=unpacked_text))
        for name in ("shown", "strip", "pixels"):
            assert found[name] == wanted[name]
        for name in ("counts", "whole", "lost", "gained"):
            assert np.abs(np.subtract(found["answer"].pop(name), wanted["answer"].pop(name))).max() <= FLIPPED
        assert found["answer"] == wanted["answer"]
        ours, theirs = (np.frombuffer(base64.b64decode(one["maps"]), np.uint8).reshape(3, -1).astype(int)
                        for one in (found, wanted))
        assert np.abs(ours - theirs)[0].max() <= 1
        assert np.count_nonzero(ours != theirs, axis=1)[1:].max() <= FLIPPED


def board_move(board: GlassBoxWidget, name: str, generator: np.random.Generator) -> dict[str, Any]:
    """A change of this trait."""
    if name == "skips":
        skips = generator.choice(STATES, len(board.skips)).tolist()
        return {"skips": skips} if skips != board.skips else board_move(board, name, generator)
    others = [one for one in (SLICES if name == "patient" else [number for number, _ in board.strip])
              if one != getattr(board, name)]
    return {name: others[generator.integers(len(others))]}


def unpacked_text(data: bytes) -> str:
    """For JSON: the bytes that a trait packs."""
    return base64.b64encode(zlib.decompress(data)).decode("ascii")
