"""The widgets' scripts and styles: how Python joins them into one text, and what the scripts compute, by Node."""

import re
import subprocess
from pathlib import Path

import pytest
from repository import REPOSITORY

from unet_lib.widgets.shared.base import script, stylesheet

WIDGETS = REPOSITORY / "unet_lib" / "widgets"
MAIN = sorted(path for path in WIDGETS.glob("*/*.js") if path.stem == path.parent.name)
TESTS = sorted(Path(__file__).parent.glob("js/*.test.mjs"))


def run(*command: object) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- what is written --------------------------------------------------------------------------------------------


def test_the_scripts_compute_what_was_done_by_hand(node):
    run(node, "--test", "--test-reporter=spec", *TESTS)


@pytest.mark.parametrize("path", sorted(WIDGETS.glob("*/*.js")), ids=lambda path: path.stem)
def test_each_script_is_a_module(node, path):
    run(node, "--check", path)


@pytest.mark.parametrize("path", MAIN, ids=lambda path: path.stem)
def test_each_widget_gets_one_script_that_parses(node, path, tmp_path):
    whole = script(str(path.with_suffix(".py")))
    assert not re.search(r"^import |^export (?!default)", whole, re.MULTILINE)
    assert whole.count("export default {") == 1
    (tmp_path / "whole.mjs").write_text(whole, "utf-8")
    run(node, "--check", tmp_path / "whole.mjs")


@pytest.mark.parametrize("path", MAIN, ids=lambda path: path.stem)
def test_each_widget_gets_one_style(path):
    whole = stylesheet(str(path.with_suffix(".py")))
    assert "@import" not in whole
    assert whole.count("\n.gb {") == 1  # base.css
    assert whole.endswith(path.with_suffix(".css").read_text("utf-8").rpartition("@import")[2].partition("\n")[2])


# ---- how it is joined -------------------------------------------------------------------------------------------


def written(folder: Path, **scripts: str) -> str:
    """Write these scripts; returns the Python file that would lie beside `main`."""
    for name, text in scripts.items():
        (folder / f"{name}.js").write_text(text, "utf-8")
    return str(folder / "main.py")


def test_imports_come_first_and_once(tmp_path):
    main = written(
        tmp_path,
        main='// Main.\nimport { b, c } from "./middle.js";\nimport { a } from "./low.js";\nexport default { a, b };\n',
        middle='import {\n  a,\n} from "./low.js";\nexport const b = a;\nexport function c() {}\n',
        low="export const a = 1;\nconst own = 2;\n")
    assert script(main) == ("const a = 1;\nconst own = 2;\n\nconst b = a;\nfunction c() {}\n\n"
                            "// Main.\nexport default { a, b };\n")


@pytest.mark.parametrize(("scripts", "complaint"), [
    ({"main": 'import { a } from "./gone.js";\n'}, r"main\.js imports \./gone\.js, but there is no .*gone\.js"),
    ({"main": 'import { a, b } from "./low.js";\n', "low": "export const a = 1;\nconst b = 2;\n"},
     r"main\.js imports b, which \./low\.js does not export"),
    ({"main": 'import { a } from "./low.js";\nconst SIDE = 3;\n', "low": "export const [a, SIDE] = [1, 2];\n"},
     r"low\.js and main\.js both define SIDE.*Rename"),
    ({"main": 'import { a } from "./low.js";\nexport const b = 1;\n',
      "low": 'import { b } from "./main.js";\nexport const a = b;\n'}, r"main\.js imports itself, by way of low\.js"),
])
def test_what_cannot_be_joined_is_explained(tmp_path, scripts, complaint):
    with pytest.raises(ImportError, match=complaint):
        script(written(tmp_path, **scripts))


def test_styles_are_joined_likewise(tmp_path):
    (tmp_path / "low.css").write_text(".low {}\n")
    (tmp_path / "main.css").write_text('@import "low.css";\n\n.main {}\n')
    assert stylesheet(str(tmp_path / "main.py")) == ".low {}\n\n\n.main {}\n"
