"""Which rule a whole model's pictures are cut by: by its model type, from its config and the files beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import SpecError
from paramcalc.readers.families.towers import resized, sliced, tiled
from paramcalc.readers.families.towers.processors import NOTHING, Beside, Processed, UnreadSettingError
from paramcalc.spec.images import Undescribed

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.config import Config
    from paramcalc.spec.images import ImageRule
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Stream

    Rule = Callable[[Processed], ImageRule]

QWEN, GOT, LLAVA = "Qwen2VLImageProcessor", "GotOcr2ImageProcessor", "LlavaNextImageProcessor"
ALONE: dict[str, tuple[Rule, str]] = {
    **dict.fromkeys(("vit", "deit", "ijepa", "vit_msn", "beit", "data2vec-vision", "siglip_vision_model",
                     "clip_vision_model", "mlcd_vision_model", "sam_vision_model", "aimv2_vision_model"),
                    (resized.alone, "")),
    **dict.fromkeys(("dinov2", "dinov2_with_registers"), (resized.interpolated, "BitImageProcessor")),
    "sam": (resized.prompted, ""),
    "dinov3_vit": (resized.interpolated, "DINOv3ViTImageProcessor"),
    **dict.fromkeys(("swin", "swinv2", "donut-swin", "convnext", "convnextv2", "focalnet"), (resized.pyramid, "")),
    **dict.fromkeys(("resnet", "poolformer", "mobilenet_v1", "swiftformer"), (resized.halved, "")),
}
"""Encoders by themselves."""

RULES: dict[str, tuple[Rule, str]] = {
    **ALONE,
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe", "qwen2_5_omni",
                     "qwen2_5_omni_thinker", "qwen3_omni_moe", "qwen3_omni_moe_thinker", "exaone4_5",
                     "hyperclovax_vision_v2"), (resized.area, QWEN)),
    **dict.fromkeys(("cohere_compass", "dots3_note", "lfm3_vl", "cosmos3_omni"), (resized.area, QWEN)),
    "colqwen2": (sliced.retrieving("qwen2_vl", resized.area), QWEN),
    "hunyuan_vl": (resized.rows, "HunYuanVLImageProcessor"),
    "hy_v4_vl": (resized.rows, "HYV4VLImageProcessor"),
    "emu3": (resized.drawn, "Emu3ImageProcessor"),
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
    **dict.fromkeys(("mistral3", "mistral_large4", "lighton_ocr"), (resized.pixtral, "PixtralImageProcessor")),
    **dict.fromkeys(("llava", "vipllava", "video_llava"), (resized.llava, "")),
    **dict.fromkeys(("gemma3", "shieldgemma2"), (resized.gemma3, "")),
    "gemma3n": (resized.gemma3n, "SiglipImageProcessor"),
    **dict.fromkeys(("paligemma", "deepseek_vl"), (resized.plain, "")),
    **dict.fromkeys(("blip-2", "instructblip"), (resized.queried, "")),
    **dict.fromkeys(("colpali", "pi0"), (sliced.retrieving("paligemma", resized.plain), "")),
    "janus": (resized.janus, ""),
    "chameleon": (resized.chameleon, ""),
    "aria": (resized.aria, "AriaImageProcessor"),
    "florence2": (resized.florence, "CLIPImageProcessor"),
    "git": (resized.prefixed, ""),
    "blip": (resized.attended, ""),
    **dict.fromkeys(("kosmos-2", "kosmos-2.5"), (resized.kosmos, "")),
    "t5gemma2": (resized.encoded, ""),
    "mllama": (resized.crossed, ""),
    "pp_formulanet": (resized.read_off, ""),
    **dict.fromkeys(("clip", "siglip", "metaclip_2", "altclip", "chinese_clip", "aimv2", "groupvit", "clipseg",
                     "owlvit", "owlv2"), (resized.compared, "")),
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
    **dict.fromkeys(("modernvbert", "ultravbert"), (sliced.modernvbert, "Idefics3ImageProcessor")),
    "colmodernvbert": (sliced.retrieving("modernvbert", sliced.modernvbert), "Idefics3ImageProcessor"),
    "granite4_vision": (sliced.granite4, LLAVA),
    **dict.fromkeys(("minicpmv4_6", "minicpmv4_7"), (sliced.minicpm, "MiniCPMV4_6ImageProcessor")),
    "minicpm_ocr": (sliced.minicpm, "MiniCPMOcrImageProcessor"),
    "lfm2_vl": (sliced.lfm2, "Lfm2VlImageProcessor"),
    "ovis2": (sliced.ovis2, "Ovis2ImageProcessor"),
    "molmo2": (sliced.molmo2, "Molmo2ImageProcessor"),
    "deepseek_ocr2": (sliced.views, "DeepseekOcr2ImageProcessor"),
    "unlimited_ocr": (sliced.views, "UnlimitedOcrImageProcessor"),
    **dict.fromkeys(("muse_glimmer", "muse_spark"), (sliced.muse, "MuseGlimmerImageProcessor")),
    "inkling_mm_model": (sliced.inkling, "InklingImageProcessor"),
    **dict.fromkeys(("inkling2", "inkling2_loop"), (sliced.inkling2, "Inkling2ImageProcessor")),
    "fuyu": (sliced.fuyu, "FuyuImageProcessor"),
    "nemotron_h_omni": (sliced.nemotron, "NemotronH_Omni_Reasoning_V3ImageProcessor"),
    "glm5_next": (sliced.glm5_next, "Glm5NextImageProcessor"),
    **dict.fromkeys(("got_ocr2", "pp_chart2table"), (sliced.got, GOT)),
}
"""By model type: the rule, and the class whose settings it rests on, where those of the model's own config are not
enough."""


UNRESIZED = (tiled.idefics, sliced.modernvbert, sliced.inkling, sliced.inkling2, sliced.nemotron, sliced.views,
             resized.aria, sliced.minicpm)
"""Rules that hold where pictures are not resized first, or whose processors have no such setting."""


OBLONG = (sliced.fuyu, resized.llava, resized.compared, resized.alone, resized.interpolated, resized.prefixed,
          resized.pyramid, resized.halved, resized.queried, resized.attended, resized.read_off)
"""Rules that hold for pictures that are no squares."""
CROPPING = (resized.alone, resized.interpolated, resized.pyramid, resized.halved, resized.llava, resized.compared,
            resized.prefixed, resized.kosmos, resized.florence, resized.queried, resized.attended, tiled.any_resolution)
"""Rules of processors that may cut out the middle of a picture."""


def image_rule(config: Config, beside: Beside = NOTHING) -> ImageRule | None:
    """The rule of a composite config; None where nobody wrote its processor's."""
    if config.model_type not in RULES:
        return None
    make, processor = RULES[config.model_type]
    usual = bool(processor) and not beside.image
    processed = Processed(config, beside)
    try:
        _refuse_unread(make, processed.image)
        rule = make(processed)
    except UnreadSettingError as error:
        rule = Undescribed(what=f"the processor of {config.model_type} with {error}"[:200])
    except SpecError as error:
        place = error.problems[0].path
        strange = next((part for part in config.parts if part.uncounted and place[: len(part.path)] == part.path), None)
        if strange is None:
            raise
        rule = Undescribed(what=f"the processor of {config.model_type} with a {strange.model_type}"[:200])
    return rule.model_copy(update={"processor": processor, "defaults": usual})


