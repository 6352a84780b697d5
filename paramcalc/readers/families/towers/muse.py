"""The towers of Meta's Muse: a vision transformer, and for Spark convolutions over the waveform.

Sources: transformers 5.24.0, muse_glimmer and muse_spark.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import mixed, tower
from paramcalc.readers.families.towers.geometry import entries
from paramcalc.readers.families.towers.kimi import LAYER
from paramcalc.readers.families.towers.parts import ROTARY, convolve, dense, down, norm, rms, table, up

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower


def vision(config: Config, at: str) -> Tower:
    """Kimi's layers, some within windows."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    rows = config.integer("pos_emb_height") * config.integer("pos_emb_width")
    into = config.integer("patch_temporal", 2) * config.integer("num_channels", 3) * patch**2
    kinds = config.listed("layer_types", str, config.layers) or ["full_attention"] * config.layers
    modules: Parts = {
        "patch_embedder.patch_embedding": up(width, into, bias=False, component="other_embedding"),
        "patch_embedder.position_embedding_table": table(rows, width), "positions": ROTARY, "ln_pre": norm(width),
        "layers": mixed(kinds), "ln_post": norm(width),
    }
    block = LAYER.of(config)
    return tower("vision", width, modules, dict.fromkeys(kinds, block), at)


def audio(config: Config, at: str) -> Tower:
    """Stages of fewer and wider positions; each joins `patch_sizes` of the last stage's, then has depthwise blocks.

    The tower's positions are those of its last stage, which are the tokens.
    """
    stages = config.depth("num_hidden_layers")
    widths, patches, depths = (entries(config, key, int, stages) for key in ("hidden_sizes", "patch_sizes",
                                                                                 "depths"))
    kernel, modules, before = config.integer("conv_kernel_size"), Parts(), 1
    for index, (width, patch, depth) in enumerate(zip(widths, patches, depths, strict=True)):
        stage: Parts = {"patch_embedder.proj": dense(width, before * patch, component="other_embedding"),
                        "patch_embedder.norm": rms(width)}
        for place in range(depth):
            block = f"conv_blocks.{place}"
            feed = FeedForward(intermediate_size=int(width * config.number("mlp_ratio")), gated=False, bias=True,
                               hidden_size=width, names=FC)
            stage |= {f"{block}.conv": convolve(width, width, kernel, groups=width),
                      f"{block}.norm": rms(width), f"{block}.mlp": feed}
        times = prod(patches[index + 1:])
        modules |= {f"layers.{index}.{key}": part.model_copy(update={"uses": times}) for key, part in stage.items()}
        before = width
    out = config.integer("out_hidden_size")
    modules |= {"norm": rms(before), "proj": dense(out, before), "post_proj_norm": rms(out)}
    return tower("audio", before, modules, at=at)


def muse_glimmer(model: Composite) -> Towers:
    """An adapter and a matrix."""
    into, inner = model.config.integer("out_hidden_size"), model.config.integer("projector_hidden_size")
    join: Parts = {"vision_adapter.fc1": up(inner, into, bias=False),
                   "vision_adapter.fc2": down(inner, inner, bias=False),
                   "vision_projection": up(model.text.hidden_size, inner, bias=False)}
    return {**model.tower("vision_config", "vision_tower", f"{model.config.model_type}_vision"),
            **model.join(join, into, component="vision")}


def muse_spark(model: Composite) -> Towers:
    """The same, and the tower that listens."""
    return muse_glimmer(model) | model.tower("audio_config", "audio_tower", "muse_spark_audio")
