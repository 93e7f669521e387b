"""The first way in: a scene from the template, one beat of it to look at, and clear words for mistakes."""

import os
import shutil
import subprocess
import sys

import pytest
from manim_here import needs_manim
from PIL import Image
from repository import REPOSITORY


@pytest.fixture
def house(tmp_path):
    """A copy of animations/ that may be changed; everything else is the repository's."""
    shutil.copytree(REPOSITORY / "animations", tmp_path / "animations",
                    ignore=shutil.ignore_patterns("clips", "rendered", "__pycache__"))

    def run(module, *arguments):
        return subprocess.run([sys.executable, "-m", f"animations.{module}", *arguments], cwd=tmp_path, text=True,
                              env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{REPOSITORY}"},
                              capture_output=True, timeout=300)
    return tmp_path / "animations", run


@needs_manim
def test_a_new_scene_can_be_seen_beat_by_beat(house):
    folder, run = house
    begun = run("new", "grey_snake", "02_convolution")
    assert begun.returncode == 0 and "python -m animations.preview grey_snake a_slice" in begun.stdout
    assert "class GreySnake(ClipScene)" in (folder / "scenes" / "grey_snake.py").read_text("utf-8")
    seen = run("preview", "grey_snake", "the_mask")
    assert seen.returncode == 0, seen.stderr
    assert {path.name for path in (folder / "rendered" / "preview").iterdir()} == {"grey_snake-the_mask.mp4",
                                                                                   "grey_snake-the_mask.png"}
    with Image.open(folder / "rendered" / "preview" / "grey_snake-the_mask.png") as sheet:
        pixels = sheet.convert("RGB").getcolors(2**24)
    assert sum(count for count, (r, g, b) in pixels if r > 180 and 110 < g < 190 and b < 60) > 100  # the orange mask
    assert run("preview", "grey_snake", "nothing").stderr.startswith("error: no beat 'nothing' in grey_snake; expected "
                                                                     "one of a_slice, the_mask, statement")


@needs_manim
@pytest.mark.parametrize(("name", "lesson", "message"), [
    ("relu", "02_convolution", "there is a scene 'relu' already"),
    ("Grey Snake", "02_convolution", "expected a name of small letters"),
    ("grey_snake", "02", "no lesson '02'; expected one of 00_start_here")])
def test_mistakes_change_nothing(house, name, lesson, message):
    folder, run = house
    before = (folder / "clips.toml").read_text("utf-8")
    refused = run("new", name, lesson)
    assert refused.returncode == 2 and message in refused.stderr and "Traceback" not in refused.stderr
    assert (folder / "clips.toml").read_text("utf-8") == before
