"""Gemma 3 and PaliGemma: a SigLIP tower and one matrix. arXiv:2503.19786, arXiv:2407.07726."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.frame import Parts
from paramcalc.readers.families.towers.parts import dense, matrix, rms

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.whole import Towers, Whole

SIGLIP = "siglip_vision_model"


def gemma3(whole: Whole) -> Towers:
    """Averaged squares of patches, normed and projected."""
    width = whole.part("vision_config", SIGLIP).integer("hidden_size")
    at = "multi_modal_projector"
    join: Parts = {f"{at}.mm_input_projection_weight": matrix(width, whole.text.hidden_size),
                   f"{at}.mm_soft_emb_norm": rms(width)}
    return {**whole.tower("vision_config", "vision_tower", SIGLIP), **whole.join(join, width)}


def paligemma(whole: Whole) -> Towers:
    """Patches are projected one by one."""
    vision = whole.part("vision_config", SIGLIP)
    width = vision.integer("hidden_size")
    vision.override({"projection_dim": whole.config.integer("projection_dim", 2048)})
    join: Parts = {"multi_modal_projector.linear": dense(vision.integer("projection_dim"), width)}
    return {**whole.tower("vision_config", "vision_tower", SIGLIP), **whole.join(join, width)}
