"""BLIP-2, InstructBLIP and the Q-Former that joins their tower to a text model. arXiv:2301.12597, arXiv:2305.06500."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.readers.config.config import Config
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.encoders.heads import BERT_TOPS
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.alone import opened
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, mixed, projector, tower
from paramcalc.readers.families.towers.geometry import grid
from paramcalc.readers.families.towers.joined import moved
from paramcalc.readers.families.towers.parts import conv, dense, down, embedded, norm, positioned, table, up, vector
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

NAMES = {"qkv_proj": "qkv", "o_proj": "projection", **FC}
LAYER = Layer(fused="qkv", names=NAMES)
UNBIASED = Layer(fused="qkv", names=NAMES, bias=("o",))


def vision(config: Config, at: str) -> Tower:
    """EVA-CLIP, as the library has it."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    modules: Parts = {
        "embeddings.class_embedding": embedded(1, 1, width),
        "embeddings.position_embedding": positioned(1, grid(config) + 1, width),
        "embeddings.patch_embedding": conv(width, config.size_of_its_own("num_channels", 3) or 3, patch, patch),
        "encoder.layers": layers(config.layers), "post_layernorm": norm(width),
    }
    shape = LAYER if config.flag("qkv_bias", default=True) else UNBIASED
    return tower("vision", width, modules, {"layer": shape.of(config)}, at)


def _attention(config: Config, at: str, source: int | None = None) -> Parts:
    width = config.integer("hidden_size")
    names = {f"{short}_proj": f"attention.{long}" for short, long in (("q", "query"), ("k", "key"), ("v", "value"))}
    return {at: Attention(num_heads=config.dividing("num_attention_heads", width), bias=QKVO, causal=False,
                          cross=source is not None, source_size=source, names=names | {"o_proj": "output.dense"}),
            f"{at}.output.LayerNorm": norm(width)}


def _feed(config: Config, suffix: str, component: str = "ffn") -> Parts:
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    return {f"intermediate{suffix}.dense": up(inner, width, component="ffn"),
            f"output{suffix}.dense": down(width, inner, component="ffn"), f"output{suffix}.LayerNorm": norm(width)}


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


def _read(config: Config, width: int, tops: Tops) -> ModelSpec:
    """A BERT that attends to a tower `width` wide, if it is a decoder."""
    crossed = config.family.filled({"add_cross_attention": config.flag("is_decoder", default=True)})
    inner = config.reread(config.data, crossed, architecture="BertForMaskedLM" if "MaskedLM" in tops else "BertModel")
    inner.ties = True
    spec = Encoder("bert", {"types": ""}, tops=tops)(inner)
    return spec.model_copy(update={"blocks": {tag: Block(parts={
        key: part.model_copy(update={"source_size": width}) if isinstance(part, Attention) and part.cross else part
        for key, part in (block.parts or {}).items()}) for tag, block in spec.blocks.items()}})


def _reader(config: Config, width: int, front: str, *, headed: bool = False, pooler: bool = False) -> ModelSpec:
    """The same at `front`, which predicts words where `headed`."""
    spec = _read(config, width, BERT_TOPS if headed else {"Model": ("pooler",) if pooler else ()})
    modules, blocks = moved(spec, front, front)
    return spec.model_copy(update={"modules": modules, "blocks": blocks})


def text_alone(config: Config) -> ModelSpec:
    """The text model's own classes."""
    name, width = config.architecture, config.integer("encoder_hidden_size")
    if name and not name.endswith("Model"):
        raise config.unknown_class()
    return _read(config, width, BERT_TOPS if name.endswith("LMHeadModel") else {"Model": ("pooler",)})


def qformer_alone(config: Config) -> ModelSpec:
    """The Q-Former's own class, without the queries that a whole model hands it."""
    if config.architecture and not config.architecture.endswith("QFormerModel"):
        raise config.unknown_class()
    text = config.model_type != "blip_2_qformer" or config.flag("use_qformer_text_input")
    return opened(qformer(config, "", text=text))


