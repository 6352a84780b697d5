"""How processors resize pictures that stay whole, by a config and the preprocessor_config.json beside it.

What the file beside the config says goes first, then what the config says of the tower, then the default of the
processor's class.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.geometry import grid, patches, sides
from paramcalc.readers.families.towers.processors import UnreadSettingError
from paramcalc.spec.images import Area, Bounded, Budget, ImageRule, LongestEdge, Padded, Scanned, Square

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.processors import Processed

TOWERS = {
    **dict.fromkeys(("qwen2_5_omni", "qwen2_5_omni_thinker"), "qwen2_5_omni_vision_encoder"),
    **dict.fromkeys(("qwen3_omni_moe", "qwen3_omni_moe_thinker"), "qwen3_omni_moe_vision_encoder"),
    "hyperclovax_vision_v2": "qwen2_5_vl_vision", "dots3_note": "dots3_note_vision_encoder",
    "cosmos3_omni": "qwen3_vl_vision",
}
"""Types of towers where they are not called after the whole model."""
BOUNDS = {
    "ernie4_5_vl_moe": (56 * 56, 28 * 28 * 6177), "minimax_m3_vl": (4 * 28 * 28, 451_584),
    "paddleocr_vl": (384 * 384, 1536 * 1536), "emu3": (512 * 512, 1024 * 1024),
    **dict.fromkeys(("hunyuan_vl", "hy_v4_vl"), (512 * 512, 2048 * 2048)),
    "cosmos3_edge": (256 * 256, 4096 * 4096),
    **dict.fromkeys(("glm4v", "glm4v_moe", "glm46v", "glm_ocr", "glmga"), (112 * 112, 28 * 28 * 15_000)),
}
"""Pixels of a picture where the class of its processor has other defaults than Qwen2VLImageProcessor."""
PLAIN: dict[str, tuple[str, ...]] = dict.fromkeys(
    ("glm4v", "glm4v_moe", "glm46v", "glm_ocr", "glmga", "ernie4_5_vl_moe", "cosmos3_edge"), ())
"""Types whose processors read no `min_pixels` and `max_pixels` of their own, but bounds under `size` alone."""
UNCLASSED = ("siglip", "aimv2", "groupvit")
"""What the types of towers without a class token are called."""
ARIA = {490: 128, 980: 256}
"""Tokens by the pixels of a side. Source: AriaProcessor's `size_conversion`."""
CROPPED = (224, 224)
"""Height and width. Source: BitImageProcessor, DINOv3ViTImageProcessor."""
NET_SIDE = 32
"""Pixels of a net for a cell of its last stage. Source: timm 1.0.31, mobilenetv5.py; ResNetModel."""


def area(processor: Processed, **more: bool | int) -> ImageRule:
    """Qwen's: multiples of merged patches. Source: Qwen2VLImageProcessor; windows: Qwen2_5_VisionTransformer's
    `get_window_index`."""
    kind = processor.config.model_type
    tower = processor.tower(TOWERS.get(kind, f"{kind}_vision"))
    patch = processor.size("patch_size") or tower.integer("patch_size")
    merge = processor.size("merge_size") or tower.integer("spatial_merge_size", 1)
    least, most = BOUNDS.get(kind, (56 * 56, 28 * 28 * 1280))
    return Area.model_validate({
        "patch": patch, "merge": merge, "window": _window(tower, patch, merge), **more,
        "min_pixels": processor.size(*PLAIN.get(kind, ("min_pixels",)), "size.shortest_edge") or least,
        "max_pixels": processor.size(*PLAIN.get(kind, ("max_pixels",)), "size.longest_edge") or most})


def framed(processor: Processed, least: int, most: int) -> Area:
    """A frame of a video, whose bounds are those of the video processor's file or class."""
    kind = processor.config.model_type
    tower = processor.tower(TOWERS.get(kind, f"{kind}_vision"))
    patch = processor.of_video("patch_size") or tower.integer("patch_size")
    merge = processor.of_video("merge_size") or tower.integer("spatial_merge_size", 1)
    return Area(patch=patch, merge=merge, window=_window(tower, patch, merge),
                min_pixels=processor.of_video("size.shortest_edge", "min_pixels") or least,
                max_pixels=processor.of_video("size.longest_edge", "max_pixels") or most)


def _window(tower: Config, patch: int, merge: int) -> int | None:
    side = tower.get("window_size")
    return side // merge // patch * merge if type(side) is int and side >= merge * patch else None


def glm(processor: Processed) -> ImageRule:
    """The same over frames. Source: Glm4vImageProcessor, Glm46VImageProcessor, GlmgaImageProcessor."""
    tower = processor.tower("glm4v_vision")
    return area(processor, enlarged=True,
                frames=processor.size("temporal_patch_size") or tower.integer("temporal_patch_size"))


