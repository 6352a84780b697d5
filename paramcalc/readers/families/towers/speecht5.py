"""SpeechT5: one encoder and one decoder, and before and behind them what text or sound needs. arXiv:2110.07205."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Head
from paramcalc.readers.families.towers.alone import model
from paramcalc.readers.families.towers.frame import Layer, layers, under
from paramcalc.readers.families.towers.parts import batchnorm, convolve, dense, norm, positioned, table
from paramcalc.readers.families.towers.wav2vec import extractor, masks, positions, projected

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

NAMES = {"o_proj": "out_proj", "up_proj": "intermediate_dense", "down_proj": "output_dense"}
ENCODER = Layer("layer_norm", "attention", "final_layer_norm", "feed_forward", names=NAMES)
DECODER = Layer("self_attn_layer_norm", "self_attn", "final_layer_norm", "feed_forward", names=NAMES)
SIDES = {"SpeechToText": ("speech", "text"), "TextToSpeech": ("text", "speech"), "SpeechToSpeech": ("speech", "speech")}
"""What the encoder reads and what the decoder writes, by class."""


def _heard(config: Config, width: int) -> Parts:
    """wav2vec 2.0's front."""
    parts = {**masks(config, width), **extractor(config), **projected(config, width), **positions(config, width)}
    return {key.replace("feature_extractor.", "feature_encoder.").removeprefix("encoder."): part
            for key, part in parts.items()}


def _read(config: Config) -> Parts:
    return {"embed_tokens": Embedding(rows=config.integer("vocab_size")), "encode_positions.alpha": positioned()}


def _front(config: Config, source: str, width: int) -> Parts:
    """What the encoder reads through; nothing where it is handed vectors."""
    if not source:
        return {}
    return _heard(config, width) if source == "speech" else _read(config)


def _mel_prenet(config: Config, width: int) -> Parts:
    """What a decoder of sound reads of the step before, and the voice it speaks with."""
    inner, bins = config.integer("speech_decoder_prenet_units"), config.integer("num_mel_bins")
    parts: Parts = {f"layers.{index}": dense(inner, inner if index else bins)
                    for index in range(config.depth("speech_decoder_prenet_layers"))}
    into = config.integer("speaker_embedding_dim") + width
    return {**parts, "final_layer": dense(width, inner), "encode_positions.alpha": positioned(),
            "speaker_embeds_layer": dense(width, into, component="other_embedding")}


def _spoken(config: Config, width: int) -> Parts:
    """A spectrogram, when it ends, and convolutions that mend it."""
    bins, factor = config.integer("num_mel_bins"), config.integer("reduction_factor")
    size = config.integer("speech_decoder_postnet_kernel")
    count, inner = config.depth("speech_decoder_postnet_layers"), config.integer("speech_decoder_postnet_units")
    parts: Parts = {"feat_out": dense(bins * factor, width), "prob_out": dense(factor, width)}
    for index in range(count):
        out = bins if index == count - 1 else inner
        parts |= {f"layers.{index}.conv": convolve(out, inner if index else bins, size, bias=False),
                  f"layers.{index}.batch_norm": batchnorm(out)}
    return under("speech_decoder_postnet", parts)


def speecht5(config: Config) -> ModelSpec:
    """The three classes, and the bare one, which has nothing before or behind. Raises SpecError for the vocoder."""
    word, bare = config.architecture.rpartition("For")[2] or "SpeechToText", config.architecture == "SpeechT5Model"
    if word not in SIDES and not bare:
        raise config.unknown_class()
    source, target = SIDES.get(word, ("", ""))
    width, at = config.integer("hidden_size"), "" if bare else "speecht5."
    count = config.dividing("encoder_attention_heads", width)
    rows, encoder = config.integer("vocab_size"), ENCODER(width, count, config.integer("encoder_ffn_dim"))
    decoder = DECODER.crossed(width, config.dividing("decoder_attention_heads", width),
                              config.integer("decoder_ffn_dim"), "encoder_attn_layer_norm", "encoder_attn")
    stack = layers(config.depth("encoder_layers"), "encoder").model_copy(update={"stream": "source"})
    modules: Parts = {
        **under(f"{at}encoder.prenet", _front(config, source, width)),
        **under(f"{at}encoder.wrapped_encoder", {
            "layer_norm": norm(width), "layers": stack,
            "embed_positions.pe_k": table(2 * config.integer("encoder_max_relative_position"), width // count)})}
    before: Parts = {"embed_tokens": Embedding(rows=rows)} if target == "text" else {}
    modules |= under(f"{at}decoder.prenet", _mel_prenet(config, width) if target == "speech" else before)
    modules[f"{at}decoder.wrapped_decoder.layers"] = layers(config.depth("decoder_layers"), "decoder")
    if target == "text":
        modules["text_decoder_postnet.lm_head"] = Head(rows=rows, tied=config.tied)
    elif target:
        modules |= _spoken(config, width)
    return model(width, modules, {"encoder": encoder, "decoder": decoder}, words=rows)
