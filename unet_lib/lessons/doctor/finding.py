"""One thing that was checked, and a check that never raises."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from unet_lib.lessons.doctor.remedies import install

REPORT = "python -m unet_lib.lessons.doctor --report"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked. `fix` says how to put it right and is empty when nothing is wrong; `only_for` says
    what an optional thing is needed for and is empty for what every lesson needs."""

    name: str
    detail: str
    fix: str = ""
    only_for: str = ""

    @property
    def ok(self) -> bool:
        """Nothing to fix."""
        return not self.fix

    @property
    def passes(self) -> bool:
        """The lessons can do with it as it is."""
        return self.ok or bool(self.only_for)

    def __str__(self) -> str:
        if self.ok:
            return f"[OK] {self.name}: {self.detail}"
        if self.only_for:
            return f"[--] {self.name}: {self.detail}; only needed for {self.only_for}\n       to have it: {self.fix}"
        return f"[FAIL] {self.name}: {self.detail}\n       fix: {self.fix}"


def guarded(name: str, check: Callable[[], Finding], fix: str = "", only_for: str = "") -> Finding:
    """What the check found, or what stopped it: a missing package, or an exception that `fix` may help against."""
    try:
        return replace(check(), only_for=only_for)
    except ModuleNotFoundError as error:
        return Finding(name, f"cannot be checked without the package {error.name}", install(), only_for)
    except Exception as error:  # the other checks must still run
        detail = f"{type(error).__name__}: {error}".partition("\n")[0]
        return Finding(name, detail, fix or f"please send us what this prints: {REPORT}", only_for)
