"""PP-FormulaNet: SAM's encoder, convolutions that leave a sixteenth of its patches, BART's decoder over them.

arXiv:2503.18382."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.linear import Head
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.alone import model
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, fewer, layers, tower, under
from paramcalc.readers.families.towers.parts import conv, down, norm, table, up
from paramcalc.readers.families.towers.sam import encoder

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

LAYER = Layer("self_attn_layer_norm", "self_attn", "final_layer_norm", "fc", names={"o_proj": "out_proj", **FC})
FEWER, OFFSET = 16, 2
"""Patches for each place two convolutions of stride two leave; rows of the table of positions before the first."""


def pp_formulanet(config: Config) -> ModelSpec:
    """The whole model; the bare class has no head."""
    eyes = nested(config, "vision_config", "pp_formulanet_vision")
    words = nested(config, "text_config", "pp_formulanet_text")
    bare = config.architecture.endswith("Model")
    front = "" if bare else "model."
    at = f"{front}encoder"
    width, rows = words.integer("d_model"), words.integer("vocab_size")
    block = LAYER.crossed(width, words.dividing("decoder_attention_heads", width), words.integer("decoder_ffn_dim"),
                          "encoder_attn_layer_norm", "encoder_attn")
    block["fc"] = block["fc"].model_copy(update={"path": ""})
    decoder: Parts = {
        "embed_tokens": table(rows, width, "token_embedding"),
        "embed_positions": table(words.integer("max_position_embeddings") + OFFSET, width),
        "layers": layers(words.depth("decoder_layers"), "decoder"), "layernorm_embedding": norm(width),
        "layer_norm": norm(width)}
    modules = under(f"{front}decoder", decoder)
    if not bare:
        modules["lm_head"] = Head(rows=rows)  # of its own whatever the config says
    return model(width, modules, {"decoder": block}, words=rows).model_copy(update={"towers": {
        "vision": encoder(eyes, at).model_copy(update={"component": None}),
        "projector": tower("projector", width, _shrunk(eyes), at=f"{at}.multi_modal_projector", stream="image")}})


def _shrunk(config: Config) -> Parts:
    """Two convolutions that halve each side, and two matrices."""
    into, middle, out = (config.integer(f"post_conv_{place}_channels") for place in ("in", "mid", "out"))
    last: Parts = {"conv2": conv(out, middle, 3, 3, bias=False), "linear_1": up(out, out),
                   "linear_2": down(config.integer("decoder_hidden_size"), out)}
    return {**fewer({"conv1": conv(middle, into, 3, 3, bias=False)}, FEWER // 4), **fewer(last, FEWER)}
