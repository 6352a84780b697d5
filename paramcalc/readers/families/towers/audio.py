"""Audio towers made as Whisper's encoder is, and what joins them to a text model. arXiv:2212.04356."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QVO
from paramcalc.components.base import Parts
from paramcalc.readers.families.spellings import FC
from paramcalc.readers.families.towers.frame import Layer, fewer, layers, tower
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import ROTARY, conv, dense, down, norm, rms, table, up

if TYPE_CHECKING:
    from paramcalc.component_names import ComponentName
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

AT = "multi_modal_projector"
NAMES = {"o_proj": "out_proj"}
WHISPER = Layer("self_attn_layer_norm", "self_attn", "final_layer_norm", "", bias=QVO, names=NAMES)
FULL = Layer("self_attn_layer_norm", "self_attn", "final_layer_norm", "", names=NAMES)
GLM = Layer("input_layernorm", "self_attn", "post_attention_layernorm", bias=QVO,
            names=FC)
REALTIME = Layer("self_attn_layer_norm", "self_attn", "final_layer_norm", bias=QVO, norm="rmsnorm", gated=True,
                 names={},
                 mlp_bias=False, down_bias=True, causal=True)


def stem(config: Config, width: int, at: str = "", component: ComponentName = "other") -> Parts:
    """Two convolutions over the spectrogram; the second halves its length."""
    bins = config.integer("num_mel_bins")
    return {f"{at}conv1": conv(width, bins, 3, component=component, outputs=2, activated=True),
            f"{at}conv2": conv(width, width, 3, component=component, inputs=2, activated=True)}


def whisper_layer(config: Config, shape: Layer) -> Parts:
    """A layer whose feed-forward stands directly in it."""
    width, inner = config.integer("hidden_size"), _inner(config)
    parts = shape(width, _heads(config), inner)
    return parts | {"fc1": up(inner, width, component="ffn", activated=True),
                    "fc2": down(width, inner, component="ffn")}


def _inner(config: Config) -> int:
    return config.integer("intermediate_size" if config.get("intermediate_size") else "encoder_ffn_dim")


def _heads(config: Config) -> int:
    return heads(config, "num_attention_heads" if config.get("num_attention_heads") else "encoder_attention_heads")


def depth(config: Config) -> int:
    """How many layers."""
    return config.depth("num_hidden_layers" if config.get("num_hidden_layers") else "encoder_layers")


def whisper(config: Config, at: str) -> Tower:
    """Whisper's encoder, with its table of sinusoids."""
    width = config.integer("hidden_size")
    modules = stem(config, width) | {
        "embed_positions": table(config.integer("max_source_positions"), width).model_copy(update={"frozen": True}),
        "layers": layers(depth(config)), "layer_norm": norm(width)}
    return tower("audio", width, modules, {"layer": whisper_layer(config, WHISPER)}, at)


def omni2(config: Config, at: str) -> Tower:
    """Qwen2.5-Omni: windows of two seconds, and a projection. arXiv:2503.20215."""
    width, out = config.integer("hidden_size"), config.integer("output_dim")
    modules = stem(config, width) | {
        "audio_bos_eos_token": table(2, out, "other_embedding"), "layers": layers(depth(config)),
        **fewer({"ln_post": norm(width), "proj": dense(out, width)}, 2)}
    return tower("audio", width, modules, {"layer": whisper_layer(config, WHISPER)}, at)


def convolved(config: Config) -> Parts:
    """Three convolutions over time and frequency, eight times fewer frames, and a matrix."""
    width, middle = config.integer("hidden_size"), config.integer("downsample_hidden_size")
    bins, parts = config.integer("num_mel_bins"), Parts()
    for index in (1, 2, 3):
        before, bins = bins * 2 ** (4 - index), (bins + 1) // 2
        parts[f"conv2d{index}"] = conv(middle, 1 if index == 1 else middle, 3, 3, component="other",
                                       outputs=bins * 2 ** (3 - index), inputs=before, stage=index,
                                       activated=True)
    return parts | {"conv_out": dense(width, middle * bins, bias=False, per="patch")}


def omni3(config: Config, at: str) -> Tower:
    """Qwen3-Omni. arXiv:2509.17765."""
    width, out = config.integer("hidden_size"), config.integer("output_dim")
    modules: Parts = {"layers": layers(depth(config)), "ln_post": norm(width), **convolved(config),
                      "proj1": dense(width, width, activated=True), "proj2": dense(out, width)}
    return tower("audio", width, modules, {"layer": whisper_layer(config, FULL)}, at)


