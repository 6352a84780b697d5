"""How a whole model's processor cuts pictures: by its model type, from its config and a preprocessor_config.json.

What the file beside the config says goes first, then what the config says of the tower, then the default of the
processor's class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.clip import grid, grid_side
from paramcalc.readers.families.towers.processors import NOTHING, Beside, Processed
from paramcalc.spec.images import AnyResolution, Area, ImageRule, LongestEdge, Split, Square, Tiles

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


PINPOINTS: dict[str, list[list[int]]] = {
    "llava_next": [[336, 672], [672, 336], [672, 672], [1008, 336], [336, 1008]],
    "llava_onevision": [[384 * high, 384 * wide] for high in range(1, 7) for wide in range(1, 7)],
}
"""Resolutions, height and width, where neither file says them. Source: LlavaNextConfig, LlavaOnevisionConfig."""


def area(processor: Processed) -> ImageRule:
    """Qwen's: multiples of merged patches. Source: Qwen2VLImageProcessor; windows: Qwen2_5_VisionTransformer's
    `get_window_index`."""
    tower = processor.tower(f"{processor.config.model_type}_vision")
    patch = processor.size("patch_size") or tower.integer("patch_size")
    merge = processor.size("merge_size") or tower.integer("spatial_merge_size")
    side = tower.get("window_size")
    window = side // merge // patch * merge if type(side) is int and side >= merge * patch else None
    return Area(patch=patch, merge=merge, window=window,
                min_pixels=processor.size("size.shortest_edge", "min_pixels") or 56 * 56,
                max_pixels=processor.size("size.longest_edge", "max_pixels") or 28 * 28 * 1280)


def glm(processor: Processed) -> ImageRule:
    """The same over frames. Source: Glm4vImageProcessor."""
    tower = processor.tower("glm4v_vision")
    return Area(patch=processor.size("patch_size") or tower.integer("patch_size"), enlarged=True,
                merge=processor.size("merge_size") or tower.integer("spatial_merge_size"),
                frames=processor.size("temporal_patch_size") or tower.integer("temporal_patch_size"),
                min_pixels=processor.size("size.shortest_edge", "min_pixels") or 112 * 112,
                max_pixels=processor.size("size.longest_edge", "max_pixels") or 28 * 28 * 15000)


def llava(processor: Processed) -> ImageRule:
    """The tower's square, its class token dropped or not. Source: LlavaProcessor."""
    tower = processor.tower("clip_vision_model")
    whole = processor.config.text("vision_feature_select_strategy", "default") == "full"
    extra = _own(tower)
    return Square(tokens=grid(tower) + (extra if whole else 0), patches=grid(tower), extra=extra)


def _own(tower: Config) -> int:
    """A class token, which CLIP has and SigLIP has not."""
    return 0 if "siglip" in tower.model_type else 1


def any_resolution(processor: Processed) -> ImageRule:
    """Tiles of the resolution that wastes least. Source: LlavaNextProcessor, LlavaOnevisionProcessor."""
    tower, config = processor.tower("clip_vision_model"), processor.config
    points = processor.image.get("image_grid_pinpoints") or config.get("image_grid_pinpoints") or PINPOINTS.get(
        config.model_type)
    if not (isinstance(points, list) and points and all(isinstance(p, list) and len(p) == 2 for p in points)):
        raise config.error("image_grid_pinpoints", "expected pairs of sizes")
    _, _, most = config.text("vision_aspect_ratio").rpartition("anyres_max_")
    extra = _own(tower)
    dropped = config.text("vision_feature_select_strategy", "default") == "default"
    return AnyResolution.model_validate({
        "pinpoints": [tuple(point) for point in points], "side": grid_side(tower), "patches": grid(tower),
        "tile": processor.size("size.shortest_edge", "size.height") or tower.integer("image_size"), "extra": extra,
        "first": extra - dropped, "most": int(most) if most.isdigit() else None})


def gemma3(processor: Processed) -> ImageRule:
    """As many tokens whatever the picture. Source: Gemma3Processor, without pan and scan."""
    return Square(tokens=processor.config.integer("mm_tokens_per_image"),
                  patches=grid(processor.tower("siglip_vision_model")))


def paligemma(processor: Processed) -> ImageRule:
    """A token a patch. Source: PaliGemmaProcessor."""
    patches = grid(processor.tower("siglip_vision_model"))
    return Square(tokens=patches, patches=patches)


def pixtral(processor: Processed) -> ImageRule:
    """A bound on the longer side. Source: PixtralProcessor; LightOnOcrProcessor leaves the ends of rows out."""
    tower, plain = processor.tower("pixtral"), processor.config.model_type == "lighton_ocr"
    return LongestEdge(patch=tower.integer("patch_size"), merge=processor.config.integer("spatial_merge_size", 1),
                       edge=processor.size("size.longest_edge") or tower.integer("image_size"),
                       row_ends=not plain, whole=plain)


def internvl(processor: Processed) -> ImageRule:
    """Tiles, and two tokens around them. Source: InternVLProcessor."""
    tower, tokens = processor.tower("internvl_vision"), processor.config.integer("image_seq_length")
    from paramcalc.readers.families.towers.internvl import patches, sides

    return _tiles(processor, processor.size("size.height") or sides(tower, "image_size")[0], tokens, patches(tower),
                  extra=1, around=2)


