"""Options `memory` and `fit` share: how a model is served and on what."""

from __future__ import annotations

from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.catalog.accelerators import Accelerator
    from paramcalc.estimates.inference import Prepared
    from paramcalc.estimates.machine import Machine
    from paramcalc.estimates.runtimes import Runtime


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


class Asked(NamedTuple):
    """The options as they were given."""

    dtype: str
    quant: str | None
    kv_dtype: str | None
    runtime: str
    settings: list[str]
    gpu: str | None
    gpus: int | None
    tp: int | None
    pp: int | None
    ep: int | None
    utilization: str | None
    accelerators: Path | None

    def made(self) -> Runtime:
        """The runtime and its settings."""
        from paramcalc.estimates.runtimes import Runtime

        return Runtime(self.runtime, self.settings)

    def prepare(self, model: Model, runtime: Runtime, gpus: int | None = None) -> Prepared:
        """The model, quantized and divided."""
        from paramcalc.estimates.inference import Prepared, Setup

        return Prepared(model, runtime, Setup(self.dtype, self.quant, self.kv_dtype, self.tp, self.pp, self.ep,
                                              gpus or self.gpus))

    def device(self) -> Accelerator | None:
        """The accelerator named."""
        from paramcalc.catalog.accelerators import find_accelerator

        return None if self.gpu is None else find_accelerator(self.gpu, self.accelerators)

    def machine(self, runtime: Runtime) -> Machine | None:
        """The accelerator as the runtime uses it."""
        from paramcalc.estimates.machine import Machine

        device = self.device()
        return None if device is None else Machine(device, runtime, part(self.utilization))

    def machines(self, runtime: Runtime) -> list[Machine]:
        """Every accelerator of the catalog, and of the user's file, whose memory is known."""
        from paramcalc.catalog.accelerators import accelerators
        from paramcalc.estimates.machine import Machine

        share = part(self.utilization)
        return [Machine(device, runtime, share) for device in accelerators(self.accelerators).values()
                if device.capacity_bytes is not None]


def part(text: str | None) -> tuple[int, int] | None:
    """`0.9` as a ratio. Raises UsageError for what is not more than 0 and at most 1."""
    if text is None:
        return None
    try:
        found = Fraction(text) if len(text) < 20 and "e" not in text.lower() else Fraction(0)
    except (ValueError, ZeroDivisionError):
        found = Fraction(0)
    if not 0 < found <= 1:
        raise UsageError(Problem(f"--gpu-memory-utilization {text[:40]!r} is not a part of a device",
                                 hint="more than 0, at most 1: 0.9"))
    return found.numerator, found.denominator
