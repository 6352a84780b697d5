"""`paramcalc check`."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import options as o

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from paramcalc.checks.results import Finding
    from paramcalc.checks.subject import Subject

    Extra = Callable[[Subject], Iterable[Finding]]

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


Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Specs, configs, or folders to search for them.")]
CheckFormatOption = Annotated[CheckFormat | None, typer.Option(
    "--format", help="How findings are written; github by itself in a GitHub workflow.")]
Codes = Annotated[list[str], typer.Option("--select", metavar="CODE", help="Only rules that begin so: PC3.")]
Ignored = Annotated[list[str], typer.Option("--ignore", metavar="CODE", help="No rules that begin so; repeatable.")]
Against = Annotated[str | None, typer.Option("--against", metavar="REV", help="Fail where a figure under expect.growth "
                                             "grew more than it may since that git revision.")]
WriteLock = Annotated[bool, typer.Option("--write-lock", help="Record the figures of every file in paramcalc.lock.")]
Checkpoint = Annotated[Path | None, typer.Option("--checkpoint", metavar="FILE", help="Hold a safetensors file, index "
                                                 "or GGUF file against the spec.")]


def check(
    paths: Paths,
    select: Codes = [],  # noqa: B006 - typer copies it
    ignore: Ignored = [],  # noqa: B006 - typer copies it
    against: Against = None,
    write_lock: WriteLock = False,
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
    from paramcalc.checks.finder import find
    from paramcalc.checks.lock import find_lock, lock
    from paramcalc.checks.run import check as run_checks
    from paramcalc.checks.selection import load_selection, select_codes
    from paramcalc.reports.check import RENDERERS, step_summary, summary

    files = find(paths)
    selection = select_codes(select, ignore, load_selection(Path.cwd()), strict=strict)
    locked = lock(find_lock(Path.cwd()), write=write_lock)
    extras = _extras(against, checkpoint) + ([locked.each] if locked else [])
    run = run_checks(files, set_, selection=selection, extras=extras, last=locked.last if locked else tuple)
    style = "json" if json else format_ or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text")
    o.write(RENDERERS[str(style)](run), output)
    if str(style) == "github":
        step_summary(run, os.environ.get("GITHUB_STEP_SUMMARY"))
    if output is not None and not quiet:
        sys.stderr.write(f"{summary(run)}\n")
    raise typer.Exit(run.exit_code)


def _extras(against: str | None, checkpoint: Path | None) -> list[Extra]:
    """The further comparisons asked for."""
    found: list[Extra] = []
    if against is not None:
        from paramcalc.checks.growth import growth

        found.append(growth(against))
    if checkpoint is not None:
        from paramcalc.checks.checkpoint import against_checkpoint

        found.append(against_checkpoint(checkpoint))
    return found
