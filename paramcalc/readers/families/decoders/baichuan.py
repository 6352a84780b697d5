"""Baichuan 1 and 2: Llama with one matrix for queries, keys and values; the 13B sizes attend with ALiBi.

Sources: the modeling file of each size's own repository, named in `readers/config/published_types.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.decoder import Row

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config


def _position(config: Config) -> str:
    """Only configs of the rotary sizes state `max_position_embeddings`; those of the others `model_max_length`."""
    return "alibi" if config.get("max_position_embeddings") is None else "rotary"


ROWS: dict[str, Row] = {
    "baichuan": Row(position=_position, more={"fused_qkv": True}, names={"qkv_proj": "W_pack"}),
}
