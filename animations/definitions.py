"""What a scene's file is made of: its own text, and those definitions of the shared pieces that it reaches.

So a change in a shared piece concerns only the scenes that show it.
"""

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

DECIDES_NOTHING = ("manifest", "definitions")
"""Modules whose answers are seen on no screen."""


@dataclass(frozen=True)
class Module:
    """A file's top-level definitions, as text and as what they refer to: (module, name), or a name alone."""

    texts: dict[str, str]
    names: dict[str, set[str]] = field(default_factory=dict)
    attributes: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    imported: dict[str, tuple[str, str]] = field(default_factory=dict)


def reached(root: Path, scene: str) -> dict[str, str]:
    """The texts of a scene, `scenes.NAME`, and of all that it reaches in the folder `root`, by "module.name"."""
    found: dict[str, str] = {}
    waiting = [(scene, name) for name in read(root, scene).texts]
    while waiting:
        module, name = waiting.pop()
        there = read(root, module)
        if name in there.imported:  # by way of another module
            waiting.append(there.imported[name])
        if f"{module}.{name}" in found or name not in there.texts:
            continue
        found[f"{module}.{name}"] = there.texts[name]
        for used in there.names[name]:
            waiting.append(there.imported.get(used, (module, used)))
        waiting += [(there.imported[alias][0], part) for alias, part in there.attributes[name]
                    if there.imported.get(alias, ("", "."))[1] == ""]
    return dict(sorted(found.items()))


def read(root: Path, module: str) -> Module:
    """One of the folder's modules, `theme` or `scenes.relu`; empty where there is none, or where it decides nothing."""
    path = root.joinpath(*module.split(".")).with_suffix(".py")
    if module in DECIDES_NOTHING or not path.is_file():
        return Module({})
    return _parsed(root, path.read_text("utf-8"))


@cache
def _parsed(root: Path, text: str) -> Module:
    module = Module({})
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom):
            _import(root, node, module)
            continue
        for name in _defined(node):
            module.texts[name] = module.texts.get(name, "") + _source(text, node)
            inside = list(ast.walk(node))
            module.names.setdefault(name, set()).update(n.id for n in inside if isinstance(n, ast.Name))
            module.attributes.setdefault(name, set()).update(
                (n.value.id, n.attr) for n in inside if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name))
    return module


def _import(root: Path, node: ast.ImportFrom, module: Module) -> None:
    """`from animations.x import y` names y of x; `from animations import x` names a whole module, ("x", "")."""
    if not re.match(r"animations\b", node.module or ""):
        return
    package = ".".join((node.module or "").split(".")[1:])
    for alias in node.names:
        whole = f"{package}.{alias.name}".lstrip(".")
        is_module = root.joinpath(*whole.split(".")).with_suffix(".py").is_file()
        module.imported[alias.asname or alias.name] = (whole, "") if is_module else (package, alias.name)


def _source(text: str, node: ast.stmt) -> str:
    parts = [*getattr(node, "decorator_list", ()), node]
    return "\n".join(ast.get_source_segment(text, part) or "" for part in parts)


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
