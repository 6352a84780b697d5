"""How processors cut pictures into tiles, by a config and the preprocessor_config.json beside it.

What the file beside the config says goes first, then what the config says of the tower, then the default of the
processor's class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.geometry import grid, grid_side, patches, sides
from paramcalc.readers.families.towers.processors import UnreadSettingError
from paramcalc.readers.families.towers.resized import own
from paramcalc.spec.images import AnyResolution, Crops, ImageRule, Split, Tiles

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.processors import Processed

PINPOINTS: dict[str, list[list[int]]] = {
    **{name: [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]]
       for name in ("llava_next", "llava_next_video", "granite4_vision")},
    "llava_onevision": [[384 * high, 384 * wide] for high in range(1, 7) for wide in range(1, 7)],
}
"""Resolutions, height and width, where neither file says them. Source: LlavaNextConfig, LlavaNextVideoConfig,
Granite4VisionConfig, LlavaOnevisionConfig."""


def any_resolution(processor: Processed) -> AnyResolution:
    """Tiles of the resolution that wastes least. Source: LlavaNextProcessor, LlavaOnevisionProcessor."""
    tower, config = processor.tower("clip_vision_model"), processor.config
    points = processor.image.get("image_grid_pinpoints") or config.get("image_grid_pinpoints") or PINPOINTS.get(
        config.model_type)
    if not (isinstance(points, list) and points and all(isinstance(p, list) and len(p) == 2 for p in points)):
        raise config.expected("image_grid_pinpoints", "pairs of sizes")
    _, _, most = config.text("vision_aspect_ratio").rpartition("anyres_max_")
    extra, fixed = own(tower), tower.integer("image_size")
    tile = processor.size("size.shortest_edge", "size.height") or fixed
    if tile != fixed or (processor.side() or (tile, tile)) != (tile, tile):
        raise UnreadSettingError(f"pictures of another size than {fixed} × {fixed} pixels, which its tower is made for")
    dropped = config.text("vision_feature_select_strategy", "default") == "default"
    return AnyResolution.model_validate({
        "pinpoints": [tuple(point) for point in points], "side": grid_side(tower), "patches": grid(tower),
        "tile": tile, "extra": extra,
        "first": extra - dropped, "most": int(most) if most.isdigit() else None})


def internvl(processor: Processed) -> ImageRule:
    """Tiles, and two tokens around them. Source: InternVLProcessor."""
    tower, tokens = processor.tower("internvl_vision"), processor.config.integer("image_seq_length")
    return tiles(processor, processor.size("size.height") or sides(tower, "image_size")[0], tokens, patches(tower),
                  extra=1, around=2)


def internvl_chat(processor: Processed) -> Tiles:
    """The same by the files published with code of their own. Source: `dynamic_preprocess` and
    modeling_internvl_chat.py of OpenGVLab/InternVL3-8B."""
    config, tower = processor.config, processor.tower("intern_vit_6b")
    side = config.integer("force_image_size", sides(tower, "image_size")[0])
    patch = sides(tower, "patch_size")[0]
    tokens = int((side // patch) ** 2 * config.number("downsample_ratio", 0.5) ** 2)
    return Tiles(tile=side, least=config.integer("min_dynamic_patch", 1), most=config.integer("max_dynamic_patch", 12),
                 tokens_a_tile=max(1, tokens), patches=(side // patch) ** 2, extra=1, around=2,
                 cropped=config.flag("dynamic_image_size", default=True))


def aya(processor: Processed) -> ImageRule:
    """Tiles, each ended by a token. Source: AyaVisionProcessor."""
    tower = processor.tower("siglip_vision_model")
    side = tower.integer("image_size") // (tower.integer("patch_size") * processor.config.integer("downsample_factor"))
    return tiles(processor, processor.size("size.height") or tower.integer("image_size"), side**2, grid(tower), ends=1,
                  around=2)


def tiles(processor: Processed, tile: int, tokens: int, patches: int, *, cropped: bool = False,
           **more: int | str) -> Tiles:
    """Cropping is off unless a file asks for it. Source: GotOcr2ImageProcessor."""
    return Tiles.model_validate({
        "tile": tile, "tokens_a_tile": tokens, "patches": patches, **more,
        "least": processor.size("min_patches") or 1, "most": processor.size("max_patches") or 12,
        "cropped": processor.image.flag("crop_to_patches", default=cropped)})


def idefics(processor: Processed, usual: str = "idefics3_vision", factor: str = "scale_factor") -> ImageRule:
    """Squares of the longer side. Source: Idefics3ImageProcessor."""
    tower = processor.tower(usual)
    tokens = grid(tower) // processor.config.integer(factor) ** 2
    return Split(edge=processor.size("size.longest_edge") or 4 * 364,
                 tile=processor.size("max_image_size.longest_edge") or 364,
                 split=processor.image.flag("do_image_splitting", default=True), tokens_a_tile=tokens,
                 resized=processor.image.flag("do_resize", default=True),
                 patches=grid(tower))


def qianfan(processor: Processed) -> ImageRule:
    """As InternVL's. Source: QianfanOCRProcessor."""
    tower = processor.tower("qianfan_ocr_vision")
    return tiles(processor, processor.size("size.height") or sides(tower, "image_size")[0],
                  processor.config.integer("image_seq_length"), patches(tower), extra=1, around=2)


def cohere(processor: Processed) -> ImageRule:
    """The grid by scale, each tile ended by a token. Source: Cohere2VisionImageProcessor, Cohere2VisionProcessor."""
    tower = processor.tower("siglip_vision_model")
    usual = tower.integer("image_size") // (tower.integer("patch_size") * processor.config.integer("downsample_factor"))
    return tiles(processor, processor.size("size.height") or tower.integer("image_size"),
                  (processor.size("patch_size") or usual) ** 2, grid(tower), cropped=True, ends=1, around=2,
                  choice="scale").model_copy(update={"least": 1})


def llama4(processor: Processed) -> ImageRule:
    """The grid by scale, a token after each tile and around them. Source: Llama4ImageProcessor, Llama4Processor."""
    tower = processor.tower("llama4_vision_model")
    ratio, fixed = round(1 / tower.number("pixel_shuffle_ratio") ** 2), tower.integer("image_size")
    if (processor.size("size.height") or fixed) != fixed:
        raise UnreadSettingError(f"tiles of another size than {fixed} × {fixed} pixels, which its tower is made for")
    return Tiles(tile=fixed, ends=1, around=2, extra=1,
                 most=processor.size("max_patches") or 16, tokens_a_tile=max(1, grid(tower) // ratio),
                 patches=grid(tower), choice="largest" if processor.image.flag("resize_to_max_canvas") else "scale")


def phi4(processor: Processed) -> ImageRule:
    """Squares as many as the picture covers. Source: Phi4MultimodalImageProcessor."""
    tower = processor.tower("phi4_multimodal_vision")
    return Crops(tile=processor.size("size.height") or tower.integer("crop_size"),
                 patch=processor.size("patch_size") or tower.integer("patch_size"),
                 most=processor.size("dynamic_hd") or 36)
