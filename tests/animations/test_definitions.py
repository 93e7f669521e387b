"""A scene is made of its file and of the shared definitions it reaches, and of nothing else."""

import ast
from pathlib import Path

import pytest
from repository import REPOSITORY

from animations import definitions
from animations.definitions import reached

FILES = {
    "theme": '''"""Colours."""
from elsewhere import OUTSIDE
INK, MUTED = "white", "grey"
SIZE: float = 3.0
QUICK = 0.4
"""Seconds."""

# A word about nothing in particular.
def grey(level):
    return level * SIZE
''',
    "pieces": '''from animations import theme
from animations.theme import SIZE, grey as shade

class Table:
    side = SIZE

class LargeTable(Table):
    def paint(self):
        return theme.grey(2)

def label(text):
    return text, theme.MUTED

def picture(values):
    return outer(values)

def outer(values):
    return inner(values)

def inner(values):
    return values + DEEP

DEEP = 1
''',
    "manifest": "ORDER = [1, 2]\n",
    "scenes.table": '''from animations.manifest import ORDER
from animations.pieces import LargeTable

class Scene:
    def play(self):
        return LargeTable(), ORDER
''',
    "scenes.words": '''from animations import pieces, theme as look
from animations.pieces import label as write

class Scene:
    def play(self):
        return write("x"), look.QUICK, pieces.label("y")
''',
    "scenes.picture": '''from animations.pieces import picture

class Scene:
    def play(self):
        return picture([1])
''',
    "scenes.second_hand": '''from animations.pieces import shade

class Scene:
    colour = shade(1)
''',
}
SCENES = {name.removeprefix("scenes.") for name in FILES if name.startswith("scenes.")}


@pytest.fixture
def root(tmp_path):
    """A small folder like animations/."""
    for name, text in FILES.items():
        path = tmp_path.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def touched(root: Path, module: str, before: str, after: str) -> set[str]:
    """The scenes that are made of something else once `before` has become `after` in a module."""
    path = root.joinpath(*module.split(".")).with_suffix(".py")
    text = path.read_text("utf-8")
    assert text.count(before) == 1
    was = {scene: reached(root, f"scenes.{scene}") for scene in SCENES}
    path.write_text(text.replace(before, after), "utf-8")
    return {scene for scene in SCENES if reached(root, f"scenes.{scene}") != was[scene]}


@pytest.mark.parametrize(("module", "before", "after", "scenes"), [
    ("theme", "QUICK = 0.4", "QUICK = 0.5", {"words"}),                              # look.QUICK, an alias
    ("theme", '"grey"', '"silver"', {"words"}),                                      # the second of a tuple
    ("theme", '"white"', '"ivory"', {"words"}),                                      # its first goes with it
    ("theme", "SIZE: float = 3.0", "SIZE: float = 4.0", {"table", "second_hand"}),   # by class, function and alias
    ("theme", "level * SIZE", "level + SIZE", {"table", "second_hand"}),
    ("pieces", "side = SIZE", "side = 2 * SIZE", {"table"}),                         # of a parent class
    ("pieces", "theme.grey(2)", "theme.grey(1)", {"table"}),
    ("pieces", "text, theme.MUTED", "theme.MUTED, text", {"words"}),
    ("pieces", "DEEP = 1", "DEEP = 2", {"picture"}),                                 # through three functions
    ("pieces", "return inner(values)", "return inner(values * 2)", {"picture"}),
    ("scenes.words", '"y"', '"z"', {"words"})])
def test_a_change_touches_the_scenes_that_reach_it(root, module, before, after, scenes):
    assert touched(root, module, before, after) == scenes


@pytest.mark.parametrize(("module", "before", "after"), [
    ("theme", "nothing in particular", "something else"), ("theme", '"""Colours."""', '"""Hues."""'),
    ("theme", '"""Seconds."""', '"""Seconds of a movement."""'), ("theme", "def grey", "UNUSED = 7\n\ndef grey"),
    ("pieces", "DEEP = 1", "# deep\nDEEP = 1"), ("manifest", "[1, 2]", "[2, 1]")])
def test_what_no_screen_shows_touches_none(root, module, before, after):
    assert touched(root, module, before, after) == set()


def test_what_is_reached_is_named_with_its_text(root):
    assert reached(root, "scenes.picture").keys() == {"pieces.DEEP", "pieces.inner", "pieces.outer", "pieces.picture",
                                                      "scenes.picture.Scene"}
    assert reached(root, "scenes.words")["theme.MUTED"] == 'INK, MUTED = "white", "grey"'
    assert reached(root, "scenes.nowhere") == {}


def test_functions_that_call_one_another_are_reached_once(root):
    path = root / "pieces.py"
    path.write_text(path.read_text("utf-8") + "\ndef ping():\n    return pong()\n\ndef pong():\n    return ping()\n")
    (root / "scenes" / "picture.py").write_text("from animations.pieces import ping\n\nstart = ping()\n")
    assert {"pieces.ping", "pieces.pong"} < reached(root, "scenes.picture").keys()


def test_a_decorator_belongs_to_what_it_decorates(root):
    path = root / "pieces.py"
    path.write_text(path.read_text("utf-8").replace("def inner", "@twice(2)\ndef inner"), "utf-8")
    assert touched(root, "pieces", "@twice(2)", "@twice(3)") == {"picture"}


def test_the_scenes_modules_hold_nothing_that_would_be_overlooked():
    """Only what `read` understands stands at the top of a module: imports by name, definitions and texts."""
    folder = REPOSITORY / "animations"
    scenes = [f"scenes.{path.stem}" for path in (folder / "scenes").glob("*.py") if path.stem != "__init__"]
    modules = {name.rpartition(".")[0] for scene in scenes for name in reached(folder, scene)}
    assert {"theme", "mobjects", "clip_scene"} < modules and not modules & set(definitions.DECIDES_NOTHING)
    for module in modules:
        for node in ast.parse(folder.joinpath(*module.split(".")).with_suffix(".py").read_text("utf-8")).body:
            text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            assert text or isinstance(node, (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign,
                                             ast.AnnAssign)), f"{module}: {ast.unparse(node)[:60]}"
            if isinstance(node, ast.Import):
                assert not any(alias.name.startswith("animations") for alias in node.names), module
            elif not isinstance(node, ast.ImportFrom):
                inside = [one.module for one in ast.walk(node) if isinstance(one, ast.ImportFrom)]
                assert not any((name or "").startswith("animations") for name in inside), module
