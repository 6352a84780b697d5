"""LLaVA and its kin: patches of a known tower through two matrices. arXiv:2310.03744, arXiv:2408.03326."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import tower
from paramcalc.readers.families.towers.parts import down, norm, up, vector

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.composite import Composite, Towers

CLIP = "clip_vision_model"
AT = "multi_modal_projector"


def width_of(model: Composite, usual: str = CLIP) -> int:
    """Width of what the projector reads: one layer of the tower, or several beside each other."""
    layers = model.config.get("vision_feature_layer", model.config.get("vision_feature_layers"))
    width = model.part("vision_config", usual).integer("hidden_size")
    return width * (len(layers) if isinstance(layers, list) else 1)


def two_matrices(model: Composite, into: int, key: str = "multimodal_projector_bias", name: str = AT) -> Parts:
    """Two projections, with a bias unless the config says otherwise."""
    bias, width = model.config.flag(key, default=True), model.text.hidden_size
    return {f"{name}.linear_1": up(width, into, bias=bias, activated=True),
            f"{name}.linear_2": down(width, width, bias=bias)}


def llava(model: Composite) -> Towers:
    """LLaVA 1.5."""
    into = width_of(model)
    return {**model.tower("vision_config", "vision_tower", CLIP), **model.join(two_matrices(model, into), into)}


def vipllava(model: Composite) -> Towers:
    """Several layers of the tower, normed together."""
    into, width = width_of(model), model.text.hidden_size
    join: Parts = {f"{AT}.projector_layernorm": norm(into), f"{AT}.linear_1": up(width, into),
                   f"{AT}.linear_2": down(width, width)}
    return {**model.tower("vision_config", "vision_tower", CLIP), **model.join(join, into)}


def llava_next(model: Composite) -> Towers:
    """With a learned vector at the end of each row of a picture cut in tiles."""
    width = model.text.hidden_size
    newline = tower("vision", width, {model.at("image_newline"): vector(width)}, stream="image_tokens")
    return {**llava(model), "newline": newline}


def fast_vlm(model: Composite) -> Towers:
    """FastVLM: the channels of a convolutional net. arXiv:2412.13303."""
    into = model.part("vision_config", "timm_wrapper").integer("hidden_size", 3072)
    return {**model.tower("vision_config", "vision_tower", "timm_wrapper"),
            **model.join(two_matrices(model, into), into)}
