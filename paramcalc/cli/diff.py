"""`paramcalc diff`."""

from __future__ import annotations

from typing import Annotated

import typer

from paramcalc.cli.options import Common
from paramcalc.cli.run import emit, warn

EXAMPLES = (
    "paramcalc diff llama-3-8b llama-3.1-8b",
    "paramcalc diff qwen2.5-7b qwen3-8b --json",
    "paramcalc diff git:HEAD:configs/gpt2/gpt2.yaml configs/gpt2/gpt2.yaml",
)

Old = Annotated[str, typer.Argument(metavar="OLD", help="A spec, config, checkpoint or preset, or git:REV:path.")]
New = Annotated[str, typer.Argument(metavar="NEW", help="The same; what it became.")]


def diff(old: Old, new: New, common: Common) -> int:
    """Compare two models: figures, components, tensors. `--set` changes the new one."""
    from paramcalc.build import build
    from paramcalc.checks.diff import difference
    from paramcalc.readers.models import load
    from paramcalc.reports.diff import answer

    before = load(old, strict=common.strict, tell=common.tell)
    after = load(new, common.set, strict=common.strict, tell=common.tell)
    if not common.quiet:
        for warning in dict.fromkeys((*before.warnings, *after.warnings)):
            warn(warning)
    emit([answer(before, after, difference(build(before.spec), build(after.spec)))], common, many=False)
    return 0
