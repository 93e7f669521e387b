"""No module of ours imports one that imports it, directly or by a detour, not even inside a function."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from repository import REPOSITORY


def modules(package: Path) -> dict[str, Path]:
    """Every module of a package by its full name."""
    found = {path.relative_to(package.parent).with_suffix(""): path for path in package.rglob("*.py")}
    return {".".join(name.parts).removesuffix(".__init__"): path for name, path in found.items()}


def imported(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules among those known that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            inside = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name if name in known else node.module for name in inside)


def cycle(package: Path) -> list[str]:
    """The modules of one cycle, the first also at the end; none if there is no cycle."""
    known = modules(package)
    try:
        TopologicalSorter({name: set(imported(path, known)) for name, path in known.items()}).prepare()
    except CycleError as error:
        return error.args[1]
    return []


@pytest.mark.parametrize("package", ["animations", "unet_lib"])
def test_imports_go_one_way(package):
    assert len(modules(REPOSITORY / package)) > 20
    assert cycle(REPOSITORY / package) == []


def test_a_cycle_is_found(tmp_path):
    package = tmp_path / "made_up"
    (package / "room").mkdir(parents=True)
    for name, text in {"__init__": "", "room/__init__": "", "one": "from made_up.room import two",
                       "room/two": "def later():\n    import made_up.one"}.items():
        (package / f"{name}.py").write_text(text)
    assert set(cycle(package)) == {"made_up.one", "made_up.room.two"}
    (package / "room" / "two.py").write_text("import made_up.room")
    assert cycle(package) == []
