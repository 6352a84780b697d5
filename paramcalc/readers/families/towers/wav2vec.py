"""wav2vec 2.0 and its kin: convolutions over the raw recording, positions by a convolution, a transformer.

arXiv:2006.11477, 2106.07447 (HuBERT), 2110.13900 (WavLM), 2101.07597 (UniSpeech), 2202.03555 (data2vec).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Score
from paramcalc.readers.families.towers.alone import crowned, model
from paramcalc.readers.families.towers.conformer import FEED, shortening_layer, wav2vec_layer
from paramcalc.readers.families.towers.frame import Layer, layers
from paramcalc.readers.families.towers.geometry import heads
from paramcalc.readers.families.towers.parts import (
    batchnorm,
    conv,
    convolve,
    dense,
    down,
    embedded,
    matrix,
    norm,
    positioned,
    table,
    up,
    vector,
)

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec

LAYER = Layer("layer_norm", "attention", "final_layer_norm", "feed_forward",
              names={"o_proj": "out_proj", "up_proj": "intermediate_dense", "down_proj": "output_dense"})


def extractor(config: Config, *, normed: bool | None = None) -> Parts:
    """Convolutions that turn 16,000 samples a second into 50 frames, the first normed or all of them."""
    widths, kernels = config.listed("conv_dim", int) or [], config.listed("conv_kernel", int) or []
    strides = config.listed("conv_stride", int) or []
    if not len(widths) == len(kernels) == len(strides) or not widths:
        raise config.error("conv_kernel", "conv_dim, conv_kernel and conv_stride must have as many entries each, found "
                           f"{len(widths)}, {len(kernels)} and {len(strides)}")
    every = config.text("feat_extract_norm", "group") == "layer" if normed is None else normed
    bias, before, parts, outputs = config.flag("conv_bias"), 1, Parts(), 1
    for stride in strides[1:]:
        outputs *= stride
    for index, (width, kernel) in enumerate(zip(widths, kernels, strict=True)):
        at = f"feature_extractor.conv_layers.{index}"
        parts[f"{at}.conv"] = conv(width, before, kernel, bias=bias, component="other", outputs=max(1, outputs),
                                stage=index + 1)
        if every or index == 0:
            parts[f"{at}.layer_norm"] = norm(width)
        outputs = outputs // strides[index + 1] if index + 1 < len(strides) else 1
        before = width
    return parts


def positions(config: Config, width: int) -> Parts:
    """A grouped convolution whose weight is split in lengths and directions; a kernel of even length computes one
    position more, which is dropped."""
    at, size = "encoder.pos_conv_embed.conv", config.integer("num_conv_pos_embeddings")
    groups = config.integer("num_conv_pos_embedding_groups")
    if width % groups:
        raise config.error("num_conv_pos_embedding_groups", f"{groups} does not divide hidden_size ({width})")
    if config.flag("conv_pos_batch_norm"):
        return {at: conv(width, width, size, groups=groups),
                "encoder.pos_conv_embed.batch_norm": batchnorm(width)}
    kernel = matrix(width, width // groups, size, component="other_embedding")
    parts: Parts = {f"{at}.bias": embedded(width),
                    f"{at}.parametrizations.weight.original0": embedded(1, 1, size),
                    f"{at}.parametrizations.weight.original1": kernel}
    return parts if size % 2 else parts | {f"{at}.last": Score(
        sizes=(width, width // groups, size), component="other_embedding", per="sequence")}


def masks(config: Config, width: int) -> Parts:
    """The vector that stands for a hidden frame, where frames are hidden at all."""
    hides = config.number("mask_time_prob", 0) > 0 or config.number("mask_feature_prob", 0) > 0
    return {"masked_spec_embed": vector(width)} if hides else {}


def adapter(config: Config, width: int) -> Parts:
    """Convolutions behind the encoder that make its output shorter."""
    if not config.flag("add_adapter"):
        return {}
    out, parts = _shorter(config, width)
    size = config.integer("adapter_kernel_size")
    for index in range(config.depth("num_adapter_layers")):
        parts[f"adapter.layers.{index}.conv"] = convolve(2 * out, out, size)
    return parts


def _shorter(config: Config, width: int) -> tuple[int, Parts]:
    """The width of the adapter's layers, and what leads to it where that is not the encoder's."""
    out = config.integer("output_hidden_size", width)
    return out, {} if out == width else {"adapter.proj": dense(out, width), "adapter.proj_layer_norm": norm(out)}


def projected(config: Config, width: int) -> Parts:
    """From what the convolutions give to the transformer's width."""
    into, at = (config.listed("conv_dim", int) or [1])[-1], "feature_projection"
    normed: Parts = {f"{at}.layer_norm": norm(into)} if config.flag("feat_proj_layer_norm", default=True) else {}
    return normed | {f"{at}.projection": dense(width, into)}


