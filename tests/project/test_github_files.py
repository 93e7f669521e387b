"""Workflows, forms, hooks, Binder and Colab: every command and file they name is there."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from repository import REPOSITORY

from unet_lib import __version__

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
GITHUB, BINDER, COLAB = REPOSITORY / ".github", REPOSITORY / ".binder", REPOSITORY / "colab.ipynb"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((GITHUB / "workflows").iterdir())}
JOBS = {f"{name}/{job}": body for name, workflow in WORKFLOWS.items() for job, body in workflow["jobs"].items()}
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").iterdir() if path.stem != "config")
HOOKS = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
PROGRAMS = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ['PATH']}"
EVERYTHING = [*GITHUB.rglob("*.*"), *BINDER.iterdir(), COLAB, REPOSITORY / ".pre-commit-config.yaml"]
# The newest major version of each action that we know to exist; they run on Node 24.
ACTIONS = {"actions/checkout": 6, "actions/cache": 5, "actions/setup-python": 6, "actions/upload-artifact": 6,
           "actions/upload-pages-artifact": 5, "actions/deploy-pages": 5, "conda-incubator/setup-miniconda": 4}


def scripts(job):
    return [step["run"] for step in job["steps"] if "run" in step]


def commands(script):
    """The command lines of a shell script, as words; `a && b` is two."""
    lines = (line for line in script.splitlines() if line.strip() and not line.startswith(("#", "set ")))
    return [shlex.split(part, comments=True) for line in lines for part in line.split("&&")]


ALL = [words for job in JOBS.values() for script in scripts(job) for words in commands(script)]
ALL += commands((BINDER / "postBuild").read_text())


# --- the commands ------------------------------------------------------------------------------------------------


def test_something_is_read():
    """If the reading above went blind, the tests below would pass over nothing."""
    programs = {words[0] for words in ALL}
    assert programs == {"make", "python", "pytest", "unet_lib", "conda", "echo", "git", "pip", "jupyter"}
    assert len(ALL) > 15 and len(JOBS) == 5 and len(FORMS) == 2 and len(HOOKS) == 6


def test_make_targets_exist():
    there = set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    asked = {target for words in ALL if words[0] == "make" for target in words[1:]}
    asked |= set(re.findall(r"`make (\w+)`", (GITHUB / "pull_request_template.md").read_text()))
    assert asked == {"test", "book", "notebooks"} and asked <= there


def test_commands_of_unet_lib_exist(run_cli):
    asked = {tuple(word for word in words[1:] if word.isalpha()) for words in ALL if words[0] == "unet_lib"}
    assert asked == {("phantom",), ("doctor",), ("data", "check")}
    for command in asked:
        assert run_cli(*command, "--help").returncode == 0, command
    assert "--report" in run_cli("doctor", "--help").stdout


def test_extras_exist():
    asked = {extra for words in ALL for word in words if word.startswith(".[") for extra in word[2:-1].split(",")}
    assert asked == {"dev", "book", "talk"} and asked <= PROJECT["optional-dependencies"].keys()


@pytest.mark.parametrize("path", EVERYTHING, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_files_that_are_named_exist(path):
    text = path.read_text()
    named = re.findall(r"\b(?:tests|notebooks|data/models)/[\w*./-]*\w\.\w+", text)
    named += re.findall(r"\b(?:pyproject\.toml|constraints\.txt|environment\.yml|CHANGELOG\.md)\b", text)
    for name in named:
        assert list(REPOSITORY.glob(name)) or list(BINDER.glob(name)), name


@pytest.mark.parametrize("path", EVERYTHING, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_registry_is_named(path):
    text = path.read_text()
    assert not re.search(r"index-url|find-links|channel-alias", text)
    assert set(re.findall(r"https?://([\w.]+)", text)) <= {"colab.research.google.com"}


def test_the_version_stands_in_one_place():
    pyproject = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert "version" not in PROJECT and PROJECT["dynamic"] == ["version"]
    place = pyproject["tool"]["hatch"]["version"]["path"]
    assert re.findall(r'(?m)^__version__ = "(\d+\.\d+\.\d+)"$', (REPOSITORY / place).read_text()) == [__version__]
    releasing = (REPOSITORY / "CONTRIBUTING.md").read_text().partition("## Releasing")[2]
    assert f"`{place}`" in releasing and "`make test`" in releasing and "`git tag v`" in releasing


# --- workflows -----------------------------------------------------------------------------------------------------


def test_every_system_is_tested_with_pip_and_with_conda():
    jobs, seen = WORKFLOWS["test"]["jobs"], set()
    for way, job in (("pip", jobs["linux"]), ("pip", jobs["pip"]), ("conda", jobs["conda"])):
        matrix = job.get("strategy", {}).get("matrix", {"os": [job["runs-on"]]})
        systems = matrix.get("os") or [row["os"] for row in matrix["include"]]
        assert job["runs-on"] == "${{ matrix.os }}" or systems == [job["runs-on"]]
        seen |= {(system, way) for system in systems}
    assert seen == {(f"{system}-latest", way) for system in ("ubuntu", "macos", "windows") for way in ("pip", "conda")}
    assert scripts(jobs["linux"])[-1] == "make test"


@pytest.mark.parametrize("name", WORKFLOWS)
def test_a_workflow_is_modest(name):
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    assert "github.ref" in workflow["concurrency"]["group"] and workflow["concurrency"]["cancel-in-progress"]
    triggers = workflow[True]  # YAML 1.1 reads the key `on` as true
    assert triggers == {"push": {"branches": ["main"]}, "pull_request": None, "workflow_dispatch": None}


@pytest.mark.parametrize("name", JOBS)
def test_a_job_ends_and_uses_actions_that_exist(name):
    assert 0 < JOBS[name]["timeout-minutes"] <= 120
    for step in JOBS[name]["steps"]:
        assert ("run" in step) != ("uses" in step)
        if "uses" in step:
            action, _, version = step["uses"].partition("@v")
            assert int(version) <= ACTIONS[action], step["uses"]


def test_only_main_is_published_and_only_the_deployment_may_write():
    assert {name for name, job in JOBS.items() if "permissions" in job} == {"book/deploy"}
    deploy = JOBS["book/deploy"]
    assert deploy["if"] == "github.ref == 'refs/heads/main'" and deploy["needs"] == "build"
    assert deploy["permissions"] == {"pages": "write", "id-token": "write"}
    build = {step["uses"].partition("@")[0]: step for step in JOBS["book/build"]["steps"] if "uses" in step}
    assert build["actions/upload-pages-artifact"]["if"] == deploy["if"]
    built = "book/_build/html"
    assert {build[f"actions/upload-{kind}"]["with"]["path"] for kind in ("artifact", "pages-artifact")} == {built}


def test_what_is_left_to_linux_is_what_needs_it():
    """Tests that call for Manim, make or a shell; those that open a browser end in _browser or skip by themselves."""
    left = shlex.split(WORKFLOWS["test"]["env"]["ELSEWHERE"])
    assert "--ignore-glob=tests/*/*_browser.py" in left
    ignored = {Path(word.partition("=")[2]).name for word in left if word.startswith("--ignore=")}
    needs = re.compile(r"\[\"(make|sh)\"|, \"sh\", |\bimport needs_manim\b|\bnbval\(")
    wanted = {path.name for path in (REPOSITORY / "tests").rglob("test_*.py") if needs.search(path.read_text())}
    assert ignored == wanted
    for job in ("test/pip", "test/conda"):
        told = "\n".join(scripts(JOBS[job]))
        assert "pytest $ELSEWHERE" in told and "pytest tests/lessons/test_notebooks.py" in told


# --- forms -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_as_github_wants_it(path):
    form = yaml.safe_load(path.read_text())
    assert form["name"] and form["description"] and form["labels"]
    ids = [part["id"] for part in form["body"]]
    assert len(ids) == len(set(ids))
    for part in form["body"]:
        assert part["type"] in {"input", "textarea"} and part["attributes"]["label"]
        assert part.keys() <= {"type", "id", "attributes", "validations"}
        assert part["attributes"].keys() <= {"label", "description", "placeholder", "value", "render"}
    assert form["body"][0].get("validations") == {"required": True}


def test_a_bug_report_asks_for_the_machine_the_place_and_what_was_expected():
    form = yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "bug.yml").read_text())
    required = {part["id"] for part in form["body"] if part.get("validations", {}).get("required")}
    assert required == {"where", "expected", "happened", "report"}
    asked = next(part for part in form["body"] if part["id"] == "report")["attributes"]
    assert "unet_lib doctor --report" in asked["description"]
    assert "render" not in asked, "the report brings its own code block"


def test_blank_issues_stay_possible():
    assert yaml.safe_load((GITHUB / "ISSUE_TEMPLATE" / "config.yml").read_text()) == {"blank_issues_enabled": True}


# --- hooks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_tool_of_the_project(hook):
    assert hook["language"] == "system" and hook["pass_filenames"] is False
    program, *arguments = shlex.split(hook["entry"])
    assert shutil.which(program, path=PROGRAMS)
    provider = {"lint-imports": "import-linter"}.get(program, program)
    assert provider in {Requirement(line).name for line in PROJECT["optional-dependencies"]["dev"]}
    for argument in arguments:
        file, _, test = argument.partition("::")
        if test:
            assert f"\ndef {test}(" in (REPOSITORY / file).read_text()


# The other tools run in tests/project/test_house.py.
@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook["id"] in {"ruff", "slices", "lessons"}],
                         ids=lambda hook: hook["id"])
def test_a_hook_passes_here(hook):
    done = subprocess.run(shlex.split(hook["entry"]), cwd=REPOSITORY, env={**os.environ, "PATH": PROGRAMS},
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hook_stops_a_tiff(tmp_path):
    """In a clone with one TIFF more, staged as for a commit."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--shared", REPOSITORY, clone], check=True)
    (clone / "slice.tif").touch()
    subprocess.run(["git", "add", "--force", "slice.tif"], cwd=clone, check=True)
    entry = next(hook["entry"] for hook in HOOKS if hook["id"] == "slices")
    done = subprocess.run(shlex.split(entry), cwd=clone, env={**os.environ, "PATH": PROGRAMS},
                          capture_output=True, text=True)
    assert done.returncode == 1 and "slice.tif" in done.stdout, done.stdout


