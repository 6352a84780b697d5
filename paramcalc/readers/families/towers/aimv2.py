"""AIMv2: towers of pictures and text with gated feed-forwards, whose vectors are compared. arXiv:2411.14402."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.alone import model
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.geometry import heads, patches
from paramcalc.readers.families.towers.parts import dense, patched, rms, table, vector
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower

LAYER = Layer("rms_norm1", "attention", "rms_norm2", "ffn", norm="rmsnorm", gated=True, names={"o_proj": "out_proj"})


def _layer(config: Config, *, causal: bool = False) -> Parts:
    return LAYER(config.integer("hidden_size"), heads(config), config.integer("intermediate_size"), causal=causal,
                 bias=QKVO if config.flag("qkv_bias") else (), mlp_bias=config.flag("mlp_bias"))


def vision(config: Config, at: str) -> Tower:
    """Patches, and a head of learned attention that pools them; sizes of its own positions where it is native."""
    width, bias = config.integer("hidden_size"), config.flag("qkv_bias")
    modules: Parts = {
        "embeddings.patch_embed": patched(config, width),
        "embeddings.rms_norm": rms(width)}
    if not config.flag("is_native"):
        modules["embeddings.position_embedding"] = table(patches(config), width)
    modules |= {"encoder.layers": layers(config.layers), "rms_norm": rms(width)}
    if config.flag("use_head", default=True):
        modules |= {"head.cls_token": vector(1, 1, width, component="lm_head"),
                    "head.k_proj": dense(width, width, bias=bias, component="lm_head"),
                    "head.v_proj": dense(width, width, bias=bias, component="lm_head"),
                    "head.output_proj": dense(width, width, component="lm_head", per="sequence")}
    return tower("vision", width, modules, {"layer": _layer(config)}, at)


def text(config: Config) -> ModelSpec:
    """The text encoder, which sees what came before."""
    width, rows = config.integer("hidden_size"), config.integer("vocab_size")
    modules: Parts = {
        "embeddings.token_embedding": table(rows, width, "token_embedding"),
        "embeddings.position_embedding": table(config.integer("max_position_embeddings"), width),
        "encoder.layers": layers(config.layers), "rms_norm": rms(width)}
    return model(width, modules, {"layer": _layer(config, causal=True)}, words=rows)


def pair(config: Config) -> ModelSpec:
    """Both, projected to one width."""
    words, out = text(nested(config, "text_config", "aimv2_text_model")), config.integer("projection_dim")
    eyes = vision(nested(config, "vision_config", "aimv2_vision_model"), "vision_model")
    modules: Parts = {"logit_scale": vector(),
                      "text_projection": dense(out, words.hidden_size, bias=False, per="sequence"),
                      **{f"text_model.{key}": part for key, part in (words.modules or {}).items()}}
    projection: Parts = {"visual_projection": dense(out, eyes.hidden_size, bias=False, per="sequence")}
    towers = {"vision": eyes, "projection": tower("vision", eyes.hidden_size, projection, stream="image_tokens")}
    return words.model_copy(update={"modules": modules, "towers": towers})
