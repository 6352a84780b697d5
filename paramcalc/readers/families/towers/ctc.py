"""Speech encoders with a head over characters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.parts import Parts, conv
from paramcalc.readers.families.towers.whole import builder, nested
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config

ENCODERS = {"parakeet_ctc": "parakeet_encoder", "lasr_ctc": "lasr_encoder"}


def ctc(config: Config) -> ModelSpec:
    """An encoder, and a convolution of one frame to the vocabulary."""
    inner = nested(config, "encoder_config", ENCODERS[config.model_type])
    make = builder(inner.model_type)
    if make is None or (config.architecture and not config.architecture.endswith("ForCTC")):
        raise config.unknown_class()
    encoder = make(inner, "encoder")
    head: Parts = {"ctc_head": conv(config.integer("vocab_size"), encoder.hidden_size, 1, component="other")}
    return ModelSpec(hidden_size=encoder.hidden_size, modules={**encoder.modules, **head}, blocks=encoder.blocks)
