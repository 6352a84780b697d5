"""Meta's Muse: Glimmer is dense, Spark has experts that work in a width of their own.

Sources: transformers 5.24.0, muse_glimmer and muse_spark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.linear import Parameter
from paramcalc.components.norm import Norm
from paramcalc.readers.config.patterns import FULL, SLIDING, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import CORRECTED, STACKED

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config


def _layers(config: Config) -> list[str]:
    """Full attention at each fourth layer, counted from the last."""
    last = config.layers - 1
    return [FULL if (last - i) % 4 == 0 else SLIDING for i in range(config.layers)]


def _spark(config: Config, _: str, ffn: str) -> dict[str, Any]:
    """Norms before and after the feed-forward, of which that after attention has no scale, and gates on both."""
    beside: dict[str, Component] = {
        f"post_{place}_residual_gate.gate": Parameter(shape=(config.integer("hidden_size"),), component="moe_router",
                                                      scales=True)
        for place in ("attention", "feedforward")}
    beside |= {"post_attention_layernorm": Norm(kind="rmsnorm", scale=False),
               "post_feedforward_layernorm": Norm(kind="rmsnorm")}
    if ffn == "moe":
        norm = Norm(kind="rmsnorm", hidden_size=config.integer("moe_hidden_size"))
        beside |= {"mlp.pre_expert_norm": norm, "mlp.experts.post_expert_norm": norm.model_copy(
            update={"uses": config.integer("num_experts_per_tok")})}
    return {"beside": beside}


ROWS: dict[str, Row] = {
    "muse_glimmer_text": Row("attention_bias", "attention_bias", placement="sandwich", pattern=_layers,
                             more={"output_gate": "full"}, names={"gate": "gate_proj"}),
    "muse_spark_text": Row(
        "attention_bias", "attention_bias", pattern=_layers, block=_spark, more={"output_gate": "full"},
        experts=Experts("num_local_experts", layers=sparse_layers, correction_bias="buffer",
                        more=lambda c: STACKED | {"latent_size": c.integer("moe_hidden_size"),
                                                  "latent_component": "ffn"}),
        names=CORRECTED | {"gate": "gate_proj", "post_attention_layernorm": "pre_feedforward_layernorm",
                           "latent_down": "pre_expert_proj", "latent_up": "post_expert_proj"}),
}