def blip(config: Config) -> ModelSpec:
    """BLIP: a ViT, and BERTs that read it: to be compared, to match, to write, to answer. arXiv:2201.12086."""
    words = nested(config, "text_config", "blip_text_model")
    images = vision(nested(config, "vision_config", "blip_vision_model"), "vision_model")
    width, towers, name = images.hidden_size, {"vision": images}, config.architecture
    encoder = _reader(words, width, "text_encoder")
    if name.endswith("ForConditionalGeneration"):
        return _reader(words, width, "text_decoder", headed=True).model_copy(update={"towers": towers})
    if name.endswith("ForQuestionAnswering"):
        decoder = _reader(words, width, "text_decoder", headed=True)
        return decoder.model_copy(update={
            "towers": towers, "modules": {**(encoder.modules or {}), **(decoder.modules or {})},
            "blocks": {**encoder.blocks, **decoder.blocks}})
    if name.endswith("ForImageTextRetrieval"):
        out = config.integer("image_text_hidden_size")
        top: Parts = {"text_proj": dense(out, encoder.hidden_size, per="sequence"),
                      "itm_head": dense(2, encoder.hidden_size, per="sequence")}
        towers["projection"] = tower("vision", width, {"vision_proj": dense(out, width)}, stream="image_tokens")
        return encoder.model_copy(update={"towers": towers, "modules": {**(encoder.modules or {}), **top}})
    if name and not name.endswith("Model"):
        raise config.unknown_class()
    out, spec = config.integer("projection_dim"), _reader(words, width, "text_model", pooler=True)
    between: Parts = {"text_projection": dense(out, spec.hidden_size, bias=False), "logit_scale": vector()}
    towers["projection"] = tower("vision", width, {"visual_projection": dense(out, width, bias=False)},
                                 stream="image_tokens")
    return spec.model_copy(update={"modules": {**(spec.modules or {}), **between}, "towers": towers})


def blip2(model: Composite) -> Towers:
    """A tower, learned queries, a Q-Former, and a matrix. Raises SpecError for classes that are only a part."""
    if model.config.architecture.endswith("QFormerModel"):
        raise model.config.unknown_class()
    kind = model.config.model_type.replace("-", "_")
    config, eyes = model.part("qformer_config", f"{kind}_qformer"), model.part("vision_config", f"{kind}_vision_model")
    config.override({"encoder_hidden_size": eyes.integer("hidden_size")})
    width, queries = config.integer("hidden_size"), model.config.integer("num_query_tokens", 32)
    text = model.config.model_type != "blip-2"
    out = tower(None, width, {"language_projection": dense(model.text.hidden_size, width)}, stream="image_tokens")
    return {
        **model.tower("vision_config", "vision_model", f"{kind}_vision_model"),
        "queries": projector({"query_tokens": vector(1, queries, width)}, width),
        "qformer": qformer(config, "qformer", text=text or config.flag("use_qformer_text_input")),
        "projection": out,
    }


def compared(config: Config) -> ModelSpec:
    """BLIP-2 without a text model: the Q-Former reads a picture, a text, or both, to compare or to match them."""
    sees, reads = (not config.architecture.startswith(f"Blip2{word}") for word in ("Text", "Vision"))
    joins = nested(config, "qformer_config", "blip_2_qformer")
    eyes = nested(config, "vision_config", "blip_2_vision_model")
    joins.override({"encoder_hidden_size": eyes.integer("hidden_size")})
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
        towers |= {"vision": vision(eyes, "vision_model"),
                   "projection": tower("vision", width, {"vision_projection": dense(out, width)},
                                       stream="image_tokens")}
    config.read |= {"text_config", "vision_config"}
    vocabulary = joins.integer("vocab_size") if reads else None
    return ModelSpec(hidden_size=width, vocab_size=vocabulary, modules=modules, towers=towers)
