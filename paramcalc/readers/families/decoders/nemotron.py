"""NVIDIA's Nemotron and Nemotron-H, whose layers are a norm and one of Mamba-2, attention, a feed-forward or experts.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import roll
from paramcalc.components.linear import Linear
from paramcalc.components.mamba import Mamba2
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.components.norm import Norm
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, LINEAR, one_part_layers
from paramcalc.readers.families.decoder import Row, topped
from paramcalc.readers.families.decoders.shared import BACKBONE, GENERATES
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder, Config

DERIVED = {"num_hidden_layers", "time_step_rank"}
"""Keys the class takes from others."""
EXPERT_NAMES = {"router": "gate", "correction_bias": "gate.e_score_correction_bias", "latent_down": "fc1_latent_proj",
                "latent_up": "fc2_latent_proj"}


def nemotron_h(config: Config) -> ModelSpec:
    """The specification of one config."""
    words = one_part_layers(config, "layers_block_type", "hybrid_override_pattern", (LINEAR, "moe", FULL, "mlp"))
    config.read |= DERIVED
    if config.data.get("num_hidden_layers") not in (None, len(words)):
        raise config.error("num_hidden_layers", f"the list of layers names {len(words):,}", code=LAYERS)
    fields: dict[str, Any] = {
        "vocab_size": config.integer("vocab_size"), "hidden_size": config.integer("hidden_size"), "position": "none",
        "norm_placement": "parallel", "ffn": "none",
        "blocks": {word: {"mixer": _part(config, word)} for word in dict.fromkeys(words)},
        "layers": tuple(roll(words)),
    }
    return ModelSpec.model_validate(fields | topped(config, BACKBONE) | _mtp(config)
                                    | {"tie_embeddings": False, "state_dtype": "float32"})


def _part(config: Config, word: str) -> Component:
    return {LINEAR: _mamba, FULL: _attention, "mlp": _feed_forward, "moe": _experts}[word](config)


def _either(config: Config, newer: str, key: str) -> str:
    """The key that holds: files may spell some as other hybrids do, and that spelling goes first."""
    return newer if config.get(newer) is not None else key


def _mamba(config: Config) -> Mamba2:
    return Mamba2(
        num_heads=config.integer("mamba_num_heads"), head_dim=config.integer("mamba_head_dim"),
        state_size=config.integer("ssm_state_size"), bias=config.flag("use_bias"),
        groups=config.integer(_either(config, "mamba_n_groups", "n_groups")),
        conv_kernel=config.integer(_either(config, "mamba_d_conv", "conv_kernel")),
        conv_bias=config.flag(_either(config, "mamba_conv_bias", "use_conv_bias")),
        block_size=config.integer(_either(config, "mamba_chunk_size", "chunk_size")),
    )


def _attention(config: Config) -> Attention:
    """Older files say `attention_head_dim` where the class reads `head_dim`."""
    older = config.optional("attention_head_dim")
    return Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads,
                     head_dim=older if older and "head_dim" not in config.data else config.head_dim)


def _feed_forward(config: Config) -> FeedForward:
    return FeedForward(intermediate_size=config.integer("intermediate_size"), gated=False,
                       bias=config.flag("mlp_bias"))


def _experts(config: Config) -> MixtureOfExperts:
    bias = config.flag("mlp_bias")
    return MixtureOfExperts(
        experts=config.integer("n_routed_experts"), top_k=config.integer("num_experts_per_tok"), gated=False,
        intermediate_size=config.integer("moe_intermediate_size"), correction_bias="buffer", shared_bias=bias,
        shared_size=config.integer("moe_shared_expert_intermediate_size"),
        latent_size=config.optional("moe_latent_size"), latent_bias=bias, names=EXPERT_NAMES,
    )


def _mtp(config: Config) -> dict[str, Any]:
    """What files hold for predicting further tokens: a projection of state and token, layers, a norm.

    Several predictions share one set of weights. Source: vLLM's nemotron_h_mtp, whose names are the files'.
    """
    if not config.integer("num_nextn_predict_layers", 0, least=0) or config.task not in GENERATES:
        return {}
    words = one_part_layers(config, "mtp_layers_block_type", "mtp_hybrid_override_pattern", (FULL, "moe"))
    parts: dict[str, Component] = {
        "mtp.layers.0.enorm": Norm(kind="rmsnorm"), "mtp.layers.0.hnorm": Norm(kind="rmsnorm"),
        "mtp.layers.0.eh_proj": Linear(in_features=2 * config.integer("hidden_size")),
    }
    for index, word in enumerate(words):
        parts[f"mtp.layers.{index}.norm"] = Norm(kind="rmsnorm")
        parts[f"mtp.layers.{index}.mixer"] = _part(config, word)
    return {"apart": {"mtp": {**parts, f"mtp.layers.{len(words) - 1}.final_layernorm": Norm(kind="rmsnorm")}}}


ROWS: dict[str, Builder] = {
    "nemotron": Row("attention_bias", "attention_bias", "mlp_bias", gated=False, norm="layernorm"),
    "nemotron_h": nemotron_h,
}
