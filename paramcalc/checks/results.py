"""What a check found: one record a finding, and the rules findings belong to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

from paramcalc.errors import HEADS, INVALID, KV_HEADS, LAYERS, TOP_K
from paramcalc.printable import Printable

if TYPE_CHECKING:
    from paramcalc.errors import Problem

Severity = Literal["error", "warning", "note"]

EXPECT, SAME = "PC002", "PC003"
IMPOSSIBLE = (INVALID, HEADS, KV_HEADS, TOP_K, LAYERS)
"""What makes a file no model at all: exit code 2."""


class Finding(NamedTuple):
    """One thing found at one place."""

    path: str
    rule: str
    message: str
    severity: Severity = "error"
    line: int = 0
    column: int = 0
    hint: str = ""
    expected: int | str | None = None
    actual: int | str | None = None

    @classmethod
    def of(cls, problem: Problem, path: str, rule: str) -> Finding:
        """A finding from a located problem."""
        where = problem.dotted()
        message = f"{where}: {problem.message}" if where else problem.message
        return cls(path, rule, message, line=problem.line, column=problem.column, hint=problem.hint)


class File(NamedTuple):
    """A file that is, or could have been meant as, a specification or a config."""

    path: str
    state: Literal["checked", "skipped"] = "checked"
    why: str = ""
    """Why it is skipped; of a file that is checked, why it is not taken for what it was meant as."""
    hint: str = ""
    """What to do about that."""


@dataclass(frozen=True)
class Run(Printable):
    """Everything one run found."""

    checked: int
    findings: tuple[Finding, ...]
    files: tuple[File, ...] = ()
    """Every file under the paths that is, or could have been meant as, a specification or a config."""
    others: int = 0
    """YAML and JSON files that say nothing of a model."""
    unsearched: tuple[str, ...] = ()
    """Folders that were not looked into."""

    @property
    def skipped(self) -> tuple[File, ...]:
        """Files that were not checked."""
        return tuple(file for file in self.files if file.state == "skipped")

    @property
    def passed_over(self) -> tuple[File, ...]:
        """Files that were not checked, and folders that were not looked into."""
        return (*self.skipped, *(File(folder, "skipped", "a folder that was not looked into")
                                 for folder in self.unsearched))

    @property
    def failed(self) -> int:
        """Number of files that have a finding of severity error."""
        return len({finding.path for finding in self.findings if finding.severity == "error"})

    @property
    def exit_code(self) -> int:
        """2 where a file is invalid, 1 where a check failed, 0 where all is well."""
        errors = {finding.rule for finding in self.findings if finding.severity == "error"}
        return 2 if errors & set(IMPOSSIBLE) else 1 if errors else 0
