"""DeepSeek-VL: a SigLIP, and beside it SAM's encoder for fine detail. arXiv:2403.05525."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.parts import Parts, conv, dense, vector
from paramcalc.readers.families.towers.sam import neck

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.whole import Towers, Whole

SIGLIP, SAM = "siglip_vision_model", "sam_vision_model"


def deepseek_vl(whole: Whole) -> Towers:
    """Two matrices."""
    width, out = whole.part("vision_config", SIGLIP).integer("hidden_size"), whole.text.hidden_size
    join: Parts = {"aligner.linear1": dense(out, width), "aligner.linear2": dense(out, out)}
    return {**whole.tower("vision_config", "vision_model", SIGLIP), **whole.join(join, width)}


def hybrid(whole: Whole) -> Towers:
    """Half the width from each tower."""
    width, out = whole.part("vision_config", SIGLIP).integer("hidden_size"), whole.text.hidden_size
    fine = whole.part("high_res_vision_config", SAM)
    channels, deep = fine.integer("output_channels"), fine.integer("hidden_size")
    between: Parts = {
        "high_res_vision_alpha": vector(1), **neck(deep, channels, "high_res_vision_neck"),
        "high_res_vision_proj.conv1": conv(2 * channels, channels, 3, 3, bias=False, component="other"),
        "high_res_vision_proj.conv2": conv(4 * channels, 2 * channels, 3, 3, bias=False, component="other"),
    }
    return {
        **whole.tower("high_res_vision_config", "high_res_vision_model", SAM),
        **whole.join(between, deep, "neck", stream="image", component=None),
        **whole.tower("vision_config", "vision_model", SIGLIP),
        **whole.join({"aligner.vision_proj": dense(out // 2, width)}, width, "half", component="vision"),
        **whole.join({"aligner.high_res_vision_proj": dense(out // 2, 4 * channels), "aligner.proj": dense(out, out)},
                     4 * channels),
    }
