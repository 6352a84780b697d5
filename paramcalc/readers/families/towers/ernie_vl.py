"""ERNIE 4.5 VL: a plain vision transformer, a resampler of squares and frames, experts that only images reach.

arXiv:2506.22435 (technical report), and the library's modeling file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from paramcalc.components.base import Parts
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.readers.config.patterns import sparse_layers
from paramcalc.readers.families.towers.frame import layers, tower, under
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import dense, norm, rms, up
from paramcalc.readers.families.towers.qwen_vl import LAYER2

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

ROUTED = {"router": "gate", "correction_bias": "gate.moe_statics.e_score_correction_bias"}


def vision(config: Config, at: str) -> Tower:
    """The tower; patches go through one matrix."""
    width, channels = config.integer("hidden_size"), config.integer("in_channels")
    modules: Parts = {
        "patch_embed.proj": dense(width, channels * config.integer("patch_size")**2, bias=False,
                                  component="other_embedding"),
        "blocks": layers(config.depth("depth")), "ln": norm(width)}
    block = LAYER2(width, heads(config, "num_heads"), config.integer("intermediate_size"))
    return tower("vision", width, modules, {"layer": block}, at)


def _resampled(at: str, into: int, out: int) -> Parts:
    return under(at, {"fc1": up(out, into, component="ffn"), "fc2": up(out, out, component="ffn"),
                      "ln": norm(out)})


def image_experts(words: Config, width: int, at: str, *, component: Literal["vision"] | None) -> Towers:
    """The experts of the text model's layers `at` that only images reach."""
    sparse = sparse_layers(words, 1).count("moe")
    if not sparse:
        return {}
    sizes = words.listed("moe_intermediate_size", int, 2) or [1536, 512]
    experts = MixtureOfExperts(experts=words.integer("moe_num_experts"), top_k=words.integer("moe_k"),
                               intermediate_size=sizes[1], correction_bias="parameter", correction_groups=1,
                               names=ROUTED)
    return {"experts": tower(component, width, {at: layers(sparse, "moe")}, {"moe": {"mlp.vision_moe": experts}},
                             stream="image_tokens")}


def ernie(model: Composite) -> Towers:
    """Squares of patches, then pairs of frames; and what images pass of the text model's layers."""
    usual, out = "ernie4_5_vl_moe_vision", model.text.hidden_size
    config, words = model.part("vision_config", usual), model.part("text_config", "ernie4_5_vl_moe_text")
    square = config.integer("hidden_size") * config.integer("spatial_merge_size")**2
    frames = config.integer("temporal_merge_size")
    join = {**_resampled("spatial_linear", square, square), **_resampled("temporal_linear", square * frames, square),
            "mlp": up(out, square, component="ffn"), "after_norm": rms(out)}
    towers = {**model.tower("vision_config", "vision_tower", usual), **model.join(under("resampler_model", join),
                                                                                  square)}
    at = model.at("layers") if model.at("").startswith("model") else "model.layers"
    return towers | image_experts(words, out, at, component="vision")
