"""How processors cut pictures into slices, views and grids kept within bounds, by a config and the files beside it.

What the file beside the config says goes first, then what the config says of the tower, then the default of the
processor's class.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.geometry import grid, sides
from paramcalc.readers.families.towers.processors import UnreadSettingError
from paramcalc.readers.families.towers.tiled import any_resolution, idefics, tiles
from paramcalc.spec.images import (
    Aligned,
    AnyResolution,
    Covering,
    Filled,
    ImageRule,
    Mosaic,
    Overlapping,
    Ranged,
    Rounded,
    Slices,
    Views,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.families.towers.processors import Processed

MERGED = {"4x": 2, "16x": 4}
"""Patches of the side of a token by `downsample_mode`. Source: MiniCPMV4_6ImageProcessor."""
MOST_VIEWS = {"deepseek_ocr2": (768, 6), "unlimited_ocr": (640, 32)}
"""Pixels of a tile's side, and tiles at most. Source: DeepseekOcr2ImageProcessor, UnlimitedOcrImageProcessor."""
LARGEST_FUYU = (1080, 1920)
"""Height and width. Source: FuyuImageProcessor."""


def minicpm(processor: Processed) -> ImageRule:
    """Slices as large as one the tower was made for. Source: MiniCPMV4_6ImageProcessor, MiniCPMOcrImageProcessor."""
    file, config = processor.image, processor.config
    if (upsized := file.text("small_image_upsize", "always")) != "always":
        raise UnreadSettingError(f"small_image_upsize {upsized[:60]!r}")
    mode = file.text("downsample_mode", "4x" if config.model_type == "minicpm_ocr" else "16x")
    if mode not in MERGED:
        raise file.expected("downsample_mode", f"one of {', '.join(MERGED)}")
    return Slices(side=processor.size("scale_resolution") or 448, patch=processor.size("patch_size") or 14,
                  merge=MERGED[mode], numbered=file.flag("use_image_id", default=True),
                  most=(processor.size("max_slice_nums") or 9) if file.flag("slice_mode", default=True) else 1)


def lfm2(processor: Processed) -> ImageRule:
    """Tiles, or the picture within bounds. Source: Lfm2VlImageProcessor."""
    file = processor.image
    return Mosaic(tile=processor.size("tile_size") or 512, patch=processor.size("encoder_patch_size") or 16,
                  merge=processor.size("downsample_factor") or 2, least=processor.size("min_tiles") or 2,
                  most=processor.size("max_tiles") or 10, least_tokens=processor.size("min_image_tokens") or 64,
                  most_tokens=processor.size("max_image_tokens") or 256,
                  tolerance=file.number("max_pixels_tolerance", 2.0),
                  split=file.flag("do_image_splitting", default=True),
                  overview=file.flag("use_thumbnail", default=True))


