"""Which rule a whole model's pictures are cut by: by its model type, from its config and the files beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers import resized, tiled
from paramcalc.readers.families.towers.processors import NOTHING, Beside, Processed

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.config import Config
    from paramcalc.spec.images import ImageRule
    from paramcalc.spec.model import ModelSpec

    Rule = Callable[[Processed], ImageRule]

QWEN, GOT, LLAVA = "Qwen2VLImageProcessor", "GotOcr2ImageProcessor", "LlavaNextImageProcessor"
ALONE: dict[str, tuple[Rule, str]] = {
    **dict.fromkeys(("vit", "deit", "ijepa", "vit_msn", "beit", "data2vec-vision", "dinov2", "dinov2_with_registers",
                     "dinov3_vit", "siglip_vision_model", "clip_vision_model", "mlcd_vision_model", "sam_vision_model"),
                    (resized.alone, "")),
    **dict.fromkeys(("swin", "swinv2", "donut-swin", "convnext", "convnextv2"), (resized.pyramid, "")),
}
"""Encoders by themselves."""

RULES: dict[str, tuple[Rule, str]] = {
    **ALONE,
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe", "qwen2_5_omni",
                     "qwen2_5_omni_thinker", "qwen3_omni_moe", "qwen3_omni_moe_thinker", "exaone4_5",
                     "hyperclovax_vision_v2"), (resized.area, QWEN)),
    "ernie4_5_vl_moe": (resized.area, "Ernie4_5_VLMoeImageProcessor"),
    "minimax_m3_vl": (resized.area, "MiniMaxM3VLImageProcessor"),
    "video_llama_3": (resized.area, "VideoLlama3ImageProcessor"),
    "paddleocr_vl": (resized.paddle, "PaddleOCRVLImageProcessor"),
    "cosmos3_edge": (resized.cosmos, "Cosmos3EdgeImageProcessor"),
    **dict.fromkeys(("glm4v", "glm4v_moe"), (resized.glm, "Glm4vImageProcessor")),
    **dict.fromkeys(("glm46v", "glm_ocr"), (resized.glm, "Glm46VImageProcessor")),
    "glmga": (resized.glm, "GlmgaImageProcessor"),
    "gemma4": (resized.budget, "Gemma4ImageProcessor"),
    "kimi_k25": (resized.kimi, "Kimi_K25ImageProcessor"),
    "kimi_vl": (resized.kimi_vl, ""),
    "idefics2": (resized.idefics2, "Idefics2ImageProcessor"),
    **dict.fromkeys(("mistral3", "lighton_ocr"), (resized.pixtral, "PixtralImageProcessor")),
    **dict.fromkeys(("llava", "vipllava"), (resized.llava, "")),
    **dict.fromkeys(("gemma3", "shieldgemma2"), (resized.gemma3, "")),
    "gemma3n": (resized.gemma3n, "SiglipImageProcessor"),
    **dict.fromkeys(("paligemma", "deepseek_vl"), (resized.plain, "")),
    **dict.fromkeys(("blip-2", "instructblip"), (resized.queried, "")),
    "mllama": (resized.crossed, ""),
    "pp_formulanet": (resized.read_off, ""),
    **dict.fromkeys(("clip", "siglip", "metaclip_2", "altclip", "chinese_clip"), (resized.compared, "")),
    "siglip2": (resized.compared_freely, "Siglip2ImageProcessor"),
    **dict.fromkeys(("llava_next", "llava_next_video", "llava_onevision"), (tiled.any_resolution, LLAVA)),
    "internvl": (tiled.internvl, GOT),
    "internvl_chat": (tiled.internvl_chat, ""),
    "qianfan_ocr": (tiled.qianfan, GOT),
    "aya_vision": (tiled.aya, GOT),
    "cohere2_vision": (tiled.cohere, "Cohere2VisionImageProcessor"),
    "llama4": (tiled.llama4, "Llama4ImageProcessor"),
    **dict.fromkeys(("phi4_multimodal", "phi4mm"), (tiled.phi4, "Phi4MultimodalImageProcessor")),
    **dict.fromkeys(("idefics3", "smolvlm"), (tiled.idefics, "Idefics3ImageProcessor")),
}
"""By model type: the rule, and the class whose settings it rests on, where those of the model's own config are not
enough."""


def image_rule(config: Config, beside: Beside = NOTHING) -> ImageRule | None:
    """The rule of a composite config; None where nobody wrote its processor's."""
    if config.model_type not in RULES:
        return None
    make, processor = RULES[config.model_type]
    usual = bool(processor) and not beside.image
    return make(Processed(config, beside)).model_copy(update={"processor": processor, "defaults": usual})


def with_media(spec: ModelSpec, config: Config, beside: Beside = NOTHING) -> ModelSpec:
    """A model that has towers, or is an encoder, with the rules its processor cuts pictures, videos and recordings by.

    `beside` is what the files of processors beside the config hold.
    """
    from paramcalc.readers.families.towers import filmed, recordings

    streams = {tower.stream for tower in spec.towers.values()}
    rules = {"videos": filmed.video_rule(config, beside) if "image" in streams else None,
             "images": image_rule(config, beside) if "image" in streams or config.model_type in ALONE else None,
             "audio": recordings.audio_rule(config, beside)
             if "audio" in streams or config.model_type in recordings.ALONE else None}
    known_rules = {name: rule for name, rule in rules.items() if rule is not None}
    return spec.model_copy(update=known_rules) if known_rules else spec
