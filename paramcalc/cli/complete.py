"""Completion of commands and preset names without loading a parser; everything else is left to Typer."""

from __future__ import annotations

import os
from typing import NamedTuple

from paramcalc.cli import COMMANDS

VARIABLE = "_PARAMCALC_COMPLETE"
NO_MODEL = ("check", "list", "schema")
"""Commands whose arguments are not MODELs."""


class Line(NamedTuple):
    """The words before the one that is completed, and its beginning."""

    words: list[str]
    begun: str


def completed() -> str | None:
    """What the shell's completion function waits for; None where Typer knows more."""
    shell = os.environ.get(VARIABLE, "").removeprefix("complete_")
    line = {"bash": _bash, "zsh": _typed, "fish": _typed}.get(shell, lambda: None)()
    found = None if line is None else _candidates(line)
    if found is None:
        return None
    if shell == "zsh":
        listed = "\n".join(f'"{name}"' for name in found)
        return f"_arguments '*: :(({listed}))'\n" if found else "_files\n"
    if shell == "fish" and os.environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return None
    return "".join(f"{name}\n" for name in found)


def _bash() -> Line | None:
    words, index = os.environ.get("COMP_WORDS", "").split(), os.environ.get("COMP_CWORD", "")
    if not index.isdecimal():
        return None
    place = int(index)
    return Line(words[1:place], words[place] if place < len(words) else "")


def _typed() -> Line | None:
    text = os.environ.get("_TYPER_COMPLETE_ARGS", "")
    words = text.split()[1:]
    return Line(words, "") if not words or text[-1:].isspace() else Line(words[:-1], words[-1])


def _candidates(line: Line) -> list[str] | None:
    if line.begun.startswith("-") or any(mark in part for part in (*line.words, line.begun) for mark in "'\"\\"):
        return None
    if not line.words:
        return [name for name in COMMANDS if name.startswith(line.begun)]
    if line.words[0] not in COMMANDS or line.words[0] in NO_MODEL or line.words[-1].startswith("-"):
        return None
    from paramcalc.readers.presets import presets

    return [name for name in presets() if name.startswith(line.begun)]