# --- Binder --------------------------------------------------------------------------------------------------------


def test_binder_asks_for_the_torch_that_pyproject_asks_for():
    wanted = {requirement.name: requirement for requirement in map(Requirement, PROJECT["dependencies"])}
    listed = yaml.safe_load((BINDER / "environment.yml").read_text())
    python, pip, torch = listed["dependencies"]
    assert listed["channels"] == ["conda-forge"] and pip == "pip"
    assert Requirement(torch.replace("pytorch-cpu", "torch")).specifier == wanted["torch"].specifier
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(python.partition("=")[2])


def test_binders_script_is_one_that_sh_runs_in_order(tmp_path):
    script = BINDER / "postBuild"
    assert os.access(script, os.X_OK) and script.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", script], check=True)
    done = run_with_stubs(script, tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "said").read_text().splitlines() == [
        "pip install --no-cache-dir --editable .", "unet_lib phantom", "unet_lib data check data/phantom",
        "jupyter labextension disable --level=sys_prefix @jupyterlab/apputils-extension:announcements",
        "unet_lib doctor"]


def test_binders_script_stops_at_the_first_failure(tmp_path):
    assert run_with_stubs(BINDER / "postBuild", tmp_path, failing="unet_lib").returncode == 1
    assert (tmp_path / "said").read_text().splitlines()[1:] == ["unet_lib phantom"]


