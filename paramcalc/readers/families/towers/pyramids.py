"""Transformers in stages of fewer and wider patches: SegFormer, PVT 1 and 2, PoolFormer, CvT.

arXiv:2105.15203, 2102.12122, 2106.13797, 2111.11418, 2103.15808."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import Layer, under
from paramcalc.readers.families.towers.geometry import dividing, entries, listed, ratios, stages
from paramcalc.readers.families.towers.nets import Net, labelled, unit
from paramcalc.readers.families.towers.parts import (
    batchnorm,
    conv,
    convolve,
    dense,
    down,
    embedded,
    norm,
    positioned,
    up,
    vector,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.components.attention import Projection
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec

QUERY = {"q_proj": "query", "k_proj": "key", "v_proj": "value"}
BERT = {**{key: f"self.{name}" for key, name in QUERY.items()}, "o_proj": "output.dense"}


def _plan(config: Config, keys: tuple[str, ...], count: int) -> Iterator[tuple[int, list[int]]]:
    """Each stage with what the lists of integers under `keys` say of it."""
    columns = [listed(config, key, count) for key in keys]
    for index in range(count):
        yield index, [column[index] for column in columns]


def _patches(out: int, into: int, size: int, at: str = "proj", after: str = "layer_norm") -> Parts:
    """Patches that may overlap, and a norm."""
    return {at: conv(out, into, size, size), after: norm(out)}


def _mixed(fc1: str, fc2: str, width: int, inner: int) -> Parts:
    """A feed-forward with a depthwise convolution in it."""
    return {f"mlp.{fc1}": dense(inner, width, component="ffn"),
            "mlp.dwconv.dwconv": conv(inner, inner, 3, 3, groups=inner, component="ffn"),
            f"mlp.{fc2}": dense(width, inner, component="ffn")}


def _reduced(at: str, after: str, width: int, ratio: int) -> Parts:
    """Keys and values come from squares of `ratio` by `ratio` patches."""
    return {at: conv(width, width, ratio, ratio, component="attention"), after: norm(width)} if ratio > 1 else {}


def _biases(config: Config) -> tuple[Projection, ...]:
    return QKVO if config.flag("qkv_bias", default=True) else ("o",)


def segformer(config: Config) -> ModelSpec:
    """SegFormer, whose class for segmentation fuses what each stage gives."""
    count = config.depth("num_encoder_blocks")
    depths, widths, net = stages(config, count=count), listed(config, "hidden_sizes", count), Net()
    wide, into = ratios(config, "mlp_ratios", count), config.integer("num_channels")
    shape = Layer("layer_norm_1", "attention", "layer_norm_2", "", names=BERT)
    plan = _plan(config, ("hidden_sizes", "patch_sizes", "strides", "num_attention_heads", "sr_ratios"), count)
    for index, (width, size, stride, heads, ratio) in plan:
        net.add(under(f"encoder.patch_embeddings.{index}", _patches(width, into, size)), stride)
        block = (shape(width, heads, int(width * wide[index]), head_dim=max(1, width // heads))
                 | _reduced("attention.self.sr", "attention.self.layer_norm", width, ratio)
                 | _mixed("dense1", "dense2", width, int(width * wide[index])))
        net.stack(f"encoder.block.{index}", width, [block] * depths[index])
        net.add({f"encoder.layer_norm.{index}": norm(width)})
        into = width

    def segmented(config: Config) -> Parts:
        out, at = config.integer("decoder_hidden_size"), "decode_head"
        parts: Parts = {f"{at}.linear_c.{index}.proj": dense(out, width, component="ffn")
                        for index, width in enumerate(widths[:count])}
        return parts | unit(at, out, out * count, 1, words=("linear_fuse", "batch_norm")) | {
            f"{at}.classifier": conv(config.labels, out, 1, 1, component="lm_head")}

    tops: Tops = {**labelled(widths[-1]), "SemanticSegmentation": (segmented,)}
    return net.spec(config, "segformer", into, tops)


def pvt(config: Config) -> ModelSpec:
    """PVT: each stage has a table of positions, the last one a class token."""
    count, into, net = config.depth("num_encoder_blocks"), config.integer("num_channels"), Net()
    depths, wide, side = stages(config, count=count), ratios(config, "mlp_ratios", count), config.integer("image_size")
    shape = Layer("layer_norm_1", "attention", "layer_norm_2", "",
                  names=BERT, bias=_biases(config))
    plan = _plan(config, ("hidden_sizes", "patch_sizes", "strides", "num_attention_heads",
                          "sequence_reduction_ratios"), count)
    for index, (width, size, kernel, heads, ratio) in plan:
        last, at, inner = index == count - 1, f"encoder.patch_embeddings.{index}", int(width * wide[index])
        patches = ((side if index == 0 else side // 2 ** (index + 1)) // size) ** 2 + last
        tokens: Parts = {"cls_token": embedded(1, 1, width)} if last else {}
        net.add(under(at, {"position_embeddings": positioned(1, patches, width)} | tokens
                      | _patches(width, into, kernel, "projection")), size)
        block = (shape(width, dividing(config, "num_attention_heads", heads, width), inner)
                 | _reduced("attention.self.sequence_reduction", "attention.self.layer_norm", width, ratio)
                 | {"mlp.dense1": up(inner, width, component="ffn"),
                    "mlp.dense2": down(width, inner, component="ffn")})
        net.stack(f"encoder.block.{index}", width, [block] * depths[index])
        into = width
    last_width = listed(config, "hidden_sizes")[-1]
    net.add({"encoder.layer_norm": norm(last_width)})
    return net.spec(config, "pvt", into, labelled(last_width))


def pvt2(config: Config) -> ModelSpec:
    """PVT 2: patches overlap, the feed-forward convolves, and attention may pool what it reads."""
    count, into, net = config.depth("num_encoder_blocks"), config.integer("num_channels"), Net()
    depths, wide = stages(config, count=count), ratios(config, "mlp_ratios", count)
    pools = config.flag("linear_attention")
    shape = Layer("layer_norm_1", "attention", "layer_norm_2", "", names={**QUERY, "o_proj": "proj"},
                  bias=_biases(config))
    plan = _plan(config, ("hidden_sizes", "strides", "num_attention_heads", "sr_ratios"), count)
    for index, (width, stride, heads, ratio) in plan:
        size, at, inner = listed(config, "patch_sizes", count)[index], f"encoder.layers.{index}", int(
            width * wide[index])
        net.add(under(f"{at}.patch_embedding", _patches(width, into, size)), stride)
        reduction, after = "attention.spatial_reduction", "attention.layer_norm"
        block = (shape(width, dividing(config, "num_attention_heads", heads, width), inner)
                 | ({reduction: conv(width, width, 1, 1, component="attention"), after: norm(width)} if pools
                    else _reduced(reduction, after, width, ratio))
                 | _mixed("dense1", "dense2", width, inner))
        net.stack(f"{at}.blocks", width, [block] * depths[index])
        net.add({f"{at}.layer_norm": norm(width)})
        into = width
    return net.spec(config, "pvt_v2", into, {**labelled(listed(config, "hidden_sizes")[-1]), "Backbone": ()})


def poolformer(config: Config) -> ModelSpec:
    """PoolFormer: a mean over neighbours in place of attention."""
    count, into, net = config.depth("num_encoder_blocks"), config.integer("num_channels"), Net()
    depths, wide, scaled = stages(config, count=count), config.number("mlp_ratio"), config.flag("use_layer_scale", True)
    for index, (width, size, stride) in _plan(config, ("hidden_sizes", "patch_sizes", "strides"), count):
        inner = int(width * wide)
        net.add({f"encoder.patch_embeddings.{index}.projection": conv(width, into, size, size)}, stride)
        block: Parts = {"before_norm": norm(width), "after_norm": norm(width),
                        "output.conv1": convolve(inner, width, 1, 1),
                        "output.conv2": convolve(width, inner, 1, 1)}
        if scaled:
            block |= {"layer_scale_1": vector(width), "layer_scale_2": vector(width)}
        net.stack(f"encoder.block.{index}", width, [block] * depths[index])
        into = width

    last = listed(config, "hidden_sizes")[-1]
    return net.spec(config, "poolformer", into, labelled(last, before={"norm": norm(last)}))


def cvt(config: Config) -> ModelSpec:
    """CvT: a depthwise convolution before each projection."""
    depths, into, net = stages(config, "depth"), config.integer("num_channels"), Net()
    count, wide, tokens = len(depths), ratios(config, "mlp_ratio", len(depths)), entries(
        config, "cls_token", bool, len(depths))
    methods, biased = entries(config, "qkv_projection_method", str, count), entries(config, "qkv_bias", bool, count)
    plan = _plan(config, ("embed_dim", "patch_sizes", "patch_stride", "num_heads", "kernel_qkv"), count)
    for index, (width, size, stride, heads, kernel) in plan:
        at, inner = f"encoder.stages.{index}", int(width * wide[index])
        net.add(under(f"{at}.embedding.convolution_embeddings",
                      _patches(width, into, size, "projection", "normalization")), stride)
        if tokens[index]:
            net.add({f"{at}.cls_token": vector(1, 1, listed(config, "embed_dim")[-1])})
        block = _cvt_layer(width, dividing(config, "num_heads", heads, width), inner, kernel, methods[index],
                           bias=biased[index])
        net.stack(f"{at}.layers", width, [block] * depths[index])
        into = width

    return net.spec(config, "cvt", into, labelled(into, before={"layernorm": norm(into)}))


def _cvt_layer(width: int, heads: int, inner: int, kernel: int, method: str, *, bias: bool) -> Parts:
    names = {key: f"attention.projection_{name}" for key, name in QUERY.items()} | {"o_proj": "output.dense"}
    shape = Layer("layernorm_before", "attention", "layernorm_after", "", names=names, bias=QKVO if bias else ("o",))
    parts = shape(width, heads, inner) | {"intermediate.dense": up(inner, width, component="ffn"),
                                          "output.dense": down(width, inner, component="ffn")}
    for word in QUERY.values() if method == "dw_bn" else ():
        at = f"attention.attention.convolution_projection_{word}.convolution_projection"
        parts |= {f"{at}.convolution": conv(width, width, kernel, kernel, bias=False, groups=width,
                                            component="attention"), f"{at}.normalization": batchnorm(width)}
    return parts