def cosmos(processor: Processed) -> ImageRule:
    """The same, of one frame. Source: Cosmos3EdgeImageProcessor."""
    return area(processor, enlarged=True, frames=processor.size("temporal_patch_size") or 1)


def paddle(processor: Processed) -> ImageRule:
    """Short sides are enlarged to a rounded length. Source: PaddleOCRVLImageProcessor."""
    return area(processor, enlarged=True, rounded=True)


def rows(processor: Processed) -> ImageRule:
    """A token ends each row, and two stand around those of HunYuan's. Source: HunYuanVLProcessor, HYV4VLProcessor."""
    extra = processor.config.model_type == "hunyuan_vl" and processor.processor.flag("cat_extra_token", default=True)
    return area(processor, row_ends=True, around=2 * extra)


def drawn(processor: Processed) -> ImageRule:
    """Codes of a picture, a token after each row. Source: Emu3ImageProcessor, Emu3Processor."""
    least, most = BOUNDS["emu3"]
    return Area(patch=processor.size("spatial_factor") or 8, merge=1, row_ends=True,
                min_pixels=processor.size("min_pixels") or least, max_pixels=processor.size("max_pixels") or most)


def budget(processor: Processed) -> ImageRule:
    """As large as its tokens allow. Source: Gemma4ImageProcessor."""
    tower = processor.tower("gemma4_vision")
    return Budget(patch=processor.size("patch_size") or tower.integer("patch_size"),
                  merge=processor.size("pooling_kernel_size") or tower.integer("pooling_kernel_size"),
                  most=processor.size("max_soft_tokens") or 280)


def kimi(processor: Processed) -> ImageRule:
    """Filled up to whole merged patches. Source: Kimi_K25ImageProcessor."""
    tower = processor.tower("kimi_k25_vision")
    return Padded(patch=processor.size("patch_size") or sides(tower, "patch_size")[0],
                  merge=processor.size("merge_size") or sides(tower, "merge_kernel_size")[0],
                  most=processor.size("max_patches") or 16_384, side=processor.size("size.max_height") or 512)


def kimi_vl(processor: Processed) -> ImageRule:
    """The same, a bound on the patches alone. Source: image_processing_kimi_vl.py of moonshotai/Kimi-VL-A3B-Instruct,
    with the padding its files ask for; vLLM's KimiVLProcessingInfo."""
    tower = processor.tower("moonvit")
    return Padded(patch=processor.size("patch_size") or tower.integer("patch_size"),
                  merge=sides(tower, "merge_kernel_size")[0], most=processor.size("in_token_limit") or 4096, side=511,
                  refused=True)


def idefics2(processor: Processed) -> ImageRule:
    """A bound on both sides, and so many latents. Source: Idefics2ImageProcessor, Idefics2Processor."""
    latents = nested(processor.config, "perceiver_config", "idefics2_perceiver").integer("resampler_n_latents")
    return Bounded(patch=processor.tower("idefics2_vision").integer("patch_size"),
                   shortest=processor.size("size.shortest_edge") or 378,
                   longest=processor.size("size.longest_edge") or 980,
                   tokens_a_picture=processor.own("image_seq_len", latents),
                   split=processor.image.flag("do_image_splitting"))


def pixtral(processor: Processed) -> ImageRule:
    """A bound on the longer side. Source: PixtralProcessor; LightOnOcrProcessor leaves the ends of rows out."""
    tower, plain = processor.tower("pixtral"), processor.config.model_type == "lighton_ocr"
    return LongestEdge(patch=tower.integer("patch_size"), merge=processor.config.integer("spatial_merge_size", 1),
                       edge=processor.size("size.longest_edge") or tower.integer("image_size"),
                       row_ends=not plain, patch_multiples=plain)


def squared(processor: Processed, tower: Config) -> int:
    """Patches of the square a tower is made for. Raises UnreadSettingError where a file makes another of pictures."""
    square, file = sides(tower, "image_size"), processor.side()
    if file is not None and file != square:
        raise UnreadSettingError(f"pictures of {file[1]} × {file[0]} pixels where its tower is made for "
                                 f"{square[1]} × {square[0]}")
    return patches(tower)


def own(tower: Config) -> int:
    """A class token, which CLIP has and SigLIP has not."""
    return 0 if any(name in tower.model_type for name in UNCLASSED) else 1


