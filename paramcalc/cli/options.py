"""Options all commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from paramcalc.cli.run import Color, Common, Format, answer_all, emit, warn, write

__all__ = ["Color", "Common", "Format", "answer_all", "emit", "warn", "write"]


def complete_model(incomplete: str) -> list[str]:
    """Preset names that start so; file names are the shell's own business."""
    from paramcalc.readers.presets import presets

    return [name for name in presets() if name.startswith(incomplete)]


Models = Annotated[list[str], typer.Argument(metavar="MODEL", help="A spec, a config.json or its folder, a preset "
                                             "name, or - for standard input.", autocompletion=complete_model)]
One = Annotated[str, typer.Argument(metavar="MODEL", help="A spec, a config.json or its folder, a preset name, or - "
                                    "for standard input.", autocompletion=complete_model)]
Set = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Override a field before the model is "
                                        "built; dotted, repeatable.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How the answer is written.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the answer to a file.")]
ColorOption = Annotated[Color, typer.Option("--color", help="When to use colour.")]
Strict = Annotated[bool, typer.Option("--strict", help="Unknown keys and uncounted parts are errors.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No warnings on standard error.")]
Offline = Annotated[bool, typer.Option("--offline", callback=lambda value: value and _offline(),
                                       help="Read hf://… from the cache only.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of a fault.")]


def _offline() -> bool:
    """What huggingface_hub itself listens to, so that nothing it does goes out either."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    return True