def _output(config: Config) -> int:
    width = config.integer("hidden_size")
    return config.integer("output_hidden_size", width) if config.flag("add_adapter") else width


def ctc(config: Config) -> Parts:
    """A score for each character."""
    return {"lm_head": dense(config.integer("vocab_size"), _output(config), component="lm_head")}


def quantizer(config: Config, into: int) -> Parts:
    """Codes the pretraining loss compares frames with."""
    count = config.integer("num_codevector_groups") * config.integer("num_codevectors_per_group")
    dim = config.integer("codevector_dim") // config.integer("num_codevector_groups")
    return {"quantizer.codevectors": vector(1, count, dim), "quantizer.weight_proj": dense(count, into)}


def pretraining(config: Config) -> Parts:
    """Codes, and projections of codes and of the transformer's output."""
    kind, width = config.model_type, config.integer("hidden_size")
    out, code = config.integer("proj_codevector_dim"), config.integer("codevector_dim")
    into = width if kind == "unispeech-sat" else (config.listed("conv_dim", int) or [1])[-1]
    parts = quantizer(config, into) | {"project_q": dense(out, code)}
    if kind == "unispeech":
        return parts | {"project_hid": dense(width, out), "ctc_proj": dense(config.integer("num_ctc_classes"), width)}
    parts["project_hid"] = dense(out, width)
    if kind == "unispeech-sat":
        clusters = config.integer("num_clusters")
        parts |= {"speaker_proj": dense(code, width), "layer_norm_for_extract": norm(width),
                  "label_embeddings_concat": vector(clusters, code)}
    return parts


def weighted(config: Config) -> Parts:
    """A weight for each layer's output, if the config wants them mixed."""
    return {"layer_weights": vector(config.layers + 1)} if config.flag("use_weighted_layer_sum") else {}


def classified(config: Config) -> Parts:
    """A projection, then the labels."""
    inner = config.integer("classifier_proj_size")
    return weighted(config) | {"projector": dense(inner, config.integer("hidden_size"), component="other"),
                               "classifier": dense(config.labels, inner, component="lm_head", per="sequence")}


def frames(config: Config) -> Parts:
    """Labels of each frame."""
    return weighted(config) | {"classifier": dense(config.labels, config.integer("hidden_size"), component="lm_head")}


def speakers(config: Config) -> Parts:
    """A vector for each speaker: layers that see a few frames each, their mean and spread, two projections, labels."""
    widths, kernels = config.listed("tdnn_dim", int) or [1], config.listed("tdnn_kernel", int) or []
    if len(kernels) < len(widths):
        raise config.expected("tdnn_kernel", f"{len(widths)}, one for each of tdnn_dim")
    out, before, parts = config.integer("xvector_output_dim"), widths[0], weighted(config)
    parts["projector"] = dense(before, config.integer("hidden_size"))
    for index, (width, kernel) in enumerate(zip(widths, kernels, strict=False)):
        parts[f"tdnn.{index}.kernel"] = dense(width, before * kernel)
        before = width
    return parts | {"feature_extractor": dense(out, 2 * before, per="sequence"),
                    "classifier": dense(out, out, component="lm_head", per="sequence"),
                    "objective.weight": matrix(out, config.labels, component="lm_head", per="sequence")}


TOPS: Tops = {"Model": (), "CTC": (ctc,), "PreTraining": (pretraining,), "SequenceClassification": (classified,),
              "AudioFrameClassification": (frames,), "XVector": (speakers,)}


