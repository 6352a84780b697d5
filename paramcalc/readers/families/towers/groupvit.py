"""GroupViT: patches are joined into ever fewer groups, which texts then name. arXiv:2202.11094."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.alone import unmeasured
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower, under
from paramcalc.readers.families.towers.geometry import heads, patches, ratios, stages
from paramcalc.readers.families.towers.pairs import clip
from paramcalc.readers.families.towers.parts import batchnorm, dense, down, embedded, norm, patched, positioned, up

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

LAYER = Layer()


def _two(at: str, into: int, inner: int, out: int) -> Parts:
    return {f"{at}.fc1": up(inner, into, component="ffn"), f"{at}.fc2": down(out, inner, component="ffn")}


def _assigned(config: Config, tokens: int, groups: int) -> Parts:
    """What assigns patches to `groups`: tokens that stand for groups look at them, then each patch goes to one."""
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    among, channels = (int(ratio * width) for ratio in ratios(config, "assign_mlp_ratio", 2)[:2])
    before = "pre_assign_attn"
    assign = Attention(num_heads=1, bias=QKVO, causal=False, names={"o_proj": "proj"})
    return {"norm_tokens": norm(width), **_two("mlp_inter", tokens, among, groups), "norm_post_tokens": norm(width),
            "norm_x": norm(width), f"{before}.attn": LAYER.attend(heads(config)), f"{before}.norm2": norm(width),
            **_two(f"{before}.mlp", width, inner, width), f"{before}.norm_post": norm(width), "assign": assign,
            "norm_new_x": norm(width), **_two("mlp_channels", width, channels, width)}


def _counts(config: Config, key: str, count: int) -> list[int]:
    """Tokens or groups of each stage; none where there are no groups."""
    values = config.listed(key, int) or []
    if len(values) < count or any(not 0 <= value <= 2**24 for value in values):
        raise config.error(key, f"expected {count:,} integers, none below 0")
    return values


def vision(config: Config, at: str) -> Tower:
    """Stages, each but the last of which leaves fewer tokens to the next."""
    width, depths = config.integer("hidden_size"), stages(config)
    tokens, groups = (_counts(config, key, len(depths)) for key in ("num_group_tokens", "num_output_groups"))
    modules: Parts = {"embeddings.patch_embeddings.projection": patched(config, width),
                      "embeddings.position_embeddings": positioned(1, patches(config), width),
                      "embeddings.layernorm": norm(width)}
    for index, depth in enumerate(depths):
        before, stage = groups[index - 1] if index else 0, Parts()
        if tokens[index]:
            stage["group_token"] = embedded(1, tokens[index], width)
        if tokens[index] and before:
            stage |= {"group_projector.0": norm(width), **_two("group_projector.1", before, width // 2, tokens[index])}
        stage["layers"] = layers(depth)
        if tokens[index]:
            stage |= under("downsample", _assigned(config, tokens[index], groups[index]))
        every = max(1, patches(config) // (before + tokens[index])) if before else 1
        modules |= under(f"encoder.stages.{index}", {key: part.model_copy(update={"every": every})
                                                     for key, part in stage.items()})
    config.read.add("num_hidden_layers")
    return tower("vision", width, {**modules, "layernorm": norm(width)}, {"layer": LAYER.of(config)}, at)


def _projected(at: str, into: int, inner: int, out: int) -> Parts:
    return {f"{at}.0": dense(inner, into, per="sequence"), f"{at}.1": batchnorm(inner),
            f"{at}.3": dense(out, inner, per="sequence")}


def groupvit(config: Config) -> ModelSpec:
    """CLIP, whose projections are two matrices with a norm between."""
    pair = clip(config)
    inner, out = config.integer("projection_intermediate_dim"), config.integer("projection_dim")
    width = nested(config, "vision_config", "groupvit_vision_model").integer("hidden_size")
    modules: Parts = {key: part for key, part in (pair.modules or {}).items() if key != "text_projection"}
    modules |= _projected("text_projection", pair.hidden_size, inner, out)
    projection = tower("vision", width, _projected("visual_projection", width, inner, out), stream="image_tokens")
    towers = {**pair.towers, "projection": projection}
    return unmeasured(pair.model_copy(update={"modules": modules, "towers": towers}))
