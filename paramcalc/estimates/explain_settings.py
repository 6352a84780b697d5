"""What a user may say of the numbers that are to be explained."""

from __future__ import annotations

from typing import Literal, TypedDict

from paramcalc.defaults import SERVING, TRAINING, WORKLOAD, Convention
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.settings import Batch
from paramcalc.settings import Settings, Tokens, option

Subject = Literal["parameters", "weights", "cache", "flops", "optimizer", "keys"]
APPLIES: dict[str, tuple[Subject, ...]] = {
    "dtype": ("weights", "cache", "optimizer"), "quant": ("weights",), "kv_dtype": ("cache",),
    "context": ("cache", "flops"), "batch": ("cache", "flops"), "source": ("cache", "flops"),
    "convention": ("flops",), "optimizer": ("optimizer",),
}
"""What each setting is a setting of."""


class ExplainSettings(Settings):
    """Which numbers of a model are explained, and under which assumptions."""

    about: Subject = option(
        "parameters", "Figures to explain. weights, cache, optimizer: bytes; flops: FLOPs of a forward pass; keys: "
        "which keys of the spec or config change which figures.", "--of")
    dtype: str = option(SERVING.dtype, "Number format of weights that are not quantized, and of activations: bf16, "
                                       "fp16, fp32.")
    quant: str | None = option(SERVING.quant, "Number format or GGUF mix of the weights: q4_k_m, gptq, nf4.")
    kv_dtype: str | None = option(
        SERVING.kv_dtype, "Number format of the KV cache: fp8, q8_0; or one each for keys and values: q8_0,q4_0.",
        metavar="D[,D]")
    context: Tokens = option(SERVING.context, "Sequence length in tokens, in the cache or of the forward pass.",
                             metavar="TOKENS")
    batch: Batch = option(SERVING.batch, "Batch size: number of sequences processed together.", metavar="N")
    source: Tokens | None = option(
        SERVING.source, "Length of the encoder input in tokens; --context when not given.", metavar="TOKENS")
    convention: Convention = option(
        WORKLOAD.convention, "Attention scores to count. full: all query-key pairs; causal: only the pairs that the "
        "causal mask allows.")
    optimizer: str = option(TRAINING.optimizer, "Optimizer; `paramcalc list optimizers` lists the names.")

    def applied(self) -> dict[str, object]:
        """The settings that have an effect on what is explained."""
        return {name: value for name, value in self.model_dump().items()
                if value is not None and self.about in APPLIES.get(name, ())}

    def check(self) -> None:
        """Raise UsageError for a setting that has no effect on what is explained."""
        for name, subjects in APPLIES.items():
            if self.is_set(name) and self.about not in subjects:
                raise UsageError(Problem(f"--{name.replace('_', '-')} has no effect with --of {self.about}",
                                         hint=f"--of {subjects[0]}"))


class ExplainKeywords(TypedDict, total=False):
    """`ExplainSettings` without `about`, as keyword arguments."""

    dtype: str
    quant: str | None
    kv_dtype: str | None
    context: int | str
    batch: int | str
    source: int | str | None
    convention: Convention
    optimizer: str
