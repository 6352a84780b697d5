"""Alibaba's Qwen 2 to 3.5: dense, experts, gated delta rule, text models of VL and Omni; Lara Mini, made of the same.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from paramcalc.components.delta_rule import DeltaLayout, GatedDelta
from paramcalc.components.linear import Linear
from paramcalc.components.norm import Norm
from paramcalc.readers.config.patterns import (
    FULL,
    LINEAR,
    SLIDING,
    interval,
    sliding_from,
    sparse_step,
    used_sliding,
)
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import GATE, GENERATES, STACKED
from paramcalc.spec.lower import lower

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.readers.families.decoder import Pattern
    from paramcalc.spec.model import ModelSpec


def qwen2_moe_sliding(config: Config) -> list[str]:
    """Every other of the first `max_window_layers` slides, if `use_sliding_window`."""
    slides = config.flag("use_sliding_window")
    last = config.integer("max_window_layers", config.layers, least=0)
    return [SLIDING if slides and i % 2 == 0 and i < last else FULL for i in range(config.layers)]


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


LARA = (LINEAR, SLIDING, LINEAR, FULL, SLIDING)
"""The layers of Lara Mini where its config does not name them, over and over."""
LINEAR_ATTN = {"self_attn.gated_delta": "linear_attn"}


def _qwen3_next(layout: DeltaLayout, experts: Experts | None = None, predicts: int = 0) -> Row:
    names = GATE | LINEAR_ATTN | {"shared_experts": "shared_expert"}
    return Row("attention_bias", "attention_bias", qk_norm="head", pattern=interval, kinds=(FULL, LINEAR),
               experts=experts, mixer=partial(gated_delta, layout=layout), names=names, more={"output_gate": "query"},
               mtp=partial(qwen_mtp, layers=predicts))


def _qwen_experts(layers: Pattern | None = None) -> Experts:
    return Experts("num_experts", layers=layers, shared_gate=True,
                   shared=lambda c: c.integer("shared_expert_intermediate_size"))


QWEN_VL = Row(qkv_bias=True, pattern=sliding_from)
QWEN3_VL_MOE = Row("attention_bias", "attention_bias", qk_norm="head", names=GATE, uneven_heads=True,
                   experts=Experts("num_experts", layers=sparse_step))
QWEN3_VL_MOE_STACKED = replace(QWEN3_VL_MOE, experts=Experts("num_experts", layers=sparse_step, more=STACKED))


def gated_delta(config: Config, word: str, layout: DeltaLayout) -> GatedDelta | None:
    """Gated delta rule with the keys of Qwen3-Next; what OLMo Hybrid leaves out follows from the attention heads."""
    if word != LINEAR:
        return None
    key_heads = config.optional("linear_num_key_heads") or config.integer("num_attention_heads")
    key_dim = config.optional("linear_key_head_dim") or 3 * config.integer("hidden_size") // (4 * key_heads)
    return GatedDelta(
        key_heads=key_heads, key_dim=key_dim,
        value_heads=config.optional("linear_num_value_heads") or config.integer("num_attention_heads"),
        value_dim=config.optional("linear_value_head_dim") or 2 * key_dim,
        conv_kernel=config.integer("linear_conv_kernel_dim"), layout=layout,
    )


def _lara(config: Config, word: str) -> GatedDelta | None:
    """The gated delta rule as the files of Lara Mini keep it."""
    mixer = gated_delta(config, word, "joined")
    return mixer and mixer.model_copy(update={"names": {"norm": "out_norm"}})


QWEN = {"embed_tokens": "transformer.wte", "layers": "transformer.h", "norm": "transformer.ln_f",
        "input_layernorm": "ln_1", "post_attention_layernorm": "ln_2", "self_attn": "attn", "qkv_proj": "c_attn",
        "o_proj": "c_proj", "gate_proj": "w2", "up_proj": "w1", "down_proj": "c_proj"}


def _plain_bias(config: Config, fields: dict[str, Any]) -> None:
    if not config.flag("no_bias", default=True):
        fields |= {"o_bias": True, "mlp_bias": True}


ROWS: dict[str, Builder] = {
    "qwen": Row(True, size=lambda c: c.integer("intermediate_size") // 2, more={"fused_qkv": True}, names=QWEN,
                adjust=_plain_bias),
    "qwen2": Row(qkv_bias=True, pattern=sliding_from),
    "qwen2_moe": Row("qkv_bias", pattern=qwen2_moe_sliding, names=GATE | {"shared_experts": "shared_expert"},
                     experts=Experts("num_experts", layers=sparse_step, shared_gate=True,
                                     shared=lambda c: c.integer("shared_expert_intermediate_size"))),
    "qwen3": Row("attention_bias", "attention_bias", qk_norm="head", pattern=sliding_from),
    "qwen3_moe": Row("attention_bias", "attention_bias", qk_norm="head", names=GATE, pattern=used_sliding,
                     experts=Experts("num_experts", layers=sparse_step)),
    "qwen3_next": _qwen3_next("qkvz", _qwen_experts(sparse_step), predicts=1),
    "qwen3_5_text": _qwen3_next("qkv"),
    "qwen3_5_moe_text": _qwen3_next("qkv", _qwen_experts()),
    "lara_mini": Row(
        "attention_bias", "attention_bias", qk_norm="head",
        experts=replace(_qwen_experts(), shared_gate=False, more=STACKED),
        pattern=lambda c: [LARA[i % len(LARA)] for i in range(c.layers)], mixer=_lara,
        names=GATE | LINEAR_ATTN | {"shared_experts": "shared_expert"}),
    "qwen2_vl_text": QWEN_VL,
    "qwen2_5_vl_text": QWEN_VL,
    "qwen2_5_omni_text": QWEN_VL,
    "qwen3_vl_text": Row("attention_bias", "attention_bias", qk_norm="head"),
    "qwen3_vl_moe_text": QWEN3_VL_MOE_STACKED,
    "qwen3_omni_moe_text": QWEN3_VL_MOE,
}
