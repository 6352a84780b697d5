"""IDEFICS 1: a Llama that reads pictures in layers of its own between the others. arXiv:2306.16527."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Head
from paramcalc.readers.families.towers.alone import model
from paramcalc.readers.families.towers.clip import vision
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower, under
from paramcalc.readers.families.towers.parts import ROTARY, dense, norm, rms, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

LLAMA = Layer("input_layernorm", "self_attn", "post_attention_layernorm", norm="rmsnorm", bias=(), gated=True,
              mlp_bias=False, causal=True, names={"q_norm": "q_layer_norm", "k_norm": "k_layer_norm"})


def _resampled(config: Config, width: int, at: str) -> Tower:
    """Learned queries that read all patches, in place of them."""
    inner = nested(config, "perceiver_config", "idefics_perciever")
    head = inner.integer("resampler_n_heads") * inner.integer("resampler_head_dim")
    shape: Parts = {"context_layer_norm": norm(width), "latents_layer_norm": norm(width)}
    if inner.flag("qk_layer_norms_perceiver"):
        size = inner.integer("resampler_head_dim")
        shape |= {"q_layer_norm": norm(size), "k_layer_norm": norm(size)}
    shape |= {f"{word}_proj": dense(head, width, bias=False, component="attention") for word in "qkv"}
    shape["output_proj"] = dense(width, head, bias=False, component="attention")
    feed: Parts = {"ln": norm(width), "fc": dense(4 * width, width, bias=False, component="ffn"),
                   "c_proj": dense(width, 4 * width, bias=False, component="ffn")}
    modules: Parts = {"latents": vector(inner.integer("resampler_n_latents"), width),
                      "blocks": layers(inner.depth("resampler_depth"), "block"), "layer_norm": norm(width)}
    return tower(None, width, modules, {"block": under("0", shape) | under("1", feed)}, at, "image_tokens")


def idefics(config: Config) -> ModelSpec:
    """The specification of one config."""
    bare = config.architecture.endswith("Model")
    if config.architecture and not bare and not config.architecture.endswith("ForVisionText2Text"):
        raise config.unknown_class()
    eyes = nested(config, "vision_config", "idefics_vision")
    width, patches, rows = config.integer("hidden_size"), eyes.integer("hidden_size"), config.integer("vocab_size")
    heads, inner = config.dividing("num_attention_heads", width), config.integer("intermediate_size")
    own = LLAMA(width, heads, inner)
    shape = (1, 1, width) if config.text("alpha_type", "float") == "vector" else (1,)
    crossed = LLAMA(width, heads, inner, attention="cross_attn", causal=False,
                    qk_norm="head" if config.flag("qk_layer_norms") else "none")
    crossed["cross_attn"] = crossed["cross_attn"].model_copy(update={"cross": True, "source_size": patches})
    crossed |= {f"alpha_{word}": vector(*shape, component="attention") for word in ("cross_attn", "dense")}
    extra, depth = config.integer("additional_vocab_size", 0, least=0), config.layers
    modules: Parts = {"embed_tokens": Embedding(rows=rows)}
    if extra:
        modules["embed_tokens.additional_embedding"] = Embedding(rows=extra)
    modules |= {"positions": ROTARY, "layers": layers(depth, "own")}
    if count := depth // config.integer("cross_layer_interval"):
        modules["gated_cross_attn_layers"] = layers(count, "crossed")
    modules["norm"] = rms(width)
    named = modules if bare else under("model", modules)
    if not bare:
        named["lm_head"] = Head(rows=rows, tied=config.tied)
        if extra:
            named["lm_head.additional_fc"] = Head(rows=extra, tied=config.tied)
    at = "" if bare else "model."
    towers = {"vision": vision(eyes, f"{at}vision_model")}
    if config.flag("use_resampler"):
        towers["resampler"] = _resampled(config, patches, f"{at}perceiver_resampler")
    spec = model(width, named, {"own": own, "crossed": crossed})
    return spec.model_copy(update={"vocab_size": rows, "towers": towers})
