"""A progress bar on standard error: on a terminal only, of more than one thing, once half a second has passed."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PATIENCE = 0.5
"""Seconds of silence."""
EVERY = 0.1
"""Seconds between two drawings."""
WIDTH = 30
CLEAR = "\x1b[K"
"""What empties the rest of a line, so that nothing stays of a longer one."""


@contextmanager
def progress(of: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A function that is told (done, all) of things named `of`."""
    start, drawn = time.monotonic(), 0.0
    enabled = not quiet and sys.stderr.isatty()

    def tick(completed: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if enabled and completed < total and now - start > PATIENCE and now - drawn > EVERY:
            drawn = now
            bar = "#" * (WIDTH * completed // max(total, 1))
            sys.stderr.write(f"\r{CLEAR}[{bar:.<{WIDTH}}] {completed:,} of {total:,} {of}")
            sys.stderr.flush()

    try:
        yield tick
    finally:
        if drawn:
            sys.stderr.write(f"\r{CLEAR}")
            sys.stderr.flush()