def _refuse_unread(make: Rule, file: Config) -> None:
    """Raises UnreadSettingError where a file turns on or off what its class does, and no rule has the other way."""
    if make not in UNRESIZED and not file.flag("do_resize", default=True):
        raise UnreadSettingError("do_resize false")
    cropped, size = file.get("do_center_crop"), file.get("size")
    if make not in OBLONG and isinstance(size, dict) and size.get("height") != size.get("width"):
        raise UnreadSettingError("another height than width under size")
    if cropped is True and make not in CROPPING:
        raise UnreadSettingError("do_center_crop true")
    if cropped is False and make in CROPPING and isinstance(size, dict) and "height" not in size:
        raise UnreadSettingError("do_center_crop false")


def with_media(spec: ModelSpec, config: Config, beside: Beside = NOTHING) -> ModelSpec:
    """A model that has towers, or is an encoder, with the rules its processor cuts pictures, videos and recordings by.

    `beside` is what the files of processors beside the config hold.
    """
    from paramcalc.readers.families.towers import filmed, recordings

    streams = {tower.stream for tower in spec.towers.values()}
    rules = {"videos": filmed.video_rule(config, beside) if "image" in streams else None,
             "images": _images(config, beside, streams),
             "audio": recordings.described(config, beside, streams)}
    rules_present = {name: rule for name, rule in rules.items() if rule is not None}
    return spec.model_copy(update=rules_present) if rules_present else spec


def _images(config: Config, beside: Beside, streams: set[Stream]) -> ImageRule | None:
    """The rule for pictures; one that names the processor where the model has a tower for them and nobody wrote it."""
    if streams.isdisjoint(("image", "image_tokens")) and config.model_type not in ALONE:
        return None
    rule = image_rule(config, beside)
    if rule is None and "image" in streams:
        return Undescribed(what=f"the processor of {config.model_type[:100]}")
    return rule
