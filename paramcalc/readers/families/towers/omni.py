"""Qwen's Omni models: a thinker with two towers, as a model of its own or with a talker beside it. arXiv:2503.20215."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.composite import builder, nested

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.composite import Composite, Towers

TYPES = {"qwen2_5_omni": ("qwen2_5_omni_vision_encoder", "qwen2_5_omni_audio_encoder"),
         "qwen3_omni_moe": ("qwen3_omni_moe_vision_encoder", "qwen3_omni_moe_audio_encoder")}


def thinker(model: Composite) -> Towers:
    """Both towers project to the text model themselves."""
    vision, audio = TYPES[model.config.model_type.removesuffix("_thinker")]
    return {**model.tower("audio_config", "audio_tower", audio), **model.tower("vision_config", "visual", vision)}


def omni(model: Composite) -> Towers:
    """The thinker's towers, and of Qwen2.5 what speaks; Qwen3's is named by those who list what is not counted."""
    inner = nested(model.config, "thinker_config", f"{model.config.model_type}_thinker")
    towers: Towers = {}
    for key, at, kind in zip(("vision_config", "audio_config"), ("visual", "audio_tower"),
                             TYPES[model.config.model_type], strict=True):
        config = nested(inner, key, kind)
        make = builder(config.model_type)
        if make is None:
            model.uncounted.append(f"thinker_config.{key} ({config.model_type[:100]})")
        else:
            towers[key.removesuffix("_config")] = make(config, f"thinker.{at}")
    for name in ("talker", "token2wav") if model.config.model_type == "qwen2_5_omni" else ():
        speaks = model.tower(f"{name}_config", name, f"qwen2_5_omni_{name}")
        towers |= speaks if model.config.flag("enable_audio_output", default=True) else {}
    return towers
