"""Text models that only stand inside composite ones: a row each. Sources: the library's modeling files."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.linear import Linear, Parameter
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, SLIDING, all_sliding, sliding_from, sparse_layers, sparse_step
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.latent import shared_experts
from paramcalc.readers.families.rows_dense import FC, SANDWICH_GLM, when
from paramcalc.readers.families.rows_moe import CORRECTED, GATE, STACKED
from paramcalc.spec.lower import QKV

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config

CROSS = "cross"
MORE_ROWS = 8
"""Rows Llama 3.2 Vision's table has for the image token, which the head does not predict."""
DELAY_WIDTH = 32
"""Width in which Voxtral Realtime turns a delay into a scale."""

MOSHI = {f"{word}_proj": f"{word}_proj.linear" for word in "qkvo"} | {"gate_up_proj": "fc1", "down_proj": "fc2"}
QWEN_VL = Row(qkv_bias=True, pattern=sliding_from)
QWEN3_VL_MOE = Row("attention_bias", "attention_bias", qk_norm="head", names=GATE, uneven_heads=True,
                   experts=Experts("num_experts", layers=sparse_step))
QWEN3_VL_MOE_STACKED = replace(QWEN3_VL_MOE, experts=Experts("num_experts", layers=sparse_step, more=STACKED))


def _crossing(config: Config) -> list[str]:
    """`cross` for the layers `cross_attention_layers` names."""
    named = config.listed("cross_attention_layers", int)
    crossing = set(range(3, config.layers, 5) if named is None else named)
    for index, layer in enumerate(named or ()):
        if not 0 <= layer < config.layers:
            raise config.error("cross_attention_layers", f"there is no layer {layer} of {config.layers}", index=index,
                               code=LAYERS)
    return [CROSS if i in crossing else FULL for i in range(config.layers)]


def _cross_attention(config: Config, word: str) -> Attention | None:
    """Attention to the image, in place of attention to the text."""
    if word != CROSS:
        return None
    return Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads,
                     head_dim=config.head_dim, qk_norm="head", cross=True, causal=False, path="cross_attn")


def _cross_gates(_: Config, word: str, __: str) -> dict[str, Any]:
    if word != CROSS:
        return {}
    return {"beside": {f"cross_attn_{part}_gate": Parameter(shape=(1,), component="attention")
                       for part in ("attn", "mlp")}}


def _more_rows(config: Config, fields: dict[str, Any]) -> None:
    fields |= {"vocab_size": config.integer("vocab_size") + MORE_ROWS, "head_rows": config.integer("vocab_size")}


def _molmo2(config: Config, fields: dict[str, Any]) -> None:
    fields["embedding_rows"] = config.integer("vocab_size") + config.integer("additional_vocab_size", 0, least=0)
    fields["tie_embeddings"] = False


def _molmo2_norm(config: Config) -> str:
    return "head" if config.text("qk_norm_type") == "qwen3" else "full"


def _molmo2_names(config: Config) -> dict[str, str]:
    if not config.flag("norm_after"):
        return {}
    return {"post_attention_layernorm": "input_layernorm", "post_feedforward_layernorm": "post_attention_layernorm"}


def _moshi(config: Config, fields: dict[str, Any]) -> None:
    if config.task not in ("causal", "bare"):
        raise config.unknown_class()
    fields["embedding_rows"] = config.integer("vocab_size") + 1


def _muse_layers(config: Config) -> list[str]:
    """Full attention at each fourth layer, counted from the last."""
    last = config.layers - 1
    return [FULL if (last - i) % 4 == 0 else SLIDING for i in range(config.layers)]


def _delay_scale(config: Config, _: str, __: str) -> dict[str, Any]:
    width = config.integer("hidden_size")
    return {"beside": {
        "ada_rms_norm.linear1": Linear(out_features=DELAY_WIDTH, in_features=width, component="ffn", per="sequence"),
        "ada_rms_norm.linear2": Linear(out_features=width, in_features=DELAY_WIDTH, component="ffn", per="sequence")}}


def _step_sparse(config: Config) -> list[str]:
    """`mlp_layer_types`; else the layers `moe_layers_enum` names, by default those from the fourth on."""
    named = config.get("moe_layers_enum")
    if config.get("mlp_layer_types") is not None or named is None:
        return sparse_layers(config, 3)
    words = named.split(",") if isinstance(named, str) else config.listed("moe_layers_enum", int) or []
    sparse = {str(word).strip() for word in words}
    return ["moe" if str(i) in sparse else "dense" for i in range(config.layers)]


