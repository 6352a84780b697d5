"""The figures checks compare: counted once for a model, each by its name."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from paramcalc.defaults import SERVING, WORKLOAD
from paramcalc.measures.parameters import Counts, count

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.defaults import Convention

CONTEXT, SEQ = SERVING.context, WORKLOAD.seq
"""Where a figure depends on a length and none is given."""


class Figures:
    """Figures of one model, worked out when asked for."""

    def __init__(self, model: Model) -> None:
        self.model = model

    @cached_property
    def counts(self) -> Counts:
        """Numbers of parameters of the model, in all and by component."""
        return count(self.model.tree)

    @property
    def counted(self) -> dict[str, int]:
        """Parameters as `count` says them, by the keys of `expect`."""
        counts = self.counts
        return {"total": counts.total, "active": counts.active, "embedding": counts.embedding,
                "non_embedding": counts.total - counts.embedding, "buffers": counts.buffers}

    def component(self, name: str) -> int:
        """Parameters of a component; 0 where the model has none."""
        return self.counts.components.get(name, (0, 0))[0]

    def weights(self, quant: str) -> int:
        """Bytes of all weights in a format or GGUF mix, or in a plain dtype."""
        from paramcalc.catalog.formats import formats
        from paramcalc.measures.weights import weight_bytes
        from paramcalc.transforms.formats import in_formats

        plain = formats().get(quant)
        if plain is not None and plain.family == "plain" and plain.bits >= 16:
            return weight_bytes(self.model.tree, quant).total
        return weight_bytes(in_formats(self.model, quant).tree).total

    def cache_per_token(self, context: int = CONTEXT, dtype: str = SERVING.dtype) -> int:
        """Growth of the cache for one more token of one sequence."""
        from paramcalc.measures.cache import Serving, exact, mixers, types

        serving = Serving(context, source=self.model.spec.source_tokens())
        return exact(mixers(self.model.tree), serving, types(dtype, dtype)).per_token

    def flops_per_token(self, seq: int = SEQ, convention: Convention = WORKLOAD.convention) -> int:
        """Forward FLOPs of one token in a sequence of `seq`."""
        from paramcalc.measures.flops import Workload, flops
        from paramcalc.spec.media import NO_MEDIA

        source = NO_MEDIA.attended(self.model.spec.source_tokens(), seq)
        return flops(self.model.tree, Workload(1, seq, 0, source, convention)).forward // seq

    def named(self) -> dict[str, int]:
        """The figures of a lock, a growth budget and a difference: parameters, bytes and FLOPs, as their names say."""
        counted = self.counted
        return {"total": counted["total"], "active": counted["active"], "buffers": counted["buffers"],
                "bytes_bf16": self.weights("bf16"), "cache_per_token": self.cache_per_token(),
                "flops_per_token": self.flops_per_token()}