def aya(processor: Processed) -> ImageRule:
    """Tiles, each ended by a token. Source: AyaVisionProcessor."""
    tower = processor.tower("siglip_vision_model")
    side = tower.integer("image_size") // (tower.integer("patch_size") * processor.config.integer("downsample_factor"))
    return _tiles(processor, processor.size("size.height") or tower.integer("image_size"), side**2, grid(tower), ends=1,
                  around=2)


def _tiles(processor: Processed, tile: int, tokens: int, patches: int, **more: int) -> Tiles:
    """Cropping is off unless a file asks for it. Source: GotOcr2ImageProcessor."""
    return Tiles.model_validate({
        "tile": tile, "tokens_a_tile": tokens, "patches": patches, **more, "least": processor.size("min_patches") or 1,
        "most": processor.size("max_patches") or 12, "cropped": processor.image.flag("crop_to_patches")})


def idefics(processor: Processed) -> ImageRule:
    """Squares of the longer side. Source: Idefics3ImageProcessor."""
    tower = processor.tower("idefics3_vision")
    tokens = grid(tower) // processor.config.integer("scale_factor") ** 2
    return Split(edge=processor.size("size.longest_edge") or 4 * 364,
                 tile=processor.size("max_image_size.longest_edge") or 364,
                 split=processor.image.flag("do_image_splitting", default=True), tokens_a_tile=tokens,
                 patches=grid(tower))


def alone(processor: Processed) -> ImageRule:
    """An encoder by itself: pictures are resized to the square it is made for. Source: ViTImageProcessor,
    CLIPImageProcessor, SiglipImageProcessor."""
    from paramcalc.readers.families.towers.internvl import patches

    config = processor.config
    own = OWN.get(config.model_type, 1) + config.integer("num_register_tokens", 0, least=0)
    count = patches(config)
    return Square(tokens=count + own, patches=count, extra=own, main=True)


def pyramid(processor: Processed) -> ImageRule:
    """A net whose stages halve the sides: its positions are the cells of the last one. Source: ViTImageProcessor,
    ConvNextImageProcessor."""
    from paramcalc.readers.families.towers.internvl import sides

    config = processor.config
    stages = len(config.listed("depths", int) or ())
    high, wide = sides(config, "patch_size")
    tall, broad = sides(config, "image_size") if config.get("image_size") else (224, 224)
    count = max(1, tall // (high * 2 ** (stages - 1))) * max(1, broad // (wide * 2 ** (stages - 1)))
    return Square(tokens=count, patches=count, main=True)


OWN = {"deit": 2, "ijepa": 0, "siglip_vision_model": 0}
"""Tokens of an encoder's own besides registers, where they are not one class token."""


RULES: dict[str, Callable[[Processed], ImageRule]] = {
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe"), area),
    **dict.fromkeys(("glm4v", "glm4v_moe", "glm46v"), glm),
    **dict.fromkeys(("llava", "vipllava"), llava),
    **dict.fromkeys(("llava_next", "llava_onevision"), any_resolution),
    "gemma3": gemma3,
    "paligemma": paligemma,
    **dict.fromkeys(("mistral3", "lighton_ocr"), pixtral),
    "internvl": internvl,
    "aya_vision": aya,
    **dict.fromkeys(("idefics3", "smolvlm"), idefics),
    **dict.fromkeys(("vit", "deit", "ijepa", "vit_msn", "beit", "data2vec-vision", "dinov2", "dinov2_with_registers",
                     "dinov3_vit", "siglip_vision_model", "clip_vision_model", "mlcd_vision_model"), alone),
    **dict.fromkeys(("swin", "swinv2", "donut-swin", "convnext", "convnextv2"), pyramid),
}


PROCESSORS: dict[Callable[[Processed], ImageRule], str] = {
    area: "Qwen2VLImageProcessor", glm: "Glm4vImageProcessor", any_resolution: "LlavaNextImageProcessor",
    pixtral: "PixtralImageProcessor", internvl: "GotOcr2ImageProcessor", aya: "GotOcr2ImageProcessor",
    idefics: "Idefics3ImageProcessor"}
"""Whose settings a rule rests on, where those of the model's own config are not enough."""


def image_rule(config: Config, beside: Beside = NOTHING) -> ImageRule | None:
    """The rule of a composite config; None where nobody wrote its processor's."""
    make = RULES.get(config.model_type)
    if make is None:
        return None
    processor = PROCESSORS.get(make, "")
    usual = bool(processor) and not beside.image
    return make(Processed(config, beside)).model_copy(update={"processor": processor, "defaults": usual})


def with_media(spec: ModelSpec, config: Config, beside: Beside = NOTHING) -> ModelSpec:
    """A model that has towers, or is an encoder, with the rules its processor cuts pictures and recordings by.

    `beside` is what the files of processors beside the config hold.
    """
    from paramcalc.readers.families.towers.recordings import audio_rule

    if not spec.towers and RULES.get(config.model_type) not in (alone, pyramid):
        return spec  # a tower nobody can count, whose pictures nobody can either
    rules = {"images": image_rule(config, beside), "audio": audio_rule(config, beside)}
    known_rules = {name: rule for name, rule in rules.items() if rule is not None}
    return spec.model_copy(update=known_rules) if known_rules else spec
