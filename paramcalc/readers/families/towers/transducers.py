"""Transducers: a speech encoder, LSTMs over the words so far, and a head that joins both.

arXiv:1211.3711, 2304.06795."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.readers.families.towers.alone import unmeasured
from paramcalc.readers.families.towers.composite import builder, nested
from paramcalc.readers.families.towers.conformer import fast_layer
from paramcalc.readers.families.towers.frame import layers, tower
from paramcalc.readers.families.towers.parts import convolve, dense, matrix, norm, vector
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower

ENCODERS = {"parakeet_rnnt": "parakeet_encoder", "parakeet_tdt": "parakeet_encoder",
            "nemotron_asr_streaming": "nemotron_asr_streaming_encoder"}


def _lstm(at: str, width: int, depth: int) -> Parts:
    """torch.nn.LSTM: four gates a layer, each of its input and of its last state."""
    parts: Parts = {}
    for index in range(depth):
        parts |= {f"{at}.{word}_l{index}": matrix(4 * width, width) if word.startswith("weight") else vector(4 * width)
                  for word in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    return parts


def transducer(config: Config) -> ModelSpec:
    """The encoder as a tower, the decoder, and the head; a TDT's also says how many frames to skip."""
    inner = nested(config, "encoder_config", ENCODERS[config.model_type])
    make, skipping = builder(inner.model_type), config.model_type == "parakeet_tdt"
    if make is None or (config.architecture and not config.architecture.endswith(("ForTDT", "ForRNNT"))):
        raise config.unknown_class()
    encoder, width, rows = make(inner, "encoder"), config.integer("decoder_hidden_size"), config.integer("vocab_size")
    out = rows + (len(config.listed("durations", int) or ()) if skipping else 0)
    modules: Parts = {
        "decoder.embedding": Embedding(rows=rows),
        **_lstm("decoder.lstm", width, config.depth("num_decoder_layers")),
        "decoder.decoder_projector": dense(width, width),
        "joint.head": dense(out, width, component="lm_head")}
    join = tower(None, encoder.hidden_size, {"encoder_projector": dense(width, encoder.hidden_size)},
                 stream="audio_tokens")
    heard = encoder.model_copy(update={"component": None})  # each part counts as what it is, as under a CTC head
    spec = ModelSpec(hidden_size=width, vocab_size=rows, modules=modules, towers={"audio": heard, "projection": join})
    return unmeasured(spec)


def streaming(config: Config, at: str) -> Tower:
    """Nemotron's streaming FastConformer: convolutions see only what came before, whose norms need no statistics."""
    width, channels = config.integer("hidden_size"), config.integer("subsampling_conv_channels")
    kernel, stride = config.integer("subsampling_conv_kernel_size"), config.integer("subsampling_conv_stride")
    times, bins = config.integer("subsampling_factor").bit_length() - 1, config.integer("num_mel_bins")
    for _ in range(times):
        bins = (bins + stride - 2) // stride + 1
    modules: Parts = {"subsampling.conv_in": convolve(channels, 1, kernel, kernel)}
    for index in range(times - 1):
        modules |= {
            f"subsampling.layers.{index}.depthwise_conv": convolve(channels, channels, kernel, kernel, groups=channels),
            f"subsampling.layers.{index}.pointwise_conv": convolve(channels, channels, 1, 1)}
    modules |= {"subsampling.linear": dense(width, channels * bins), "layers": layers(config.layers)}
    block = {**fast_layer(config, width), "conv.norm": norm(width)}
    return tower("audio", width, modules, {"layer": block}, at)
