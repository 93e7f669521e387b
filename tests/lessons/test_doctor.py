"""Every check made to fail once, and its fix; what the report may say; a doctor among missing packages."""

import ast
import getpass
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from packaging.requirements import Requirement
from repository import REPOSITORY

from unet_lib.core import devices
from unet_lib.lessons.doctor import Finding, consult, examine, extras, optional, packages, remedies, report, required
from unet_lib.lessons.doctor.optional import PARTS
from unet_lib.lessons.doctor.report import without_names

NEEDED = ["Python", "packages", "torch", "JupyterLab", "fonts", "disk", "memory", "data", "models", "folders",
          "lessons"]
CHECKS = [name for name in vars(required) if re.fullmatch(r"_(?!differs)[a-z]+", name)]
WITHOUT = """
import sys
for name in {names}:
    sys.modules[name] = None
sys.argv = ["unet_lib", *{arguments}]
import runpy
runpy.run_module({module!r}, run_name="__main__")
"""


def named(findings, name):
    return next(finding for finding in findings if finding.name == name)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of what the doctor reads in a checkout, small enough to break."""
    copy = tmp_path / "my lessons"
    for part in (required.QUIZZES, "data/models"):
        shutil.copytree(REPOSITORY / part, copy / part)
    (copy / "notebooks").mkdir()
    for path in (REPOSITORY / "pyproject.toml", REPOSITORY / "constraints.txt", *REPOSITORY.glob("notebooks/*.ipynb")):
        shutil.copy(path, copy / path.relative_to(REPOSITORY))
    for module in (required, optional, remedies, packages):
        monkeypatch.setattr(module, "repository", lambda: copy)
    return copy


# --- a line, and the lines of this machine -----------------------------------------------------------------


def test_lines_say_ok_or_how_to_fix_it():
    assert str(Finding("disk", "3 GB")) == "[OK] disk: 3 GB"
    assert str(Finding("disk", "0 GB", "free some")) == "[FAIL] disk: 0 GB\n       fix: free some"
    optional = Finding("GPU", "none", "buy one", "long trainings")
    assert str(optional) == "[--] GPU: none; only needed for long trainings\n       to have it: buy one"
    assert not optional.ok and optional.passes


def test_this_machine_passes_the_tests_so_it_is_well(data):
    findings = list(examine(data))
    assert [finding.name for finding in findings] == NEEDED
    assert not [str(finding) for finding in findings if not finding.ok]
    assert "5 patients, 23 slices" in named(findings, "data").detail
    count = len(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"])
    assert f"all {count} there" in named(findings, "packages").detail
    assert str(len(list(REPOSITORY.glob("data/models/**/*.safetensors")))) in named(findings, "models").detail
    assert torch.__version__ in named(findings, "torch").detail


def test_the_optional_parts_are_the_extras_of_pyproject():
    listed = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {name for name, *_ in PARTS} == listed.keys()
    assert [finding.name for finding in extras()] == ["GPU", "real data", *(name for name, *_ in PARTS)]


def test_the_symbols_are_those_of_the_sources():
    """Texts of all lessons and of every module that draws: none has a symbol that the font is not checked for."""
    sources = ["".join(cell["source"]) for path in REPOSITORY.glob("notebooks/*.ipynb")
               for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    drawing = (path.read_text() for path in REPOSITORY.glob("unet_lib/plotting/*.py"))
    found = {char for source in (*sources, *drawing) for text in texts(source) for char in text if not char.isascii()}
    assert "×" in found
    assert found <= set(required.SYMBOLS), f"add to SYMBOLS: {found - set(required.SYMBOLS)}"


def texts(source):
    """Every string in a piece of Python that is not a docstring."""
    tree = ast.parse(source)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [node.value for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone]


# --- each check made to fail ----------------------------------------------------------------------------------


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(platform, "python_version", lambda: "3.9.1")
    finding = named(examine(), "Python")
    assert finding.detail == "3.9.1 is not >=3.11"
    assert finding.fix == "install python3.11, then: make clean lab PYTHON=python3.11"
    assert set(re.findall(r"make ([a-z ]+) ", finding.fix)[0].split()) <= targets()


def targets():
    return set(re.findall(r"^([a-z]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))


def test_missing_and_old_packages_are_named(project):
    file = project / "pyproject.toml"
    file.write_text(re.sub(r'"numpy>=[\d.]+"', '"numpy>=99"', file.read_text()).replace(
        'dependencies = [', 'dependencies = ["no-such-package>=1", "only-on-mars; sys_platform == \'mars\'",', 1))
    finding = named(examine(), "packages")
    assert finding.detail == f"no-such-package is missing; numpy {packages.installed('numpy')} is not >=99"
    assert finding.fix == remedies.python("-m", "pip", "install", "--editable", project,
                                        "--constraint", project / "constraints.txt")


def test_the_shell_reads_the_fix_as_it_is_meant(project):
    words = subprocess.run(["sh", "-c", f"printf '%s\\n' {remedies.install('book')}"], capture_output=True, text=True)
    assert words.stdout.splitlines()[1:5] == ["-m", "pip", "install", "--editable"]
    assert words.stdout.splitlines()[5] == f"{project}[book]"


def test_pip_takes_the_fix_as_it_is(project):
    """On the versions that are here there is nothing to fetch; pip only has to understand and to agree."""
    arguments = remedies.reinstall("numpy", "torch").split()[1:]
    assert arguments[-2:] == [f"numpy=={packages.installed('numpy')}", f"torch=={torch.__version__.split('+')[0]}"]
    done = subprocess.run([sys.executable, "-m", "pip", "install", "--dry-run", "--no-index", *arguments[-2:]],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_conda_is_fixed_by_conda(monkeypatch, tmp_path):
    (tmp_path / "conda-meta").mkdir()
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    wanted = f"conda env update --prefix {tmp_path} --file {REPOSITORY / 'environment.yml'}"
    assert remedies.install() == remedies.install("book") == wanted


def test_no_exact_versions_where_the_environment_is_not_ours(monkeypatch):
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    assert "constraint" not in remedies.install()


def test_a_python_that_the_shell_does_not_find_is_named_in_full(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert remedies.python("-m", "pip") == f"{sys.executable} -m pip"
    monkeypatch.setenv("PATH", sysconfig.get_path("scripts"))
    assert remedies.python("-m", "pip") == "python -m pip"


def test_windows_has_its_own_words(monkeypatch):
    monkeypatch.setattr(remedies, "os", SimpleNamespace(name="nt"))
    assert remedies.command("a b", "c") == '"a b" c'
    assert remedies.setting("UNET_DATA", "") == "set UNET_DATA="
    assert remedies.remove(Path("x")) == "rmdir /s /q x"
    assert remedies.copy_project().startswith("robocopy /e ")


def test_a_broken_torch(monkeypatch):
    def broken():
        raise OSError("libtorch_cpu.so: undefined symbol\nmore")

    monkeypatch.setattr(devices, "choose_device", broken)
    finding = named(examine(), "torch")
    assert finding.detail == "OSError: libtorch_cpu.so: undefined symbol"
    assert finding.fix == remedies.reinstall("torch") and "--force-reinstall --no-deps torch==" in finding.fix


def test_a_missing_widget_front_end(monkeypatch, tmp_path):
    import jupyter_core.paths

    (tmp_path / "anywidget").mkdir()
    (tmp_path / "anywidget" / "package.json").touch()
    monkeypatch.setattr(jupyter_core.paths, "jupyter_path", lambda *_: [str(tmp_path)])
    finding = named(examine(), "JupyterLab")
    assert finding.detail.endswith("widgets without jupyterlab_widgets")
    assert finding.fix == remedies.reinstall("jupyterlab_widgets")


def test_a_font_without_the_symbols(monkeypatch, tmp_path):
    import matplotlib

    with matplotlib.rc_context({"font.family": "STIXSizeOneSym"}):
        finding = named(examine(), "fonts")
        assert "STIXSizeOneSym has no U+00D7, U+00B7" in finding.detail
        assert finding.fix == remedies.reinstall("matplotlib")
        monkeypatch.setattr(matplotlib, "matplotlib_fname", lambda: str(tmp_path / "matplotlibrc"))
        assert named(examine(), "fonts").fix.endswith(f"font.sans-serif in {tmp_path / 'matplotlibrc'}")


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, 10**6))
    finding = named(examine(), "disk")
    assert finding.detail == "0.0 GB free, 2 are needed" and finding.fix.endswith("-m pip cache purge")


def test_little_memory(monkeypatch):
    monkeypatch.setattr(devices, "machine_memory", lambda: 10**9)
    assert named(examine(), "memory").fix == "export UNET_PROFILE=smoke"
    monkeypatch.setattr(devices, "machine_memory", lambda: None)  # Windows
    assert named(examine(), "memory").ok


def test_no_data_and_how_to_get_it(tmp_path):
    assert named(examine(tmp_path / "phantom"), "data").fix.endswith(f"unet_lib phantom --out {tmp_path / 'phantom'}")
    assert named(examine(tmp_path / "lgg"), "data").fix.endswith(f"unet_lib data fetch --out {tmp_path / 'lgg'}")
    assert named(examine(tmp_path), "data").fix == "export UNET_DATA="


def test_unsound_data(data):
    next(data.glob("*/*_2_mask.tif")).unlink()
    finding = named(examine(data), "data")
    assert "_2_mask.tif is missing" in finding.detail
    assert finding.fix == remedies.python("-m", "unet_lib", "data", "check", data)
    phantom = data.rename(data.with_name("phantom"))
    assert named(examine(phantom), "data").fix.startswith(f"rm -r {phantom} && ")


def test_the_fix_for_phantoms_works(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    folder = tmp_path / "my data" / "phantom"
    for damage in (None, "*/*_1_mask.tif"):
        if damage:
            next(folder.glob(damage)).unlink()
        fix = named(examine(folder), "data").fix
        subprocess.run(["sh", "-c", f"{fix} --patients 1"], check=True, capture_output=True)
        assert named(examine(folder), "data").ok


@pytest.mark.parametrize("damage", ["weights gone", "weights cut", "another card", "no network at all"])
def test_a_damaged_shipped_network(project, damage):
    weights = project / "data" / "models" / "phantom-baseline.safetensors"
    card = weights.with_suffix(".json")
    if damage == "weights gone":
        weights.unlink()
    elif damage == "weights cut":
        weights.write_bytes(weights.read_bytes()[:1000])
    elif damage == "another card":
        shutil.copy(weights.with_name("lgg-best.json"), card)
    else:
        shutil.rmtree(weights.parent)
    brought_back(project, "models")


def test_a_lesson_that_is_gone(project):
    (project / "notebooks" / "01_the_scan.ipynb").unlink()
    assert "lesson 01" in brought_back(project, "lessons")


def test_a_quiz_that_is_gone(project):
    (project / required.QUIZZES / "01_the_scan.json").unlink()
    assert "01_the_scan.json" in brought_back(project, "lessons")


def test_a_lesson_with_marks_of_a_merge(project):
    file = project / "notebooks" / "01_the_scan.ipynb"
    file.write_text("<<<<<<< HEAD\n" + file.read_text())
    assert "JSONDecodeError" in brought_back(project, "lessons")


def brought_back(project, name):
    """The check fails; without git it says to unpack again, with git what it says to type brings everything back."""
    failed = named(examine(), name)
    assert "again from the archive" in failed.fix
    whole = project.with_name("whole")
    shutil.copytree(REPOSITORY / "notebooks", whole / "notebooks", ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
    for part in (required.QUIZZES, "data/models"):
        shutil.copytree(REPOSITORY / part, whole / part)
    git = ["git", "-C", str(project), f"--work-tree={whole}", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "init", "--quiet", str(project)], check=True)
    for words in (["add", "."], ["commit", "--quiet", "-m", "all"]):
        subprocess.run([*git, *words], check=True, cwd=whole)
    fix = named(examine(), name).fix
    assert fix.startswith("git -C ")
    subprocess.run(["sh", "-c", fix], check=True, capture_output=True)
    assert named(examine(), name).ok
    return failed.detail


def test_a_folder_one_may_not_write_to(monkeypatch):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    finding = named(examine(), "folders")
    assert finding.detail == f"{REPOSITORY / 'notebooks'} cannot be written (Permission denied)"
    assert finding.fix == f"cp -r {REPOSITORY} {Path.home() / 'glass-box-unet'}"


def test_a_cache_that_has_no_place(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    finding = named(examine(Path("/nowhere/lgg")), "folders")
    assert "cannot be written (Not a directory)" in finding.detail
    assert finding.fix == f"export XDG_CACHE_HOME={tempfile.gettempdir()}/cache"
    monkeypatch.setenv("XDG_CACHE_HOME", finding.fix.partition("=")[2])
    assert named(examine(Path("/nowhere/lgg")), "folders").ok


def test_optional_parts_that_are_not_there(project, monkeypatch):
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace('"sphinx>=8"', '"sphinx>=99"'))
    monkeypatch.setitem(sys.modules, "cairo", None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    found = list(extras())
    assert all(finding.passes for finding in found)
    assert "is not >=99" in named(found, "book").detail and f"{project}[book]" in named(found, "book").fix
    assert "cairo does not load" in named(found, "animations").detail
    assert named(found, "animations").fix.startswith(f"sh '{project}/tests/system_packages.sh' && ")
    assert named(found, "real data").fix.endswith("-m unet_lib data fetch")
    assert named(found, "GPU").fix == "open colab.ipynb in Colab, which lends one"
    assert (REPOSITORY / "colab.ipynb").is_file() and (REPOSITORY / "tests" / "system_packages.sh").is_file()
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(torch.version, "cuda", None)
    assert "was built without CUDA" in named(extras(), "GPU").detail


def test_extras_of_extras_are_checked(monkeypatch):
    there = packages.installed
    monkeypatch.setattr(packages, "installed", lambda name: None if name == "typst" else there(name))
    assert list(packages.unmet([Requirement("manim[typst]")])) == ["typst is missing"]
    assert list(packages.unmet([Requirement("manim")])) == []


def test_a_part_that_is_not_there_takes_one_line(monkeypatch):
    there = packages.installed
    gone = {Requirement(line).name for line in packages.project()["optional-dependencies"]["dev"]}
    monkeypatch.setattr(packages, "installed", lambda name: None if name in gone else there(name))
    detail = named(extras(), "dev").detail
    assert detail == f"axe-playwright-python is missing; beartype is missing; and {len(gone) - 2} more"


def test_every_command_in_a_fix_exists(run_cli):
    source = "".join(path.read_text() for path in (REPOSITORY / "unet_lib" / "lessons" / "doctor").glob("*.py"))
    commands = re.findall(r'"-m", "unet_lib", ("\w+"(?:, "\w+")?)', source)
    assert len(commands) >= 3
    for command in commands:
        assert run_cli(*re.findall(r"\w+", command), "--help").returncode == 0, command


# --- no check raises ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_that_raises_is_a_finding(monkeypatch, name, data):
    def fail(*_):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(required, name, fail)
    finding, = [finding for finding in examine(data) if not finding.ok]
    assert finding.name.lower() == name[1:] and finding.detail == "ZeroDivisionError: division"


def test_all_checks_are_tried_above():
    assert {name.lower() for name in NEEDED} == {name[1:] for name in CHECKS}


def without(names, module, *arguments):
    code = WITHOUT.format(names=names, arguments=arguments, module=module)
    return subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True)


def test_without_torch_the_rest_is_still_checked(data):
    done = without(["torch"], "unet_lib", "doctor", "--data", str(data))
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "[FAIL] torch: cannot be checked without the package torch\n       fix: " in done.stdout
    for name in ("Python", "packages", "JupyterLab", "fonts", "disk", "data", "folders", "lessons"):
        assert f"[OK] {name}: " in done.stdout, done.stdout
    assert "[--] GPU: cannot be checked without the package torch" in done.stdout


def test_without_any_package_it_says_what_to_install():
    declared = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    names = [Requirement(line).name for line in declared]
    modules = [{"scikit-learn": "sklearn", "pillow": "PIL"}.get(name, name) for name in names]
    done = without([*modules, "jupyter_core"], "unet_lib.lessons.doctor")
    assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
    assert "[FAIL] packages: cannot be checked without the package packaging" in done.stdout
    assert f"pip install --editable {REPOSITORY}" in done.stdout
    assert "[OK] disk: " in done.stdout and "[OK] lessons: " in done.stdout
    told = without([*modules, "jupyter_core"], "unet_lib.lessons.doctor", "--report")
    assert told.returncode == 1 and "torch: unknown (ModuleNotFoundError" in told.stdout, told.stderr


# --- the report and the exit status ----------------------------------------------------------------------------


def test_the_report_is_one_block_with_findings_and_versions(run_cli, data):
    done = run_cli("doctor", "--report", "--data", data)
    lines = done.stdout.splitlines()
    assert (lines[0], lines[-1]) == ("```text", "```") and done.stdout.count("```") == 2
    assert re.match(r"Glass-Box U-Net \d+\.\d+\.\d+, commit ", lines[1])
    assert platform.platform() in lines[2] and platform.python_version() in lines[2]
    assert f"{os.cpu_count()} cores" in lines[2] and f"torch {torch.__version__}, CUDA " in lines[3]
    assert [line for line in lines if line.startswith("[OK] data: 5 patients")]
    for name in ("numpy", "torch", "jupyterlab", "jupyterlab-widgets", "ipykernel", "anywidget", "nbval"):
        assert f"{name}=={packages.installed(name)}" in done.stdout


def test_the_report_names_the_tested_version_where_another_is_there(project):
    file = project / "constraints.txt"
    file.write_text(re.sub(r"(?m)^numpy==.*", "numpy==0.1", file.read_text()))
    assert f"numpy=={packages.installed('numpy')} (tested: 0.1)" in " ".join(report([]).split())


def test_the_report_names_neither_home_nor_user(monkeypatch, tmp_path):
    home, user = tmp_path / "homes" / "ada.lovelace", "ada.lovelace"
    home.mkdir(parents=True)
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, user)
    found = [*examine(home / "phantom"), Finding("data", f"no patients in /media/{user}/stick", f"rm -r {home}-old")]
    text = report(found)
    assert str(home) + "/" not in text and "~/phantom" in text
    assert "no patients in /media/~/stick" in text
    assert without_names(f"/media/{user}2/x") == f"/media/{user}2/x"
    assert f"{home}-old" in text  # another folder, which only begins like the home


def test_a_user_without_a_name(monkeypatch):
    def nameless():
        raise KeyError("getpwuid(): uid not found: 4242")

    monkeypatch.setattr(getpass, "getuser", nameless)
    assert str(Path.home()) + "/x" not in report([Finding("data", f"{Path.home()}/x")])


def test_the_exit_status_is_that_of_the_needed_things(run_cli, data, tmp_path):
    assert run_cli("doctor", "--data", data).returncode == 0
    for extra in ((), ("--report",)):
        assert run_cli("doctor", "--data", tmp_path / "nothing", *extra).returncode == 1


def test_what_is_optional_does_not_count(project, data, capsys):
    file = project / "pyproject.toml"
    file.write_text(file.read_text().replace('"sphinx>=8"', '"sphinx>=99"'))
    assert consult(data)
    assert "[--] book: sphinx" in capsys.readouterr().out
