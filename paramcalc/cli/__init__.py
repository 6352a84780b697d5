"""The command line: one file a command, each of which parses, calls, renders and exits."""

from __future__ import annotations

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
    from paramcalc.cli.guard import guarded

    sys.exit(guarded(arguments))
