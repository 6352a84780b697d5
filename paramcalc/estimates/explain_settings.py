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

    about: Subject = option("parameters", "Numbers to explain. weights, cache, optimizer: bytes; flops: of a forward "
                            "pass; keys: which keys of the spec or config change which figures.", "--of")
    dtype: str = option(SERVING.dtype, "Format of weights that are not quantized, and of what is computed: "
                       "bf16, fp16, fp32.")
    quant: str | None = option(SERVING.quant, "Number format or GGUF mix of the weights: q4_k_m, gptq, nf4.")
    kv_dtype: str | None = option(SERVING.kv_dtype, "Format of keys and values: fp8, q8_0, or one for each: q8_0,q4_0.",
                                  metavar="D[,D]")
    context: Tokens = option(SERVING.context, "Tokens of each sequence, in the cache or of the forward pass.",
                             metavar="TOKENS")
    batch: Batch = option(SERVING.batch, "Number of sequences at once.", metavar="N")
    source: Tokens | None = option(SERVING.source, "Tokens of the encoder's input; as many as --context when not "
                                   "given.", metavar="TOKENS")
    convention: Convention = option(WORKLOAD.convention, "full: attention's whole square; causal: only the pairs a "
                                    "query may see.")
    optimizer: str = option(TRAINING.optimizer, "Optimizer; `paramcalc list optimizers` shows the names.")

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
