"""`paramcalc diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from paramcalc.cli import options as o

EXAMPLES = (
    "paramcalc diff llama-3-8b llama-3.1-8b",
    "paramcalc diff qwen2.5-7b qwen3-8b --json",
    "paramcalc diff git:HEAD:configs/gpt2/gpt2.yaml configs/gpt2/gpt2.yaml",
)

Old = Annotated[str, typer.Argument(metavar="OLD", help="A spec, config, checkpoint or preset, or git:REV:path.")]
New = Annotated[str, typer.Argument(metavar="NEW", help="The same; what it became.")]


def diff(
    old: Old,
    new: New,
    set_: o.Set = [],  # noqa: B006 - typer copies it
    format_: o.FormatOption = o.Format.table,
    json: o.Json = False,
    output: o.Output = None,
    color: o.ColorOption = o.Color.auto,
    strict: o.Strict = False,
    offline: o.Offline = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Say what changed between two models: figures, components, tensors. `--set` changes the new one."""
    from paramcalc.build import build
    from paramcalc.checks.diff import difference
    from paramcalc.readers.models import load
    from paramcalc.reports.diff import answer

    before, after = load(old, strict=strict), load(new, set_, strict=strict)
    common = o.Common(set_, format_, json, output, color, strict, quiet)
    if not quiet:
        for warning in dict.fromkeys((*before.warnings, *after.warnings)):
            o.warn(warning)
    o.emit([answer(before, after, difference(build(before.spec), build(after.spec)))], common, many=False)
