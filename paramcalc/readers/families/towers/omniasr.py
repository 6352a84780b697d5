"""Omnilingual ASR: wav2vec 2.0's encoder, with a head over characters or before a text model. arXiv:2511.09690."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.alone import beside
from paramcalc.readers.families.towers.composite import builder, nested
from paramcalc.readers.families.towers.ctc import scored
from paramcalc.readers.families.towers.frame import layers, tower
from paramcalc.readers.families.towers.parts import conv, dense, norm
from paramcalc.readers.families.towers.wav2vec import LAYER, extractor
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

USUAL = "omniasr_audio"


def audio(config: Config, at: str) -> Tower:
    """Convolutions that are all normed, positions by a convolution whose weight is whole."""
    width, groups = config.integer("hidden_size"), config.integer("num_conv_pos_embedding_groups")
    if width % groups:
        raise config.error("num_conv_pos_embedding_groups", f"{groups} does not divide hidden_size ({width})")
    last = (config.listed("conv_dim", int) or [1])[-1]
    front = {key.replace("feature_extractor", "subsampling"): part
             for key, part in extractor(config, normed=True).items()}
    modules: Parts = {
        **front, "subsampling.layer_norm": norm(last), "subsampling.projection": dense(width, last),
        "encode_positions.conv": conv(width, width, config.integer("num_conv_pos_embeddings"), groups=groups),
        "layers": layers(config.layers), "layer_norm": norm(width)}
    return tower("audio", width, modules, {"layer": LAYER.of(config)}, at)


def omniasr(model: Composite) -> Towers:
    """One matrix leads to the text model."""
    into = model.part("audio_config", USUAL).integer("hidden_size")
    join: Parts = {"multi_modal_projector": dense(model.text.hidden_size, into)}
    return {**model.tower("audio_config", "audio_tower", USUAL), **model.join(join, into, stream="audio_tokens")}


def ctc(config: Config) -> ModelSpec:
    """The encoder alone, or with a score for each character; its tokens are frames."""
    inner = nested(config, "audio_config", USUAL)
    if not config.architecture.endswith("Model"):
        return scored(config, inner, "model.audio_tower" if config.architecture else "audio_tower", dense, beside)
    make = builder(inner.model_type)
    if make is None:
        raise config.unknown_class()
    return beside(make(inner, "audio_tower"), {})
