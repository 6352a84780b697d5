"""xLSTM: matrix memories instead of attention.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.ffn import FeedForward
from paramcalc.components.mlstm import MatrixLstm
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.patterns import LINEAR
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.shared import no_feed_forward

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Builder
    from paramcalc.spec.model import ModelSpec

XLSTM = {"embed_tokens": "backbone.embeddings", "layers": "backbone.blocks", "norm": "backbone.out_norm",
         "input_layernorm": "norm_mlstm", "post_attention_layernorm": "norm_ffn", "self_attn": "mlstm_layer",
         "mlp": "ffn"}
XLSTM_FFN = {"gate_proj": "proj_up_gate", "up_proj": "proj_up", "down_proj": "proj_down",
             "gate_up_proj": "proj_up_gate_z"}


def xlstm(config: Config) -> ModelSpec:
    """`num_blocks` goes before `num_hidden_layers`, as in the class; `embedding_dim` is of the table alone, whose rows
    fit no layer where `hidden_size` is another."""
    rows, width = config.optional("embedding_dim"), config.integer("hidden_size")
    if rows not in (None, width):
        raise config.error("embedding_dim", f"must be hidden_size ({width:,}), found {rows:,}", "give hidden_size")
    count = config.get("num_blocks")
    fields = {} if count is None else {"num_hidden_layers": count}
    inner = Config(config.data | fields, config.family, config.model_type, config.architecture, config.path,
                   config.outer)
    spec = XLSTM_ROW(inner)
    config.read |= inner.read
    return spec


def _mlstm(config: Config, _: str) -> MatrixLstm:
    width = config.integer("hidden_size")
    return MatrixLstm(
        num_heads=config.integer("num_heads"), qk_size=int(width * config.number("qk_dim_factor")),
        v_size=int(width * config.number("v_dim_factor")), bias=config.flag("use_bias"),
        layout="fused" if config.choice("weight_mode", ("single", "fused")) == "fused" else "single",
    )


def _xlstm_block(config: Config, *_: str) -> dict[str, Any]:
    multiple = config.integer("ffn_round_up_to_multiple_of")
    exact = config.integer("hidden_size") * config.number("ffn_proj_factor")
    return {"ffn": FeedForward(
        intermediate_size=int((exact + multiple - 1) // multiple) * multiple, bias=config.flag("use_bias"),
        fused=config.text("weight_mode") == "fused", names=XLSTM_FFN)}


def _xlstm_norms(config: Config, fields: dict[str, Any]) -> None:
    """Only norms within a layer have a shift."""
    if config.flag("use_bias"):
        fields["blocks"] = {"layer": {"norm_bias": True}}


XLSTM_ROW = Row(position="none", mixers=lambda c: [LINEAR] * c.layers, mixer=_mlstm, block=_xlstm_block,
                experts=Experts(layers=no_feed_forward), names=XLSTM, more={"tie_embeddings": False},
                adjust=_xlstm_norms)

ROWS: dict[str, Builder] = {
    "xlstm": xlstm,
}