def _step_attention(config: Config, word: str) -> Attention:
    """Step's attention: a gate for each head, and another number of heads where a window slides."""
    heads = config.integer("num_attention_heads")
    other = config.get("attention_other_setting")
    if word == SLIDING:
        legacy = other.get("num_attention_heads") if isinstance(other, dict) else None
        heads = config.optional("num_sliding_attention_heads") or (legacy if type(legacy) is int else heads)
    gate = config.get("gating")
    window = config.optional("sliding_window") if word == SLIDING else None
    return Attention(num_heads=heads, num_kv_heads=config.kv_heads, head_dim=config.head_dim, qk_norm="head",
                     bias=(*QKV, "o") if config.flag("attention_bias") else (), window=window,
                     output_gate="head" if gate is True or gate == "per-head" else "full",
                     names={"gate": "g_proj"})


STEP_NAMES = {"router": "moe.gate", "correction_bias": "moe.router_bias",
              **{f"experts.{name}": f"moe.{name}.weight" for name in ("gate_proj", "up_proj", "down_proj")},
              **{f"shared_experts.{name}": f"share_expert.{name}" for name in ("gate_proj", "up_proj", "down_proj")}}


def _text_size(config: Config) -> int:
    """The experts' size for text, the first of two."""
    sizes = config.listed("moe_intermediate_size", int, 2) or [1536, 512]
    config.note("experts that only images reach are not counted")
    return sizes[0]


ROWS: dict[str, Row] = {
    "qwen2_vl_text": QWEN_VL,
    "qwen2_5_vl_text": QWEN_VL,
    "qwen2_5_omni_text": QWEN_VL,
    "qwen3_vl_text": Row("attention_bias", "attention_bias", qk_norm="head"),
    "qwen3_vl_moe_text": QWEN3_VL_MOE_STACKED,
    "qwen3_omni_moe_text": QWEN3_VL_MOE,
    "glm4v_text": Row(qkv_bias=True, placement="sandwich", more={"fused_gate_up": True}, names=SANDWICH_GLM),
    "glm_ocr_text": Row(placement="sandwich", more={"fused_gate_up": True}, names=SANDWICH_GLM),
    "glm4v_moe_text": Row("attention_bias", uneven_heads=True, names=CORRECTED, experts=Experts(
        "n_routed_experts", layers=sparse_layers, shared=shared_experts, correction_bias="buffer")),
    "cosmos3_edge_text": Row("attention_bias", "attention_bias", "mlp_bias", gated=False, names=FC),
    "molmo2_text": Row("attention_bias", qk_norm=_molmo2_norm, placement=when("norm_after", "post", "pre"),
                       names=_molmo2_names, adjust=_molmo2),
    "moshi": Row(size=lambda c: c.integer("ffn_dim") // 2, mixers=all_sliding, more={"fused_gate_up": True},
                 names=MOSHI, adjust=_moshi),
    "muse_glimmer_text": Row("attention_bias", "attention_bias", placement="sandwich", pattern=_muse_layers,
                             more={"output_gate": "full"}, names={"gate": "gate_proj"}),
    "granite_docling_text": Row("attention_bias", "attention_bias", "mlp_bias"),
    "paddleocr_vl_text": Row("use_bias", "use_bias", "use_bias"),
    "voxtral_realtime_text": Row(pattern=all_sliding, block=_delay_scale),
    "step3p5": Row(mlp_bias="mlp_bias", mixer=_step_attention, names=STEP_NAMES, experts=Experts(
        "n_routed_experts", layers=_step_sparse, shared=lambda c: c.integer("share_expert_dim"), shared_bias="mlp_bias",
        correction_bias="buffer", more={"layout": "stacked", "stacked_transposed": False, "path": ""})),
    "ernie4_5_vl_moe_text": Row(
        "use_bias", "use_bias", "use_bias", names=GATE | {"correction_bias": "moe_statics.e_score_correction_bias"},
        experts=Experts("moe_num_experts", "moe_k", _text_size, layers=lambda c: sparse_layers(c, 1),
                        shared=lambda c: _text_size(c) * c.integer("moe_num_shared_experts"), shared_bias="use_bias",
                        correction_bias="parameter", more={"correction_groups": 1})),
    "mllama_text_model": Row(mixers=_crossing, mixer=_cross_attention, block=_cross_gates, adjust=_more_rows),
}