def ovis2(processor: Processed) -> ImageRule:
    """The fewest tiles that cover the picture. Source: Ovis2ImageProcessor, Ovis2Processor."""
    tower, file = processor.tower("ovis2_vision"), processor.image
    if not file.flag("use_covering_area_grid", default=True):
        raise UnreadSettingError("use_covering_area_grid false")
    tile = processor.size("size.height") or 384
    return Covering(tile=tile, most=processor.size("max_patches") or 12,
                    cropped=file.flag("crop_to_patches"), patches=(tile // tower.integer("patch_size")) ** 2,
                    tokens_a_tile=processor.own("image_seq_length", 256))


def molmo2(processor: Processed) -> ImageRule:
    """Crops that overlap. Source: Molmo2ImageProcessor, Molmo2Processor."""
    file = processor.image
    margins = file.listed("overlap_margins", int, 2) or [4, 4]
    pool = file.listed("pooling_size", int, 2) or [2, 2]
    ends = processor.processor.flag("image_use_col_tokens", default=True)
    return Overlapping.model_validate({
        "crop": processor.size("size.height") or 378, "patch": processor.size("patch_size") or 14,
        "margin": sum(margins), "pool": pool, "most": processor.size("max_crops") or 8, "row_ends": ends,
        "overview_row_ends": processor.processor.flag("use_single_crop_col_tokens", default=ends)})


def views(processor: Processed) -> ImageRule:
    """The whole picture, and tiles of a long one. Source: DeepseekOcr2Processor, UnlimitedOcrProcessor."""
    usual, most = MOST_VIEWS[processor.config.model_type]
    unlimited = processor.config.model_type == "unlimited_ocr"
    patch, ratio = processor.own("patch_size", 16), processor.own("downsample_ratio", 4)
    side, tile = processor.size("size.height") or 1024, processor.size("tile_size") or usual
    return Views(tile=tile, least=processor.size("min_patches") or 2, most=processor.size("max_patches") or most,
                 cropped=processor.image.flag("crop_to_patches", default=True), row_ends=unlimited, side=side,
                 overview_side=ceil(side // patch / ratio) if unlimited else ceil(side / patch / ratio),
                 tile_side=ceil(tile // patch / ratio) if unlimited else ceil(tile / patch / ratio),
                 overview_patches=(side // patch) ** 2, tile_patches=(tile // patch) ** 2)


def muse(processor: Processed) -> ImageRule:
    """The grid of the nearest shape. Source: MuseGlimmerImageProcessor; tokens around it are the prompt's own."""
    tower = processor.tower(f"{processor.config.model_type}_vision")
    return Rounded(patch=processor.size("patch_size") or tower.integer("patch_size"),
                   merge=processor.size("merge_size") or tower.integer("merge_size"),
                   most=processor.size("max_image_tokens") or 4096)


def inkling(processor: Processed) -> ImageRule:
    """A picture as it is, or enlarged where a file asks for it. Source: InklingImageProcessor."""
    file = processor.image
    enlarged = file.get("rescale_image_frac") is not None
    return Filled(patch=processor.size("size.height") or 40, spare=True,
                  scale=file.number("rescale_image_frac") if enlarged else 1.0,
                  longest=(processor.size("rescale_image_max_upscaled_long_edge") or 2048) if enlarged else None)


def inkling2(processor: Processed) -> ImageRule:
    """A picture as it is. Source: Inkling2ImageProcessor."""
    return Filled(patch=processor.size("size.height") or 40,
                  merge=processor.tower("inkling2_vision").integer("spatial_merge_size"))


def fuyu(processor: Processed) -> ImageRule:
    """A picture as it is, unless it is larger than a bound. Source: FuyuImageProcessor."""
    high, wide = (processor.size(f"size.{key}") for key in ("height", "width"))
    patch = processor.image.get("patch_size")
    side = patch.get("height") if isinstance(patch, dict) else patch
    return Filled.model_validate({"patch": side or sides(processor.config, "patch_size")[0], "row_ends": True,
                                  "bounds": (high or LARGEST_FUYU[0], wide or LARGEST_FUYU[1])})


def nemotron(processor: Processed) -> ImageRule:
    """A grid between two bounds, the context one of them. Source: NemotronH_Omni_Reasoning_V3ImageProcessor."""
    merge = round(1 / processor.image.number("downsample_ratio", processor.config.number("downsample_ratio", 0.5)))
    least = processor.size("min_num_patches") or 1024
    most = processor.image.integer("max_num_patches", 13_312, least=0)
    context = max(((processor.size("max_model_len") or 16_384) - 4) * merge**2, least)
    return Ranged(patch=processor.size("patch_size") or 16, merge=merge, least=least, around=2,
                  most=max(min(context, most) if most else context, least))


def glm5_next(processor: Processed) -> ImageRule:
    """Sides filled up, tokens bounded. Source: Glm5NextImageProcessor."""
    tower = processor.tower("glm5_next_vision")
    if processor.image.integer("patch_expand_factor", 1) != 1:
        raise UnreadSettingError("patch_expand_factor")
    return Aligned(patch=processor.size("patch_size") or tower.integer("patch_size"),
                   merge=processor.size("merge_size") or tower.integer("spatial_merge_size"),
                   least=processor.size("min_image_tokens") or 16, most=processor.size("max_image_tokens") or 8000)


def got(processor: Processed) -> ImageRule:
    """A sixteenth of a tile's patches. Source: GotOcr2Processor, PPChart2TableProcessor."""
    tower = processor.tower(f"{processor.config.model_type}_vision")
    count = grid(tower)
    return tiles(processor, processor.size("size.height") or tower.integer("image_size"), count // 16, count)


def modernvbert(processor: Processed) -> ImageRule:
    """As Idefics 3's. Source: Idefics3ImageProcessor, ColModernVBertProcessor."""
    return idefics(processor, "siglip_vision_model", "pixel_shuffle_factor")


def granite4(processor: Processed) -> AnyResolution:
    """As LLaVA-NeXT's, the patches of a tile fewer. Source: Granite4VisionProcessor."""
    rule = any_resolution(processor)
    rate = processor.processor.get("downsample_rate") or processor.config.get("downsample_rate")
    if rate is None:
        return rule
    return rule.model_copy(update={"side": int(rule.side * Fraction(str(rate)))})


def retrieving(usual: str, rule: Callable[[Processed], ImageRule]) -> Callable[[Processed], ImageRule]:
    """The rule of the model a retriever is made of. Source: ColPaliProcessor, ColQwen2Processor, PI0Processor."""

    def make(processor: Processed) -> ImageRule:
        return rule(processor.within(nested(processor.config, "vlm_config", usual)))

    return make
