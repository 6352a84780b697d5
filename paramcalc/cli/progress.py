"""A progress bar on standard error: on a terminal only, once half a second has passed, gone when finished."""

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


@contextmanager
def progress(of: str, *, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """A function that is told (done, all) of things named `of`."""
    start, drawn = time.monotonic(), 0.0
    shown = not quiet and sys.stderr.isatty()

    def tick(done: int, total: int) -> None:
        nonlocal drawn
        now = time.monotonic()
        if shown and now - start > PATIENCE and now - drawn > EVERY:
            drawn = now
            bar = "#" * (WIDTH * done // max(total, 1))
            sys.stderr.write(f"\r[{bar:.<{WIDTH}}] {done:,} of {total:,} {of}")
            sys.stderr.flush()

    try:
        yield tick
    finally:
        if drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
