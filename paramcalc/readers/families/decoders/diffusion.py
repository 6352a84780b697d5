"""Language models that fill in masked tokens in several steps: LLaDA and Dream.

Sources: the modeling file of each type's own repository, named in `readers/config/published_types.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKV, Attention
from paramcalc.readers.families.decoder import Row

if TYPE_CHECKING:
    from paramcalc.components.attention import Projection
    from paramcalc.readers.config.config import Config

LLADA = {"embed_tokens": "model.transformer.wte", "layers": "model.transformer.blocks",
         "norm": "model.transformer.ln_f", "lm_head": "model.transformer.ff_out", "input_layernorm": "attn_norm",
         "post_attention_layernorm": "ff_norm", "mlp": "", "o_proj": "attn_out",
         "gate_proj": "ff_proj", "down_proj": "ff_out"}


def _attention(config: Config, _: str) -> Attention:
    """Its projections stand in the block itself."""
    bias: tuple[Projection, ...] = QKV if config.flag("include_qkv_bias") else ()
    return Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads, causal=False,
                     head_dim=config.head_dim, path="", bias=(*bias, "o") if config.flag("include_bias") else bias)


def _rows(config: Config, fields: dict[str, Any]) -> None:
    """The table and the head have `embedding_size` rows, of which the vocabulary uses some."""
    fields["vocab_size"] = config.optional("embedding_size") or config.integer("vocab_size")


ROWS: dict[str, Row] = {
    "llada": Row(mlp_bias="include_bias", mixer=_attention, names=LLADA, adjust=_rows, more={"objective": "masked"}),
    "Dream": Row(True, more={"causal": False, "objective": "masked"}),
}
