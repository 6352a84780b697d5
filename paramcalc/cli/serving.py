"""Options `memory` and `fit` share: how a model is served and on what."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class RuntimeName(StrEnum):
    """Whose rules the cache follows."""

    exact = "exact"
    transformers = "transformers"
    vllm = "vllm"
    llama_cpp = "llama.cpp"


Batch = Annotated[int, typer.Option("--batch", min=1, max=2**20, help="Sequences at once.")]
Source = Annotated[str | None, typer.Option("--source", metavar="TOKENS", help="Tokens of the encoder's input; as "
                                            "many as --context when not given.")]
Dtype = Annotated[str, typer.Option("--dtype", help="What weights are held in unless quantized: bf16, fp16, fp32.")]
Quant = Annotated[str | None, typer.Option("--quant", help="A number format or GGUF mix: q4_k_m, gptq, awq, nf4, "
                                           "mxfp4, none.")]
KvDtype = Annotated[str | None, typer.Option("--kv-dtype", metavar="D[,D]", help="What keys and values are held in: "
                                             "fp8, q8_0, or one for each: q8_0,q4_0.")]
RuntimeOption = Annotated[RuntimeName, typer.Option("--runtime", help="Whose rules the cache follows.")]
Settings = Annotated[list[str], typer.Option("--runtime-option", "-R", metavar="KEY=VALUE", help="A setting of the "
                                             "runtime: ubatch=2048, unified=true, batched_tokens=4096.")]
Gpu = Annotated[str | None, typer.Option("--gpu", metavar="NAME", help="An accelerator: h100, rtx-4090.")]
Gpus = Annotated[int | None, typer.Option("--gpus", min=1, max=2**16, help="Devices; shared as the runtime does when "
                                          "nothing else is said.")]
Tp = Annotated[int | None, typer.Option("--tp", min=1, max=2**16, help="Devices that share each matrix.")]
Pp = Annotated[int | None, typer.Option("--pp", min=1, max=2**12, help="Stages that share the layers.")]
Ep = Annotated[int | None, typer.Option("--ep", min=1, max=2**16, help="Devices that share the experts.")]
Utilization = Annotated[str | None, typer.Option("--gpu-memory-utilization", metavar="PART", help="The part of a "
                                                 "device that is used: 0.9.")]
Accelerators = Annotated[Path | None, typer.Option("--accelerators", metavar="FILE", help="Your own devices, in the "
                                                   "catalog's form.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw it: .svg or .png (needs the plot "
                                           "extra).")]
