"""Fun-ASR-Nano: SAN-M layers (attention beside a memory convolution), two matrices and layers of a projector.

arXiv:2509.12508; SAN-M: arXiv:2006.01713."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import Layer, layers, mixed, tower
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import conv, down, norm, up

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

LAYER = Layer("input_layernorm", "self_attn", "post_attention_layernorm", names=FC)


def encoder(config: Config, at: str) -> Tower:
    """The encoder; its first layer reads stacked frames of a spectrogram."""
    width, count = config.integer("hidden_size"), config.layers
    into = config.integer("num_mel_bins") * config.integer("num_stacked_frames")
    split = count - config.integer("num_timestamp_prediction_layers", least=0)
    size, inner = config.integer("fsmn_kernel_size"), config.integer("intermediate_size")
    blocks: dict[str, Parts] = {}
    for start in (True, False):
        for end in (True, False):
            blocks[_word(start, end)] = _layer(config, width, into if start else width, inner, size, end=end)
    words = [_word(index == 0, index in (split - 1, count - 1)) for index in range(count)]
    return tower("audio", width, {"layers": mixed(words)}, {word: blocks[word] for word in dict.fromkeys(words)}, at)


def _word(start: bool, end: bool) -> str:
    return ("first" if start else "") + ("last" if end else "") or "layer"


def _layer(config: Config, width: int, into: int, inner: int, size: int, *, end: bool) -> Parts:
    parts = LAYER(width, heads(config), inner)
    if into != width:
        count = heads(config)
        parts["input_layernorm"] = norm(into)
        parts["self_attn"] = Attention(num_heads=count, head_dim=width // count, hidden_size=into, output_size=width,
                                       bias=QKVO, causal=False)
    parts["self_attn.fsmn.conv"] = conv(width, width, size, bias=False, groups=width, component="attention")
    return parts | {"final_layernorm": norm(width)} if end else parts


def fun_asr(model: Composite) -> Towers:
    """Two matrices, then layers without the convolution."""
    config = model.part("adaptor_config", "")
    into = model.part("audio_config", "fun_asr_nano_encoder").integer("hidden_size")
    inner, width, at = config.integer("projector_hidden_size"), config.integer("hidden_size"), "multi_modal_projector"
    modules: Parts = {f"{at}.linear_1": up(inner, into), f"{at}.linear_2": down(width, inner),
                      f"{at}.layers": layers(config.layers)}
    block = LAYER.of(config)
    placed = {model.at(key): part for key, part in modules.items()}
    return {**model.tower("audio_config", "audio_tower", "fun_asr_nano_encoder"),
            "projector": tower("projector", width, placed, {"layer": block}, stream="audio_tokens")}
