"""The command line: one file a command, each of which parses, calls, renders and exits."""

from __future__ import annotations

import gc
import os
import sys

COMMANDS = ("estimate", "count", "explain", "memory", "fit", "train", "flops", "check", "diff", "convert", "list",
            "schema")
"""In the order of the help; each is a module of this package with a function of its name."""


def main(argv: list[str] | None = None) -> None:
    """Run a command and exit: 0 fine, 1 a check failed, 2 bad usage or input, 3 network, 70 a fault of ours."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ["--version"]:
        from paramcalc._version import __version__

        sys.stdout.write(f"paramcalc {__version__}\n")
        sys.exit(0)
    if argv is None:
        gc.set_threshold(100_000)  # importing makes many objects and no garbage
    from paramcalc.cli.guard import guarded

    code = guarded(arguments)
    if argv is None and sys.gettrace() is None and sys.getprofile() is None:
        _leave(code)
    sys.exit(code)


def _leave(code: int) -> None:
    """End the process without taking apart what the system frees anyway: a sixth of the time of a short run."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
