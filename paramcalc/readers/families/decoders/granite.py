"""IBM's Granite: dense, experts, Mamba-2 hybrids, and the text model of Granite Docling.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.readers.config.patterns import FULL, LINEAR, SLIDING
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.mamba import mamba2_if_linear
from paramcalc.readers.families.decoders.shared import STACKED, first_full

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config


def granite(prefix: str, **more: str) -> dict[str, str]:
    """Names relative to the layer: the shared feed-forward stands beside the experts, not among them."""
    return {"router": f"{prefix}.router", "shared_experts.gate_up_proj": "shared_mlp.input_linear",
            "shared_experts.down_proj": "shared_mlp.output_linear", **more}


SHARED = "shared_intermediate_size"
"""A key of the types whose experts share one."""
GRANITE_FILE = granite("block_sparse_moe", router="block_sparse_moe.router.layer",
                        **{"experts.gate_up_proj": "block_sparse_moe.input_linear.weight",
                           "experts.down_proj": "block_sparse_moe.output_linear.weight"})
GRANITE_CLASS = granite("block_sparse_moe", experts="block_sparse_moe.experts")
GRANITE = Experts(size="intermediate_size", more=STACKED | {"path": "", "shared_fused": True},
                  shared=lambda c: c.integer(SHARED, 0, least=0) if c.has(SHARED) else 0)


def granite_sliding(config: Config) -> list[str]:
    """One full layer, three that slide."""
    return [SLIDING if i % 4 else FULL for i in range(config.layers)]


def _granite_experts(config: Config) -> list[str]:
    return ["moe" if config.integer("num_local_experts", least=0) else "shared"] * config.layers


def _granite_shared(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """Without experts, the feed-forward they would share is the layer's only one."""
    if ffn == "moe":
        return {}
    return {"ffn": {"kind": "ffn", "intermediate_size": config.integer(SHARED), "fused": True,
                    "component": "moe_shared", "path": "shared_mlp",
                    "names": {"gate_up_proj": "input_linear", "down_proj": "output_linear"}}}


ROWS: dict[str, Row] = {
    "granite": Row("attention_bias", "attention_bias", "mlp_bias"),
    "granite_swa": Row("attention_bias", "attention_bias", "mlp_bias", pattern=lambda c: first_full(c, 4),
                       more={"sinks": True}),
    "granitemoe": Row("attention_bias", "attention_bias", experts=GRANITE, names=GRANITE_FILE),
    "granitemoeshared": Row("attention_bias", "attention_bias", experts=GRANITE, names=GRANITE_FILE),
    "granitemoe_swa": Row("attention_bias", "attention_bias", experts=GRANITE, names=GRANITE_CLASS,
                          more={"sinks": True}, pattern=granite_sliding),
    "granitemoehybrid": Row("attention_bias", "attention_bias", mixer=mamba2_if_linear,
                            position=lambda c: "rotary" if c.get("position_embedding_type") == "rope" else "none",
                            pattern=lambda c: [LINEAR] * c.layers, kinds=(FULL, LINEAR), block=_granite_shared,
                            experts=Experts(GRANITE.count, size=GRANITE.size, shared=GRANITE.shared,
                                            more=GRANITE.more, layers=_granite_experts),
                            names=GRANITE_FILE | {"self_attn.mamba2": "mamba"}),
    "granite4_vision_text": Row("attention_bias", "attention_bias", "mlp_bias"),
    "granite_docling_text": Row("attention_bias", "attention_bias", "mlp_bias"),
}
