"""The process's own streams: there or not, writable or not."""

from __future__ import annotations

import errno
import os
import sys
from typing import IO

WORDS = {errno.ENOSPC: "no space left on device", errno.EBADF: "it is closed", errno.EFBIG: "file too large",
         errno.EIO: "input/output error", errno.EDQUOT: "disk quota exceeded", errno.EAGAIN: "it would block"}
"""What a write to standard output can fail with; a closed pipe is no failure."""


class _Closed:
    """Standard output of a process that was started without one."""

    encoding = "utf-8"

    def write(self, text: str) -> int:
        if text:
            raise OSError(errno.EBADF, WORDS[errno.EBADF])
        return 0

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return False

    def fileno(self) -> int:
        return 1


def prepare() -> None:
    """Give the process the three streams it may lack, so that no file it opens takes their place."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is None:  # descriptors are given out from the lowest
            os.open(os.devnull, os.O_RDWR)
    closed: IO[str] | object = _Closed()
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115 - for as long as the process runs
    sys.stdout = sys.stdout or closed
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - for as long as the process runs


def tell(text: str) -> None:
    """Write on standard error; where that fails, an exit code still says what happened."""
    try:
        sys.stderr.write(text)
    except OSError:
        drop(sys.stderr)


def unwritable(error: OSError) -> str:
    """Why standard output could not be written, if that is what failed; empty for other failures.

    Failures of files have the file's name.
    """
    return WORDS.get(error.errno or 0, "") if error.filename is None else ""


def drop(stream: IO[str]) -> None:
    """Send what a stream still holds to nowhere, so that ending the process does not fail again."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
