"""Multi-token prediction: layers that files hold beside the model, which the library's classes never build."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Head, Linear
from paramcalc.components.norm import Norm
from paramcalc.spec.layout import unroll
from paramcalc.spec.lower import lower

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

GENERATES = ("causal", "seq2seq")
"""Tasks of classes with a language model's head: alone, or with other towers (`ForConditionalGeneration`)."""


def last_layer(spec: ModelSpec) -> dict[str, Component]:
    """The parts of the model's last layer, which a prediction layer repeats."""
    lowered = lower(spec)
    name = unroll(spec.layers)[-1] if spec.layers else next(iter(lowered.blocks))
    return lowered.blocks[name]


def deepseek_mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """DeepSeek-V3's: norms of the token and of the state, their projection, a layer, a norm, tied embedding and head.

    Source: arXiv:2412.19437 section 2.2; README_WEIGHTS.md of deepseek-ai/DeepSeek-V3.
    """
    count = config.integer("num_nextn_predict_layers", 0, least=0)
    if not count or config.task != "causal":
        return {}
    width = spec.hidden_size
    parts: dict[str, Component] = {
        "embed_tokens": Embedding(tied_to="model.embed_tokens"), "enorm": Norm(kind="rmsnorm"),
        "hnorm": Norm(kind="rmsnorm"), "eh_proj": Linear(in_features=2 * width), **last_layer(spec),
        "shared_head.norm": Norm(kind="rmsnorm"), "shared_head.head": Head(tied=True),
    }
    return {f"model.layers.*.{key}": part.model_copy(update={"copies": count}) for key, part in parts.items()}


def qwen_mtp(config: Config, spec: ModelSpec, layers: int = 0) -> dict[str, Component]:
    """Qwen3-Next's: norms of token and state, their projection, layers of full attention, a norm.

    Files of Qwen3.5 say how many layers; those of Qwen3-Next always hold one and say nothing. Source: vLLM's
    qwen3_next_mtp, whose names are the files'.
    """
    count = config.integer("mtp_num_hidden_layers", layers, least=0)
    full = next((parts for parts in lower(spec).blocks.values() if "self_attn" in parts), None)
    if not count or full is None or config.task not in GENERATES:
        return {}
    norm = Norm(kind="rmsnorm")
    return {
        "mtp.pre_fc_norm_embedding": norm, "mtp.pre_fc_norm_hidden": norm,
        "mtp.fc": Linear(in_features=2 * spec.hidden_size),
        **{f"mtp.layers.*.{key}": part.model_copy(update={"copies": count}) for key, part in full.items()},
        "mtp.norm": norm,
    }
