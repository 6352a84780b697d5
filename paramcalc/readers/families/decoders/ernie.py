"""Baidu's ERNIE 4.5: dense, experts, and the text models of ERNIE-VL and PaddleOCR-VL.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.linear import Linear
from paramcalc.components.norm import Norm
from paramcalc.readers.config.patterns import sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import dense_layer, prediction_layers
from paramcalc.readers.families.decoders.shared import GATE

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


def ernie_layers(config: Config) -> list[str]:
    """Every `moe_layer_interval`-th layer between a first and a last."""
    every_nth, first = config.integer("moe_layer_interval", 1), config.integer("moe_layer_start_index", 0, least=0)
    last = config.integer("moe_layer_end_index", -1, least=-1)
    last = config.layers - 1 if last == -1 else last
    return ["moe" if (i + 1) % every_nth == 0 and first <= i <= last else "dense" for i in range(config.layers)]


def _text_size(config: Config) -> int:
    """The experts' size for text, the first of two."""
    return (config.listed("moe_intermediate_size", int, 2) or [1536, 512])[0]


def _seeing(config: Config, fields: dict[str, Any]) -> None:
    """Experts that only images reach, which the text model's own class holds too."""
    if config.outer is None:
        from paramcalc.readers.families.towers.ernie_vl import image_experts

        at = config.rooted("model.layers")
        fields["towers"] = image_experts(config, fields["hidden_size"], at, component=None)


def _mtp(config: Config, spec: ModelSpec) -> dict[str, Component]:
    """A dense layer. Source: vLLM's ernie_mtp, whose names are the files'."""
    parts: dict[str, Component] = {
        "mtp_emb_norm.*": Norm(kind="rmsnorm"), "mtp_hidden_norm.*": Norm(kind="rmsnorm"),
        "mtp_linear_proj.*": Linear(in_features=2 * spec.hidden_size, bias=config.flag("use_bias"))}
    layer = {f"mtp_block.*.{key}": part for key, part in dense_layer(spec).items()}
    return prediction_layers(config, "model", {**parts, **layer})


def _shared(config: Config, size: int) -> int | None:
    """Shared experts are one feed-forward, which the class builds where there is one."""
    return config.integer("moe_num_shared_experts", 0, least=0) * size or None


ROWS: dict[str, Row] = {
    "ernie4_5": Row("use_bias", "use_bias", "use_bias"),
    "ernie4_5_moe": Row("use_bias", "use_bias", "use_bias", "use_bias", mtp=_mtp,
                        names=GATE | {"correction_bias": "moe_statics.e_score_correction_bias"},
                        experts=Experts("moe_num_experts", "moe_k", layers=ernie_layers,
                                        shared=lambda c: _shared(c, c.integer("moe_intermediate_size")),
                                        shared_bias="use_bias", correction_bias="parameter",
                                        more={"correction_groups": 1})),
    "ernie4_5_vl_moe_text": Row(
        "use_bias", "use_bias", "use_bias", names=GATE | {"correction_bias": "moe_statics.e_score_correction_bias"},
        adjust=_seeing,
        experts=Experts("moe_num_experts", "moe_k", _text_size, layers=lambda c: sparse_layers(c, 1),
                        shared=lambda c: _shared(c, _text_size(c)), shared_bias="use_bias",
                        correction_bias="parameter", more={"correction_groups": 1})),
    "paddleocr_vl_text": Row("use_bias", "use_bias", "use_bias"),
}
