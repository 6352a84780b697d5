"""`paramcalc fit`."""

from __future__ import annotations

from typing import Annotated

import typer

from paramcalc.cli import options as o
from paramcalc.cli import serving as s
from paramcalc.errors import Problem, UsageError

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
    from paramcalc.cli.asked import Asked, run_fit

    if all_ == (gpu is not None):
        raise UsageError(Problem("fit needs --gpu NAME or --all", hint="`paramcalc list gpus` shows the names"))
    asked = Asked(context, batch, source, dtype, quant, kv_dtype, runtime.value, settings, gpu, gpus, tp, pp, ep,
                  utilization, accelerators, plot)
    raise typer.Exit(run_fit(models, o.Common(set_, format_, json, output, color, strict, quiet), asked))