def llava(processor: Processed) -> ImageRule:
    """The tower's square, or what the file crops to, the first of its positions dropped or not. Source: LlavaProcessor;
    with Pixtral's tower PixtralProcessor."""
    tower = processor.tower("clip_vision_model")
    if tower.model_type == "pixtral":
        return pixtral(processor)
    dropped = processor.config.text("vision_feature_select_strategy", "default") == "default"
    extra, side, patch = own(tower), tower.integer("image_size"), tower.integer("patch_size")
    high, wide = (processor.size(f"crop_size.{key}") or side for key in ("height", "width"))
    count = (high // patch) * (wide // patch)
    return Square(tokens=count + extra - dropped, patches=count, extra=extra)


def gemma3(processor: Processed) -> ImageRule:
    """As many tokens whatever the picture, or for each crop of a long one where a file asks for pan and scan. Source:
    Gemma3Processor, ShieldGemma2Processor."""
    tokens = processor.config.integer("mm_tokens_per_image")
    patches = squared(processor, processor.tower("siglip_vision_model"))
    if processor.image.flag("do_pan_and_scan"):
        file = processor.image
        return Scanned(tokens_a_crop=tokens, patches=patches, least=file.integer("pan_and_scan_min_crop_size"),
                       most=file.integer("pan_and_scan_max_num_crops"),
                       ratio=file.number("pan_and_scan_min_ratio_to_activate"))
    return Square(tokens=tokens, patches=patches)


def gemma3n(processor: Processed) -> ImageRule:
    """The same with a net whose files say 768 pixels. Source: Gemma3nProcessor; preprocessor_config.json of
    google/gemma-3n-E2B-it."""
    side = max(1, (processor.size("size.height") or 768) // NET_SIDE)
    return Square(tokens=processor.own("image_seq_length", processor.config.integer("vision_soft_tokens_per_image")),
                  patches=side**2)


def plain(processor: Processed) -> ImageRule:
    """A token a patch. Source: PaliGemmaProcessor, DeepseekVLProcessor."""
    count = squared(processor, processor.tower("siglip_vision_model"))
    return Square(tokens=processor.size("image_seq_length") or count, patches=count)


def janus(processor: Processed) -> ImageRule:
    """The same between two more. Source: JanusProcessor."""
    count = squared(processor, processor.tower("janus_vision_model"))
    return Square(tokens=processor.own("num_image_tokens", count), around=2, patches=count)


def chameleon(processor: Processed) -> ImageRule:
    """Codes of a square of 512 pixels, sixteen a code. Source: ChameleonProcessor."""
    tower = nested(processor.config, "vq_config", "chameleon_vqgan")
    side = tower.integer("resolution") // 2 ** (len(tower.listed("channel_multiplier", int) or [1]) - 1)
    return Square(tokens=processor.own("image_seq_length", side**2), around=2, patches=side**2)


def aria(processor: Processed) -> ImageRule:
    """As many tokens as queries of the size. Source: AriaImageProcessor, AriaProcessor."""
    side = processor.size("max_image_size") or 980
    if processor.image.flag("split_image") or side not in ARIA:
        raise UnreadSettingError("split_image, or another max_image_size than 490 and 980")
    return Square(tokens=ARIA[side], patches=(side // processor.tower("idefics3_vision").integer("patch_size")) ** 2)


def florence(processor: Processed) -> ImageRule:
    """Cells of a square and their mean, in the encoder's input. Source: CLIPImageProcessor, Florence2Processor."""
    strides = processor.tower("florence_vision").listed("patch_stride", int) or [1]
    side = max(1, (processor.side() or CROPPED)[0] // prod(strides))
    return Square(tokens=0, patches=side**2, source=side**2 + 1)


def prefixed(processor: Processed) -> ImageRule:
    """Every position of the tower stands before the text. Source: GitModel."""
    count = squared(processor, processor.tower("git_vision_model"))
    return Square(tokens=count + 1, patches=count, extra=1)


def attended(processor: Processed) -> ImageRule:
    """Text attends to every position of the tower. Source: BlipForConditionalGeneration."""
    count = squared(processor, processor.tower("blip_vision_model"))
    return Square(tokens=0, patches=count, extra=1, source=count + 1)


def kosmos(processor: Processed) -> ImageRule:
    """As many tokens as queries, between two more. Source: Kosmos2Processor, Kosmos2_5Processor."""
    old = processor.config.model_type == "kosmos-2"
    count = (squared(processor, processor.tower("kosmos_2_vision_model")) if old
             else processor.size("max_patches") or 4096)
    return Square(tokens=processor.config.integer("latent_query_num"), around=2, patches=count, extra=int(old))


def encoded(processor: Processed) -> ImageRule:
    """Gemma 3's tokens in the input of an encoder. Source: Gemma3Processor with T5Gemma2Config."""
    encoder = nested(processor.config, "encoder", "t5gemma2_encoder")
    if processor.image.flag("do_pan_and_scan"):
        raise UnreadSettingError("do_pan_and_scan")
    return Square(tokens=0, patches=grid(nested(encoder, "vision_config", "siglip_vision_model")),
                  source=encoder.integer("mm_tokens_per_image"))


def queried(processor: Processed) -> ImageRule:
    """As many tokens as there are queries. Source: Blip2Processor, InstructBlipProcessor."""
    return Square(tokens=processor.config.integer("num_query_tokens"), extra=1,
                  patches=squared(processor, processor.tower("blip_2_vision_model")))


def crossed(processor: Processed) -> ImageRule:
    """One token; the text model attends to all tiles there could be, each filled up to a multiple of eight while the
    tower runs. Source: MllamaProcessor, MllamaVisionModel."""
    tower = processor.tower("mllama_vision_model")
    tiles, count = tower.integer("max_num_tiles"), grid(tower)
    return Square(tokens=1, patches=tiles * count, extra=tiles * (-(-(count + 1) // 8) * 8 - count),
                  source=tiles * (count + 1))


def read_off(processor: Processed) -> ImageRule:
    """A picture in place of a source, resized to the tower's square; the decoder attends to a sixteenth of its
    patches. Source: PPFormulaNetImageProcessor, PPFormulaNetMultiModalProjector."""
    count = grid(processor.tower("pp_formulanet_vision"))
    return Square(tokens=0, patches=count, source=count // 16)


def compared(processor: Processed) -> ImageRule:
    """A picture beside the text, resized to the tower's square. Source: CLIPImageProcessor, SiglipImageProcessor."""
    tower = processor.tower(f"{processor.config.model_type}_vision_model")
    return Square(tokens=0, patches=squared(processor, tower), extra=own(tower))


def compared_freely(processor: Processed) -> ImageRule:
    """The same of any shape, filled up to as many patches. Source: Siglip2ImageProcessor."""
    return Square(tokens=0, patches=processor.size("max_num_patches") or 256)


def alone(processor: Processed) -> ImageRule:
    """An encoder by itself: pictures are resized to the square it is made for. Source: ViTImageProcessor,
    CLIPImageProcessor, SiglipImageProcessor."""
    config = processor.config
    beside = OWN.get(config.model_type, 1) + config.integer("num_register_tokens", 0, least=0)
    count = squared(processor, config)
    return Square(tokens=count + beside, patches=count, extra=beside, main=True)


def prompted(processor: Processed) -> ImageRule:
    """Not described: a decoder runs over points and boxes beside the picture. Source: SamProcessor."""
    raise UnreadSettingError(f"points and boxes, over which the mask decoder of {processor.config.model_type} runs")


def interpolated(processor: Processed) -> ImageRule:
    """The same of any size, to which positions are stretched. Source: BitImageProcessor with Dinov2Model,
    DINOv3ViTImageProcessor."""
    config = processor.config
    high, wide = processor.side() or CROPPED
    patch = sides(config, "patch_size")
    beside, count = 1 + config.integer("num_register_tokens", 0, least=0), (high // patch[0]) * (wide // patch[1])
    return Square(tokens=count + beside, patches=count, extra=beside, main=True)


def pyramid(processor: Processed) -> ImageRule:
    """A net whose stages halve the sides: its positions are the cells of the last one. Source: ViTImageProcessor,
    ConvNextImageProcessor."""
    config = processor.config
    stages = len(config.listed("depths", int) or ())
    high, wide = sides(config, "patch_size")
    short = processor.size("size.shortest_edge") if "convnext" in config.model_type else None
    tall, broad = processor.side() or ((short, short) if short else None) or (
        sides(config, "image_size") if config.get("image_size") else CROPPED)
    count = max(1, tall // (high * 2 ** (stages - 1))) * max(1, broad // (wide * 2 ** (stages - 1)))
    return Square(tokens=count, patches=count, main=True)


def halved(processor: Processed) -> ImageRule:
    """A net that halves the sides five times. Source: ConvNextImageProcessor with ResNetModel,
    PoolFormerImageProcessor, MobileNetV1ImageProcessor, ViTImageProcessor with SwiftFormerModel."""
    short = processor.size("size.shortest_edge") if processor.config.model_type == "resnet" else None
    high, wide = processor.side() or ((short, short) if short else CROPPED)
    count = max(1, high // NET_SIDE) * max(1, wide // NET_SIDE)
    return Square(tokens=count, patches=count, main=True)


OWN = {"deit": 2, "ijepa": 0, "siglip_vision_model": 0, "sam_vision_model": 0, "aimv2_vision_model": 0}
"""Tokens of an encoder's own besides registers, where they are not one class token."""
