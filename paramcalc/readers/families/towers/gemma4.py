"""Gemma 4's towers and Gemma 3n's audio tower: conformers of half feed-forwards, and a ViT with four norms a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from paramcalc.components.attention import Attention
from paramcalc.components.base import Parts
from paramcalc.components.linear import Parameter, Score
from paramcalc.readers.families.towers.frame import Layer, fewer, layers, tower
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import ROTARY, convolve, dense, down, norm, positioned, rms, table, vector
from paramcalc.spec.caveats import Caveat

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Stream, Tower

EYES_AND_EARS: tuple[Literal["vision", "audio"], ...] = ("vision", "audio")
STREAMS: dict[str, Stream] = {"vision": "image_tokens", "audio": "audio_tokens"}
CLIPPED = {f"{name}_proj": f"{name}_proj.linear" for name in ("q", "k", "v", "o", "gate", "up", "down")}


def vision(config: Config, at: str) -> Tower:
    """Gemma 4's: positions of two axes, each with a table, and rotary ones; pooled by one product with all patches
    (Gemma4VisionPooler, transformers 5.24.0)."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    config.read.add("attention_bias")  # the class has none, whatever it says
    shape = Layer("", "self_attn", "", "", names=CLIPPED, norm="rmsnorm", qk_norm="head", gated=True, mlp_bias=False,
                  bias=())
    inside = shape(width, config.integer("num_attention_heads"), 1, kv_heads=config.kv_heads, head_dim=config.head_dim)
    block: Parts = {"input_layernorm": rms(width), **inside, "post_attention_layernorm": rms(width),
                    "pre_feedforward_layernorm": rms(width), "mlp": shape.feed(config.integer("intermediate_size")),
                    "post_feedforward_layernorm": rms(width)}
    modules: Parts = {
        "patch_embedder.position_embedding_table": positioned(2, config.integer("position_embedding_size"), width),
        "patch_embedder.input_proj": dense(width, 3 * patch**2, bias=False, component="other_embedding"),
        "positions": ROTARY, "encoder.layers": layers(config.layers),
        **fewer({"pooler": Score(sizes=(width,), component="other", per="source_pair")},
                config.integer("pooling_kernel_size") ** 2)}
    if config.flag("standardize"):
        modules |= {"std_bias": vector(width, buffer=True), "std_scale": vector(width, buffer=True)}
    return tower("vision", width, modules, {"layer": block}, at)


def _feed(at: str, width: int, link: str) -> Parts:
    return {f"{at}.pre_layer_norm": rms(width),
            f"{at}.ffw_layer_1{link}": dense(4 * width, width, bias=False, component="ffn"),
            f"{at}.ffw_layer_2{link}": dense(width, 4 * width, bias=False, component="ffn"),
            f"{at}.post_layer_norm": rms(width)}


def _light(at: str, width: int, size: int, link: str) -> Parts:
    return {f"{at}.pre_layer_norm": rms(width), f"{at}.linear_start{link}": dense(2 * width, width, bias=False),
            f"{at}.depthwise_conv1d": convolve(width, width, size, bias=False, groups=width),
            f"{at}.conv_norm": rms(width), f"{at}.linear_end{link}": dense(width, width, bias=False)}


