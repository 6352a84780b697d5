"""SAM's image encoder, as models that read text use it: windows, relative positions, a neck. arXiv:2304.02643."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.clip import grid_side, heads
from paramcalc.readers.families.towers.parts import Layer, Parts, conv, dense, mixed, norm, tower, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.whole import Towers, Whole
    from paramcalc.spec.tower import Tower

NAMES = {"qkv_proj": "qkv", "o_proj": "proj", "up_proj": "lin1", "down_proj": "lin2"}
LAYER = Layer(attention="attn", fused="qkv", names=NAMES)


def encoder(config: Config, at: str) -> Tower:
    """The encoder itself."""
    width, patch, side = config.integer("hidden_size"), config.integer("patch_size"), grid_side(config)
    window, count = config.integer("window_size", least=0), heads(config)
    inner = config.optional("mlp_dim") or int(width * config.number("mlp_ratio", 4.0))
    modules: Parts = {}
    if config.flag("use_abs_pos", default=True):
        modules["pos_embed"] = vector(1, side, side, width, component="position_embedding")
    whole = set(config.listed("global_attn_indexes", int) or ())
    modules |= {"patch_embed.projection": conv(width, config.integer("num_channels"), patch, patch),
                "layers": mixed(["whole" if index in whole else "window" for index in range(config.layers)])}
    out = config.integer("output_channels")
    modules |= neck(width, out, "neck")
    biased = LAYER if config.flag("qkv_bias", default=True) else LAYER_UNBIASED
    blocks = {}
    for name, across in (("whole", side), ("window", window or side)):
        block = biased(width, count, inner, window=across**2 if name == "window" and window else None)
        if config.flag("use_rel_pos", default=True):
            block |= {f"attn.rel_pos_{way}": vector(2 * across - 1, width // count, component="position_embedding")
                      for way in "hw"}
        blocks[name] = block
    return tower("vision", width, modules, blocks, at)


LAYER_UNBIASED = Layer(attention="attn", fused="qkv", names=NAMES, bias=("o",))


def neck(width: int, out: int, at: str) -> Parts:
    """Two convolutions, each followed by a norm."""
    return {f"{at}.conv1": conv(out, width, 1, 1, bias=False, component="other"), f"{at}.layer_norm1": norm(out),
            f"{at}.conv2": conv(out, out, 3, 3, bias=False, component="other"), f"{at}.layer_norm2": norm(out)}


def vision(config: Config, at: str) -> Tower:
    """The same as a class of its own, whose encoder has a name."""
    return encoder(config, f"{at}.vision_encoder")


def got_ocr2(whole: Whole) -> Towers:
    """Two convolutions that halve each side, and a matrix. arXiv:2409.01704."""
    usual, out, at = "got_ocr2_vision", whole.text.hidden_size, "multi_modal_projector"
    width = whole.part("vision_config", usual).integer("output_channels")
    join: Parts = {f"{at}.conv_upsampler1": conv(2 * width, width, 3, 3, bias=False, outputs=4),
                   f"{at}.conv_upsampler2": conv(out, 2 * width, 3, 3, bias=False),
                   f"{at}.multimodal_projector": dense(out, out)}
    return {**whole.tower("vision_config", "vision_tower", usual), **whole.join(join, width)}

