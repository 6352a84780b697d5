"""Which rule a whole model's videos are cut by: by its model type, from its config and the files beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers import tiled
from paramcalc.readers.families.towers.geometry import grid, grid_side, patches
from paramcalc.readers.families.towers.processors import NOTHING, Beside, Processed
from paramcalc.readers.families.towers.resized import framed, own
from paramcalc.spec.images import Square
from paramcalc.spec.videos import VideoRule

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.config import Config

    Rule = Callable[[Processed], VideoRule]

MOST_EACH = 28 * 28 * 768
"""Pixels of a frame. Source: Qwen2VLVideoProcessor."""
MOST_TOGETHER = 32 * 32 * 768
"""Pixels of all frames. Source: Qwen3VLVideoProcessor."""


def _pairs(processor: Processed) -> int:
    return processor.of_video("temporal_patch_size") or 2


def qwen2(processor: Processed) -> VideoRule:
    """Two frames become one; each is resized by itself, and attends to itself. Source: Qwen2VLVideoProcessor."""
    return VideoRule(frame=framed(processor, 128 * 28 * 28, MOST_EACH), merged=_pairs(processor))


def qwen3(processor: Processed) -> VideoRule:
    """The same, the pixels of all frames kept within bounds together. Source: Qwen3VLVideoProcessor."""
    frame = framed(processor, 128 * 32 * 32, MOST_TOGETHER).model_copy(update={"enlarged": True})
    return VideoRule(frame=frame, merged=_pairs(processor), shared=True)


def internvl(processor: Processed) -> VideoRule:
    """Each frame is one tile, with two tokens around it. Source: InternVLProcessor."""
    tokens, tower = processor.config.integer("image_seq_length"), processor.tower("internvl_vision")
    return VideoRule(frame=Square(tokens=tokens, patches=patches(tower), extra=1), tokens=tokens + 2)


def internvl_chat(processor: Processed) -> VideoRule:
    """The same by the files published with code of their own. Source: `load_video` of OpenGVLab/InternVL3-8B."""
    tile = tiled.internvl_chat(processor)
    return VideoRule(frame=Square(tokens=tile.tokens_a_tile, patches=tile.patches, extra=1),
                     tokens=tile.tokens_a_tile + 2)


def onevision(processor: Processed) -> VideoRule:
    """Squares of four patches of a frame become one token, one more ends the video. Source: LlavaOnevisionProcessor."""
    tower = processor.tower("siglip_vision_model")
    side = -(-grid_side(tower) // 2)
    return VideoRule(frame=Square(tokens=grid(tower), patches=grid(tower), extra=own(tower)), tokens=side**2, ends=1)


def next_video(processor: Processed) -> VideoRule:
    """Squares of four patches of a frame become one before they are projected. Source: LlavaNextVideoProcessor."""
    tower = processor.tower("clip_vision_model")
    return VideoRule(frame=Square(tokens=grid(tower) // 4, patches=grid(tower), extra=own(tower)))


QWEN2, QWEN3 = (qwen2, "Qwen2VLVideoProcessor"), (qwen3, "Qwen3VLVideoProcessor")
RULES: dict[str, tuple[Rule, str]] = {
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen2_5_omni", "qwen2_5_omni_thinker", "qwen3_omni_moe",
                     "qwen3_omni_moe_thinker"), QWEN2),
    **dict.fromkeys(("qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"), QWEN3),
    "internvl": (internvl, ""),
    "internvl_chat": (internvl_chat, ""),
    "llava_onevision": (onevision, ""),
    "llava_next_video": (next_video, ""),
}
"""By model type: the rule, and the class whose settings it rests on, where those of the model's own config are not
enough."""


def video_rule(config: Config, beside: Beside = NOTHING) -> VideoRule | None:
    """The rule of a composite config; None where nobody wrote its processor's, or its file caps frames by their number.
    """
    processed = Processed(config, beside)
    if config.model_type not in RULES or processed.video.get("cap_pixels_per_frame"):
        return None
    make, processor = RULES[config.model_type]
    return make(processed).model_copy(update={"processor": processor, "defaults": bool(processor) and not beside.video})
