"""ViT and its kin as models of their own.

arXiv:2010.11929 (ViT), 2012.12877 (DeiT), 2106.08254 (BEiT), 2111.06377 (MAE),
2203.12602 (VideoMAE), 2301.08243 (I-JEPA)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKV, QVO
from paramcalc.components.base import Parts
from paramcalc.components.linear import Linear
from paramcalc.readers.families.towers.alone import crowned, labels, model, pooled, pooled_norm
from paramcalc.readers.families.towers.frame import Layer, layers
from paramcalc.readers.families.towers.geometry import heads, patches, sides
from paramcalc.readers.families.towers.parts import conv, convolve, dense, down, embedded, norm, positioned, up, vector
from paramcalc.readers.families.towers.segmenting import BACKBONE, BEIT, CLASS, pyramid, upernet

if TYPE_CHECKING:
    from paramcalc.components.attention import Projection
    from paramcalc.components.stack import Stack
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.readers.families.towers.alone import Piece
    from paramcalc.spec.model import ModelSpec

ATTENTION = {"q_proj": "attention.query", "k_proj": "attention.key", "v_proj": "attention.value",
             "o_proj": "output.dense"}


LAYER = Layer("layernorm_before", "attention", "layernorm_after", "", names=ATTENTION)


def block_of(width: int, count: int, inner: int, bias: tuple[Projection, ...]) -> Parts:
    """A layer, spelled as files have it: the feed-forward stands directly in it."""
    return LAYER(width, count, inner, bias=bias) | {
        "intermediate.dense": up(inner, width, component="ffn"),
        "output.dense": down(width, inner, component="ffn")}


def biased(config: Config, usual: tuple[Projection, ...] = QKV,
           key: str = "qkv_bias") -> tuple[Projection, ...]:
    """Biases of the projections; the output's always."""
    return (*(usual if config.flag(key, default=True) else ()), "o")


def embeddings(config: Config, tokens: tuple[str, ...], positions: int) -> Parts:
    """Learned tokens before the patches, a table of positions (none where it has no rows), and what embeds patches."""
    width = config.integer("hidden_size")
    parts: Parts = {f"embeddings.{name}": embedded(1, 1, width) for name in tokens}
    if positions:
        parts["embeddings.position_embeddings"] = positioned(1, positions, width)
    frames = () if config.get("tubelet_size") is None else (config.integer("tubelet_size"),)
    kernel = (*frames, *sides(config, "patch_size"))
    parts["embeddings.patch_embeddings.projection"] = conv(width, config.integer("num_channels"), *kernel)
    return parts


def decoded_from(width: int | None = None) -> Piece:
    """From each patch, `width` wide, back to its pixels."""

    def decode(config: Config) -> Parts:
        channels, stride = config.integer("num_channels"), config.integer("encoder_stride")
        return {"decoder.0": convolve(stride**2 * channels, width or config.integer("hidden_size"), 1, 1)}

    return decode


TOPS: Tops = {"Model": (pooled,), "ImageClassification": (labels(),), "MaskedImageModeling": (decoded_from(),)}
PLAIN: Tops = {"Model": (), "ImageClassification": (labels(),)}
TEACHER = (labels("cls_classifier", component="other"), labels("distillation_classifier", component="other"))
ROWS: dict[str, tuple[str, tuple[str, ...], int, Tops]] = {
    "vit": ("vit", ("cls_token",), 1, TOPS),
    "deit": ("deit", ("cls_token", "distillation_token"), 2, {**TOPS, "ImageClassificationWithTeacher": TEACHER}),
    "ijepa": ("ijepa", (), 0, PLAIN),
    "vit_msn": ("vit", ("cls_token",), 1, PLAIN),
}
"""Where the body stands, its learned tokens, rows of the table beyond the patches, what classes put on top."""


def vit(config: Config) -> ModelSpec:
    """ViT, DeiT, I-JEPA and ViT-MSN."""
    base, tokens, extra, tops = ROWS[config.model_type]
    if config.architecture.endswith("MaskedImageModeling"):
        tokens = (*tokens, "mask_token")
    return crowned(config, base, body(config, tokens, extra), tops)


def body(config: Config, tokens: tuple[str, ...], extra: int) -> ModelSpec:
    """The encoder itself."""
    width = config.integer("hidden_size")
    modules = embeddings(config, tokens, patches(config) + extra)
    modules |= {"encoder.layer": layers(config.layers), "layernorm": norm(width)}
    block = block_of(width, heads(config), config.integer("intermediate_size"), biased(config))
    return model(width, modules, {"layer": block})


