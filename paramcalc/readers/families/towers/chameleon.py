"""Chameleon: a Llama with a norm for each head's queries and keys, and codes for pictures. arXiv:2405.09818."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.vqgan import tokenizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


def _places(config: Config) -> str:
    """Norms stand after attention and feed-forward, as Swin 2 has them, or before both."""
    return "post" if config.flag("swin_norm") else "pre"


def _names(config: Config) -> Mapping[str, str]:
    moved = {"post_attention_layernorm": "input_layernorm", "post_feedforward_layernorm": "post_attention_layernorm"}
    return moved if config.flag("swin_norm") else {}


TEXT = Row("attention_bias", "attention_bias", "mlp_bias", qk_norm="heads", placement=_places, names=_names,
           more={"qk_norm_bias": True})


def chameleon(config: Config) -> ModelSpec:
    """The text model, and what turns pictures into tokens of its vocabulary."""
    codes = tokenizer(nested(config, "vq_config", "chameleon_vqgan"), config.rooted("model.vqmodel"))
    return TEXT(config).model_copy(update={"towers": {"codes": codes}})
