"""`paramcalc check`."""

from __future__ import annotations

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from paramcalc.cli import options as o


class CheckFormat(StrEnum):
    """How findings are written."""

    text = "text"
    json = "json"
    github = "github"


Paths = Annotated[list[Path], typer.Argument(metavar="PATH...", help="Specs, configs, or folders to search for them.")]
CheckFormatOption = Annotated[CheckFormat | None, typer.Option(
    "--format", help="How findings are written; github by itself in a GitHub workflow.")]


def check(
    paths: Paths,
    set_: o.Set = [],  # noqa: B006 - typer copies it
    format_: CheckFormatOption = None,
    json: o.Json = False,
    output: o.Output = None,
    color: o.ColorOption = o.Color.auto,
    strict: o.Strict = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Validate every spec and config under the paths, and hold each to its `expect:`."""
    from paramcalc.checks.finder import find
    from paramcalc.checks.run import check as run_checks
    from paramcalc.reports.check import RENDERERS, summary

    run = run_checks(find(paths), set_, strict=strict)
    style = "json" if json else format_ or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text")
    o.write(RENDERERS[str(style)](run), output)
    if output is not None and not quiet:
        sys.stderr.write(f"{summary(run)}\n")
    raise typer.Exit(run.exit_code)
