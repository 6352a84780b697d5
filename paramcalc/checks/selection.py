"""Which rules count where: `[tool.paramcalc]` of pyproject.toml, comments in a file, and options of the command."""

from __future__ import annotations

import re
import tomllib
from fnmatch import fnmatch
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.checks.results import Finding
from paramcalc.errors import CODE, InputError, Problem, UsageError
from paramcalc.readers.files import folders_up, read_file
from paramcalc.sanitize import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

COMMENT = re.compile(r"(?:^|(?<=\s))#[ \t]{0,9}paramcalc:[ \t]{0,9}ignore[ \t]{1,9}"
                     r"(PC\d{3}(?:[ \t]{0,9},[ \t]{0,9}PC\d{3}){0,99})(.*)")
"""Every repetition has a bound: a line may have millions of characters."""
DASHES = "-:–—"
SECTION = "[tool.paramcalc]"
KEYS = ("select", "ignore", "per-file-ignores")
MAX_SETTINGS, MAX_DOTS = 2**18, 300
"""Bytes, and dots in a line, of a pyproject.toml: the time to read a key grows with the square of its parts."""


class Selection(NamedTuple):
    """What is asked of files. Codes may be prefixes: `PC3` is every wasteful size."""

    select: tuple[str, ...] = ()
    """Nothing means everything."""
    ignore: Mapping[str, str] = MappingProxyType({})
    """Code to reason."""
    per_file: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    """Glob over paths to codes and reasons."""
    strict: bool = False
    """Warnings count as errors."""
    source: str = ""

    def selects(self, finding: Finding) -> bool:
        """Whether a finding counts, as far as its code says; invalid files always do."""
        code = finding.rule
        if code == "PC001":
            return True
        if self.select and not any(code.startswith(prefix) for prefix in self.select):
            return False
        return not any(code.startswith(prefix) for prefix in (*self.ignore, *self._for(finding.path)))

    def counts(self, finding: Finding) -> bool:
        """Whether a finding about these settings counts: to ignore that reasons are missing takes a reason."""
        return self.selects(finding) or not self.ignore.get(finding.rule, "-").strip()

    def _for(self, path: str) -> Iterator[str]:
        for glob, codes in self.per_file.items():
            if fnmatch(Path(path).as_posix(), glob) or fnmatch(Path(path).as_posix(), f"*/{glob}"):
                yield from codes

    def unexplained(self) -> Iterator[Finding]:
        """Ignored rules without a reason."""
        for codes in (self.ignore, *self.per_file.values()):
            for code, reason in codes.items():
                if not reason.strip():
                    yield Finding(self.source or SECTION, "PC007", f"{code} is ignored without a reason", "warning",
                                  hint=f'ignore = {{ {code} = "why" }}')


def load_selection(start: Path) -> Selection:
    """The settings of the nearest pyproject.toml at or above a folder. Raises InputError for what cannot be."""
    for folder in folders_up(start):
        path = folder / "pyproject.toml"
        if path.is_file():
            tools = _toml(path).get("tool", {})
            return _selection(tools.get("paramcalc", {}) if isinstance(tools, dict) else {}, str(path))
    return Selection()


def _toml(path: Path) -> dict[str, Any]:
    """What a pyproject.toml says; nothing of one too long to read that does not name us. Raises InputError."""
    raw = read_file(path)
    if len(raw) > MAX_SETTINGS or any(line.count(b".") > MAX_DOTS for line in raw.splitlines()):
        if b"paramcalc" not in raw:
            return {}
        raise InputError(Problem(f"expected at most {MAX_SETTINGS >> 10} KiB and {MAX_DOTS} dots in a line, found more",
                                 hint="is this the right file?", source=str(path)))
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except RecursionError:
        raise InputError(Problem("is nested too deep", source=str(path))) from None
    except ValueError as error:
        raise InputError(Problem(f"is not TOML: {error}", source=str(path))) from None


