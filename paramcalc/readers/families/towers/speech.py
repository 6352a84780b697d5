"""Encoders of speech with decoders of text that attend to them.

arXiv:2410.15608 (Moonshine), nvidia/canary-1b-v2 (Canary), 2308.11596 (SeamlessM4T)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.components.attention import QKVO
from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Head
from paramcalc.readers.config.config import Config
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.alone import model, sourced
from paramcalc.readers.families.towers.composite import builder, nested
from paramcalc.readers.families.towers.conformer import FEED, shortening_layer, wav2vec_layer
from paramcalc.readers.families.towers.frame import Layer, layers, under
from paramcalc.readers.families.towers.parts import ROTARY, conv, convolve, dense, norm, table

if TYPE_CHECKING:
    from paramcalc.spec.model import ModelSpec

MLP = FC
SEAMLESS = Layer("self_attn_layer_norm", "self_attn", "ffn_layer_norm", "ffn", names=MLP | {"o_proj": "out_proj"})


def _words(config: Config, spec: ModelSpec) -> ModelSpec:
    return spec.model_copy(update={"vocab_size": config.integer("vocab_size")})


def _headed(config: Config, name: str, *, bias: bool = False) -> Parts:
    """A head over the decoder's vocabulary, in every class but the bare one. Raises SpecError for another class."""
    if config.architecture.endswith("ForConditionalGeneration") or not config.architecture:
        return {name: Head(rows=config.integer("vocab_size"), bias=bias, tied=config.tied)}
    if not config.architecture.endswith("Model"):
        raise config.unknown_class()
    return {}


def moonshine(config: Config) -> ModelSpec:
    """Moonshine: three convolutions over the recording, rotary positions, a gated feed-forward in the decoder."""
    width, head = config.integer("hidden_size"), _headed(config, "proj_out")
    bias = QKVO[:3] if config.flag("attention_bias") else ()
    at = "model." if head else ""
    source, target, inner = _heads(config, "encoder_"), _heads(config, ""), config.integer("intermediate_size")
    encoder = Layer("input_layernorm", "self_attn", "post_attention_layernorm", names=MLP, norm_bias=False, bias=bias,
                    kv_heads=source.shared, head_dim=source.width)(width, source.query, inner)
    decoder = Layer("input_layernorm", "self_attn", "final_layernorm", names=MLP | {"gate_up_proj": "fc1"}, gated=True,
                    fused_gate=True, norm_bias=False, bias=bias, kv_heads=target.shared, head_dim=target.width).crossed(
        width, target.query, inner, "post_attention_layernorm", "encoder_attn")
    modules: Parts = {
        "encoder.conv1": conv(width, 1, 127, bias=False, outputs=6),
        "encoder.conv2": conv(2 * width, width, 7, outputs=2), "encoder.conv3": convolve(width, 2 * width, 3),
        "encoder.groupnorm": norm(width), "encoder.positions": ROTARY,
        "encoder.layers": layers(config.depth("encoder_num_hidden_layers"), "encoder").model_copy(
            update={"stream": "source"}),
        "encoder.layer_norm": norm(width, bias=False),
        "decoder.embed_tokens": table(config.integer("vocab_size"), width, "token_embedding"),
        "decoder.positions": ROTARY, "decoder.layers": layers(config.layers, "decoder"),
        "decoder.norm": norm(width, bias=False)}
    named = {at + key: part for key, part in modules.items()} | head
    return _words(config, model(width, named, {"encoder": encoder, "decoder": decoder}))


class Heads(NamedTuple):
    """Query heads, key and value heads, and the width of each."""

    query: int
    shared: int | None
    width: int


