"""`paramcalc flops`."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import options as o

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Answer

EXAMPLES = (
    "paramcalc flops llama-3.1-8b --seq 8k",
    "paramcalc flops deepseek-v3 --seq 4k --convention causal",
    "paramcalc flops gpt2 --batch 8 --seq 1024 --json",
)


class Convention(StrEnum):
    """Which pairs attention is charged for."""

    full = "full"
    causal = "causal"


class Head(StrEnum):
    """Which positions get logits."""

    all = "all"
    last = "last"


class Recompute(StrEnum):
    """What backward computes again."""

    none = "none"
    selective = "selective"
    full = "full"


def flops(
    models: o.Models,
    batch: Annotated[int, typer.Option("--batch", min=1, max=2**20, help="Sequences at once.")] = 1,
    seq: Annotated[str, typer.Option("--seq", metavar="TOKENS", help="New tokens of each: 2048, 8k.")] = "2048",
    past: Annotated[str, typer.Option("--past", metavar="TOKENS", help="Tokens of each already in the cache.")] = "0",
    source: Annotated[str | None, typer.Option("--source", metavar="TOKENS", help="Tokens of the encoder's input; as "
                                               "many as --seq when not given.")] = None,
    convention: Annotated[Convention, typer.Option("--convention", help="full: attention's whole square; causal: the "
                                                   "pairs a query may see.")] = Convention.full,
    head: Annotated[Head, typer.Option("--head", help="Positions that get logits.")] = Head.all,
    recompute: Annotated[Recompute, typer.Option("--recompute", help="What a training step computes again.")] =
        Recompute.none,
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
    """Count FLOPs: forward, backward, a training step, the prompt, one decoded token."""
    from paramcalc.cli.sizes import tokens

    new = tokens(seq, "--seq")
    encoder = new if source is None else tokens(source, "--source")
    cached = tokens(past, "--past", least=0)

    def make(loaded: Loaded) -> Answer:
        from paramcalc.build import build
        from paramcalc.measures.flops import Workload
        from paramcalc.reports.flops import answer

        load = Workload(batch, new, cached, encoder, convention.value, head.value)
        return answer(loaded, build(loaded.spec), load, recompute.value)

    common = o.Common(set_, format_, json, output, color, strict, quiet)
    raise typer.Exit(o.answer_all(models, common, make))
