"""`paramcalc fit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from paramcalc.cli import options as o
from paramcalc.cli import serving as s
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.readers.models import Loaded
    from paramcalc.reports.table import Answer

EXAMPLES = (
    "paramcalc fit llama-3.1-70b --gpu h100 --gpus 2",
    "paramcalc fit gemma-3-27b --gpu rtx-4090 --quant q4_k_m --context 4k,32k",
    "paramcalc fit gpt-oss-20b --all",
)


def fit(
    models: o.Models,
    context: Annotated[str, typer.Option("--context", metavar="TOKENS[,…]", help="Tokens of each sequence; several "
                                         "make a curve, of which the last decides: 4k,32k,128k.")] = "4096",
    all_: Annotated[bool, typer.Option("--all", help="Every accelerator of the catalog.")] = False,
    batch: s.Batch = 1,
    source: s.Source = None,
    dtype: s.Dtype = "bf16",
    quant: s.Quant = None,
    kv_dtype: s.KvDtype = None,
    runtime: s.RuntimeOption = s.RuntimeName.exact,
    settings: s.Settings = [],  # noqa: B006 - typer copies it
    gpu: s.Gpu = None,
    gpus: s.Gpus = None,
    tp: s.Tp = None,
    pp: s.Pp = None,
    ep: s.Ep = None,
    utilization: s.Utilization = None,
    accelerators: s.Accelerators = None,
    plot: s.Plot = None,
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
    """Say whether it runs on these accelerators, how far it would go, and what would help; exit 1 when it does not."""
    from paramcalc.cli.sizes import token_list, tokens

    asked = s.Asked(dtype, quant, kv_dtype, runtime.value, settings, gpu, gpus, tp, pp, ep, utilization, accelerators)
    if all_ == (gpu is not None):
        raise UsageError(Problem("fit needs --gpu NAME or --all", hint="`paramcalc list gpus` shows the names"))
    lengths = token_list(context, "--context")
    encoder = None if source is None else tokens(source, "--source")

    def make(loaded: Loaded) -> Answer:
        from paramcalc.build import build
        from paramcalc.estimates.fit import Need
        from paramcalc.estimates.inference import memory
        from paramcalc.measures.cache import Serving
        from paramcalc.reports import fit as report
        from paramcalc.reports.count import cache_unknown

        model, made = build(loaded.spec), asked.made()
        if why := cache_unknown(model):
            raise UsageError(Problem(f"{why} what is kept between tokens",
                                     hint="fit the config.json beside it; `paramcalc memory` takes the weights alone"))
        need = Need(asked.prepare(model, made), encoder)
        machine = asked.machine(made)
        if plot is not None:
            from paramcalc.reports.plot import draw

            draw(plot, model.spec.name, memory(need.prepared, Serving(lengths[-1], batch, encoder)), machine)
        if machine is None:
            return report.every(loaded, model, need, asked.machines(made), lengths, batch)
        return report.one(loaded, model, need, machine, lengths, batch)

    common = o.Common(set_, format_, json, output, color, strict, quiet)
    raise typer.Exit(o.answer_all(models, common, make))
