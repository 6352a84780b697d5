"""X-CLIP: a CLIP whose frames send each other messages, and texts that look at the video. arXiv:2208.02816."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.components.stack import Stack
from paramcalc.readers.families.towers.alone import unmeasured
from paramcalc.readers.families.towers.clip import spelled
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower, under
from paramcalc.readers.families.towers.geometry import dividing, grid, heads
from paramcalc.readers.families.towers.pairs import clip
from paramcalc.readers.families.towers.parts import dense, down, matrix, norm, positioned, up, vector
from paramcalc.spec.layer import Block

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

LAYER = Layer()


def vision(config: Config, at: str) -> Tower:
    """CLIP's over each frame, one token of which attends to those of the others in each layer."""
    plain, width, tokens = spelled(config, at), config.integer("hidden_size"), grid(config) + 1
    message: Parts = {"message_fc": dense(width, width), "message_ln": norm(width), "message_attn": LAYER.attend(
        heads(config))}
    block = {**LAYER.of(config), **{key: part.model_copy(update={"every": tokens}) for key, part in message.items()}}
    return plain.model_copy(update={"blocks": {"layer": Block(parts=block)}})


def _frames(config: Config) -> Tower:
    """Layers over the vectors of all frames."""
    width = config.integer("mit_hidden_size")
    count = dividing(config, "mit_num_attention_heads", config.integer("mit_num_attention_heads"), width)
    modules: Parts = {"position_embedding": positioned(1, config.integer("num_frames"), width),
                      "encoder.layers": layers(config.depth("mit_num_hidden_layers"))}
    return tower(None, width, modules, {"layer": LAYER(width, count, config.integer("mit_intermediate_size"))}, "mit",
                 "image_tokens")


def _prompts(config: Config) -> tuple[Parts, Parts]:
    """What makes texts look at the video: its modules and its layer."""
    width = config.integer("projection_dim")
    count = dividing(config, "prompt_num_attention_heads", config.integer("prompt_num_attention_heads"), width)
    attend = Attention(num_heads=count, bias=("o",), causal=False, cross=True, hidden_size=width,
                       names={"o_proj": "proj"})
    block: Parts = {"norm1": norm(width), "cross_attn": attend, "norm3": norm(width),
                    "mlp.0": up(4 * width, width, component="ffn"),
                    "mlp.3": down(width, 4 * width, component="ffn")}
    modules: Parts = {"layernorm": norm(width), "alpha": vector(width)}
    if depth := config.depth("prompt_layers"):
        modules["decoder"] = layers(depth, "prompt").model_copy(update={"hidden_size": width})
    return under("prompts_generator", modules), block


def xclip(config: Config) -> ModelSpec:
    """Both towers, the layers over frames, and what makes prompts of the video."""
    pair = clip(config)
    eyes, out = nested(config, "vision_config", "xclip_vision_model"), config.integer("projection_dim")
    width = eyes.integer("hidden_size")
    prompts, block = _prompts(config)
    pictures: Parts = {"prompts_visual_layernorm": norm(width), "prompts_visual_projection": matrix(width, out)}
    towers = {**pair.towers, "frames": _frames(eyes), "prompts": tower(None, width, pictures, stream="image_tokens")}
    blocks = {**pair.blocks, **({"prompt": Block(parts=block)} if any(
        isinstance(part, Stack) for part in prompts.values()) else {})}
    return unmeasured(pair.model_copy(update={"modules": {**(pair.modules or {}), **prompts}, "blocks": blocks,
                                               "towers": towers}))
