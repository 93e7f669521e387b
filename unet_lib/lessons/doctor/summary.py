"""The findings as a lesson shows them: how many checks passed, what failed, and the rest folded away."""

import html
from collections.abc import Iterable
from dataclasses import dataclass

from unet_lib.lessons.doctor.finding import Finding


@dataclass(frozen=True)
class Summary:
    """Shows itself in a notebook. Versions and paths are left out, so that it reads the same on every machine."""

    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        return "\n".join([self._headline, *map(str, self._failed)])

    def _repr_html_(self) -> str:
        failed = "".join(f"<pre>{html.escape(str(finding), quote=False)}</pre>" for finding in self._failed)
        passed = "".join(f"<li>[OK] {html.escape(finding.name)}</li>" for finding in self.findings if finding.ok)
        return f"{failed}<details><summary>{self._headline}</summary><ul>{passed}</ul></details>"

    @property
    def _failed(self) -> list[Finding]:
        return [finding for finding in self.findings if not finding.ok]

    @property
    def _headline(self) -> str:
        return f"{len(self.findings) - len(self._failed)} of {len(self.findings)} checks passed"


def summary(findings: Iterable[Finding]) -> Summary:
    """Of `examine(data)`; failures are always seen, what is in order on demand."""
    return Summary(tuple(findings))
