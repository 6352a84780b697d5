"""Record how many tokens processors make of pictures: tests/data/images.jsonl.

    python tests/oracle/images.py

Each processor's own `_get_num_multimodal_tokens` is run on five sizes with the settings named here; where a class has
none, black pictures are processed. A tokenizer is not needed for either; torchvision is. Sizes are width, height.
"""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).resolve().parent.parent / "data" / "images.jsonl"
SIZES = [(600, 900), (1366, 768), (64, 48), (512, 512), (5000, 3000)]
"""Portrait, landscape, small, square, larger than every bound."""


class Words:
    """Stands in for a tokenizer where a processor asks it how a line break is cut."""

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        """Return one token."""
        return {"input_ids": [0]}


CASES: list[tuple[str, str, str, str, dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ("qwen2_vl", "Qwen2VLProcessor", "qwen2_vl", "Qwen2VLImageProcessorPil", {}, {}, {}, {}),
    ("qwen2_vl", "Qwen2VLProcessor", "qwen2_vl", "Qwen2VLImageProcessorPil",
     {"size": {"shortest_edge": 3136, "longest_edge": 12845056}}, {}, {}, {"min_pixels": 3136, "max_pixels": 12845056}),
    ("qwen2_5_vl", "Qwen2_5_VLProcessor", "qwen2_vl", "Qwen2VLImageProcessorPil", {}, {}, {}, {}),
    ("qwen3_vl", "Qwen3VLProcessor", "qwen2_vl", "Qwen2VLImageProcessorPil",
     {"patch_size": 16, "size": {"shortest_edge": 65536, "longest_edge": 16777216}}, {}, {},
     {"patch_size": 16, "size": {"shortest_edge": 65536, "longest_edge": 16777216}}),
    ("glm4v", "Glm4vProcessor", "glm4v", "Glm4vImageProcessorPil", {}, {}, {}, {}),
    ("llava", "LlavaProcessor", "clip", "CLIPImageProcessorPil",
     {"crop_size": {"height": 336, "width": 336}},
     {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}, {}, {}),
    ("llava_next", "LlavaNextProcessor", "llava_next", "LlavaNextImageProcessorPil",
     {"size": {"shortest_edge": 336}},
     {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}, {},
     {"size": {"shortest_edge": 336}}),
    ("llava_onevision", "LlavaOnevisionProcessor", "llava_onevision", "LlavaOnevisionImageProcessorPil", {},
     {"num_image_tokens": 729, "vision_feature_select_strategy": "full", "vision_aspect_ratio": "anyres_max_9"},
     {}, {}),
    ("gemma3", "Gemma3Processor", "gemma3", "Gemma3ImageProcessorPil", {}, {"image_seq_length": 256}, {}, {}),
    ("paligemma", "PaliGemmaProcessor", "siglip", "SiglipImageProcessorPil", {}, {"image_seq_length": 256}, {}, {}),
    ("mistral3", "PixtralProcessor@pixtral", "pixtral", "PixtralImageProcessorPil",
     {"size": {"longest_edge": 1540}}, {"patch_size": 14, "spatial_merge_size": 2}, {},
     {"size": {"longest_edge": 1540}}),
    ("lighton_ocr", "LightOnOcrProcessor", "pixtral", "PixtralImageProcessorPil",
     {"size": {"longest_edge": 1540}, "patch_size": {"height": 14, "width": 14}}, {"effective_patch_size": 28}, {},
     {"size": {"longest_edge": 1540}}),
    ("internvl", "InternVLProcessor", "got_ocr2", "GotOcr2ImageProcessorPil",
     {"crop_to_patches": True, "size": {"height": 448, "width": 448}}, {"image_seq_length": 256}, {},
     {"crop_to_patches": True, "size": {"height": 448, "width": 448}}),
    ("aya_vision", "AyaVisionProcessor", "got_ocr2", "GotOcr2ImageProcessorPil",
     {"crop_to_patches": True, "size": {"height": 364, "width": 364}}, {"patch_size": 28, "img_size": 364},
     {"vision_config": {"image_size": 364, "patch_size": 14}},
     {"crop_to_patches": True, "size": {"height": 364, "width": 364}}),
    ("idefics3", "Idefics3Processor", "idefics3", "Idefics3ImageProcessorPil", {},
     {"image_seq_len": 169, "tokenizer": Words()},
     {"vision_config": {"image_size": 364, "patch_size": 14}}, {}),
    ("smolvlm", "Idefics3Processor@idefics3", "idefics3", "Idefics3ImageProcessorPil",
     {"size": {"longest_edge": 2048}, "max_image_size": {"longest_edge": 512}},
     {"image_seq_len": 64, "tokenizer": Words()},
     {"scale_factor": 4, "vision_config": {"image_size": 512, "patch_size": 16}},
     {"size": {"longest_edge": 2048}, "max_image_size": {"longest_edge": 512}}),
    ("gemma3n", "Gemma3nProcessor", "siglip", "SiglipImageProcessor", {}, {"image_seq_length": 256}, {}, {}),
    ("shieldgemma2", "ShieldGemma2Processor", "gemma3", "Gemma3ImageProcessor", {}, {"image_seq_length": 256}, {}, {}),
    ("gemma4", "Gemma4Processor", "gemma4", "Gemma4ImageProcessor", {}, {}, {}, {}),
    ("gemma4", "Gemma4Processor", "gemma4", "Gemma4ImageProcessor", {"max_soft_tokens": 70}, {}, {},
     {"max_soft_tokens": 70}),
    ("kimi_k25", "Kimi_K25Processor", "kimi_k25", "Kimi_K25ImageProcessor", {}, {}, {}, {}),
    ("kimi_k25", "Kimi_K25Processor", "kimi_k25", "Kimi_K25ImageProcessor",
     {"max_patches": 900, "size": {"max_height": 40, "max_width": 40}}, {}, {},
     {"max_patches": 900, "size": {"max_height": 40, "max_width": 40}}),
    ("exaone4_5", "Exaone4_5_Processor", "qwen2_vl", "Qwen2VLImageProcessor", {}, {}, {}, {}),
    ("hyperclovax_vision_v2", "HyperCLOVAXVisionV2Processor", "qwen2_vl", "Qwen2VLImageProcessor", {}, {}, {}, {}),
    ("qwen2_5_omni", "Qwen2_5OmniProcessor", "qwen2_vl", "Qwen2VLImageProcessor", {}, {}, {}, {}),
    ("qwen3_omni_moe", "Qwen3OmniMoeProcessor", "qwen2_vl", "Qwen2VLImageProcessor", {"patch_size": 16}, {}, {},
     {"patch_size": 16}),
    ("ernie4_5_vl_moe", "Ernie4_5_VLMoeProcessor", "ernie4_5_vl_moe", "Ernie4_5_VLMoeImageProcessor", {}, {}, {}, {}),
    ("minimax_m3_vl", "MiniMaxM3VLProcessor", "minimax_m3_vl", "MiniMaxM3VLImageProcessor", {}, {}, {}, {}),
    ("video_llama_3", "VideoLlama3Processor", "video_llama_3", "VideoLlama3ImageProcessor", {}, {},
     {"vision_config": {"patch_size": 14}}, {}),
    ("video_llama_3", "VideoLlama3Processor", "video_llama_3", "VideoLlama3ImageProcessor", {"merge_size": 2}, {}, {},
     {"patch_size": 14, "merge_size": 2}),
    ("cosmos3_edge", "Cosmos3EdgeProcessor", "cosmos3_edge", "Cosmos3EdgeImageProcessor", {}, {}, {}, {}),
    ("glm46v", "Glm46VProcessor", "glm46v", "Glm46VImageProcessor", {}, {}, {}, {}),
    ("llava_next_video", "LlavaNextVideoProcessor", "llava_next", "LlavaNextImageProcessor",
     {"size": {"shortest_edge": 336}},
     {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}, {},
     {"size": {"shortest_edge": 336}}),
    ("cohere2_vision", "Cohere2VisionProcessor", "cohere2_vision", "Cohere2VisionImageProcessor", {},
     {"patch_size": 16}, {}, {}),
    ("cohere2_vision", "Cohere2VisionProcessor", "cohere2_vision", "Cohere2VisionImageProcessor", {"min_patches": 3},
     {"patch_size": 16}, {}, {"min_patches": 3}),
    ("llava", "PixtralProcessor@pixtral", "pixtral", "PixtralImageProcessorPil", {"size": {"longest_edge": 1024}},
     {"patch_size": 16, "spatial_merge_size": 1}, {"vision_config": {"model_type": "pixtral", "image_size": 1024}},
     {"size": {"longest_edge": 1024}}),
    ("llava", "LlavaProcessor", "clip", "CLIPImageProcessorPil", {"crop_size": {"height": 224, "width": 448}},
     {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 0},
     {"vision_config": {"model_type": "siglip_vision_model", "image_size": 224, "patch_size": 14}},
     {"crop_size": {"height": 224, "width": 448}}),
    ("qianfan_ocr", "QianfanOCRProcessor", "got_ocr2", "GotOcr2ImageProcessor",
     {"crop_to_patches": True, "size": {"height": 448, "width": 448}}, {"image_seq_length": 256}, {},
     {"crop_to_patches": True, "size": {"height": 448, "width": 448}}),
]
"""Model type, processor, module and class of the image processor, settings of both, what the model's config says beside
its defaults, and what a preprocessor_config.json says."""


def processor(model_type: str, name: str) -> Any:
    """Make a processor without a tokenizer."""
    name, _, module = name.partition("@")
    module = module or model_type
    owner = getattr(importlib.import_module(f"transformers.models.{module}.processing_{module}"), name)
    instance = object.__new__(owner)
    instance._merge_kwargs = lambda *_, **__: {"images_kwargs": {}}
    return instance


def images_of(name: str, **settings: Any) -> Any:
    """An image processor `module:class`."""
    module, _, kind = name.partition(":")
    file = f"image_processing_{'pil_' if kind.endswith('Pil') else ''}{module}"
    return getattr(importlib.import_module(f"transformers.models.{module}.{file}"), kind)(**settings)


def black(width: int, height: int) -> Any:
    """A picture."""
    return torch.zeros((3, height, width), dtype=torch.uint8)


def llama4(size: tuple[int, int], **settings: Any) -> tuple[int, int]:
    """Tokens of the text a picture is replaced with, and patches of all tiles."""
    instance = processor("llama4", "Llama4Processor")
    instance.patch_size, instance.downsample_ratio = 14, 4
    inputs = images_of("llama4:Llama4ImageProcessor", **settings)(black(*size))
    return (len(re.findall(r"<[|]\w+[|]>", instance.replace_image_token(inputs, 0))),
            sum(len(tiles) for tiles in inputs["pixel_values"]) * 24**2)


def phi4(size: tuple[int, int], **settings: Any) -> tuple[int, int]:
    """The processor's own count, and patches of all squares."""
    inputs = images_of("phi4_multimodal:Phi4MultimodalImageProcessor", **settings)(black(*size))
    return inputs["num_img_tokens"][0], inputs["image_pixel_values"][0].shape[0] * 32**2


def idefics2(size: tuple[int, int], **settings: Any) -> tuple[int, int]:
    """Tokens of the text a picture is replaced with, by a tokenizer that keeps it, and patches of all pictures."""
    texts: list[str] = []
    instance = processor("idefics2", "Idefics2Processor")
    instance.image_processor = images_of("idefics2:Idefics2ImageProcessor", **settings)
    instance._merge_kwargs = lambda *_, **__: {"text_kwargs": {}, "images_kwargs": {}}
    instance.fake_image_token, instance.image_token, instance.image_seq_len = "<fake>", "<image>", 64
    instance.tokenizer = type("Words", (), {
        "init_kwargs": {}, "__call__": lambda _, strings, **__: texts.extend(strings) or {"input_ids": []}})()
    instance._check_special_mm_tokens = lambda *_, **__: None
    inputs = instance(images=[Image.new("RGB", size)], text="<image>")
    _, count, _, high, wide = torch.as_tensor(inputs["pixel_values"]).shape
    return len(re.findall("<[a-z]+>", texts[0])), count * (high // 14) * (wide // 14)


def paddle(size: tuple[int, int], **settings: Any) -> tuple[int, int]:
    """A token for each square of four patches, as PaddleOCRVLProcessor divides them."""
    instance = images_of("paddleocr_vl:PaddleOCRVLImageProcessor", **settings)
    patches = instance.get_number_of_image_patches(size[1], size[0])
    return patches // 4, patches


def gemma3(size: tuple[int, int], **settings: Any) -> tuple[int, int]:
    """Image tokens of the text a picture and its crops are replaced with, and patches of all of them."""
    instance = processor("gemma3", "Gemma3Processor")
    instance.full_image_sequence = "<image>" * 256
    inputs = images_of("gemma3:Gemma3ImageProcessor", **settings)(black(*size))
    return instance.replace_image_token(inputs, 0).count("<image>"), len(inputs["pixel_values"]) * 64**2


def siglip2(size: tuple[int, int], **settings: Any) -> tuple[int, int]:
    """None of the text's tokens."""
    return 0, images_of("siglip2:Siglip2ImageProcessor", **settings)(black(*size))["pixel_values"][0].shape[0]


RUN: list[tuple[str, str, Callable[..., tuple[int, int]], dict[str, Any], dict[str, Any]]] = [
    ("llama4", "Llama4Processor", llama4, {"vision_config": {"image_size": 336}}, {}),
    ("llama4", "Llama4Processor", llama4, {"vision_config": {"image_size": 336}},
     {"max_patches": 7, "resize_to_max_canvas": True}),
    ("phi4_multimodal", "Phi4MultimodalImageProcessor", phi4, {}, {}),
    ("phi4_multimodal", "Phi4MultimodalImageProcessor", phi4, {}, {"dynamic_hd": 5}),
    ("idefics2", "Idefics2Processor", idefics2, {"vision_config": {"patch_size": 14}}, {}),
    ("idefics2", "Idefics2Processor", idefics2, {"vision_config": {"patch_size": 14}}, {"do_image_splitting": True}),
    ("paddleocr_vl", "PaddleOCRVLImageProcessor", paddle, {}, {}),
    *(("gemma3", "Gemma3Processor", gemma3, {"vision_config": {"image_size": 896, "patch_size": 14}},
       {"do_pan_and_scan": True, "pan_and_scan_min_crop_size": least, "pan_and_scan_max_num_crops": most,
        "pan_and_scan_min_ratio_to_activate": ratio}) for least, most, ratio in ((256, 4, 1.2), (50, 9, 2.5))),
    ("siglip2", "Siglip2ImageProcessor", siglip2, {}, {}),
    ("siglip2", "Siglip2ImageProcessor", siglip2, {}, {"max_num_patches": 400}),
]
"""Model type, processor, what runs it, what the model's config says beside its defaults, and the settings."""
LONG = [(900, 120), (120, 900), (3000, 300)]
"""Sizes of pictures long and narrow."""


def main() -> None:
    """Write one line a case."""
    lines = []
    for model_type, name, module, image_name, image, own, config, preprocessor in CASES:
        instance = processor(model_type, name)
        instance.image_processor = images_of(f"{module}:{image_name}", **image)
        for key, value in own.items():
            setattr(instance, key, value)
        counted = instance._get_num_multimodal_tokens(image_sizes=[(height, width) for width, height in SIZES])
        lines.append(json.dumps({
            "processor": name.partition("@")[0], "config": {"model_type": model_type, **config},
            "preprocessor": preprocessor, "sizes": SIZES, "tokens": [int(n) for n in counted.num_image_tokens]}))
    for model_type, name, counts, config, settings in RUN:
        sizes = SIZES + LONG
        pairs = [counts(size, **settings) for size in sizes]
        lines.append(json.dumps({
            "processor": name, "config": {"model_type": model_type, **config}, "preprocessor": settings, "sizes": sizes,
            "tokens": [int(tokens) for tokens, _ in pairs], "patches": [int(patches) for _, patches in pairs]}))
    DATA.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
