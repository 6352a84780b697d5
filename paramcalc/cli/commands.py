"""Names of the commands, and the exit code of an interrupted one."""

from __future__ import annotations

COMMANDS = ("estimate", "count", "explain", "memory", "fit", "speed", "train", "flops", "scaling", "solve", "sweep",
            "compare", "check", "diff", "convert", "report", "list", "schema", "mcp")
"""In the order of the help; each is a module of this package with a function of its name."""

INTERRUPTED = 130
"""What shells make of a process that Ctrl-C ended."""
