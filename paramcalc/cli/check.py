"""`paramcalc check`."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import completion
from paramcalc.cli.options import CheckFormat, Color, ColorOption, Jobs, Json, Output, Set, Strict, Talk
from paramcalc.cli.progress import progress
from paramcalc.cli.run import screen, write
from paramcalc.cli.streams import tell
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from paramcalc.checks.checked_model import Subject
    from paramcalc.checks.finder import Search
    from paramcalc.checks.results import Finding, Run

    Comparison = tuple[Callable[[Subject], Iterable[Finding]], Callable[[], Iterable[Finding]]]
    """What it does with each file, and what once all are checked."""

EXAMPLES = (
    "paramcalc check configs",
    "paramcalc check configs/llama --json",
    "paramcalc check configs --format github",
)


Paths = Annotated[list[Path], typer.Argument(metavar="PATH", help="Specs, configs, or folders to search for them.")]
CheckFormatOption = Annotated[CheckFormat | None, typer.Option(
    "--format", help="Output format; github by default in a GitHub workflow.")]
Page = Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Also write the findings to an HTML page.")]
Codes = Annotated[list[str], typer.Option(
    "--select", metavar="CODE", help="Apply only rules whose code starts with this: PC3; repeatable.",
    autocompletion=completion.rules)]
Ignored = Annotated[list[str], typer.Option(
    "--ignore", metavar="CODE", help="Skip rules whose code starts with this; repeatable.",
    autocompletion=completion.rules)]
Against = Annotated[str | None, typer.Option(
    "--against", metavar="REV", help="Fail if a figure grew by more than expect.growth allows since this git "
    "revision.")]
WriteLock = Annotated[bool, typer.Option("--write-lock", help="Record the figures of every file in paramcalc.lock.")]
RequireLock = Annotated[bool, typer.Option(
    "--require-lock", help="Fail if a file is not recorded in a paramcalc.lock of its folder or of a folder above.")]
OnlySpecs = Annotated[bool, typer.Option(
    "--only-specs", help="Skip files given by name that do not describe a model, as in folders; for pre-commit "
    "hooks.")]
Checkpoint = Annotated[Path | None, typer.Option(
    "--checkpoint", metavar="FILE", help="Safetensors file, index or GGUF file to check against the spec.")]


def check(
    paths: Paths,
    talk: Talk,
    select: Codes = [],  # noqa: B006 - typer copies it
    ignore: Ignored = [],  # noqa: B006 - typer copies it
    against: Against = None,
    write_lock: WriteLock = False,
    require_lock: RequireLock = False,
    only_specs: OnlySpecs = False,
    checkpoint: Checkpoint = None,
    set_: Set = [],  # noqa: B006 - typer copies it
    format_: CheckFormatOption = None,
    json: Json = False,
    output: Output = None,
    report: Page = None,
    color: ColorOption = Color.auto,
    strict: Strict = False,
    jobs: Jobs = 1,
) -> int:
    """Check every spec and config under the paths against its `expect:`, the rules and paramcalc.lock."""
    from paramcalc.reports.findings import summary
    from paramcalc.reports.writers import Findings, finding_writer

    if write_lock and jobs > 1:
        raise UsageError(Problem("--write-lock records one file after another", hint="leave --jobs out"))
    run = _checked(paths, set_, select_codes=(select, ignore), only_specs=only_specs, strict=strict, jobs=jobs,
                   quiet=talk.quiet,
                   extras=lambda search: _extras(search, against, checkpoint, overridden=bool(set_), write=write_lock,
                                                 required=require_lock))
    style = "json" if json else str(format_ or ("github" if os.environ.get("GITHUB_ACTIONS") == "true" else "text"))
    write(finding_writer(style)(Findings(run, screen(output, color))), output)
    if report is not None:
        write(finding_writer("html")(Findings(run, screen(report, color))), report)
    if style == "github":
        from paramcalc.reports.writers.github import step_summary

        step_summary(run, os.environ.get("GITHUB_STEP_SUMMARY"))
    if output is not None and not talk.quiet:
        tell(f"{summary(run)}\n")
    return run.exit_code


def _checked(
    paths: Sequence[Path], overrides: Sequence[str], *, select_codes: tuple[Sequence[str], Sequence[str]],
    only_specs: bool, strict: bool, jobs: int, quiet: bool, extras: Callable[[Search], list[Comparison]],
) -> Run:
    from paramcalc.checks import selection as selections
    from paramcalc.checks.finder import find
    from paramcalc.checks.run import check as checked

    search = find(paths, only_specs=only_specs)
    selection = selections.select_codes(*select_codes, selections.load_selection(Path.cwd()), strict=strict)
    comparisons = extras(search)
    with progress("files", quiet=quiet) as tick:
        return checked(search, overrides, selection=selection, extras=[each for each, _ in comparisons],
                       last=lambda: chain.from_iterable(last() for _, last in comparisons), jobs=jobs, progress=tick)


def _extras(
    search: Search, against: str | None, checkpoint: Path | None, *, overridden: bool, write: bool, required: bool,
) -> list[Comparison]:
    """The further comparisons asked for."""
    from paramcalc.checks.lock import comparison, record

    lock = record(search.checked) if write else comparison(search, required=required)
    extras: list[Comparison] = []
    if against is not None:
        from paramcalc.checks.growth import growth

        extras.append(growth(against, search, overridden=overridden))
    if checkpoint is not None:
        from paramcalc.checks.checkpoint import against_checkpoint

        extras.append((against_checkpoint(checkpoint), tuple))
    return [*extras, lock] if lock is not None else extras
