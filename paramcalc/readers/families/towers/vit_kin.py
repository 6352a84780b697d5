"""Vision transformers for other things than pictures of one size: sound, videos, and objects in a picture.

arXiv:2104.01778 (Audio Spectrogram Transformer), 2102.05095 (TimeSformer), 2103.15691 (ViViT), 2106.00666 (YOLOS),
2512.15715 (Pixio).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.alone import crowned, labels, model, pooled
from paramcalc.readers.families.towers.frame import Layer, layers
from paramcalc.readers.families.towers.geometry import heads, patches, sides
from paramcalc.readers.families.towers.parts import conv, dense, down, embedded, norm, positioned, up
from paramcalc.readers.families.towers.vit import LAYER, biased, block_of

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

E = "embeddings"
JOINED = Layer("layernorm_before", "attention", "layernorm_after", "", fused="qkv",
               names={"qkv_proj": "attention.qkv", "o_proj": "output.dense"})


def _embedded(config: Config, tokens: Parts, positions: int, *kernel: int, channels: int | None = None) -> Parts:
    """Learned tokens, a table of positions, and what embeds patches."""
    width, into = config.integer("hidden_size"), channels or config.integer("num_channels")
    table = positioned(1, positions, width)
    return {**tokens, f"{E}.position_embeddings": table, f"{E}.patch_embeddings.projection": conv(width, into, *kernel)}


def _token(width: int, name: str = "cls_token", count: int = 1) -> Parts:
    return {f"{E}.{name}": embedded(1, count, width)}


def _feed(width: int, inner: int) -> Parts:
    """The feed-forward, which stands directly in a layer."""
    return {"intermediate.dense": up(inner, width, component="ffn"),
            "output.dense": down(width, inner, component="ffn")}


def _layers(config: Config, modules: Parts) -> ModelSpec:
    """ViT's layers and last norm behind some embeddings."""
    width = config.integer("hidden_size")
    block = block_of(width, heads(config), config.integer("intermediate_size"), biased(config))
    return model(width, modules | {"encoder.layer": layers(config.layers), "layernorm": norm(width)}, {"layer": block})


def _steps(config: Config, size: str, stride: str) -> int:
    """Overlapping patches along one side of a spectrogram."""
    side, patch = config.integer(size), config.integer("patch_size")
    steps = (side - patch) // config.integer(stride) + 1
    if steps < 1:
        raise config.error("patch_size", f"{patch} is larger than {size} ({side})")
    return steps


def ast(config: Config) -> ModelSpec:
    """A DeiT over a spectrogram: patches overlap."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    count = _steps(config, "num_mel_bins", "frequency_stride") * _steps(config, "max_length", "time_stride")
    tokens = _token(width) | _token(width, "distillation_token")
    body = _layers(config, _embedded(config, tokens, count + 2, patch, patch, channels=1))

    def top(_: Config) -> Parts:
        return {"classifier.layernorm": norm(width, component="lm_head"), **labels("classifier.dense")(config)}

    return crowned(config, "audio_spectrogram_transformer", body, {"Model": (), "AudioClassification": (top,)})


def yolos(config: Config) -> ModelSpec:
    """A ViT with a token for each object, whose positions each layer learns anew."""
    width, objects = config.integer("hidden_size"), config.integer("num_detection_tokens")
    patch, rows = config.integer("patch_size"), patches(config) + objects + 1
    tokens = _token(width) | _token(width, "detection_tokens", objects)
    modules = _embedded(config, tokens, rows, patch, patch)
    if config.flag("use_mid_position_embeddings", default=True) and config.layers > 1:
        high, wide = sides(config, "image_size")  # here the class divides the area, not the sides
        middle = high * wide // patch**2 + objects + 1
        modules["encoder.mid_position_embeddings"] = positioned(config.layers - 1, 1, middle, width)

    def top(_: Config) -> Parts:
        parts: dict[str, Component] = {}
        for name, out in (("class_labels_classifier", config.labels + 1), ("bbox_predictor", 4)):
            parts |= {f"{name}.layers.{index}": dense(width if index < 2 else out, width, component="lm_head")
                      for index in range(3)}
        return parts

    return crowned(config, "vit", _layers(config, modules), {"Model": (pooled,), "ObjectDetection": (top,)})


def timesformer(config: Config) -> ModelSpec:
    """Attention among the same patch of all frames, then among the patches of a frame."""
    width, patch, count = config.integer("hidden_size"), config.integer("patch_size"), patches(config)
    kind = config.choice("attention_type", ("divided_space_time", "space_only", "joint_space_time"))
    frames = config.integer("num_frames")
    modules = _embedded(config, _token(width), count + 1, patch, patch)
    if kind != "space_only":
        modules[f"{E}.time_embeddings"] = positioned(1, frames, width)
    number, bias = heads(config), biased(config)
    window = None if kind == "joint_space_time" else count + 1
    block = JOINED(width, number, 1, bias=bias, window=window)
    if kind == "divided_space_time":
        over = JOINED(width, number, 1, bias=bias, window=frames, norm1="", norm2="", attention="temporal_attention")
        block |= {"temporal_layernorm": norm(width), **over, "temporal_dense": dense(width, width)}
    block |= _feed(width, config.integer("intermediate_size"))
    body = model(width, modules | {"encoder.layer": layers(config.layers), "layernorm": norm(width)}, {"layer": block})
    return crowned(config, "timesformer", body, {"Model": (), "VideoClassification": (labels(),)})


def vivit(config: Config) -> ModelSpec:
    """Patches of several frames."""
    width, size = config.integer("hidden_size"), config.integer("image_size")
    deep, tall, broad = config.listed("tubelet_size", int, 3) or (2, 16, 16)
    if min(deep, tall, broad) < 1:
        raise config.expected("tubelet_size", "positive integers")
    rows = config.integer("num_frames") // deep * (size // tall) * (size // broad) + 1
    body = _layers(config, _embedded(config, _token(width), rows, deep, tall, broad))
    return crowned(config, "vivit", body, {"Model": (pooled,), "VideoClassification": (labels(),)})


PIXIO = replace(LAYER, norm1="norm1", norm2="norm2")


def pixio(config: Config) -> ModelSpec:
    """A ViT with several class tokens."""
    width, patch, tokens = config.integer("hidden_size"), config.integer("patch_size"), config.integer("n_cls_tokens")
    modules = _embedded(config, _token(width, count=tokens), patches(config) + tokens, patch, patch)
    block = PIXIO(width, heads(config), 1, bias=biased(config)) | _feed(width, int(width * config.number("mlp_ratio")))
    modules |= {"encoder.layer": layers(config.layers), "layernorm": norm(width)}
    own = {"layernorm": norm(width)} if config.architecture.endswith("Backbone") else {}  # a second one around it
    spec = crowned(config, "pixio", model(width, modules, {"layer": block}), {"Model": (), "Backbone": ()}, around=True)
    return spec.model_copy(update={"modules": {**(spec.modules or {}), **own}})
