"""What lets Qwen2.5-Omni speak: a talker over codes, a diffusion transformer from codes to a spectrogram, BigVGAN.

arXiv:2503.20215; ECAPA-TDNN: arXiv:2005.07143; DiT: arXiv:2212.09748; BigVGAN: arXiv:2206.04658."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.attention import QKV
from paramcalc.components.base import Parts
from paramcalc.components.convolution import Convolution
from paramcalc.readers.families.towers.alone import opened
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower, under
from paramcalc.readers.families.towers.geometry import listed
from paramcalc.readers.families.towers.parts import ROTARY, conv, convolve, dense, rms, table, vector
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower

TALKER = Layer("input_layernorm", "self_attn", "post_attention_layernorm", norm="rmsnorm", gated=True, mlp_bias=False,
               bias=QKV, names={})
DIFFUSION = Layer("", "attn", "", "ff", names={"q_proj": "to_q", "k_proj": "to_k", "v_proj": "to_v",
                                               "o_proj": "to_out.0", "up_proj": "ff.0", "down_proj": "ff.3"})


def talker(config: Config, at: str) -> Tower:
    """A Qwen2 over codes of sound, which reads what the thinker thought."""
    width, read, rows = config.integer("hidden_size"), config.integer("embedding_size"), config.integer("vocab_size")
    modules: Parts = {"thinker_to_talker_proj": dense(width, read),
                      "model.embed_tokens": table(rows, read, "token_embedding"), "model.positions": ROTARY,
                      "model.layers": layers(config.layers), "model.norm": rms(width),
                      "codec_head": dense(rows, width, bias=False)}
    block = TALKER(width, config.integer("num_attention_heads"), config.integer("intermediate_size"),
                   head_dim=config.head_dim, kv_heads=config.kv_heads)
    config.note("what the talker keeps while it speaks is not in the cache, which is the thinker's")
    return tower(None, width, modules, {"layer": block}, at, "audio_tokens")


def talker_alone(config: Config) -> ModelSpec:
    """The talker as a model of its own, with its head or without. Raises SpecError for another class."""
    spec = talker(config, "")
    if config.architecture.endswith("TalkerForConditionalGeneration"):
        return opened(spec)
    if config.architecture and not config.architecture.endswith("TalkerModel"):
        raise config.unknown_class()
    modules = {key.removeprefix("model."): part for key, part in spec.modules.items() if key.startswith("model.")}
    return ModelSpec(hidden_size=spec.hidden_size, modules=modules, blocks=spec.blocks)


def _delayed(at: str, out: int, into: int, size: int) -> Parts:
    return {f"{at}.conv": conv(out, into, size)}


def _speaker(config: Config) -> Parts:
    """ECAPA-TDNN: a voice as one vector."""
    widths, sizes = listed(config, "enc_channels", 2), listed(config, "enc_kernel_sizes", 2)
    scale, squeezed, last = config.integer("enc_res2net_scale"), config.integer("enc_se_channels"), widths[-1]
    parts = _delayed("blocks.0", widths[0], config.integer("mel_dim"), sizes[0])
    for index, (into, out, size) in enumerate(zip(widths, widths[1:-1], sizes[1:], strict=False), 1):
        block = _delayed("tdnn1", out, into, 1)
        for place in range(scale - 1):
            block |= _delayed(f"res2net_block.blocks.{place}", out // scale, out // scale, size)
        block |= _delayed("tdnn2", out, out, 1) | {"se_block.conv1": conv(squeezed, out, 1),
                                                   "se_block.conv2": conv(out, squeezed, 1)}
        parts |= under(f"blocks.{index}", block)
    inner = config.integer("enc_attention_channels")
    return parts | _delayed("mfa", last, last, sizes[-1]) | _delayed("asp.tdnn", inner, 3 * last, 1) | {
        "asp.conv": conv(last, inner, 1), "fc": conv(config.integer("enc_dim"), 2 * last, 1)}


def _diffused(config: Config) -> tuple[Parts, dict[str, Parts]]:
    """Codes, a voice and noise to a spectrogram; a step's time scales and shifts each layer."""
    width, bins, code = config.integer("hidden_size"), config.integer("mel_dim"), config.integer("emb_dim")
    into = bins + config.integer("enc_dim") + config.integer("enc_emb_dim") + code
    time = "time_embed.time_mlp"
    parts: Parts = {
        f"{time}.0": dense(width, TIME, component="other_embedding"),
        f"{time}.2": dense(width, width, component="other_embedding"),
        "text_embed.codec_embed": table(config.integer("num_embeds") + 1, code, "other_embedding"),
        "input_embed.proj": dense(width, into, component="other_embedding"),
        **under("input_embed.spk_encoder", _speaker(config)), "positions": ROTARY,
        "transformer_blocks": layers(config.layers, "diffusion").model_copy(update={"hidden_size": width}),
        "norm_out.linear": dense(2 * width, width), "proj_out": dense(bins, width)}
    block = DIFFUSION(width, config.integer("num_attention_heads"), int(width * config.number("ff_mult")),
                      head_dim=config.integer("head_dim"), mlp="ff")
    return parts, {"diffusion": {"attn_norm.linear": dense(6 * width, width), **block}}


TIME = 256
"""Values a step's time is made of, which no config says."""


def _vocoder(config: Config) -> Parts:
    """BigVGAN: a spectrogram to samples, its activations with learned frequencies."""
    width = config.integer("upsample_initial_channel")
    parts: Parts = {"conv_pre": convolve(width, config.integer("mel_dim"), 7)}
    kernels, place = listed(config, "resblock_kernel_sizes"), 0
    sizes = listed(config, "upsample_kernel_sizes", len(listed(config, "upsample_rates")))
    for index, size in enumerate(sizes[:len(listed(config, "upsample_rates"))]):
        narrow = width // 2
        if not narrow:
            raise config.error("upsample_initial_channel", f"nothing is left of it after {index} halvings")
        parts[f"ups.{index}.0"] = Convolution(out_channels=narrow, in_channels=width, kernel=(size,), transposed=True)
        for kernel in kernels:
            parts |= under(f"resblocks.{place}", _amplified(narrow, kernel))
            place += 1
        width = narrow
    return parts | _frequencies("activation_post", width) | {"conv_post": convolve(1, width, 7, bias=False)}


def _amplified(width: int, kernel: int) -> Parts:
    parts: Parts = {}
    for index in range(3):
        parts |= {f"convs{side}.{index}": convolve(width, width, kernel) for side in (1, 2)}
    for index in range(6):
        parts |= _frequencies(f"activations.{index}", width)
    return parts


def _frequencies(at: str, width: int) -> Parts:
    return {f"{at}.act.alpha": vector(width), f"{at}.act.beta": vector(width)}


def token2wav(config: Config, at: str) -> Tower:
    """Codes to sound."""
    first, blocks = _diffused(nested(config, "dit_config", "qwen2_5_omni_dit"))
    second = _vocoder(nested(config, "bigvgan_config", "qwen2_5_omni_bigvgan"))
    width = nested(config, "dit_config", "qwen2_5_omni_dit").integer("hidden_size")
    return tower(None, width, under("code2wav_dit_model", first) | under("code2wav_bigvgan_model", second), blocks, at,
                 "audio_tokens")
