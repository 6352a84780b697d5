"""Record how many tokens processors make of pictures when they process them: tests/data/processed_images.jsonl.

    python tests/oracle/processed.py            # all
    python tests/oracle/processed.py got_ocr2   # these types, the other lines kept

Each processor is made by its own class with a stand-in for the tokenizer, and black pictures are processed with the
settings named here: what it replaces a picture with is counted, or, where the class counts itself, what its
`_get_num_multimodal_tokens` says. torchvision is needed. Sizes are width, height.
"""

from __future__ import annotations

import inspect
import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers
from transformers.models.auto.image_processing_auto import IMAGE_PROCESSOR_MAPPING_NAMES
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING_NAMES
from transformers.processing_utils import ProcessorMixin

if TYPE_CHECKING:
    from collections.abc import Callable

    Data = dict[str, Any]

DATA = Path(__file__).resolve().parent.parent / "data" / "processed_images.jsonl"
SIZES = [(600, 900), (1366, 768), (64, 48), (512, 512), (2500, 1500), (900, 120), (300, 1900), (1, 200)]
"""Portrait, landscape, small, square, larger than most bounds, long ones, one that many refuse."""
TOKEN = re.compile(r"<[^<>]+>|\n+|[^\s<>]+")


class Words:
    """Stands in for a tokenizer: whatever it is asked for is a token."""

    padding_side, chat_template = "left", None
    init_kwargs: Data = {}  # noqa: RUF012 - as the class has it
    vocab: dict[str, int] = defaultdict(int)  # noqa: RUF012

    def __getattr__(self, name: str) -> Any:
        """Numbers for what is called so, else a token of that name."""
        if name.startswith("__"):
            raise AttributeError(name)
        return 7 if name.endswith(("_id", "_ids")) else f"<{name}>"

    def convert_tokens_to_ids(self, tokens: Any) -> Any:
        """One number each."""
        return 7 if isinstance(tokens, str) else [7] * len(tokens)

    def add_special_tokens(self, _: Any) -> int:
        """None is new."""
        return 0

    def get_vocab(self) -> dict[str, int]:
        """Every token there is."""
        return self.vocab

    def tokenize(self, text: str) -> list[str]:
        """Its tokens, line breaks one together."""
        return TOKEN.findall(text)

    def encode(self, text: str, **_: Any) -> list[int]:
        """A number for each of its tokens."""
        return [7] * len(TOKEN.findall(text))

    def __call__(self, text: str, **_: Any) -> Data:
        """The same, as a mapping."""
        return {"input_ids": self.encode(text)}


class Other:
    """Stands in for a part that reads videos or recordings."""

    slice_mode, downsample_mode = True, "16x"

    def __getattr__(self, name: str) -> int:
        """Any size."""
        return 1


def part(model_type: str, name: str) -> Any:
    """The class of an image processor."""
    names = IMAGE_PROCESSOR_MAPPING_NAMES.get(model_type)
    if isinstance(names, dict):
        names = names.get("torchvision") or names.get("pil")
    return getattr(transformers, name or str(names))


def processor(case: Data, settings: Data) -> Any:
    """The processor, made by its class; that of pictures where there is no other."""
    images = part(case["type"], case.get("image", "")).from_dict(settings)
    name = case.get("processor") or PROCESSOR_MAPPING_NAMES.get(case["type"])
    if name is None:
        return images
    owner = getattr(transformers, name)
    parts = {"image_processor": images, "tokenizer": Words()}
    parts |= dict.fromkeys(("video_processor", "feature_extractor", "audio_processor"), Other())
    names = set(inspect.signature(owner.__init__).parameters)
    return owner(**{name: value for name, value in parts.items() if name in names}, **case.get("own", {}))


def processed(more: Data | None = None, options: Data | None = None) -> Callable[[Any, int, int], int]:
    """Tokens of the text a picture is replaced with; `more`: what the processor passes on, `options`: what it asks the
    image processor for."""
    def counts(instance: Any, width: int, height: int) -> int:
        image = torch.zeros((3, height, width), dtype=torch.uint8)
        inputs = instance.image_processor(images=[image], return_tensors="pt", **(options or {}))
        return len(TOKEN.findall(instance.replace_image_token(inputs, 0, **(more or {}))))
    return counts


def counted(instance: Any, width: int, height: int) -> int:
    """By the processor's own count."""
    return int(instance._get_num_multimodal_tokens(image_sizes=[(height, width)]).num_image_tokens[0])


