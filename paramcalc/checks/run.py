"""Check files one after another: valid, and what they promise under `expect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.build import build
from paramcalc.checks.results import EXPECT, INVALID, Finding, Run
from paramcalc.errors import PCError
from paramcalc.measures.parameters import count
from paramcalc.readers.models import load, located

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from paramcalc.measures.parameters import Counts
    from paramcalc.readers.models import Loaded


def check(paths: Sequence[Path], overrides: Sequence[str] = (), *, strict: bool = False) -> Run:
    """Every finding of every file, in order."""
    return Run(len(paths), tuple(finding for path in paths for finding in check_file(path, overrides, strict=strict)))


def check_file(path: Path, overrides: Sequence[str] = (), *, strict: bool = False) -> list[Finding]:
    """What is wrong with one file."""
    name = str(path)
    try:
        loaded = load(name, overrides, strict=strict)
        try:
            counts = count(build(loaded.spec).tree)
        except PCError as error:
            raise located(error, loaded.document) from error
    except PCError as error:
        return [Finding.of(problem, name, INVALID) for problem in error.problems]
    return list(broken_promises(loaded, counts, name))


def broken_promises(loaded: Loaded, counts: Counts, name: str) -> Iterator[Finding]:
    """Figures under `expect` that are not what is counted."""
    if loaded.spec.expect is None:
        return
    counted = {"total": counts.total, "active": counts.active, "embedding": counts.embedding,
               "non_embedding": counts.total - counts.embedding, "buffers": counts.buffers}
    promised: Iterable[tuple[str, int | None]] = ((key, getattr(loaded.spec.expect, key)) for key in counted)
    for key, value in promised:
        if value is not None and value != counted[key]:
            line, column = loaded.document.place(("expect", key))
            message = f"expect.{key}: {value:,} is promised, {counted[key]:,} counted ({counted[key] - value:+,})"
            yield Finding(name, EXPECT, message, line=line, column=column, expected=value, actual=counted[key],
                          hint="mend the fields, or the figure and its source")
