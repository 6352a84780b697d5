"""Record how many tokens processors make of pictures: tests/data/images.jsonl.

    python tests/oracle/images.py

Each processor's own `_get_num_multimodal_tokens` is run on five sizes with the settings named here; a tokenizer is not
needed for it. Sizes are width, height.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

# Some processors import a function of the class that needs torchvision, which the other class has too.
PLAIN = "transformers.models.pixtral.image_processing_pil_pixtral"
sys.modules["transformers.models.pixtral.image_processing_pixtral"] = importlib.import_module(PLAIN)

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
]
"""Model type, processor, module and class of the image processor, settings of both, what the model's config says beside
its defaults, and what a preprocessor_config.json says."""


def processor(model_type: str, name: str) -> Any:
    """Make a processor without a tokenizer."""
    name, _, module = name.partition("@")
    module = module or model_type
    owner = getattr(importlib.import_module(f"transformers.models.{module}.processing_{module}"), name)
    made = object.__new__(owner)
    made._merge_kwargs = lambda *_, **__: {"images_kwargs": {}}
    return made


def main() -> None:
    """Write one line a case."""
    lines = []
    for model_type, name, module, image_name, image, own, config, preprocessor in CASES:
        images = importlib.import_module(f"transformers.models.{module}.image_processing_pil_{module}")
        made = processor(model_type, name)
        made.image_processor = getattr(images, image_name)(**image)
        for key, value in own.items():
            setattr(made, key, value)
        counted = made._get_num_multimodal_tokens(image_sizes=[(height, width) for width, height in SIZES])
        lines.append(json.dumps({
            "processor": name.partition("@")[0], "config": {"model_type": model_type, **config},
            "preprocessor": preprocessor, "sizes": SIZES, "tokens": [int(n) for n in counted.num_image_tokens]}))
    DATA.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
