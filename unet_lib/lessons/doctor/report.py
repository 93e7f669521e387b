"""The findings, line by line for a reader, or as one text for a bug report."""

import getpass
import os
import platform
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import unet_lib
from unet_lib.lessons.doctor.finding import Finding
from unet_lib.lessons.doctor.optional import PARTS, extras
from unet_lib.lessons.doctor.packages import installed, pins, requirements, requirements_of
from unet_lib.lessons.doctor.remedies import conda
from unet_lib.lessons.doctor.required import examine
from unet_lib.lessons.doctor.school import classroom

WIDGET_STACK = ("ipywidgets", "jupyterlab")  # what these stand on decides whether a widget appears


def consult(data: Path | None = None, report_only: bool = False, of_class: bool = False) -> bool:
    """Print every finding as it is made, or only the report. True if the lessons have all they need. Never raises.

    With `of_class`, what a room full of readers needs comes first: matplotlib, once imported, hides a locked home.
    """
    findings = []
    for finding in chain(classroom() if of_class else (), examine(data), extras()):
        findings.append(finding)
        if not report_only:
            print(finding, flush=True)
    if report_only:
        print(report(findings))
    return all(finding.passes for finding in findings)


def report(findings: Iterable[Finding]) -> str:
    """A block of Markdown for a bug report: the machine, the findings, the versions; no name of the user, no home."""
    lines = [_line(_project), _line(_machine), _line(_torch), "", *map(str, findings), "", _line(_versions)]
    return "```text\n" + without_names("\n".join(lines)) + "\n```"


def without_names(text: str) -> str:
    """The text with `~` for the home folder, and for the user's name wherever it is a part of a path."""
    home = Path.home()
    for spelt in sorted({str(home), home.as_posix(), os.path.realpath(home)}, key=len, reverse=True):
        text = re.sub(rf"{re.escape(spelt)}(?![\w.-])", "~", text)
    try:
        user = getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run under a number without a name
        return text
    return re.sub(rf"(?<=[\\/]){re.escape(user)}(?![\w.-])", "~", text)


def _line(describe: Callable[[], str]) -> str:
    try:
        return describe()
    except Exception as error:
        return f"{describe.__name__.strip('_')}: unknown ({type(error).__name__}: {error})"


def _project() -> str:
    from unet_lib.core.provenance import git_commit

    return f"Glass-Box U-Net {unet_lib.__version__}, commit {git_commit() or 'unknown'}"


def _machine() -> str:
    kind = "conda" if conda() else "virtual environment" if sys.prefix != sys.base_prefix else "no environment"
    return (f"{platform.platform()}, {platform.python_implementation()} {platform.python_version()} ({kind}), "
            f"{os.cpu_count()} cores")


def _torch() -> str:
    import torch

    return (f"torch {torch.__version__}, CUDA {torch.version.cuda or 'none'}, "
            f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads")


def _versions() -> str:
    return textwrap.fill(", ".join(_packages()), 100, break_long_words=False, break_on_hyphens=False)


def _packages() -> Iterator[str]:
    """Everything that pyproject.toml names, and what the widgets' front end stands on, with the version we tested
    where another is installed."""
    from packaging.utils import canonicalize_name

    tested = pins()
    wanted = [*requirements(), *(r for name, *_ in PARTS for r in requirements(name)),
              *(r for name in WIDGET_STACK for r in requirements_of(name))]
    for name in sorted({canonicalize_name(requirement.name) for requirement in wanted}):
        version, pin = installed(name), tested.get(name)
        if version is None:
            yield f"{name} is missing"
        elif pin is None or pin.specifier.contains(version, prereleases=True):
            yield f"{name}=={version}"
        else:
            yield f"{name}=={version} (tested: {str(pin.specifier).lstrip('=')})"