def qwen3_asr_tower(config: Config, at: str) -> Tower:
    """Qwen3-ASR: the same without the projection."""
    width = config.integer("hidden_size")
    modules: Parts = {"layers": layers(depth(config)), "ln_post": norm(width), **convolved(config)}
    return tower("audio", width, modules, {"layer": whisper_layer(config, FULL)}, at)


def glm(config: Config, at: str) -> Tower:
    """GLM-ASR: rotary positions."""
    width = config.integer("hidden_size")
    modules = stem(config, width) | {"positions": ROTARY, "layers": layers(config.layers), "norm": norm(width)}
    block = GLM.of(config, kv_heads=config.kv_heads, head_dim=config.optional("head_dim"))
    return tower("audio", width, modules, {"layer": block}, at)


def realtime(config: Config, at: str) -> Tower:
    """Voxtral Realtime: a causal Llama with a window over frames."""
    width = config.integer("hidden_size")
    modules = stem(config, width, "embedder.", "other_embedding") | {
        "positions": ROTARY, "layers": layers(config.layers), "norm": rms(width)}
    block = REALTIME(width, config.integer("num_attention_heads"), config.integer("intermediate_size"),
                     head_dim=config.head_dim)
    return tower("audio", width, modules, {"layer": block}, at)


def _joined(model: Composite, usual: str, modules: Parts, into: int) -> Towers:
    return {**model.tower("audio_config", "audio_tower", usual),
            **model.join({f"{AT}.{key}": part for key, part in modules.items()}, into, stream="audio_tokens")}


def qwen2_audio(model: Composite) -> Towers:
    """One matrix on frames averaged in pairs. arXiv:2407.10759."""
    usual = "qwen2_audio_encoder"
    width = model.part("audio_config", usual).integer("hidden_size")
    return _joined(model, usual, {"linear": dense(model.text.hidden_size, width)}, width)


def audio_flamingo(model: Composite) -> Towers:
    """Two matrices. arXiv:2507.08128."""
    usual, bias, out = "audioflamingo3_encoder", model.config.flag("projector_bias",
                                                                   default=True), model.text.hidden_size
    width = model.part("audio_config", usual).integer("hidden_size")
    return _joined(model, usual, {"linear_1": up(out, width, bias=bias, activated=True),
                                  "linear_2": down(out, out, bias=bias)},
                   width)


def voxtral(model: Composite) -> Towers:
    """Frames joined to the width of the tower's feed-forward. arXiv:2507.13264."""
    width, out = model.part("audio_config", "voxtral_encoder").integer("intermediate_size"), model.text.hidden_size
    return _joined(model, "voxtral_encoder",
                   {"linear_1": up(out, width, bias=False, activated=True),
                    "linear_2": down(out, out, bias=False)}, width)


def voxtral_realtime(model: Composite) -> Towers:
    """`downsample_factor` frames joined."""
    usual, out = "voxtral_realtime_encoder", model.text.hidden_size
    width = model.part("audio_config", usual).integer("hidden_size") * model.config.integer("downsample_factor")
    return _joined(model, usual, {"linear_1": up(out, width, bias=False, activated=True),
                                  "linear_2": down(out, out, bias=False)},
                   width)


def glmasr(model: Composite) -> Towers:
    """Frames joined to the width of the tower's feed-forward, through twice the text model's width."""
    width, out = model.part("audio_config", "glmasr_encoder").integer("intermediate_size"), model.text.hidden_size
    return _joined(model, "glmasr_encoder", {"linear_1": up(2 * out, width, activated=True),
                                             "linear_2": down(out, 2 * out)}, width)


def moss(model: Composite) -> Towers:
    """Frames joined, two matrices and a norm."""
    usual, bias, out = "moss_transcribe_diarize_audio", model.config.flag("projector_bias"), model.text.hidden_size
    width = model.part("audio_config", usual).integer("hidden_size") * model.config.integer("audio_merge_size")
    return _joined(model, usual, {"linear_1": up(out, width, bias=bias, activated=True),
                                  "linear_2": down(out, out, bias=bias),
                                  "norm": norm(out)}, width)


def qwen3_asr(model: Composite) -> Towers:
    """Two matrices."""
    config = model.part("audio_config", "qwen3_asr_encoder")
    width, out = config.integer("hidden_size"), config.integer("output_dim")
    return _joined(model, "qwen3_asr_encoder", {"linear_1": up(width, width, activated=True),
                                                "linear_2": down(out, width)}, width)
