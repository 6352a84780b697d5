"""Hiera: a ViT whose queries are pooled at the ends of its stages. arXiv:2306.00989."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.alone import tapped
from paramcalc.readers.families.towers.geometry import dividing, listed, stages
from paramcalc.readers.families.towers.nets import Net, labelled
from paramcalc.readers.families.towers.parts import conv, convolve, dense, down, norm, positioned, up, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec


def _grid(config: Config) -> list[int]:
    """Patches along each side."""
    return [max(1, size // step) for size, step in zip(listed(config, "image_size", 2), listed(config, "patch_stride",
                                                                                               2), strict=False)]


def _layer(config: Config, into: int, out: int) -> Parts:
    inner = int(out * config.number("mlp_ratio"))
    parts: Parts = {"layernorm_before": norm(into), "attn.qkv": dense(3 * out, into, component="attention"),
                    "attn.proj": dense(out, out, component="attention"), "layernorm_after": norm(out),
                    "mlp.fc1": up(inner, out, component="ffn"), "mlp.fc2": down(out, inner, component="ffn")}
    return parts | {"proj": dense(out, into)} if into != out else parts


def hiera(config: Config) -> ModelSpec:
    """Hiera, and its masked autoencoder."""
    depths, first, net = stages(config), config.integer("embed_dim"), Net()
    factor, heads = config.number("embed_dim_multiplier"), listed(config, "num_heads", len(depths))
    kernel, widths = listed(config, "patch_size", 2)[:2], [int(first * factor**index) for index in range(len(depths))]
    net.add({"embeddings.position_embeddings": positioned(1, prod(_grid(config)), first),
             "embeddings.patch_embeddings.projection": conv(first, config.integer("num_channels"), *kernel)})
    into = first
    for index, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        dividing(config, "num_heads", heads[index], width)
        block = _layer(config, width, width)
        net.stack(f"encoder.stages.{index}.layers", width, [_layer(config, into, width), *[block] * (depth - 1)])
        into = width
    if not config.architecture.endswith(("PreTraining", "Backbone")):
        net.add({"pooler.layernorm": norm(into)})
    tops: Tops = {**labelled(into), "PreTraining": (lambda config: _autoencoder(config, widths),),
                  "Backbone": (lambda config: tapped(config, [first, *widths]),)}
    return net.spec(config, "hiera", into, tops)


def _autoencoder(config: Config, widths: list[int]) -> Parts:
    """What fuses the stages and gives patches back their pixels."""
    steps, pools, last = listed(config, "query_stride", 2)[:2], config.integer("num_query_pool", least=0), widths[-1]
    width, unit = config.integer("decoder_hidden_size"), listed(config, "masked_unit_size", 2)[:2]
    final = [max(1, side // step**pools) for side, step in zip(unit, steps, strict=True)]
    parts: Parts = {"encoder_norm": norm(last)}
    for index in range(min(pools, len(widths))):
        kernel = [max(1, side // end) for side, end in zip(unit, final, strict=True)]
        parts[f"multiscale_fusion.multi_scale_fusion_heads.{index}"] = convolve(last, widths[index], *kernel)
        unit = [max(1, side // step) for side, step in zip(unit, steps, strict=True)]
    rows = prod(max(1, side // step**pools) for side, step in zip(_grid(config), steps, strict=True))
    parts |= {"decoder.mask_token": vector(1, 1, width),
              "decoder.decoder_embeddings": dense(width, last, component="other_embedding"),
              "decoder.decoder_position_embeddings": positioned(1, rows, width)}
    for index in range(config.depth("decoder_depth")):
        parts |= {f"decoder.decoder_block.layers.{index}.{key}": part
                  for key, part in _layer(config, width, width).items()}
    pixels = (listed(config, "patch_stride")[-1] * steps[-1]**pools) ** len(steps) * config.integer("num_channels")
    return parts | {"decoder.decoder_norm": norm(width), "decoder.decoder_pred": dense(pixels, width)}