def _block(config: Config, width: int) -> Parts:
    inner, count = config.integer("intermediate_size"), heads(config)
    block = LAYER(width, count, inner)
    if config.model_type == "wavlm":
        block |= {"attention.gru_rel_pos_const": positioned(1, count, 1, 1),
                  "attention.gru_rel_pos_linear": dense(8, width // count, component="position_embedding"),
                  "attention.gates": Score(sizes=(count - 1, 8, width // count), component="position_embedding")}
    if config.flag("do_stable_layer_norm") and config.get("adapter_attn_dim") is not None:
        small = config.integer("adapter_attn_dim")
        block |= {"adapter_layer.norm": norm(width), "adapter_layer.linear_1": up(small, width),
                  "adapter_layer.linear_2": down(width, small)}
    return block


def wav2vec2(config: Config) -> ModelSpec:
    """wav2vec 2.0, HuBERT, WavLM, UniSpeech and UniSpeech-SAT."""
    width = config.integer("hidden_size")
    modules = masks(config, width) | extractor(config) | projected(config, width) | positions(config, width)
    modules |= {"encoder.layer_norm": norm(width), "encoder.layers": layers(config.layers)}
    if config.model_type == "wavlm":
        modules["encoder.layers.0.attention.rel_attn_embed"] = table(config.integer("num_buckets"), heads(config),
                                                                     "other_embedding")
    modules |= adapter(config, width)
    spec = model(width, modules, {"layer": _block(config, width)})
    return crowned(config, config.model_type.replace("-", "_"), spec, TOPS)


def data2vec(config: Config) -> ModelSpec:
    """data2vec: every convolution is normed, and several give the positions."""
    width, size = config.integer("hidden_size"), config.integer("conv_pos_kernel_size")
    modules = masks(config, width) | extractor(config, normed=True) | projected(config, width)
    groups = config.integer("num_conv_pos_embedding_groups")
    for index in range(config.depth("num_conv_pos_embeddings")):
        modules[f"encoder.pos_conv_embed.layers.{index}.conv"] = convolve(width, width, size, groups=groups)
    modules |= {"encoder.layer_norm": norm(width), "encoder.layers": layers(config.layers)} | adapter(config, width)
    return crowned(config, "data2vec_audio", model(width, modules, {"layer": _block(config, width)}), TOPS)


def conformer(config: Config) -> ModelSpec:
    """wav2vec 2.0 with conformer layers. arXiv:2010.05171."""
    width = config.integer("hidden_size")
    modules = masks(config, width) | extractor(config) | projected(config, width) | positions(config, width)
    modules |= {"encoder.layer_norm": norm(width), "encoder.layers": layers(config.layers)} | adapter(config, width)
    relative = config.text("position_embeddings_type") == "relative"
    block = wav2vec_layer(config, width, relative=relative)
    return crowned(config, "wav2vec2_conformer", model(width, modules, {"layer": block}), TOPS)


def bert(config: Config) -> ModelSpec:
    """wav2vec2-BERT: conformer layers over a spectrogram. arXiv:2312.05187."""
    width, into = config.integer("hidden_size"), config.integer("feature_projection_input_dim")
    modules = masks(config, width) | {"feature_projection.layer_norm": norm(into),
                                      "feature_projection.projection": dense(width, into),
                                      "encoder.layers": layers(config.layers)}
    blocks = {"layer": wav2vec_layer(config, width, relative=config.text("position_embeddings_type") == "relative")}
    if config.flag("use_intermediate_ffn_before_adapter"):
        modules["intermediate_ffn"] = FeedForward(intermediate_size=config.integer("intermediate_size"), gated=False,
                                                  bias=True, names=FEED)
    if config.flag("add_adapter"):
        out, parts = _shorter(config, width)
        blocks["adapter"] = shortening_layer(out, config.dividing("num_attention_heads", out),
                                             config.integer("intermediate_size"), config.integer("adapter_kernel_size"))
        stack = layers(config.depth("num_adapter_layers"), "adapter").model_copy(update={"hidden_size": out})
        modules |= {**parts, "adapter.layers": stack}
    return crowned(config, "wav2vec2_bert", model(width, modules, blocks), TOPS)


def sew(config: Config) -> ModelSpec:
    """SEW: frames are squeezed before the transformer and spread out behind it. arXiv:2109.06870."""
    width = config.integer("hidden_size")
    modules = _squeezed(config, width) | {"encoder.layer_norm": norm(width), "encoder.layers": layers(config.layers)}
    modules["encoder.upsample.projection"] = dense(width * config.integer("squeeze_factor"), width)
    return crowned(config, "sew", model(width, modules, {"layer": _block(config, width)}), TOPS)


def _squeezed(config: Config, width: int) -> Parts:
    last = (config.listed("conv_dim", int) or [1])[-1]
    modules = masks(config, width) | extractor(config) | {"layer_norm": norm(last)}
    if last != width:
        modules["feature_projection"] = dense(width, last)
    return modules | positions(config, width)


def sew_d(config: Config) -> ModelSpec:
    """SEW-D: with DeBERTa's attention, in which positions and content attend to each other."""
    from paramcalc.readers.families.encoders.deberta import mixer_v2, tables_v2

    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    block: Parts = {**mixer_v2(config, "", False), "attention.output.LayerNorm": norm(width),
                    "intermediate.dense": up(inner, width, component="ffn"),
                    "output.dense": down(width, inner, component="ffn"), "output.LayerNorm": norm(width)}
    modules = _squeezed(config, width) | {f"encoder.{key}": part for key, part in tables_v2(config).items()}
    modules |= {"encoder.encoder.layer": layers(config.layers),
                "encoder.upsample.projection": dense(width * config.integer("squeeze_factor"), width)}
    return crowned(config, "sew_d", model(width, modules, {"layer": block}), TOPS)
