"""DeepSeek-VL: a SigLIP, and beside it SAM's encoder for fine detail. arXiv:2403.05525.

DeepSeek-VL2 (arXiv:2412.10302) and DeepSeek-OCR (arXiv:2510.18234) state their towers in code: SigLIP as timm has it;
SAM and CLIP one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import family_data
from paramcalc.readers.families.towers.clip import LAYER
from paramcalc.readers.families.towers.parts import Layer, Parts, conv, dense, layers, norm, table, tower, vector
from paramcalc.readers.families.towers.sam import encoder, neck

if TYPE_CHECKING:
    from paramcalc.readers.families.towers.whole import Towers, Whole

SIGLIP, SAM = "siglip_vision_model", "sam_vision_model"


def deepseek_vl(whole: Whole) -> Towers:
    """Two matrices."""
    width, out = whole.part("vision_config", SIGLIP).integer("hidden_size"), whole.text.hidden_size
    join: Parts = {"aligner.linear1": dense(out, width), "aligner.linear2": dense(out, out)}
    return {**whole.tower("vision_config", "vision_model", SIGLIP), **whole.join(join, width)}


def hybrid(whole: Whole) -> Towers:
    """Half the width from each tower."""
    width, out = whole.part("vision_config", SIGLIP).integer("hidden_size"), whole.text.hidden_size
    fine = whole.part("high_res_vision_config", SAM)
    channels, deep = fine.integer("output_channels"), fine.integer("hidden_size")
    between: Parts = {
        "high_res_vision_alpha": vector(1), **neck(deep, channels, "high_res_vision_neck"),
        "high_res_vision_proj.conv1": conv(2 * channels, channels, 3, 3, bias=False, component="other"),
        "high_res_vision_proj.conv2": conv(4 * channels, 2 * channels, 3, 3, bias=False, component="other"),
    }
    return {
        **whole.tower("high_res_vision_config", "high_res_vision_model", SAM),
        **whole.join(between, deep, "neck", stream="image", component=None),
        **whole.tower("vision_config", "vision_model", SIGLIP),
        **whole.join({"aligner.vision_proj": dense(out // 2, width)}, width, "half", component="vision"),
        **whole.join({"aligner.high_res_vision_proj": dense(out // 2, 4 * channels), "aligner.proj": dense(out, out)},
                     4 * channels),
    }


TIMM = Layer("norm1", "attn", "norm2", fused="qkv",
             names={"qkv_proj": "qkv", "o_proj": "proj", "up_proj": "fc1", "down_proj": "fc2"})


def vl2(whole: Whole) -> Towers:
    """SigLIP with its pooling head, squares of four patches through a network, and separators."""
    config, eyes = whole.config, whole.part_as("vision_config", "deepseek_vl_v2_vision")
    eyes.read |= {"model_name"}
    depth = eyes.depth("layers") if "layers" in eyes.data else 27
    width, patch = eyes.integer("width", 1152), eyes.integer("patch_size", 14)
    inner, rows = int(width * eyes.number("mlp_ratio", 3.7362)), (eyes.integer("image_size", 384) // patch) ** 2
    count = eyes.dividing("heads", width) if "heads" in eyes.data else 16
    if not inner or not rows:
        raise eyes.error("patch_size" if inner else "mlp_ratio", "leaves no patch" if inner else "leaves no width")
    config.read |= {"candidate_resolutions", "global_view_pos"}
    config.note("what vision_config does not say is that of its class: SigLIP so400m, patches of 14, 384 pixels")
    modules: Parts = {
        "patch_embed.proj": conv(width, 3, patch, patch), "pos_embed": vector(1, rows, width,
                                                                        component="position_embedding"),
        "blocks": layers(depth), "norm": norm(width), "attn_pool.latent": vector(1, 1, width),
        "attn_pool.q": dense(width, width), "attn_pool.kv": dense(2 * width, width),
        "attn_pool.proj": dense(width, width), "attn_pool.norm": norm(width),
        "attn_pool.mlp.fc1": dense(inner, width), "attn_pool.mlp.fc2": dense(width, inner)}
    return {"vision": tower("vision", width, modules, {"layer": TIMM(width, count, inner)}, "vision"),
            "projector": tower("projector", width, _network(whole, width), stream="image_tokens")}


def _network(whole: Whole, width: int, front: str = "") -> Parts:
    """The projector a config describes, with the separators between pictures and their rows."""
    config = whole.part("projector_config", "mlp_projector")
    config.read |= {"model_type", "token_pooling"}
    whole.config.read.add("projector_config")
    out, into = config.integer("n_embed", whole.text.hidden_size), config.integer("input_dim", width)
    kind = config.choice("projector_type", ("downsample_mlp_gelu", "mlp_gelu", "linear"), "downsample_mlp_gelu")
    at, inner = f"{front}projector.layers", out * config.integer("mlp_ratio", 1)
    join: Parts = {f"{front}view_seperator": vector(out), f"{front}image_newline": vector(out)}
    if kind == "linear":
        return join | {at: dense(out, into)}
    if kind == "downsample_mlp_gelu":
        into *= config.integer("downsample_ratio", 2) ** 2
    depth = config.depth("depth") if config.get("depth") is not None else 2
    between: Parts = {f"{at}.{2 * index}": dense(inner, inner) for index in range(1, depth - 1)}
    return join | {f"{at}.0": dense(inner, into), **between, f"{at}.{2 * (depth - 1)}": dense(out, inner)}


def ocr(whole: Whole) -> Towers:
    """SAM's encoder, sixteen times fewer patches by convolutions, CLIP's large tower over them, one matrix."""
    config, width, out = whole.config, 1024, 256
    config.read |= {"vision_config", "candidate_resolutions", "global_view_pos", "tile_tag"}
    config.note("the towers are those of its class: SAM ViT-B and CLIP ViT-L")
    family = family_data("sam_vision_model")
    if family is None:
        raise config.unknown_class()
    sizes = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "mlp_dim": 3072,
             "image_size": 1024, "patch_size": 16, "output_channels": out, "window_size": 14,
             "global_attn_indexes": [2, 5, 8, 11]}
    fine = encoder(Config(sizes, family, "sam_vision_model"), "model.sam_model")
    halved: Parts = {"model.sam_model.net_2": conv(2 * out, out, 3, 3, bias=False, component="other"),
                     "model.sam_model.net_3": conv(4 * out, 2 * out, 3, 3, bias=False, component="other")}
    modules: Parts = {
        "embeddings.class_embedding": vector(width, component="other_embedding"),
        "embeddings.patch_embedding": conv(width, 3, 14, 14, bias=False),
        "embeddings.position_embedding": table(257, width), "pre_layrnorm": norm(width),
        "transformer.layers": layers(24)}
    block = Layer(fused="qkv", names={"qkv_proj": "qkv_proj", **LAYER.names})(width, 16, 4096)
    return {"fine": fine, "halved": tower("vision", 4 * out, halved, stream="image"),
            "vision": tower("vision", width, modules, {"layer": block}, "model.vision_model"),
            "projector": tower("projector", 2 * width, _network(whole, 2 * width, "model."), stream="image_tokens")}