def sliced(instance: Any, width: int, height: int) -> int:
    """MiniCPM's, with the number of the picture that is put before it with its text."""
    divisor = 4 if instance.image_processor.downsample_mode == "4x" else 16
    numbered = 3 if instance.image_processor.use_image_id else 0
    return processed({"image_token_divisor": divisor})(instance, width, height) + numbered


def paged(instance: Any, width: int, height: int) -> int:
    """GOT's, of one page."""
    page = {"num_pages_per_batch": [1], "num_image_tokens": 256, "patch_indices": [99]}
    return processed(page)(instance, width, height)


def shaped(patch: int) -> Callable[[Any, int, int], int]:
    """Patches of the picture an encoder is given, and its class token."""
    def counts(instance: Any, width: int, height: int) -> int:
        high, wide = instance(torch.zeros((3, height, width), dtype=torch.uint8))["pixel_values"][0].shape[-2:]
        return (high // patch) * (wide // patch) + 1
    return counts


ROWS = processed(options={"return_row_col_info": True})
LFM2 = processed({"use_image_special_tokens": True}, {"return_row_col_info": True})
VIT16 = {"image_size": 512, "patch_size": 16}
SMOL = {"size": {"longest_edge": 2048}, "max_image_size": {"longest_edge": 512}}
NEXT = {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}
CLIP = {"image_size": 336, "patch_size": 14}
STRATEGY = {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
QWEN = [{"patch_size": 16}, {"patch_size": 16, "merge_size": 3}, {"patch_size": 16, "min_pixels": 50_000,
                                                                    "max_pixels": 500_000}]
CASES: list[Data] = [
    {"type": "qwen2_vl", "settings": [{"min_pixels": 50_000, "size": {"shortest_edge": 3136, "longest_edge": 500_000}},
                                      {"merge_size": 4}, {"patch_size": 28}]},
    *({"type": name, "settings": [{"min_pixels": 50_000, "max_pixels": 500_000}, {"merge_size": 4}]}
      for name in ("glm4v", "glm46v", "ernie4_5_vl_moe", "cosmos3_edge")),
    {"type": "paddleocr_vl", "processor": "PaddleOCRVLProcessor", "counts": processed(),
     "settings": [{}, {"merge_size": 4}, {"min_pixels": 50_000, "max_pixels": 500_000}]},
    {"type": "idefics3", "own": {"image_seq_len": 169}, "config": {"vision_config": CLIP | {"image_size": 364}},
     "counts": ROWS, "settings": [{"do_resize": False}, {"max_image_size": {"longest_edge": 273}},
                                  {"size": {"longest_edge": 1092}}, {"do_image_splitting": False}]},
    *({"type": name, "processor": "Idefics3Processor", "own": {"image_seq_len": 64}, "config": {"vision_config": VIT16},
       "settings": [SMOL, SMOL | {"do_image_splitting": False}], "image": image}
      for name, image in (("modernvbert", "Idefics3ImageProcessor"), ("ultravbert", ""))),
    *({"type": name, "settings": QWEN} for name in ("cohere_compass", "lfm3_vl", "hunyuan_vl", "hy_v4_vl")),
    {"type": "dots3_note", "settings": [{}, {"merge_size": 4}]},
    {"type": "colqwen2", "settings": [{}, {"max_pixels": 500_000}]},
    {"type": "emu3", "settings": [{}, {"max_pixels": 300_000}]},
    {"type": "dinov2", "counts": shaped(14), "config": {"image_size": 518, "patch_size": 14},
     "settings": [{}, {"crop_size": {"height": 518, "width": 518}, "size": {"shortest_edge": 518}}]},
    {"type": "dinov3_vit", "counts": shaped(16), "config": {"num_register_tokens": 0},
     "settings": [{}, {"size": {"height": 448, "width": 448}}]},
    {"type": "florence2", "settings": [{"image_seq_length": 577, "size": {"height": 768, "width": 768}}]},
    {"type": "aria", "settings": [{}, {"max_image_size": 490}]},
    {"type": "chameleon", "settings": [{}]},
    {"type": "janus", "counts": processed(), "settings": [{}]},
    {"type": "video_llava", "own": STRATEGY, "counts": processed(), "settings": [{}]},
    {"type": "granite4_vision", "own": STRATEGY, "config": {"vision_config": CLIP}, "settings": [NEXT]},
    {"type": "granite4_vision", "own": STRATEGY | {"downsample_rate": "4/8"},
     "config": {"vision_config": CLIP, "downsample_rate": "4/8"}, "settings": [NEXT]},
    {"type": "got_ocr2", "counts": paged, "config": {"vision_config": {"image_size": 1024}},
     "settings": [{}, *({"crop_to_patches": True, "size": {"height": 1024, "width": 1024}, "max_patches": most}
                       for most in (6, 12))]},
    {"type": "minicpmv4_6", "counts": sliced,
     "settings": [{}, {"max_slice_nums": 4}, {"downsample_mode": "4x"}, {"slice_mode": False, "use_image_id": False},
                  {"scale_resolution": 224}]},
    {"type": "minicpmv4_7", "counts": sliced, "settings": [{}]},
    {"type": "minicpm_ocr", "counts": sliced, "settings": [{}, {"downsample_mode": "16x"}]},
    {"type": "lfm2_vl", "counts": LFM2,
     "settings": [{}, {"max_tiles": 4}, {"use_thumbnail": False}, {"do_image_splitting": False},
                  {"max_image_tokens": 128}, {"max_pixels_tolerance": 1.0}]},
    {"type": "ovis2", "counts": processed(),
     "settings": [{}, {"crop_to_patches": True}, {"crop_to_patches": True, "max_patches": 6},
                  {"crop_to_patches": True, "size": {"height": 192, "width": 192}}]},
    {"type": "molmo2", "settings": [{}, {"max_crops": 4}, {"overlap_margins": [2, 2]}, {"pooling_size": [3, 3]}]},
    {"type": "deepseek_ocr2", "counts": processed(), "settings": [{}, {"tile_size": 640}, {"max_patches": 3}]},
    {"type": "unlimited_ocr", "counts": processed(), "settings": [{}, {"tile_size": 641}, {"max_patches": 9}]},
    {"type": "muse_glimmer", "settings": [{}, {"max_image_tokens": 500}, {"merge_size": 3}]},
    {"type": "inkling_mm_model", "counts": processed(),
     "settings": [{}, {"rescale_image_frac": 1.5}, {"rescale_image_frac": 0.4},
                  {"rescale_image_frac": 3.0, "rescale_image_max_upscaled_long_edge": 700}]},
    {"type": "inkling2", "counts": processed(), "settings": [{}]},
    {"type": "fuyu", "settings": [{}, {"size": {"height": 540, "width": 960}}]},
    {"type": "nemotron_h_omni", "counts": processed(),
     "settings": [{}, {"max_num_patches": 1500}, {"min_num_patches": 64}, {"max_model_len": 400}]},
    {"type": "glm5_next", "settings": [{}, {"max_image_tokens": 300}, {"min_image_tokens": 200}, {"merge_size": 4}]},
]
"""Model types with the settings each is run with, what their configs say beside the defaults, the class of the
processor and of the image processor where the library maps none, arguments of the processor's own, and what counts."""


def lines(case: Data) -> list[str]:
    """One line for each of its settings; a picture it refuses makes none."""
    written = []
    for settings in case["settings"]:
        instance = processor(case, dict(settings))
        pairs: list[tuple[tuple[int, int], int]] = []
        for size in SIZES:
            try:
                pairs.append((size, case.get("counts", counted)(instance, *size)))
            except (ValueError, RuntimeError):  # what the processor, or torch, says of such a picture
                continue
        written.append(json.dumps({
            "processor": type(instance).__name__, "config": {"model_type": case["type"], **case.get("config", {})},
            "preprocessor": settings, "sizes": [size for size, _ in pairs], "tokens": [count for _, count in pairs]}))
    return written


def main() -> None:
    """Write the data file."""
    ProcessorMixin.check_argument_for_proper_class = lambda *_, **__: object
    ProcessorMixin._merge_kwargs = lambda *_, **__: {
        f"{kind}_kwargs": {} for kind in ("images", "videos", "audio", "text")}
    names = sys.argv[1:]
    old = [line for line in DATA.read_text("utf-8").splitlines()
           if json.loads(line)["config"]["model_type"] not in names] if names else []
    new = [line for case in CASES if not names or case["type"] in names for line in lines(case)]
    DATA.write_text("".join(line + "\n" for line in (*old, *new)), encoding="utf-8")


if __name__ == "__main__":
    main()