def _selection(settings: Any, source: str) -> Selection:  # noqa: ANN401 - whatever TOML holds
    problems = []
    if not isinstance(settings, dict) or set(settings) - set(KEYS):
        problems.append(f"{SECTION} knows {', '.join(KEYS)}")
        settings = {}
    select, ignore = settings.get("select", []), settings.get("ignore", {})
    per_file = settings.get("per-file-ignores", {})
    if not isinstance(select, list) or not all(isinstance(code, str) for code in select):
        problems.append(f"{SECTION} select must be a list of codes")
    if isinstance(ignore, list) and all(isinstance(code, str) for code in ignore):
        ignore = dict.fromkeys(ignore, "")
    if not _reasons(ignore):
        problems.append(f"{SECTION} ignore must be codes with reasons")
    if not isinstance(per_file, dict) or not all(_reasons(codes) for codes in per_file.values()):
        problems.append(f"{SECTION} per-file-ignores must be globs with codes with reasons")
    if problems:
        raise InputError(*(Problem(message, source=source) for message in problems))
    valid_codes([*ignore, *(code for codes in per_file.values() for code in codes)], "ignore")
    return Selection(valid_codes(select, "select"), dict(ignore), dict(per_file), source=source)


def _reasons(value: Any) -> bool:  # noqa: ANN401 - whatever TOML holds
    return isinstance(value, dict) and all(isinstance(k, str) and isinstance(v, str) for k, v in value.items())


def valid_codes(codes: Iterable[str], option: str) -> tuple[str, ...]:
    """Codes or prefixes of codes. Raises UsageError for one no rule begins with, and for ignoring what all begin with.
    """
    from paramcalc.checks.rules import rules

    prefixes = tuple(codes)
    if not all(prefix.strip() for prefix in prefixes):  # it would be a prefix of every code
        raise UsageError(Problem(f"{option}: a rule's code is missing", hint="an empty variable? Leave the option out"))
    unknown = [code for code in prefixes if not any(rule.startswith(code) for rule in rules())]
    if unknown:
        raise UsageError(Problem(f"{option}: unknown rule {visible(', '.join(unknown), 100)}",
                                 hint="`paramcalc list rules` shows the codes"))
    every = next((prefix for prefix in prefixes if all(rule.startswith(prefix) for rule in rules())), "")
    if every and option.endswith("ignore"):
        raise UsageError(Problem(f"{option}: {every} is every rule: nothing would be checked",
                                 hint="a group of rules: PC3; one: PC301"))
    return prefixes


def comments(text: str) -> tuple[dict[str, tuple[int, str]], list[Finding]]:
    """Rules a YAML file ignores by comment: code to line and reason; and the comments that give no reason."""
    ignored: dict[str, tuple[int, str]] = {}
    bare = []
    for number, line in enumerate(text.splitlines(), 1):
        match = COMMENT.search(line) if "paramcalc" in line else None
        rest = match[2].strip() if match else ""
        if match is None or (rest and rest[0] not in DASHES):
            continue
        reason = rest[1:].strip()
        for code in CODE.findall(match[1]):
            ignored[code] = (number, reason)
            if not reason:
                bare.append(Finding("", "PC007", f"{code} is ignored without a reason", "warning", number, 1,
                                    hint=f"# paramcalc: ignore {code} - why"))
    return ignored, bare


def select_codes(select: Sequence[str], ignore: Sequence[str], base: Selection, *, strict: bool) -> Selection:
    """Settings of a project with the options of a command laid over them. Raises UsageError for a code that is none, or
    that is selected and ignored at once."""
    ignored = dict.fromkeys(valid_codes(ignore, "--ignore"), "asked for on the command line")
    selected = valid_codes(select, "--select")
    for code in selected:
        if lost := next((each for each in ignored if code.startswith(each)), None):
            raise UsageError(Problem(f"--ignore {lost} leaves nothing of --select {code}", hint="leave one out"))
    return Selection(selected or base.select, {**base.ignore, **ignored}, base.per_file, strict, base.source)
