"""SAM's image encoder, as models that read text use it: windows, relative positions, a neck. arXiv:2304.02643."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.components.convolution import Convolution
from paramcalc.components.linear import Score
from paramcalc.readers.families.towers.alone import beside
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, mixed, tower
from paramcalc.readers.families.towers.geometry import grid_side, heads
from paramcalc.readers.families.towers.parts import conv, convolve, dense, down, norm, patched, positioned, table, up
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

NAMES = {"qkv_proj": "qkv", "o_proj": "proj", "up_proj": "lin1", "down_proj": "lin2"}
LAYER = Layer(attention="attn", fused="qkv", names=NAMES)


def encoder(config: Config, at: str) -> Tower:
    """The encoder itself."""
    width, side = config.integer("hidden_size"), grid_side(config)
    window, count = config.integer("window_size", least=0), heads(config)
    inner = config.optional("mlp_dim") or int(width * config.number("mlp_ratio", 4.0))
    modules: Parts = {}
    if config.flag("use_abs_pos", default=True):
        modules["pos_embed"] = positioned(1, side, side, width)
    everywhere = set(config.listed("global_attn_indexes", int) or ())
    modules |= {"patch_embed.projection": patched(config, width),
                "layers": mixed(["whole" if index in everywhere else "window" for index in range(config.layers)])}
    out = config.integer("output_channels")
    modules |= neck(width, out, "neck")
    biased = LAYER if config.flag("qkv_bias", default=True) else LAYER_UNBIASED
    blocks = {}
    for name, across in (("whole", side), ("window", window or side)):
        windowed = across**2 if name == "window" and window else None
        block, full = biased(width, count, inner, window=windowed), (-(-side // across) * across) ** 2
        if config.flag("use_rel_pos", default=True):
            block |= {f"attn.rel_pos_{way}": positioned(2 * across - 1, width // count) for way in "hw"}
            block["attn.rel_pos"] = _once(full, 2 * across, width)
        if full > side**2:
            full_windows, rest = divmod(side**2, across**2)  # pairs within windows that nothing fills
            more = full * across**2 - full_windows * across**4 - rest**2
            block |= {"attn.filling": _once(full - side**2, 4 * width, width), "attn.filled": _once(more, 2, width)}
        blocks[name] = block
    return tower("vision", width, modules, blocks, at)


def _once(*sizes: int) -> Score:
    """Multiply-adds without a weight, once a picture: what fills windows up to whole ones and what distances add."""
    return Score(sizes=sizes, component="attention", per="sequence")


LAYER_UNBIASED = Layer(attention="attn", fused="qkv", names=NAMES, bias=("o",))


def neck(width: int, out: int, at: str) -> Parts:
    """Two convolutions, each followed by a norm."""
    return {f"{at}.conv1": convolve(out, width, 1, 1, bias=False), f"{at}.layer_norm1": norm(out),
            f"{at}.conv2": convolve(out, out, 3, 3, bias=False), f"{at}.layer_norm2": norm(out)}


def vision(config: Config, at: str) -> Tower:
    """The same as a class of its own, whose encoder has a name."""
    return encoder(config, f"{at}.vision_encoder".lstrip("."))


def got_ocr2(model: Composite) -> Towers:
    """Two convolutions that halve each side, and a matrix. arXiv:2409.01704."""
    usual, out, at = "got_ocr2_vision", model.text.hidden_size, "multi_modal_projector"
    width = model.part("vision_config", usual).integer("output_channels")
    join: Parts = {f"{at}.conv_upsampler1": conv(2 * width, width, 3, 3, bias=False, outputs=4),
                   f"{at}.conv_upsampler2": conv(out, 2 * width, 3, 3, bias=False),
                   f"{at}.multimodal_projector": dense(out, out)}
    return {**model.tower("vision_config", "vision_tower", usual), **model.join(join, width)}


def _attention(name: str, heads: int, width: int, inner: int) -> Parts:
    return {name: Attention(num_heads=heads, head_dim=inner // heads, bias=QKVO, causal=False,
                            names={"o_proj": "out_proj"}, hidden_size=width)}


def _perceptron(at: str, into: int, inner: int, out: int, depth: int) -> Parts:
    """A network of `depth` layers."""
    between: Parts = {f"{at}.layers.{index}": dense(inner, inner, component="ffn") for index in range(depth - 2)}
    return {f"{at}.proj_in": dense(inner, into, component="ffn"), f"{at}.proj_out": dense(out, inner, component="ffn"),
            **between}


def mask_decoder(config: Config, at: str) -> Parts:
    """Mask tokens and image attend to each other; each token makes the kernel of its mask."""
    width, heads = config.integer("hidden_size"), config.integer("num_attention_heads")
    tokens, last = config.integer("num_multimask_outputs") + 1, width // config.integer("attention_downsample_rate")
    front = f"{at}.transformer"
    parts: Parts = {f"{at}.iou_token": table(1, width, "other_embedding"),
                    f"{at}.mask_tokens": table(tokens, width, "other_embedding")}
    for index in range(config.layers):
        here = f"{front}.layers.{index}"
        parts |= _attention(f"{here}.self_attn", heads, width, width)
        for way in ("token_to_image", "image_to_token"):
            # half the width whatever the config says: only the last attention reads it
            parts |= _attention(f"{here}.cross_attn_{way}", heads, width, width // 2)
        parts |= {f"{here}.layer_norm{place}": norm(width) for place in (1, 2, 3, 4)}
        parts |= {f"{here}.mlp.lin1": up(config.integer("mlp_dim"), width, component="ffn"),
                  f"{here}.mlp.lin2": down(width, config.integer("mlp_dim"), component="ffn")}
    parts |= _attention(f"{front}.final_attn_token_to_image", heads, width, last)
    upscaled = Convolution(out_channels=width // 4, in_channels=width, kernel=(2, 2), transposed=True)
    parts |= {f"{front}.layer_norm_final_attn": norm(width), f"{at}.upscale_conv1": upscaled,
              f"{at}.upscale_conv2": Convolution(out_channels=width // 8, in_channels=width // 4, kernel=(2, 2),
                                                 transposed=True),
              f"{at}.upscale_layer_norm": norm(width // 4)}
    for index in range(tokens):
        parts |= _perceptron(f"{at}.output_hypernetworks_mlps.{index}", width, width, width // 8, 3)
    return parts | _perceptron(f"{at}.iou_prediction_head", width, config.integer("iou_head_hidden_dim"), tokens,
                               config.depth("iou_head_depth"))


def prompt_encoder(config: Config, at: str) -> Parts:
    """Points, boxes and masks somebody drew."""
    width, channels = config.integer("hidden_size"), config.integer("mask_input_channels")
    small = channels // 4
    parts: Parts = {f"{at}.mask_embed.conv1": conv(small, 1, 2, 2), f"{at}.mask_embed.conv2": conv(channels, small, 2,
                                                                                                   2),
                    f"{at}.mask_embed.conv3": conv(width, channels, 1, 1), f"{at}.mask_embed.layer_norm1": norm(small),
                    f"{at}.mask_embed.layer_norm2": norm(4 * small)}
    points = config.depth("num_point_embeddings")
    return parts | {f"{at}.{name}": table(1, width, "other_embedding") for name in (
        "no_mask_embed", "not_a_point_embed", *(f"point_embed.{index}" for index in range(points)))}


def sam(config: Config) -> ModelSpec:
    """The whole model."""
    if config.architecture and config.architecture != "SamModel":
        raise config.unknown_class()
    inner = nested(config, "vision_config", "sam_vision_model")
    image = encoder(inner, "vision_encoder")
    modules: Parts = {
        "shared_image_embedding.positional_embedding": positioned(2, inner.integer("num_pos_feats")),
        **prompt_encoder(nested(config, "prompt_encoder_config", "sam_prompt_encoder"), "prompt_encoder"),
        **mask_decoder(nested(config, "mask_decoder_config", "sam_mask_decoder"), "mask_decoder")}
    if not config.flag("tie_word_embeddings", default=True):
        modules["prompt_encoder.shared_embedding.positional_embedding"] = positioned(2, inner.integer("num_pos_feats"))
    return beside(image, modules)
