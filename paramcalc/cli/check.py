"""`paramcalc check`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from paramcalc.cli import options as o

EXAMPLES = (
    "paramcalc check configs",
    "paramcalc check configs/llama --json",
    "paramcalc check configs --format github",
)

class CheckFormat(StrEnum):
    """How findings are written."""

    text = "text"
    json = "json"
    github = "github"
    gitlab = "gitlab"
    sarif = "sarif"
    junit = "junit"
    markdown = "markdown"


Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Specs, configs, or folders to search for them.")]
CheckFormatOption = Annotated[CheckFormat | None, typer.Option(
    "--format", help="How findings are written; github by itself in a GitHub workflow.")]
Codes = Annotated[list[str], typer.Option("--select", metavar="CODE", help="Only rules that begin so: PC3.")]
Ignored = Annotated[list[str], typer.Option("--ignore", metavar="CODE", help="No rules that begin so; repeatable.")]
Against = Annotated[str | None, typer.Option("--against", metavar="REV", help="Fail where a figure under expect.growth "
                                             "grew more than it may since that git revision.")]
WriteLock = Annotated[bool, typer.Option("--write-lock", help="Record the figures of every file in paramcalc.lock.")]
RequireLock = Annotated[bool, typer.Option("--require-lock", help="Fail where a file is not recorded in a "
                                           "paramcalc.lock of its folder or above.")]
OnlySpecs = Annotated[bool, typer.Option("--only-specs", help="Pass over files named that say nothing of a "
                                         "model, as in folders; for hooks.")]
Checkpoint = Annotated[Path | None, typer.Option("--checkpoint", metavar="FILE", help="Hold a safetensors file, index "
                                                 "or GGUF file against the spec.")]


def check(
    paths: Paths,
    select: Codes = [],  # noqa: B006 - typer copies it
    ignore: Ignored = [],  # noqa: B006 - typer copies it
    against: Against = None,
    write_lock: WriteLock = False,
    require_lock: RequireLock = False,
    only_specs: OnlySpecs = False,
    checkpoint: Checkpoint = None,
    set_: o.Set = [],  # noqa: B006 - typer copies it
    format_: CheckFormatOption = None,
    json: o.Json = False,
    output: o.Output = None,
    color: o.ColorOption = o.Color.auto,
    strict: o.Strict = False,
    offline: o.Offline = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Validate every spec and config under the paths; hold each to its `expect:`, the rules, and what was recorded."""
    from paramcalc.cli.checking import Asked, run_check

    style = "json" if json else format_ and str(format_)
    asked = Asked(paths, select, ignore, against, write_lock, checkpoint, set_, style, output, strict, quiet,
                  only_specs, require_lock)
    raise typer.Exit(run_check(asked))
