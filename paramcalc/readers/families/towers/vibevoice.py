"""VibeVoice: convolutional codecs of sound and meaning, matrices into the text model, a head that diffuses sound.

arXiv:2508.19205."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from paramcalc.components.base import Parts
from paramcalc.components.convolution import Convolution
from paramcalc.components.ffn import FeedForward
from paramcalc.readers.families.towers.conformer import LINEAR
from paramcalc.readers.families.towers.frame import layers, tower, under
from paramcalc.readers.families.towers.geometry import listed
from paramcalc.readers.families.towers.parts import convolve, dense, down, rms, up, vector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower



def _block(config: Config, width: int) -> Parts:
    """A depthwise convolution and a feed-forward, each behind a norm and before a learned scale."""
    feed = FeedForward(intermediate_size=config.integer("ffn_expansion") * width, gated=False, bias=True, names=LINEAR)
    return {"norm": rms(width), "mixer.conv": convolve(width, width, config.integer("kernel_size"), groups=width),
            "gamma": vector(width), "ffn_norm": rms(width), "ffn": feed, "ffn_gamma": vector(width)}


def _stages(config: Config, widths: Sequence[int], depths: Sequence[int], side: str) -> tuple[Parts, dict[str, Parts]]:
    """The stacks of blocks, the first in the stem."""
    parts: Parts = {}
    blocks: dict[str, Parts] = {}
    for index, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        at, name = f"conv_layers.{index - 1}" if index else "stem", f"{side}{index}"
        if depth > 1024:
            raise config.expected("depths", "integers of at most 1,024")
        parts[f"{at}.stage"] = layers(depth, name).model_copy(update={"hidden_size": width})
        blocks[name] = _block(config, width)
    return parts, blocks


def _plan(config: Config) -> tuple[list[int], list[int], list[int]]:
    """Widths, depths and steps from the recording to its codes."""
    steps = listed(config, "downsampling_ratios")
    first, depths = config.integer("num_filters"), listed(config, "depths", len(steps) + 1)
    if len(depths) != len(steps) + 1 or len(steps) > 16:
        raise config.expected("depths", "one more than downsampling_ratios, which are at most 16")
    return [first * 2**index for index in range(len(depths))], depths, steps


def _encoder(config: Config, side: str) -> tuple[Parts, dict[str, Parts]]:
    widths, depths, steps = _plan(config)
    channels, size = config.integer("channels"), config.integer("kernel_size")
    parts, blocks = _stages(config, widths, depths, side)
    parts["stem.conv.conv"] = convolve(widths[0], channels, size)
    for index, step in enumerate(steps):
        parts[f"conv_layers.{index}.conv.conv"] = convolve(widths[index + 1], widths[index], 2 * step)
    parts["head.conv"] = convolve(config.integer("hidden_size"), widths[-1], size)
    return parts, blocks


def _decoder(config: Config, side: str) -> tuple[Parts, dict[str, Parts]]:
    widths, depths, steps = _plan(config)
    channels, size = config.integer("channels"), config.integer("kernel_size")
    parts, blocks = _stages(config, widths[::-1], depths[::-1], side)
    parts["stem.conv.conv"] = convolve(widths[-1], config.integer("hidden_size"), size)
    for index, step in enumerate(steps[::-1]):
        wide, narrow = widths[-1 - index], widths[-2 - index]
        parts[f"conv_layers.{index}.convtr.convtr"] = Convolution(
            out_channels=narrow, in_channels=wide, kernel=(2 * step,), transposed=True)
    parts["head.conv"] = convolve(channels, widths[0], size)
    return parts, blocks


def encoder(config: Config, at: str) -> Tower:
    """What turns sound into vectors, each part of which counts as what it is."""
    parts, blocks = _encoder(config, "encoder")
    return tower(None, config.integer("hidden_size"), parts, blocks, at, "audio")


def codec(config: Config, at: str) -> Tower:
    """The same and what turns vectors into sound."""
    first, blocks = _encoder(config, "encoder")
    second, more = _decoder(config, "decoder")
    return tower("audio", config.integer("hidden_size"), under("encoder", first) | under("decoder", second),
                 {**blocks, **more}, at)


def _joined(out: int, into: int, names: tuple[str, str, str]) -> Parts:
    first, middle, last = names
    return {first: dense(out, into), middle: rms(out), last: dense(out, out)}


def _diffusion(config: Config) -> tuple[Parts, dict[str, Parts]]:
    """The head that makes a vector of sound out of noise."""
    width, latent, bias = config.integer("hidden_size"), config.integer("latent_size"), config.flag("mlp_bias")
    steps = config.integer("frequency_embedding_size")
    block: Parts = {"ffn": FeedForward(intermediate_size=config.integer("intermediate_size"), bias=bias),
                    "norm": rms(width), "linear": dense(3 * width, width, bias=False)}
    return {
        "noisy_images_proj": dense(width, latent, bias=False), "cond_proj": dense(width, width, bias=False),
        "timestep_proj.fc1": up(width, steps, bias=False, component="ffn"),
        "timestep_proj.fc2": down(width, width, bias=False, component="ffn"),
        "layers": layers(config.layers, "diffusion"),
        "final_layer.linear_1": dense(2 * width, width, bias=False),
        "final_layer.linear_2": dense(latent, width, bias=False)}, {"diffusion": block}


def vibevoice(model: Composite) -> Towers:
    """What speaks: both codecs, both joins, the head, and two values that scale what it makes."""
    usual, meaning, out = "vibevoice_acoustic_tokenizer", "vibevoice_acoustic_tokenizer_encoder", (
        model.text.hidden_size)
    head = model.part("diffusion_head_config", "vibevoice_diffusion")
    sound = model.part("audio_config", usual).integer("hidden_size")
    head.override({"hidden_size": out, "latent_size": sound})  # as the class around it does
    sense = model.part("semantic_model_config", meaning).integer("hidden_size")
    names = ("linear_1", "act", "linear_2")
    parts, blocks = _diffusion(head)
    placed = {model.at(f"diffusion_head.{key}"): part for key, part in parts.items()}
    scales: Parts = {"latent_scaling_factor": vector(), "latent_bias_factor": vector()}
    return {**model.tower("audio_config", "audio_tower", usual),
            **model.join(under("multi_modal_projector", _joined(out, sound, names)), sound, stream="audio_tokens"),
            **model.tower("semantic_model_config", "semantic_tokenizer_encoder", meaning),
            **model.join(under("semantic_connector", _joined(out, sense, names)), sense, "semantic",
                         stream="audio_tokens", component=None),
            "diffusion": tower(None, head.integer("hidden_size"), placed, blocks, stream="audio_tokens"),
            **model.join(scales, out, "scales", stream="audio_tokens", component=None)}


def vibevoice_asr(model: Composite) -> Towers:
    """What listens: both encoders, and one projector for both."""
    kind, out = "vibevoice_acoustic_tokenizer_encoder", model.text.hidden_size
    towers: Towers = {}
    join: Parts = {}
    sides: tuple[Literal["acoustic", "semantic"], ...] = ("acoustic", "semantic")
    for side in sides:
        key = f"{side}_tokenizer_encoder"
        width = model.part(f"{key}_config", kind).integer("hidden_size")
        towers |= model.tower(f"{key}_config", key, kind)
        join |= _joined(out, width, (f"{side}_linear_1", f"{side}_norm", f"{side}_linear_2"))
    return {**towers, **model.join(under("multi_modal_projector", join), out, stream="audio_tokens")}
