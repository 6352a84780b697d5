"""Nemotron Transcribe: an encoder of speech, one that tells speakers apart, and one that times words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower, under
from paramcalc.readers.families.towers.parts import ROTARY, convolve, dense, embedded, norm

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

LAYER = Layer(bias=("o",), names=FC)
NORMED = Layer(bias=("o",), names=FC, qk_norm="head", qk_norm_bias=True)


def _stack(config: Config, shape: Layer, name: str) -> tuple[Parts, dict[str, Parts]]:
    """Layers between two norms."""
    width = config.integer("hidden_size")
    stack = layers(config.layers, name).model_copy(update={"hidden_size": width})
    block = shape.of(config, kv_heads=config.kv_heads)
    return {"input_layer_norm": norm(width), "positions": ROTARY, "layers": stack, "layer_norm": norm(width)}, {
        name: block}


def _stacked(config: Config, shape: Layer, name: str) -> tuple[Parts, dict[str, Parts]]:
    """The same over several frames of a spectrogram at once."""
    parts, blocks = _stack(config, shape, name)
    into = config.integer("subsampling_factor") * config.integer("num_mel_bins")
    embedder = dense(config.integer("hidden_size"), into, bias=False, component="other_embedding")
    return {"embedder.projection": embedder, **parts}, blocks


def audio(config: Config, at: str) -> Tower:
    """Both encoders, and a head that says who speaks."""
    speech, who = nested(config, "asr_config", "nemotron3_5_transcribe_asr_audio"), nested(
        config, "diarization_config", "nemotron3_diarization")
    ears, head = nested(who, "audio_config", "nemotron3_diarization_audio"), nested(who, "head_config", "")
    encoder, blocks = _stacked(speech, NORMED, "speech")
    other, more = _stacked(ears, LAYER, "speaker")
    width, inner, speakers = speech.integer("hidden_size"), head.integer("hidden_size"), head.integer("num_speakers")
    model, factor = "diarization_model", head.integer("subsampling_factor")
    modules = {
        **under("asr_encoder", encoder), f"{model}.silence_embeds": embedded(ears.integer("hidden_size")),
        **under(f"{model}.model.audio_tower", other),
        f"{model}.model.proj": dense(inner, head.integer("audio_hidden_size")),
        f"{model}.model.upsampler.conv": convolve(inner * factor, inner, 3),
        f"{model}.classifier.dense": dense(inner, inner), f"{model}.classifier.out_proj": dense(speakers, inner),
        "asr_norm": norm(width), "speaker_norm": norm(speakers)}
    return tower("audio", width, modules, {**blocks, **more}, at)


def nemo(model: Composite) -> Towers:
    """One matrix into the text model; words are timed beside it, with a vocabulary of their own."""
    config = model.part("word_timestamp_config", "nemotron3_5_transcribe_word_timestamp")
    width, factor = config.integer("hidden_size"), config.integer("upsampling_factor")
    into = nested(model.part("audio_config", "nemotron3_5_transcribe_audio"), "asr_config",
                  "nemotron3_5_transcribe_asr_audio").integer("hidden_size")
    parts, blocks = _stack(config, NORMED, "words")
    parts["upsampler"] = convolve(width, width, factor).model_copy(update={"transposed": True})
    at = "model.word_timestamp_encoder"
    timed = under(at, parts)
    rows = config.integer("vocab_size")
    if not model.config.architecture.endswith("Model"):
        timed["word_timestamp_head"] = convolve(rows, width, 1)
    return {**model.tower("audio_config", "audio_tower", "nemotron3_5_transcribe_audio"),
            **model.join({"multi_modal_projector": dense(model.text.hidden_size, into)}, into, stream="audio_tokens"),
            "words": tower(None, width, timed, blocks, stream="audio")}
