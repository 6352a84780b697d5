"""Families that have T5's skeleton: a row each, saying how they differ. Sources: the library's modeling file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.moe import MixtureOfExperts
from paramcalc.components.norm import Norm
from paramcalc.readers.families.seq2seq import Parts, Side
from paramcalc.readers.families.t5 import T5, buckets

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config


def long_attention(config: Config, biased: bool) -> tuple[str, Parts]:
    """LongT5's encoder: local attention, or local with one summary of each block that every token sees."""
    if config.choice("encoder_attention_type", ("local", "transient-global"), "local") == "local":
        return "LocalSelfAttention", {}
    more: Parts = {"global_relative_attention_bias": buckets(config)} if biased else {}
    return "TransientGlobalSelfAttention", {**more, "global_input_layer_norm": Norm(kind="rmsnorm")}


def switch_layers(config: Config, side: Side, count: int) -> list[bool]:
    """Sparse layers are as far apart as their number allows, from the second on; every layer where that is each."""
    sparse = config.integer(f"num_sparse_{side}_layers", least=0)
    step = count // sparse if sparse else count
    return [step > 0 and (step == 1 or i % step == 1) for i in range(count)]


def switch_experts(config: Config) -> MixtureOfExperts:
    """Switch's experts, of which a token visits one."""
    return MixtureOfExperts(
        experts=config.integer("num_experts"), top_k=1, intermediate_size=config.integer("d_ff"), gated=False,
        router_bias=config.flag("router_bias"),
        names={"router": "router.classifier", "experts.*.up_proj": "experts.expert_*.wi",
               "experts.*.down_proj": "experts.expert_*.wo"})


ROWS: dict[str, T5] = {
    "t5": T5(),
    "mt5": T5(),
    "umt5": T5(every_layer_biased=True),
    "longt5": T5(ties="always", attention=long_attention),
    "switch_transformers": T5(ties="class", sparse=switch_layers, experts=switch_experts, feed="mlp"),
}
