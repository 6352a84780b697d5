"""LG's EXAONE 4: dense and with experts.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.norm import Norm
from paramcalc.readers.config.patterns import FULL, SLIDING, every, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import dense_layer, joined, prediction_layers
from paramcalc.readers.families.decoders.shared import GATE, patterned, times

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


def _exaone4(config: Config) -> list[str]:
    if config.optional("sliding_window") is None:
        return [FULL] * config.layers
    return patterned(config, 4)


def exaone_moe_sliding(config: Config) -> list[str]:
    """Every n-th layer is full; all are where no window is given."""
    if config.optional("sliding_window") is None:
        return [FULL] * config.layers
    pattern = config.get("sliding_window_pattern")
    if isinstance(pattern, str) and pattern:
        return [SLIDING if pattern[i % len(pattern)] == "L" else FULL for i in range(config.layers)]
    return every(config, config.integer("sliding_window_pattern"))


EXAONE = {"embed_tokens": "transformer.wte", "layers": "transformer.h", "norm": "transformer.ln_f",
          "input_layernorm": "ln_1", "post_attention_layernorm": "ln_2", "self_attn": "attn.attention",
          "o_proj": "out_proj", "gate_proj": "c_fc_0", "up_proj": "c_fc_1", "down_proj": "c_proj"}



def _mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """K-EXAONE's: a dense layer like the model's first. Source: vLLM's exaone_moe_mtp, whose names are the files'."""
    return prediction_layers(config, "mtp", {
        **joined(spec, ("pre_fc_norm_embedding", "pre_fc_norm_hidden", "fc")),
        **{f"layers.*.{key}": part for key, part in dense_layer(spec).items()}, "norm": Norm(kind="rmsnorm")})


ROWS: dict[str, Row] = {
    "exaone": Row(names=EXAONE),
    "exaone4": Row(qk_norm="head", placement="post", pattern=_exaone4),
    "exaone_moe": Row(qk_norm="head", pattern=exaone_moe_sliding, mtp=_mtp,
                      names=GATE | {"correction_bias": "e_score_correction_bias"},
                      experts=Experts("num_experts", layers=sparse_layers, correction_bias="buffer",
                                      shared=times("num_shared_experts", "moe_intermediate_size"))),
}
