"""Mistral AI's decoders: Mistral, Mixtral, Ministral, Mistral 4, the text model of Voxtral Realtime.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.linear import Linear
from paramcalc.readers.config.patterns import all_sliding, sparse_layers
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import latent, shared_experts
from paramcalc.readers.families.decoders.shared import GATE, STACKED, W123

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config

DELAY_WIDTH = 32
"""Width in which Voxtral Realtime turns a delay into a scale."""


def _delay_scale(config: Config, _: str, __: str) -> dict[str, Any]:
    width = config.integer("hidden_size")
    return {"beside": {
        "ada_rms_norm.linear1": Linear(out_features=DELAY_WIDTH, in_features=width, component="ffn", per="sequence"),
        "ada_rms_norm.linear2": Linear(out_features=width, in_features=DELAY_WIDTH, component="ffn", per="sequence")}}


ROWS: dict[str, Row] = {
    "mistral": Row(pattern=all_sliding, answers="model"),
    "mixtral": Row(pattern=all_sliding, experts=Experts(size="intermediate_size"), names=W123),
    "ministral": Row(pattern=all_sliding),
    "ministral3": Row(mixers=all_sliding, answers="model"),
    "mistral4": Row(mixer=latent, names=GATE, experts=Experts(
        "n_routed_experts", layers=sparse_layers, shared=shared_experts, more=STACKED)),
    "voxtral_realtime_text": Row(pattern=all_sliding, block=_delay_scale),
}
