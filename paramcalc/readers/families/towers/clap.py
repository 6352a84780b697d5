"""CLAP: an XLM-R and a Swin that reads a spectrogram as a picture, whose vectors are compared. arXiv:2211.06687."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.towers import bert
from paramcalc.readers.families.towers.alone import opened, unmeasured
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import layers, tower, under
from paramcalc.readers.families.towers.geometry import dividing, entries, sides, stages
from paramcalc.readers.families.towers.parts import batchnorm, conv, convolve, dense, down, norm, positioned, up, vector
from paramcalc.readers.families.towers.swin import OLD
from paramcalc.readers.families.towers.vit import biased
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower


def _block(config: Config, width: int, count: int) -> Parts:
    window, inner = config.integer("window_size"), int(width * config.number("mlp_ratio"))
    dividing(config, "num_attention_heads", count, width)
    attend = Attention(num_heads=count, bias=biased(config), causal=False, chunk=window**2, names=OLD)
    at = "attention.self.relative_position"
    return {"layernorm_before": norm(width), "attention": attend,
            f"{at}_bias_table": positioned((2 * window - 1) ** 2, count),
            f"{at}_index": vector(window**2, window**2, buffer=True), "layernorm_after": norm(width),
            "intermediate.dense": up(inner, width, component="ffn"),
            "output.dense": down(width, inner, component="ffn")}


def _fused(config: Config, first: int, channels: int, patch: tuple[int, int]) -> Parts:
    """Of recordings that are too long: pieces beside the whole, joined by how much each should be attended to."""
    inner = first // config.integer("aff_block_r")
    parts: Parts = {"mel_conv2d": conv(first, channels, patch[0], 3 * patch[1])}
    for name, start in (("local_att", 0), ("global_att", 1)):
        parts |= {f"fusion_model.{name}.{start}": convolve(inner, first, 1, 1),
                  f"fusion_model.{name}.{start + 1}": batchnorm(inner),
                  f"fusion_model.{name}.{start + 3}": convolve(first, inner, 1, 1),
                  f"fusion_model.{name}.{start + 4}": batchnorm(first)}
    return parts


def audio(config: Config, at: str) -> Tower:
    """Swin's stages, after a norm of the spectrogram's bands."""
    first, depths, patch = config.integer("patch_embeds_hidden_size"), stages(config), sides(config, "patch_size")
    counts, fusing = entries(config, "num_attention_heads", int, len(depths)), config.flag("enable_fusion")
    channels = config.integer("patch_embed_input_channels")
    joined = 4 if fusing and config.get("fusion_type") == "channel_map" else 1
    embed: Parts = {"proj": conv(first, channels * joined, *patch, outputs=4 ** (len(depths) - 1))}
    if config.flag("enable_patch_layer_norm", default=True):
        embed["norm"] = norm(first)
    if fusing:
        embed |= _fused(config, first, channels, patch)
    modules, blocks = under("patch_embed", embed), dict[str, Parts]()
    for index, depth in enumerate(depths):
        width, times = first * 2**index, 4 ** (len(depths) - 1 - index)
        blocks[f"stage{index}"] = _block(config, width, counts[index])
        modules[f"layers.{index}.blocks"] = layers(depth, f"stage{index}").model_copy(
            update={"hidden_size": width, "uses": times})
        if times > 1:
            modules |= under(f"layers.{index}.downsample", {
                "reduction": dense(2 * width, 4 * width, bias=False).model_copy(update={"uses": times // 4}),
                "norm": norm(4 * width)})
    last = first * 2 ** (len(depths) - 1)
    modules |= {"batch_norm": batchnorm(config.integer("num_mel_bins")), "norm": norm(last)}
    return tower("audio", last, under("audio_encoder", modules), blocks, at)


def _projected(config: Config, at: str, out: int) -> Parts:
    return {f"{at}.linear1": up(out, config.integer("hidden_size"), per="sequence"),
            f"{at}.linear2": down(out, out, per="sequence")}


def _text(config: Config, at: str = "") -> ModelSpec:
    spec = bert.words(config, pooler=True)
    saved = vector(1, config.integer("max_position_embeddings"), component="position_embedding", buffer=True)
    both: Parts = {f"embeddings.{name}_ids": saved for name in ("position", "token_type")}
    spec = spec.model_copy(update={"modules": {**(spec.modules or {}), **both}})
    return spec.model_copy(update={"modules": bert.placed(spec, at)}) if at else spec


def _projecting(config: Config) -> bool:
    """Whether the class is a part with its projection. Raises SpecError for another than that and the part."""
    name = config.architecture
    if name and not name.endswith(("Model", "WithProjection")):
        raise config.unknown_class()
    return name.endswith("WithProjection")


def text_alone(config: Config) -> ModelSpec:
    """The text encoder's own classes: by itself, or with its projection."""
    if not _projecting(config):
        return _text(config)
    spec = _text(config, "text_model")
    own = _projected(config, "text_projection", config.integer("projection_dim"))
    return spec.model_copy(update={"modules": {**(spec.modules or {}), **own}})


def audio_alone(config: Config) -> ModelSpec:
    """The audio tower's own classes: by itself, or with its projection."""
    if not _projecting(config):
        return unmeasured(opened(audio(config, "")))
    return unmeasured(ModelSpec(hidden_size=config.integer("hidden_size"), modules={}, towers=_heard(
        config, config.integer("projection_dim"))))


def _heard(config: Config, out: int) -> dict[str, Tower]:
    projection = _projected(config, "audio_projection", out)
    return {"audio": audio(config, "audio_model"),
            "projection": tower("audio", config.integer("hidden_size"), projection, stream="audio_tokens")}


def clap(config: Config) -> ModelSpec:
    """Both, their projections, and a scale for either side."""
    if config.architecture and not config.architecture.endswith("Model"):
        raise config.unknown_class()
    words, ears = (nested(config, f"{name}_config", f"clap_{name}_model") for name in ("text", "audio"))
    out, spec = config.integer("projection_dim"), _text(words, "text_model")
    config.read |= {"hidden_size", "num_hidden_layers"}  # the class's sums of what both parts say
    scales: Parts = {"logit_scale_a": vector(), "logit_scale_t": vector()}
    return unmeasured(spec.model_copy(update={
        "modules": {**(spec.modules or {}), **_projected(words, "text_projection", out), **scales},
        "towers": _heard(ears, out)}))