def run_with_stubs(script, folder, failing=""):
    """Run a script among programs that only write down how they were called; one of them fails."""
    for name in ("pip", "unet_lib", "jupyter"):
        stub = folder / name
        stub.write_text(f'#!/bin/sh\necho "{name} $*" >> "{folder}/said"\n' + "exit 1\n" * (name == failing))
        stub.chmod(0o755)
    return subprocess.run(["/bin/sh", script], env={"PATH": str(folder)}, capture_output=True, text=True)


# --- Colab ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def colab(monkeypatch, tmp_path):
    """The launch notebook's set-up among stubs: a function that runs it, and what it did, in order."""
    done = []
    package = ModuleType("google.colab")
    package.output = SimpleNamespace(enable_custom_widget_manager=lambda: done.append("widgets"))
    monkeypatch.setitem(sys.modules, "google", ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", package)
    monkeypatch.setattr(subprocess, "run", lambda words, **how: done.append((list(map(str, words)), how)))
    monkeypatch.setattr(os, "chdir", lambda folder: done.append(f"in {folder}"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    source = nbformat.read(COLAB, 4).cells[1].source

    def run(address):
        assert source.count('REPOSITORY = ""') == 1
        names = {}
        code = source.replace('REPOSITORY = ""', f"REPOSITORY = {address!r}").replace("/content/", f"{tmp_path}/")
        exec(compile(code, "colab", "exec"), names)
        return names

    return run, done, tmp_path / "glass-box-unet"


def test_colab_fetches_installs_makes_phantoms_and_opens_the_widgets(colab):
    run, done, folder = colab
    run("https://example.org/a/b.git")
    python = [sys.executable, "-m"]
    assert done == [
        (["git", "clone", "--quiet", "--depth", "1", "https://example.org/a/b.git", str(folder)], {"check": True}),
        ([*python, "pip", "install", "--quiet", "--editable", str(folder)], {"check": True}),
        ([*python, "unet_lib", "phantom"], {"check": True, "cwd": folder}),
        f"in {folder / 'notebooks'}", "widgets"]
    assert sys.path[0] == str(folder)
    done.clear()
    folder.mkdir()
    run("https://example.org/a/b.git")
    assert done[0][0][2:4] == ["pip", "install"], "a second run fetches nothing again"


def test_colab_says_what_to_do_without_an_address(colab):
    run, done, _ = colab
    with pytest.raises(AssertionError, match="Write the project's address"):
        run("")
    assert not done


def test_colab_is_a_clean_notebook_for_any_python3():
    notebook = nbformat.read(COLAB, 4)
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"
    assert all(not cell.outputs and cell.execution_count is None for cell in notebook.cells if cell.cell_type == "code")


@pytest.mark.parametrize("address", ["https://github.com/ada/unet", "https://github.com/ada/unet.git",
                                     "git@github.com:ada/unet.git"])
def test_colab_links_every_lesson(address, monkeypatch, capsys):
    monkeypatch.chdir(REPOSITORY / "notebooks")
    exec(nbformat.read(COLAB, 4).cells[-1].source, {"REPOSITORY": address, "Path": Path})
    start = "https://colab.research.google.com/github/ada/unet/blob/main/notebooks/"
    lessons = sorted(path.name for path in Path().glob("[0-9][0-9]_*.ipynb"))
    assert capsys.readouterr().out.splitlines() == [start + name for name in lessons]


def test_the_widget_of_the_launch_notebook_is_there(monkeypatch):
    cells = [cell.source for cell in nbformat.read(COLAB, 4).cells if "SliceBrowser" in cell.source]
    names = {}
    exec("\n".join(line for line in cells[0].splitlines() if line.startswith("from ")), names)
    assert {"SliceBrowser", "open_cache", "data_folder"} <= names.keys()
    assert json.loads(COLAB.read_text())["metadata"]["accelerator"] == "GPU"
