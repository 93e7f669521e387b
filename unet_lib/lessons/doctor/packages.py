"""What pyproject.toml asks for, and what is installed. Needs `packaging`, and only when a function is called."""

import importlib.metadata
import tomllib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from unet_lib.core.paths import repository

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def project() -> dict[str, Any]:
    """The table [project] of pyproject.toml. Raises FileNotFoundError where the package was copied away from it."""
    return tomllib.loads((repository() / "pyproject.toml").read_text("utf-8"))["project"]


def requirements(extra: str = "") -> "list[Requirement]":
    """The packages that the lessons need, or those of one optional part, as far as they concern this platform."""
    from packaging.requirements import Requirement

    lines = project()["optional-dependencies"][extra] if extra else project()["dependencies"]
    found = [Requirement(line) for line in lines]
    return [requirement for requirement in found if not requirement.marker or requirement.marker.evaluate()]


def installed(name: str) -> str | None:
    """A package's version; None if it is not there (or so damaged that it has none)."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def unmet(wanted: "list[Requirement]") -> Iterator[str]:
    """A phrase for each package that is missing or outside its range, those of named extras included."""
    for requirement in wanted:
        version = installed(requirement.name)
        if version is None:
            yield f"{requirement.name} is missing"
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} {version} is not {requirement.specifier}"
        yield from unmet([inner for extra in requirement.extras for inner in requirements_of(requirement.name, extra)])


def requirements_of(name: str, extra: str = "") -> "list[Requirement]":
    """What an installed package asks for itself, or for one of its extras alone; nothing if it is not there."""
    from packaging.requirements import Requirement

    if installed(name) is None:
        return []
    found = [Requirement(line) for line in importlib.metadata.requires(name) or ()]
    plain = [r for r in found if not r.marker or r.marker.evaluate({"extra": ""})]
    if not extra:
        return plain
    return [r for r in found if r not in plain and r.marker and r.marker.evaluate({"extra": extra})]


def pins() -> "dict[str, Requirement]":
    """The exact versions of constraints.txt, by canonical name."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    lines = (repository() / "constraints.txt").read_text("utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(requirement.name): requirement for requirement in found}
