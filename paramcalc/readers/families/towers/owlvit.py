"""OWL-ViT: a CLIP each of whose patches is a box that a text may name. arXiv:2205.06230, 2306.09683."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.composite import builder, nested
from paramcalc.readers.families.towers.frame import tower, under
from paramcalc.readers.families.towers.pairs import clip, text
from paramcalc.readers.families.towers.parts import dense, norm
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config


def _boxed(at: str, width: int, out: int) -> Parts:
    return {f"{at}.dense0": dense(width, width), f"{at}.dense1": dense(width, width),
            f"{at}.dense2": dense(out, width)}


def owlvit(config: Config) -> ModelSpec:
    """Both towers; to detect, heads for each patch: its class, its box, and in the second version whether it is one."""
    if not config.architecture.endswith("ForObjectDetection"):
        return clip(config)
    kind = config.model_type
    pair = clip(config.reread(config.data, architecture=""))
    width = nested(config, "vision_config", f"{kind}_vision_model").integer("hidden_size")
    out = nested(config, "text_config", f"{kind}_text_model").integer("hidden_size")
    heads: Parts = {"class_head.dense0": dense(out, width), "class_head.logit_shift": dense(1, width),
                    "class_head.logit_scale": dense(1, width), **_boxed("box_head", width, 4),
                    "layer_norm": norm(width)}
    if kind == "owlv2":
        heads |= _boxed("objectness_head", width, 1)
    towers = {name: part.model_copy(update={"modules": under(kind, dict(part.modules))})
              for name, part in pair.towers.items()}
    return pair.model_copy(update={"modules": under(kind, dict(pair.modules or {})),
                                    "towers": {**towers, "heads": tower(None, width, heads, stream="image_tokens")}})


def text_alone(config: Config) -> ModelSpec:
    """The text encoder's own class."""
    spec = text(config)
    return spec.model_copy(update={"modules": under("text_model", dict(spec.modules or {}))})


def image_alone(config: Config) -> ModelSpec:
    """The tower's own class."""
    make = builder(config.model_type)
    if make is None:
        raise config.unknown_class()
    images = make(config, "vision_model")
    return ModelSpec(hidden_size=images.hidden_size, modules=images.modules, blocks=images.blocks)
