"""BLIP-2, InstructBLIP and the Q-Former that joins their tower to a text model. arXiv:2301.12597, arXiv:2305.06500."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.towers.clip import grid, layer
from paramcalc.readers.families.towers.parts import (
    QKVO,
    Layer,
    Parts,
    conv,
    dense,
    layers,
    mixed,
    norm,
    projector,
    table,
    tower,
    vector,
)
from paramcalc.readers.families.towers.whole import nested
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.whole import Towers, Whole
    from paramcalc.spec.tower import Tower

NAMES = {"qkv_proj": "qkv", "o_proj": "projection", "up_proj": "fc1", "down_proj": "fc2"}
LAYER = Layer(fused="qkv", names=NAMES)
UNBIASED = Layer(fused="qkv", names=NAMES, bias=("o",))


def vision(config: Config, at: str) -> Tower:
    """EVA-CLIP, as the library has it."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    modules: Parts = {
        "embeddings.class_embedding": vector(1, 1, width, component="other_embedding"),
        "embeddings.position_embedding": vector(1, grid(config) + 1, width, component="position_embedding"),
        "embeddings.patch_embedding": conv(width, config.integer("num_channels", 3), patch, patch),
        "encoder.layers": layers(config.layers), "post_layernorm": norm(width),
    }
    shape = LAYER if config.flag("qkv_bias", default=True) else UNBIASED
    return tower("vision", width, modules, {"layer": layer(config, shape)}, at)


def _attention(config: Config, at: str, source: int | None = None) -> Parts:
    width = config.integer("hidden_size")
    names = {f"{short}_proj": f"attention.{long}" for short, long in (("q", "query"), ("k", "key"), ("v", "value"))}
    return {at: Attention(num_heads=config.dividing("num_attention_heads", width), bias=QKVO, causal=False,
                          cross=source is not None, source_size=source, names=names | {"o_proj": "output.dense"}),
            f"{at}.output.LayerNorm": norm(width)}


def _feed(config: Config, suffix: str, component: str = "ffn") -> Parts:
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    return {f"intermediate{suffix}.dense": dense(inner, width, component="ffn"),
            f"output{suffix}.dense": dense(width, inner, component="ffn"), f"output{suffix}.LayerNorm": norm(width)}


def qformer(config: Config, at: str, *, text: bool) -> Tower:
    """Queries that attend to themselves and, in some layers, to the tower; with `text`, an instruction beside them."""
    width, every = config.integer("hidden_size"), config.integer("cross_attention_frequency")
    modules: Parts = {}
    if text and config.model_type != "blip_2_qformer":
        modules = {"embeddings.word_embeddings": table(config.integer("vocab_size"), width, "token_embedding"),
                   "embeddings.position_embeddings": table(config.integer("max_position_embeddings"), width),
                   "embeddings.layernorm": norm(width)}
    else:
        modules = {"layernorm": norm(width)}
    modules["encoder.layer"] = mixed(["cross" if index % every == 0 else "plain" for index in range(config.layers)])
    feed = (_feed(config, "") if text else {}) | _feed(config, "_query")
    plain = _attention(config, "attention")
    crossed = _attention(config, "crossattention", config.integer("encoder_hidden_size"))
    return tower("projector", width, modules, {"plain": plain | feed, "cross": plain | crossed | feed}, at,
                 "image_tokens")


def blip(config: Config) -> ModelSpec:
    """BLIP: a ViT, and a BERT that reads it, as an encoder to be compared or as a decoder. arXiv:2201.12086."""
    words = nested(config, "text_config", "blip_text_model")
    images = vision(nested(config, "vision_config", "blip_vision_model"), "vision_model")
    bare = config.architecture.endswith("Model") or not config.architecture
    if not bare and not config.architecture.endswith("ForConditionalGeneration"):
        raise config.unknown_class()
    crossed = FamilyData({**words.family.defaults, "add_cross_attention": words.flag("is_decoder", default=True)},
                         words.family.aliases, words.family.classes)
    inner = words.reread(words.data, crossed, architecture="BertModel" if bare else "BertForMaskedLM")
    inner.ties = True
    spec = Encoder("bert", {"types": ""})(inner)
    front = "text_model" if bare else "text_decoder"
    modules: Parts = {f"{front}.{key}": part for key, part in (spec.modules or {}).items()}
    towers = {"vision": images}
    if bare:
        out = config.integer("projection_dim")
        modules |= {"text_projection": dense(out, spec.hidden_size, bias=False), "logit_scale": vector()}
        towers["projection"] = tower("vision", images.hidden_size,
                                     {"visual_projection": dense(out, images.hidden_size, bias=False)},
                                     stream="image_tokens")
    source = {"source_size": images.hidden_size}
    blocks = {tag: block.model_copy(update={"parts": {
        key: part.model_copy(update=source) if isinstance(part, Attention) and part.cross else part
        for key, part in (block.parts or {}).items()}}) for tag, block in (spec.blocks or {}).items()}
    return spec.model_copy(update={"modules": modules, "towers": towers, "blocks": blocks})


def blip2(whole: Whole) -> Towers:
    """A tower, learned queries, a Q-Former, and a matrix. Raises SpecError for classes that are only a part."""
    if whole.config.architecture.endswith("QFormerModel"):
        raise whole.config.unknown_class()
    config = whole.part("qformer_config", "blip_2_qformer")
    width, queries = config.integer("hidden_size"), whole.config.integer("num_query_tokens", 32)
    text = whole.config.model_type != "blip-2"
    out = tower(None, width, {"language_projection": dense(whole.text.hidden_size, width)}, stream="image_tokens")
    return {
        **whole.tower("vision_config", "vision_model", "blip_2_vision_model"),
        "queries": projector({"query_tokens": vector(1, queries, width)}, width),
        "qformer": qformer(config, "qformer", text=text or config.flag("use_qformer_text_input")),
        "projection": out,
    }


def compared(config: Config) -> ModelSpec:
    """BLIP-2 without a text model: the Q-Former reads a picture, a text, or both, to compare or to match them."""
    sees, reads = (not config.architecture.startswith(f"Blip2{word}") for word in ("Text", "Vision"))
    joins = nested(config, "qformer_config", "blip_2_qformer")
    width, out = joins.integer("hidden_size"), config.integer("image_text_hidden_size")
    modules: Parts = {}
    if reads:
        rows = joins.integer("vocab_size")
        modules |= {"embeddings.word_embeddings": table(rows, width, "token_embedding"),
                    "embeddings.position_embeddings": table(joins.integer("max_position_embeddings"), width),
                    "text_projection": dense(out, width)}
    if sees and reads:
        modules["itm_head"] = dense(2, width)
    towers = {"queries": projector({"query_tokens": vector(1, config.integer("num_query_tokens"), width)}, width),
              "qformer": qformer(joins, "qformer", text=joins.flag("use_qformer_text_input"))}
    if sees:
        eyes = nested(config, "vision_config", "blip_2_vision_model")
        towers |= {"vision": vision(eyes, "vision_model"),
                   "projection": tower("vision", width, {"vision_projection": dense(out, width)},
                                       stream="image_tokens")}
    config.read |= {"text_config", "vision_config"}
    vocabulary = joins.integer("vocab_size") if reads else None
    return ModelSpec(hidden_size=width, vocab_size=vocabulary, modules=modules, towers=towers)
