"""`paramcalc memory`."""

from __future__ import annotations

from typing import Annotated

import typer

from paramcalc.cli import options as o
from paramcalc.cli import serving as s

EXAMPLES = (
    "paramcalc memory llama-3.1-8b --context 32k",
    "paramcalc memory mixtral-8x7b --runtime vllm --gpu h100 --tp 2",
    "paramcalc memory qwen3-32b --quant q4_k_m --runtime llama.cpp",
)


def memory(
    models: o.Models,
    context: Annotated[str, typer.Option("--context", metavar="TOKENS", help="Tokens of each sequence, prompt and "
                                         "answer: 8192, 8k, 1M.")] = "4096",
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
    """Say what serving takes: weights and cache exactly, activations and overhead as estimates, for each device."""
    from paramcalc.cli.asked import Asked, run_memory

    asked = Asked(context, batch, source, dtype, quant, kv_dtype, runtime.value, settings, gpu, gpus, tp, pp, ep,
                  utilization, accelerators, plot)
    raise typer.Exit(run_memory(models, o.Common(set_, format_, json, output, color, strict, quiet), asked))