def audio(config: Config, at: str) -> Tower:
    """Gemma 4's: frames four times fewer by two convolutions, attention within chunks and what stands before them."""
    width, count, link = config.integer("hidden_size"), heads(config), ".linear"
    first, second = config.listed("subsampling_conv_channels", int, 2) or [1, 1]
    names = {f"{name}_proj": f"{name}_proj{link}" for name in "qkv"} | {"o_proj": f"post{link}"}
    attend: Parts = {
        "self_attn": Attention(num_heads=count, causal=False, window=_reach(config, "attention"), names=names),
        "self_attn.relative_k_proj": dense(width, width, bias=False, component="attention"),
        "self_attn.per_dim_scale": vector(width // count, component="attention")}
    block: Parts = {**_feed("feed_forward1", width, link), "norm_pre_attn": rms(width), **attend,
                    "norm_post_attn": rms(width), **_light("lconv1d", width, config.integer("conv_kernel_size"), link),
                    **_feed("feed_forward2", width, link), "norm_out": rms(width)}
    stem, out = "subsample_conv_projection", config.integer("output_proj_dims")
    modules: Parts = {
        f"{stem}.layer0.conv": convolve(first, 1, 3, 3, bias=False),
        f"{stem}.layer0.norm": norm(first, bias=False),
        f"{stem}.layer1.conv": convolve(second, first, 3, 3, bias=False),
        f"{stem}.layer1.norm": norm(second, bias=False),
        f"{stem}.input_proj_linear": dense(width, first // 4 * second, bias=False),
        "layers": layers(config.layers), "output_proj": dense(out, width)}
    return tower("audio", width, modules, {"layer": block}, at)


def _reach(config: Config, key: str) -> int:
    """Frames a frame can see: those of its chunk and some before and after."""
    sizes = [config.integer(f"{key}_{end}", 0, least=0) for end in ("chunk_size", "context_left", "context_right")]
    return max(1, sum(sizes) - 1)


def audio3n(config: Config, at: str) -> Tower:
    """Gemma 3n's Universal Speech Model."""
    width, count = config.integer("hidden_size"), heads(config, "conf_num_attention_heads")
    stem, bins, before = "subsample_conv_projection", config.integer("input_feat_size"), 1
    modules: Parts = {}
    kernels, strides = config.get("sscp_conv_kernel_size"), config.get("sscp_conv_stride_size")
    for index, channels in enumerate(config.listed("sscp_conv_channel_size", int, 2) or []):
        kernel, stride = _pair(config, kernels, index), _pair(config, strides, index)
        modules |= {f"{stem}.conv_{index}.conv": convolve(channels, before, *kernel, bias=False),
                    f"{stem}.conv_{index}.norm": norm(channels, bias=False)}
        bins, before = (bins + 2 - kernel[1]) // stride[1] + 1, channels
    modules |= {f"{stem}.input_proj_linear": dense(width, before * bins, bias=False),
                "conformer": layers(config.depth("conf_num_hidden_layers"))}
    attn = "attention.attn"
    block: Parts = {
        **_feed("ffw_layer_start", width, ""), "attention.pre_attn_norm": rms(width),
        attn: Attention(num_heads=count, causal=False, window=_reach(config, "conf_attention"), output=False),
        f"{attn}.relative_position_embedding.pos_proj": dense(width, width, bias=False, component="attention"),
        f"{attn}.per_dim_scale": vector(width // count, component="attention"),
        "attention.post": dense(width, width, bias=False, component="attention"), "attention.post_norm": rms(width),
        **_light("lconv1d", width, config.integer("conf_conv_kernel_size"), ""),
        **_feed("ffw_layer_end", width, ""), "norm": rms(width)}
    return tower("audio", width, modules, {"layer": block}, at)


def _pair(config: Config, values: object, index: int) -> tuple[int, int]:
    pair = values[index] if isinstance(values, list) and index < len(values) else None
    if not (isinstance(pair, list) and len(pair) == 2 and all(type(size) is int and size > 0 for size in pair)):
        raise config.expected("sscp_conv_kernel_size", "two sizes for each of two convolutions")
    return pair[0], pair[1]


def gemma4(model: Composite) -> Towers:
    """A matrix behind each tower there is; both may be missing."""
    return _sensed(model, "")


def diffusion_gemma(model: Composite) -> Towers:
    """The same, in the encoder. Raises SpecError for classes that are only a part."""
    if model.config.architecture.endswith(("EncoderModel", "DecoderModel")):
        raise model.config.unknown_class()
    return _sensed(model, "encoder.")


def _sensed(model: Composite, front: str) -> Towers:
    towers: Towers = {}
    for at in EYES_AND_EARS:
        key, kind, width = f"{at}_config", f"gemma4_{at}", "hidden_size" if at == "vision" else "output_proj_dims"
        if model.config.get(key) is None:
            continue
        into = model.part(key, kind).integer(width)
        towers |= model.tower(key, f"{front}{at}_tower", kind)
        projection: Parts = {f"{front}embed_{at}.embedding_projection": dense(model.text.hidden_size, into, bias=False)}
        towers |= model.join(projection, into, f"{at}_projection", stream=STREAMS[at], component=at)
    return towers


def assistant(model: Composite) -> Towers:
    """What leads from the states of the model that it drafts for, and back; and the clusters of tokens, of which its
    head tries some."""
    config, width = model.config, model.text.hidden_size
    backbone = config.integer("backbone_hidden_size")
    modules: Parts = {"pre_projection": dense(width, 2 * backbone, bias=False),
                      "post_projection": dense(backbone, width, bias=False)}
    clusters, tried = config.integer("num_centroids"), config.integer("centroid_intermediate_top_k")
    if config.flag("use_ordered_embeddings"):
        at = "masked_embedding"
        modules |= {f"{at}.centroids": dense(clusters, width, bias=False),
                    f"{at}.token_ordering": Parameter(shape=(model.text.vocab_size or clusters,), buffer=True,
                                                      dtype="int64")}
        model.caveats.append(Caveat(figure="flops", known="estimate", reason=(
            f"FLOPs are those of the whole head: it tries {tried:,} of {clusters:,} clusters of tokens")))
    return {"drafting": tower(None, width, modules, stream="token")}


def gemma3n(model: Composite) -> Towers:
    """A table of tokens of its own, two norms and a matrix behind each tower."""
    towers: Towers = {}
    for at in EYES_AND_EARS:
        key, kind = f"{at}_config", f"gemma3n_{at}"
        config = model.part(key, kind)
        width, embed = config.integer("hidden_size"), f"embed_{at}"
        towers |= model.tower(key, f"{at}_tower", kind)
        join: Parts = {f"{embed}.embedding": table(config.integer("vocab_size"), width, "other_embedding"),
                       f"{embed}.hard_embedding_norm": rms(width), f"{embed}.soft_embedding_norm": rms(width),
                       f"{embed}.embedding_projection": down(model.text.hidden_size, width, bias=False)}
        towers |= model.join(join, width, f"{at}_projection", stream=STREAMS[at], component=at)
    return towers
