"""Record how many tokens processors make of videos: tests/data/videos.jsonl.

    python tests/oracle/videos.py

Qwen's processors count by `_get_num_multimodal_tokens`, the others put the tokens into the text, as images.py has it;
torchvision is needed. Sizes are width, height and frames.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import images
import torch
from transformers.models.qwen2_vl.video_processing_qwen2_vl import Qwen2VLVideoProcessor
from transformers.models.qwen3_vl.video_processing_qwen3_vl import Qwen3VLVideoProcessor

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = Path(__file__).resolve().parent.parent / "data" / "videos.jsonl"
SIZES = [(600, 900, 8), (1366, 768, 32), (64, 48, 3), (512, 512, 2), (5000, 3000, 64), (1280, 720, 31),
         (448, 512, 3), (416, 384, 5)]
"""Portrait, landscape, small, square, larger than every bound, odd numbers of frames: of the last two the pixels are
within the bounds or not as the number is rounded."""
Sizes = list[tuple[int, int, int]]


def qwen(name: str, video: Any) -> Callable[[Sizes], list[int]]:
    """Tokens by the processor's own count."""
    def counts(sizes: Sizes) -> list[int]:
        instance = images.processor(*name.split(":"))
        instance.video_processor = video
        instance._merge_kwargs = lambda *_, **__: {"images_kwargs": {}, "videos_kwargs": {}}
        counted = instance._get_num_multimodal_tokens(
            video_sizes=[(frames, high, wide) for wide, high, frames in sizes])
        return [int(tokens) for tokens in counted.num_video_tokens]
    return counts


def written(name: str, side: int, **own: Any) -> Callable[[Sizes], list[int]]:
    """Tokens in the text a video is replaced with, whose frames are squares."""
    def counts(sizes: Sizes) -> list[int]:
        instance = images.processor(*name.split(":"))
        for key, value in {"video_token": "<v>", "image_token": "<v>", "start_image_token": "<s>",
                           "end_image_token": "<e>", **own}.items():
            setattr(instance, key, value)
        videos = [torch.zeros((frames, 3, side, side), dtype=torch.uint8) for _, _, frames in sizes]
        return [len(re.findall("<[a-z]>", instance.replace_video_token({"pixel_values_videos": videos}, index)))
                for index in range(len(videos))]
    return counts


SIZE = {"size": {"shortest_edge": 4096, "longest_edge": 25165824}}
SQUARE = {"vision_config": {"model_type": "siglip_vision_model", "image_size": 384, "patch_size": 14}}
CASES: list[tuple[str, dict[str, Any], str, Callable[[Sizes], list[int]], dict[str, Any]]] = [
    ("qwen2_vl", {}, "Qwen2VLVideoProcessor", qwen("qwen2_vl:Qwen2VLProcessor", Qwen2VLVideoProcessor()), {}),
    ("qwen2_5_vl", {}, "Qwen2VLVideoProcessor", qwen("qwen2_5_vl:Qwen2_5_VLProcessor", Qwen2VLVideoProcessor(
        min_pixels=3136, max_pixels=12845056)), {"min_pixels": 3136, "max_pixels": 12845056}),
    ("qwen3_vl", {}, "Qwen3VLVideoProcessor", qwen("qwen3_vl:Qwen3VLProcessor", Qwen3VLVideoProcessor()), {}),
    ("qwen3_vl", {}, "Qwen3VLVideoProcessor", qwen("qwen3_vl:Qwen3VLProcessor", Qwen3VLVideoProcessor(**SIZE)), SIZE),
    ("internvl", {}, "InternVLProcessor", written("internvl:InternVLProcessor", 448, image_seq_length=256), {}),
    ("llava_onevision", SQUARE, "LlavaOnevisionProcessor",
     written("llava_onevision:LlavaOnevisionProcessor", 384, num_image_tokens=729), {}),
    ("llava_next_video", {}, "LlavaNextVideoProcessor",
     written("llava_next_video:LlavaNextVideoProcessor", 336, patch_size=14), {}),
]
"""Model type, what its config says beside its defaults, processor, what counts, and the settings of its file."""


def main() -> None:
    """Write one line a case."""
    lines = [json.dumps({"processor": name, "config": {"model_type": model_type, **config}, "preprocessor": settings,
                         "sizes": SIZES, "tokens": counts(SIZES)})
             for model_type, config, name, counts, settings in CASES]
    DATA.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
