"""The house's rules: who imports whom, what stays light, which files must agree."""

import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from repository import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"torch": "pytorch"}
FROM_PIP = {"axe-playwright-python", "playwright", "sphinx-revealjs"}


def requirements(*extras):
    lines = PROJECT["dependencies"] + [r for e in extras for r in PROJECT["optional-dependencies"][e]]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}


@pytest.mark.parametrize("command", [["ruff", "check", "."], ["mypy"], ["codespell"], ["lint-imports"]],
                         ids=lambda command: command[0])
def test_lint(command):
    program = REPOSITORY.joinpath(sys.prefix, "bin", command[0])
    done = subprocess.run([program, *command[1:]], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("module", "heavy"), [
    ("unet_lib", "torch|matplotlib|ipywidgets|numpy"),
    ("unet_lib.cli.app", "torch|matplotlib|ipywidgets|numpy"),
    ("unet_lib.data.slice_files", "torch|matplotlib|numpy"),
    ("unet_lib.models.architecture", "torch|matplotlib|numpy"),
    ("unet_lib.data.cache", "torch|matplotlib"),
    ("unet_lib.data.phantom", "torch|matplotlib|nilearn"),
    ("unet_lib.data.download", "torch|matplotlib|kagglehub|requests"),
    ("unet_lib.training.loop", "matplotlib|ipywidgets"),
    ("unet_lib.plotting", "torch|ipywidgets")])
def test_importing_is_light(module, heavy):
    code = f"import sys, {module}; print([m for m in {heavy.split('|')} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_environment_yml_says_what_pyproject_says():
    conda, pip = {}, {}
    for entry in yaml.safe_load((REPOSITORY / "environment.yml").read_text())["dependencies"]:
        target, lines = (pip, entry["pip"]) if isinstance(entry, dict) else (conda, [entry])
        for line in lines:
            name = re.match(r"[A-Za-z0-9._-]+", line)
            if name and not line.startswith("-"):
                target[name[0]] = line[len(name[0]):]
    assert conda.pop("python") == PROJECT["requires-python"]
    conda.pop("pip")
    wanted = requirements("animations", "book", "talk", "dev")
    for name, requirement in wanted.items():
        where = pip if name in FROM_PIP else conda
        found = where.get(CONDA_NAMES.get(name, name))
        assert found is not None, f"{name} is missing in environment.yml"
        assert Requirement(f"x{found}").specifier == requirement.specifier, name
    assert conda.keys() == {CONDA_NAMES.get(name, name) for name in wanted.keys() - FROM_PIP}
    assert pip.keys() == FROM_PIP | {"typst"}  # the extra of manim[typst]


def test_every_installed_requirement_is_pinned_to_its_version():
    pins = {}
    for line in (REPOSITORY / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pin = Requirement(line)
            pins[canonicalize_name(pin.name)] = pin
    open_names = list(requirements("book", "talk", "dev"))
    seen = set()
    while open_names:
        name = open_names.pop()
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue  # for another platform
        if name.startswith(("nvidia-", "cuda-")) or name in {"triton", "pip", "setuptools"}:
            continue  # torch's CUDA build pins its own; pip and setuptools come with the virtual environment
        assert name in pins, f"{name} is not pinned in constraints.txt"
        assert pins[name].specifier.contains(found.version), f"{name} {found.version}, pinned {pins[name]}"
        needed = (Requirement(line) for line in found.requires or [])
        open_names += [canonicalize_name(r.name) for r in needed if not r.marker or r.marker.evaluate({"extra": ""})]
    assert len(seen) > 80


def test_no_registry_is_named():
    for name in ("constraints.txt", "environment.yml", "pyproject.toml", "Makefile"):
        assert not re.search(r"index-url|find-links|https?://(?!json)", (REPOSITORY / name).read_text()), name


def test_real_slices_never_enter_the_project():
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    assert not [f for f in listed.stdout.splitlines() if f.endswith((".tif", ".tiff")) or f.startswith("data/lgg/")]
    for example in ("data/lgg/TCGA_DU_A003_19990101/x.tif", "data/phantom/x.tif", "data/.lgg.unfinished/x.tif",
                    "runs/x/best.safetensors"):
        assert subprocess.run(["git", "check-ignore", "-q", example], cwd=REPOSITORY).returncode == 0, example


def test_make_help_lists_every_target():
    done = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True)
    phony = " ".join(re.findall(r"\.PHONY: (.*)", (REPOSITORY / "Makefile").read_text())).split()
    for target in phony:
        assert f"make {target} " in done.stdout


def test_ci_calls_the_readmes_command():
    assert "exec make test" in (REPOSITORY / ".ci" / "run").read_text()
    assert "make test" in (REPOSITORY / "README.md").read_text()


def test_notebooks_are_for_any_python3():
    for path in sorted((REPOSITORY / "notebooks").glob("*.ipynb")):
        assert json.loads(path.read_text())["metadata"]["kernelspec"]["name"] == "python3", path.name