def _heads(config: Config, side: str) -> Heads:
    """Heads of one side, whose width is cut off where their number does not divide the model's."""
    count = config.integer(f"{side}num_attention_heads")
    return Heads(count, config.optional(f"{side}num_key_value_heads"),
                 config.optional("head_dim") or max(1, config.integer("hidden_size") // count))


def _transcriber(config: Config, words: Config, extra: Parts, *, joined: bool) -> ModelSpec:
    """A conformer of its own config, and a decoder of text; `joined`, a matrix leads from one's width to the other's.
    """
    outer = nested(config, "encoder_config", "parakeet_encoder")
    usual = config.family.defaults.get("encoder_config") or {}
    if joined:  # this class fills the encoder's config with its own values, not with its type's
        outer.refill(usual)
    make, head = builder(outer.model_type), _headed(config, "proj_out", bias=True)
    if make is None:
        raise config.error("encoder_config", f"unknown model_type {outer.model_type[:60]!r}")
    front = "model." if head else ""
    encoder, width = make(outer, f"{front}encoder"), words.integer("hidden_size")
    shape = Layer("input_layernorm", "self_attn", "final_layernorm", names=MLP, head_dim=words.head_dim,
                  kv_heads=words.kv_heads, bias=QKVO if words.flag("attention_bias", default=True) else ())
    block = shape.crossed(width, words.integer("num_attention_heads"), words.integer("intermediate_size"),
                          "post_attention_layernorm", "encoder_attn")
    rows = words.integer("vocab_size")
    modules: Parts = {"embed_tokens": Embedding(rows=rows), "layers": layers(words.layers, "decoder"),
                      "norm": norm(width), "embedding_layernorm": norm(width), **extra}
    if joined:
        modules["proj"] = dense(width, encoder.hidden_size)
    spec = model(width, sourced(encoder) | under(f"{front}decoder", modules) | head, {"decoder": block})
    return spec.model_copy(update={"vocab_size": rows, "blocks": {**encoder.blocks, **spec.blocks}})


def canary(config: Config) -> ModelSpec:
    """Canary: sinusoids for positions."""
    return _transcriber(config, nested(config, "decoder_config", "canary_decoder"), {}, joined=False)


def cohere(config: Config) -> ModelSpec:
    """Cohere's transcriber: a table of positions."""
    rows = table(config.integer("max_position_embeddings"), config.integer("hidden_size"))
    return _transcriber(config, config, {"pos_emb": rows}, joined=True)


def _speech(config: Config) -> tuple[Parts, dict[str, Parts]]:
    """SeamlessM4T's encoder of speech: a conformer, and convolutions that shorten what it gives."""
    width, into = config.integer("hidden_size"), config.integer("feature_projection_input_dim")
    keys = {"intermediate_size": "speech_encoder_intermediate_size",
            "num_attention_heads": "speech_encoder_attention_heads"}
    renamed = config.reread({**config.data, **{key: config.integer(name) for key, name in keys.items()}})
    heads = config.dividing("speech_encoder_attention_heads", width)
    inner, size = config.integer("speech_encoder_intermediate_size"), config.integer("adaptor_kernel_size")
    relative = config.text("position_embeddings_type") == "relative"
    modules: Parts = {"feature_projection.layer_norm": norm(into), "feature_projection.projection": dense(width, into),
                      "encoder.layers": layers(config.depth("speech_encoder_layers"), "speech"),
                      "encoder.layer_norm": norm(width),
                      "intermediate_ffn": FeedForward(intermediate_size=inner, gated=False, bias=True, names=FEED)}
    shortened = shortening_layer(width, heads, inner, size)
    if config.flag("add_adapter", default=True):
        modules["adapter.layers"] = layers(config.depth("num_adapter_layers"), "adapter")
    modules["inner_layer_norm"] = norm(width)
    sourced = {key: part.model_copy(update={"stream": "source"}) if hasattr(part, "stream") else part
               for key, part in modules.items()}
    return sourced, {"speech": wav2vec_layer(renamed, width, relative=relative), "adapter": shortened}


def _texts(config: Config, side: str) -> tuple[Parts, Parts]:
    width = config.integer("hidden_size")
    heads, inner = config.dividing(f"{side}_attention_heads", width), config.integer(f"{side}_ffn_dim")
    block = (SEAMLESS(width, heads, inner) if side == "encoder" else
             SEAMLESS.crossed(width, heads, inner, "cross_attention_layer_norm", "cross_attention"))
    stack = layers(config.depth(f"{side}_layers"), side)
    if side == "encoder":
        stack = stack.model_copy(update={"stream": "source"})
    tokens = Embedding(tied_to="shared" if config.tied else None)
    return {"embed_tokens": tokens, "layers": stack, "layer_norm": norm(width)}, block


def seamless(config: Config) -> ModelSpec:
    """SeamlessM4T 1 and 2, where they write text; what speaks is refused: it holds a codec's net."""
    name, width = config.architecture, config.integer("hidden_size")
    speaks = not name.endswith(("ForSpeechToText", "ForTextToText"))
    if speaks:
        raise config.unknown_class()
    decoder, block = _texts(config, "decoder")
    modules: Parts = {"shared": Embedding(read=False)}
    if name.endswith("ForTextToText"):
        parts, source = _texts(config, "encoder")
        modules |= under("text_encoder", parts)
        blocks = {"encoder": source}
    else:
        parts, blocks = _speech(config)
        modules |= under("speech_encoder", parts)
    modules |= under("text_decoder", decoder) | {"lm_head": Head(tied=config.tied)}
    return _words(config, model(width, modules, {**blocks, "decoder": block}))
