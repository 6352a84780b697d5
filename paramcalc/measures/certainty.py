"""How a figure is known, from what was read of the model: the one place that decides it.

`exact`: an integer that follows from the model alone. `estimate`: rests on assumptions the answer names. `bound`: a
lower bound, since something of the model is not counted or not understood. `unknown`: there is no number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.spec.caveats import LEVELS, Certainty, Figure, level_of

if TYPE_CHECKING:
    from paramcalc.spec.media import Media
    from paramcalc.spec.model import ModelSpec

__all__ = ["Certainty", "least", "of_model", "size_certainty", "tower_certainty", "why_bound"]

COUNTED_TOWERS = frozenset([
    "audioflamingo3_encoder", "beit", "blip_2_vision_model", "clip_vision_model", "convnext", "data2vec-audio",
    "deit", "dinov2", "dinov3_vit", "exaone4_5_vision", "gemma4_vision", "glm4v_vision", "glmasr_encoder", "hubert",
    "idefics2_vision", "idefics3_vision", "internvl_vision", "kimi_k25_vision", "llama4_vision_model",
    "minimax_m3_vl_vision", "paddleocr_vl_vision", "pixtral", "qwen2_5_omni_audio_encoder", "qwen2_5_vl_vision",
    "qwen2_vl_vision", "qwen3_omni_moe_audio_encoder", "qwen3_vl_vision", "sam_vision_model",
    "siglip2_vision_model", "siglip_vision_model", "swin", "video_llama_3_vision", "vit", "voxtral_encoder",
    "wav2vec2", "wavlm",
])
"""Model types of towers, and of encoders alone, whose FLOPs are those torch's counter gave for a model of their class.
"""


def size_certainty(spec: ModelSpec) -> Certainty:
    """How the sizes of a model are known: a lower bound where a part of it is not counted, or where a key that could
    change a size is not understood."""
    return "bound" if spec.uncounted or spec.unread else level_of(spec.caveats, "parameters")


def why_bound(spec: ModelSpec, *figures: Figure) -> str:
    """Why sizes of a model are no more than a lower bound; empty where they are not. No verdict rests on one.

    `figures`: what is asked about beside the parameters: the bytes of weights, of the cache; FLOPs, and with them
    activations, since what is in no FLOPs is in none.
    """
    if spec.uncounted:
        return f"not counted: {', '.join(spec.uncounted)}"
    if spec.unread:
        return f"{', '.join(spec.unread)} could change a size"
    return next((caveat.reason for caveat in spec.caveats
                 if caveat.figure in ("parameters", *figures) and caveat.known in ("bound", "unknown")), "")


def tower_certainty(spec: ModelSpec, media: Media) -> Certainty:
    """How the FLOPs of what runs over pictures and recordings are known: an estimate where no model of the tower's
    class was held to torch's counter."""
    if media.main:
        return "exact" if spec.family in COUNTED_TOWERS else "estimate"
    running = [tower.family for tower in spec.towers.values() if tower.stream in ("image", "audio")
               and media.of(tower.stream)]
    return "exact" if all(family in COUNTED_TOWERS for family in running) else "estimate"


def least(*levels: Certainty) -> Certainty:
    """How a figure made of several is known: as its least known part."""
    return max(levels, key=LEVELS.index, default="exact")


def of_model(spec: ModelSpec, *figures: Figure, at_best: Certainty = "exact") -> Certainty:
    """How a figure of a model is known that would be `at_best` if the model were read whole.

    `figures`: what it rests on beside the parameters, as in `why_bound`.
    """
    return least(size_certainty(spec), *(level_of(spec.caveats, figure) for figure in figures), at_best)
