"""StepFun's decoders: Step 3 with queries of a low rank, Step 3.5 with gated attention of two widths.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Head, Linear
from paramcalc.components.norm import Norm
from paramcalc.readers.config.patterns import SLIDING, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import joined, prediction_layers

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


def _step_sparse(config: Config) -> list[str]:
    """`mlp_layer_types`; else the layers `moe_layers_enum` names, by default those from the fourth on."""
    places = config.get("moe_layers_enum")
    if config.get("mlp_layer_types") is not None or places is None:
        return sparse_layers(config, 3)
    words = places.split(",") if isinstance(places, str) else config.listed("moe_layers_enum", int) or []
    sparse = {str(word).strip() for word in words}
    return ["moe" if str(i) in sparse else "dense" for i in range(config.layers)]


def _step_attention(config: Config, word: str) -> Attention:
    """Step's attention: a gate for each head, and another number of heads where a window slides."""
    heads = config.integer("num_attention_heads")
    other = config.get("attention_other_setting")
    if word == SLIDING:
        legacy = other.get("num_attention_heads") if isinstance(other, dict) else None
        heads = config.optional("num_sliding_attention_heads") or (legacy if type(legacy) is int else heads)
    config.read.add("use_head_wise_attn_gate")  # what files published with code of their own say for `gating`
    gate = config.get("gating")
    window = config.optional("sliding_window") if word == SLIDING else None
    return Attention(num_heads=heads, num_kv_heads=config.kv_heads, head_dim=config.head_dim, qk_norm="head",
                     bias=QKVO if config.flag("attention_bias") else (), window=window,
                     output_gate="head" if gate is True or gate == "per-head" else "full",
                     names={"gate": "g_proj"})


STEP_NAMES = {"router": "moe.gate", "correction_bias": "moe.router_bias",
              **{f"experts.{name}": f"moe.{name}.weight" for name in ("gate_proj", "up_proj", "down_proj")},
              **{f"shared_experts.{name}": f"share_expert.{name}" for name in ("gate_proj", "up_proj", "down_proj")}}


def _factored(config: Config, _: str) -> Attention:
    """Multi-matrix factorization attention: queries of `share_q_dim` values, widened to all heads; one head of keys and
    values. arXiv:2412.19255."""
    width, rank = config.integer("hidden_size"), config.integer("share_q_dim")
    return Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads, hidden_size=rank,
                     head_dim=config.integer("head_dim"), source_size=width, output_size=width,
                     names={"q_proj": "wq"})


def _query(config: Config, *_: str) -> dict[str, Any]:
    """The projection to the low rank, and its norm."""
    config.read |= {"norm_expert_weight", "use_moe"}
    rank = config.integer("share_q_dim")
    return {"beside": {"self_attn.q_proj": Linear(out_features=rank, component="attention"),
                       "self_attn.inter_norm": Norm(kind="rmsnorm", hidden_size=rank)}}


def _third_sparse(config: Config) -> list[str]:
    """The layers `moe_layers_enum` names, else all but the first."""
    named = config.get("moe_layers_enum")
    if named is None:
        return ["dense"] + ["moe"] * (config.layers - 1)
    return _step_sparse(config)


def _mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """Step 3.5's: dense layers with a window, each with a head of its own. Source: the totals of its files."""
    feed = FeedForward(intermediate_size=config.integer("intermediate_size"))
    norm = Norm(kind="rmsnorm")
    return prediction_layers(config, "model.layers.*", {
        "embed_tokens": Embedding(tied_to="model.embed_tokens"), **joined(spec), "input_layernorm": norm,
        "self_attn": _step_attention(config, SLIDING), "post_attention_layernorm": norm, "mlp": feed,
        "shared_head.norm": norm, "shared_head.output": Head()})


ROWS: dict[str, Row] = {
    "step3_text": Row(mixer=_factored, block=_query, names=STEP_NAMES, experts=Experts(
        "num_local_experts", layers=_third_sparse, shared=lambda c: c.integer("share_expert_dim"),
        more={"layout": "stacked", "stacked_transposed": False, "path": ""})),
    "step3p5": Row(mlp_bias="mlp_bias", mixer=_step_attention, mtp=_mtp, names=STEP_NAMES, experts=Experts(
        "n_routed_experts", layers=_step_sparse, shared=lambda c: c.integer("share_expert_dim"), shared_bias="mlp_bias",
        correction_bias="buffer", more={"layout": "stacked", "stacked_transposed": False, "path": ""})),
}
