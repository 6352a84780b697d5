"""GIT: a CLIP, a projection, and a BERT that reads patches and then words. arXiv:2205.14100."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.components.linear import Head
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.towers.clip import vision
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import tower
from paramcalc.readers.families.towers.parts import dense, norm, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec


def _words(config: Config) -> Parts:
    return {"output": Head(rows=config.integer("vocab_size"), bias=True, tied=config.tied)}


TOPS: Tops = {"Model": (), "CausalLM": (_words,)}


def git(config: Config) -> ModelSpec:
    """Words see what came before them, patches each other."""
    spec = Encoder("git", {"types": ""}, tops=TOPS)(config)
    eyes, front = nested(config, "vision_config", "git_vision_model"), (
        "" if config.architecture.endswith("Model") else "git.")
    width, into, at = config.integer("hidden_size"), eyes.integer("hidden_size"), f"{front}visual_projection"
    join: Parts = {f"{at}.visual_projection.0": dense(width, into), f"{at}.visual_projection.1": norm(width)}
    frames = config.optional("num_image_with_embedding")
    if frames is not None and frames <= 4096:
        join |= {f"{front}img_temporal_embedding.{index}": vector(1, 1, into) for index in range(frames)}
    blocks = {name: block.model_copy(update={"parts": {
        key: part.model_copy(update={"causal": True}) if isinstance(part, Attention) else part
        for key, part in (block.parts or {}).items()}}) for name, block in (spec.blocks or {}).items()}
    return spec.model_copy(update={"blocks": blocks, "towers": {
        "vision": vision(eyes, f"{front}image_encoder.vision_model"),
        "projection": tower("vision", into, join, stream="image_tokens")}})
