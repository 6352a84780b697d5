"""Gemma 3 and PaliGemma: a SigLIP tower and one matrix. arXiv:2503.19786, arXiv:2407.07726."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.parts import dense, matrix, rms

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.composite import Composite, Towers

SIGLIP = "siglip_vision_model"


def gemma3(model: Composite) -> Towers:
    """Averaged squares of patches, normed and projected."""
    width = model.part("vision_config", SIGLIP).integer("hidden_size")
    at = "multi_modal_projector"
    join: Parts = {f"{at}.mm_input_projection_weight": matrix(width, model.text.hidden_size),
                   f"{at}.mm_soft_emb_norm": rms(width)}
    return {**model.tower("vision_config", "vision_tower", SIGLIP), **model.join(join, width)}


def paligemma(model: Composite) -> Towers:
    """Patches are projected one by one."""
    vision = model.part("vision_config", SIGLIP)
    width = vision.integer("hidden_size")
    vision.override({"projection_dim": model.config.integer("projection_dim", 2048)})
    join: Parts = {"multi_modal_projector.linear": dense(vision.integer("projection_dim"), width)}
    return {**model.tower("vision_config", "vision_tower", SIGLIP), **model.join(join, width)}
