"""Multi-token prediction of mixtures that stand alone: what their files hold and a forward pass leaves out.

Sources: vLLM's modules of each, whose names are the files', and the hub's totals, which hold these layers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.components.norm import Norm
from paramcalc.readers.families.decoders.deepseek import joined, latent, prediction_layers
from paramcalc.readers.families.decoders.shared import GENERATES
from paramcalc.spec.lower import lower

if TYPE_CHECKING:
    from paramcalc.components.attention import Attention
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

MIMO_LAYERS = 3
"""Of MiMo-V2's files, whose config does not mention them."""


def mimo_mtp(config: Config, spec: ModelSpec, attention: Attention) -> dict[str, Component]:
    """MiMo-V2's: dense layers with a window."""
    if config.task not in GENERATES:
        return {}
    norm = Norm(kind="rmsnorm")
    parts: dict[str, Component] = {
        **joined(spec), "input_layernorm": norm,
        "self_attn": attention.model_copy(update={"names": {"sinks": "attention_sink_bias"}}),
        "pre_mlp_layernorm": norm, "mlp": FeedForward(intermediate_size=config.integer("intermediate_size")),
        "final_layernorm": norm}
    return {f"model.mtp.layers.*.{key}": part.model_copy(update={"copies": MIMO_LAYERS})
            for key, part in parts.items()}


def longcat_mtp(config: Config, spec: ModelSpec) -> ModelSpec:
    """LongCat's: a dense layer of one attention, with a table of tokens of its own, which its config does not mention.
    """
    if config.task not in GENERATES:
        return spec
    norm, at = Norm(kind="rmsnorm"), "model.mtp.layers.0"
    parts: dict[str, Component] = {
        "model.mtp.embed_tokens": Embedding(),
        **{f"{at}.{key}": part for key, part in joined(spec, ("enorm.m", "hnorm.m", "eh_proj")).items()},
        f"{at}.input_layernorm": norm, f"{at}.self_attn": latent(config), f"{at}.post_attention_layernorm": norm,
        f"{at}.transformer_layer.mlp": FeedForward(intermediate_size=config.integer("ffn_hidden_size")),
        "model.mtp.norm": norm}
    return spec.model_copy(update={"apart": {"mtp": parts}})


def mellum_mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """Mellum's: a layer with a window and experts. Source: transformers' MtpModel and its table of names."""
    sparse = next((parts for parts in lower(spec).blocks.values() if any(
        isinstance(part, MixtureOfExperts) for part in parts.values())), {})
    return prediction_layers(config, "mtp", {
        **joined(spec, ("pre_fc_norm_embedding", "pre_fc_norm_hidden", "fc")),
        **{f"layers.*.{key}": part for key, part in sparse.items()}, "norm": Norm(kind="rmsnorm")}, "num_mtp_layers")
