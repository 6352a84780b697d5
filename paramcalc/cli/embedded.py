"""Run a command line inside another program: the calculator page, the server for agents."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.cli.main import run

if TYPE_CHECKING:
    from collections.abc import Sequence


class Outcome(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    """The answer."""
    err: str
    """Errors, hints and warnings, one a line."""


def run_embedded(words: Sequence[str]) -> Outcome:
    """Run a command line as a terminal would, its two streams caught as UTF-8 text."""
    out, err = io.BytesIO(), io.BytesIO()
    with contextlib.redirect_stdout(io.TextIOWrapper(out, "utf-8", write_through=True)) as stream, \
            contextlib.redirect_stderr(io.TextIOWrapper(err, "utf-8", write_through=True)) as talk:
        code = run(words)
        stream.flush()
        talk.flush()
    return Outcome(code, out.getvalue().decode("utf-8"), err.getvalue().decode("utf-8"))