def vit_mae(config: Config) -> ModelSpec:
    """Masked autoencoding: a narrower decoder for pretraining alone."""
    spec = crowned(config, "vit", body(config, ("cls_token",), 1), {"Model": (), "PreTraining": ()}, "PreTraining")
    if config.architecture.endswith("Model"):
        return spec
    width, at = config.integer("decoder_hidden_size"), "decoder"
    pixels = config.integer("num_channels") * config.integer("patch_size") ** 2
    modules: Parts = {
        f"{at}.mask_token": vector(1, 1, width),
        f"{at}.decoder_pos_embed": positioned(1, patches(config) + 1, width),
        f"{at}.decoder_embed": dense(width, config.integer("hidden_size")),
        f"{at}.decoder_layers": _narrow(config, width),
        f"{at}.decoder_norm": norm(width), f"{at}.decoder_pred": dense(pixels, width)}
    block = block_of(width, config.dividing("decoder_num_attention_heads", width),
                     config.integer("decoder_intermediate_size"), biased(config))
    return _beside(spec, model(width, modules, {"decoder": block}))


def _narrow(config: Config, width: int) -> Stack:
    """The decoder's layers."""
    stack = layers(config.depth("decoder_num_hidden_layers"), "decoder")
    return stack.model_copy(update={"hidden_size": width})


def _beside(spec: ModelSpec, added: ModelSpec) -> ModelSpec:
    return spec.model_copy(update={"modules": {**(spec.modules or {}), **(added.modules or {})},
                                   "blocks": {**spec.blocks, **added.blocks}})


def videomae(config: Config) -> ModelSpec:
    """Patches of several frames; fixed positions."""
    width, bias = config.integer("hidden_size"), biased(config, ("q", "v"), "qv_bias")
    modules = embeddings(config, (), 0) | {"encoder.layer": layers(config.layers)}
    mean = config.flag("use_mean_pooling", default=True)
    if not mean:
        modules["layernorm"] = norm(width)
    spec = model(width, modules, {"layer": block_of(width, heads(config), config.integer("intermediate_size"), bias)})

    def fc_norm(config: Config) -> Parts:
        return {"fc_norm": norm(config.integer("hidden_size"))} if mean else {}

    tops: Tops = {"Model": (), "PreTraining": (), "VideoClassification": (fc_norm, labels())}
    spec = crowned(config, "videomae", spec, tops)
    return _beside(spec, _video_decoder(config, bias)) if config.architecture.endswith("PreTraining") else spec


def _video_decoder(config: Config, bias: tuple[Projection, ...]) -> ModelSpec:
    width, into = config.integer("decoder_hidden_size"), config.integer("hidden_size")
    pixels = config.integer("num_channels") * config.integer("tubelet_size") * config.integer("patch_size") ** 2
    modules: Parts = {
        "mask_token": vector(1, 1, width), "encoder_to_decoder": dense(width, into, bias=False),
        "decoder.decoder_layers": _narrow(config, width), "decoder.norm": norm(width), "decoder.head": dense(pixels,
                                                                                                             width)}
    block = block_of(width, config.dividing("decoder_num_attention_heads", width),
                     config.integer("decoder_intermediate_size"), bias)
    return model(width, modules, {"decoder": block})


def _relative(config: Config) -> Parts:
    """A bias for each distance of two patches, and three for the first token."""
    (high, wide), (tall, broad) = sides(config, "image_size"), sides(config, "patch_size")
    rows = (2 * (high // tall) - 1) * (2 * (wide // broad) - 1) + 3
    return {"relative_position_bias_table": positioned(rows, config.integer("num_attention_heads"))}


def beit(config: Config) -> ModelSpec:
    """BEiT and data2vec: no bias on keys, learned scales, biases by distance if the config wants them."""
    width = config.integer("hidden_size")
    tokens = ("cls_token", *(("mask_token",) if config.flag("use_mask_token") else ()))
    positions = patches(config) + 1 if config.flag("use_absolute_position_embeddings") else 0
    modules = embeddings(config, tokens, positions) | {"encoder.layer": layers(config.layers)}
    if config.flag("use_shared_relative_position_bias"):
        modules |= {f"encoder.relative_position_bias.{key}": part for key, part in _relative(config).items()}
    mean = config.flag("use_mean_pooling", default=True)
    if not mean:
        modules["layernorm"] = norm(width)
    inner, count = config.integer("intermediate_size"), heads(config)
    block = block_of(width, count, inner, QVO)
    if config.number("layer_scale_init_value", 0.1) > 0:
        block |= {"lambda_1": vector(width), "lambda_2": vector(width)}
    if config.flag("use_relative_position_bias"):
        at = "attention.attention.relative_position_bias"
        block |= {f"{at}.{key}": part for key, part in _relative(config).items()}
    spec = model(width, modules, {"layer": block})
    top = (pooled_norm,) if mean else ()
    base = config.model_type.replace("-", "_")

    def words(config: Config) -> Parts:
        rows = config.integer("vocab_size")
        return {"layernorm": norm(config.integer("hidden_size")),
                "lm_head": Linear(out_features=rows, bias=True, component="lm_head")}

    bare = top if config.model_type == "beit" else ()
    tops: Tops = {"Model": bare, "ImageClassification": (*top, labels()), "MaskedImageModeling": (words,),
                  "Backbone": (lambda c: pyramid(width, BACKBONE),) if config.flag("add_fpn") else (),
                  "SemanticSegmentation": (lambda c: upernet(c, BEIT if base == "beit" else CLASS),)}
    return crowned(config, base, spec, tops)
