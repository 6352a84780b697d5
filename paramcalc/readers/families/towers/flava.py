"""FLAVA: ViTs for pictures, for words, for both, and for pretraining a codebook of patches. arXiv:2112.04482."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.alone import model, pooled
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import layers, tower, under
from paramcalc.readers.families.towers.geometry import heads, patches
from paramcalc.readers.families.towers.joined import moved
from paramcalc.readers.families.towers.nets import Net
from paramcalc.readers.families.towers.parts import convolve, dense, norm, table, vector
from paramcalc.readers.families.towers.vit import biased, block_of, embeddings
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.component_names import ComponentName
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower

GROUPS = (1, 1, 2, 4, 8)
"""What the codebook's width is multiplied by before and after each of its four groups, which no config says."""


def _encoder(config: Config, front: Parts) -> ModelSpec:
    """What embeds the input, layers, a norm, and a dense layer on the first token."""
    width = config.integer("hidden_size")
    modules = front | {"encoder.layer": layers(config.layers), "layernorm": norm(width)} | pooled(config)
    return model(width, modules, {"layer": block_of(width, heads(config), config.integer("intermediate_size"),
                                                    biased(config))})


def text(config: Config) -> ModelSpec:
    """Words, embedded as BERT does."""
    width, rows = config.integer("hidden_size"), config.integer("vocab_size")
    at = "embeddings"
    spec = _encoder(config, {
        f"{at}.word_embeddings": table(rows, width, "token_embedding"),
        f"{at}.position_embeddings": table(config.integer("max_position_embeddings"), width),
        f"{at}.token_type_embeddings": table(config.integer("type_vocab_size"), width, "other_embedding"),
        f"{at}.LayerNorm": norm(width)})
    return spec.model_copy(update={"vocab_size": rows})


def image(config: Config) -> ModelSpec:
    """Patches, embedded as ViT does."""
    tokens = ("cls_token", *(("mask_token",) if config.flag("mask_token", default=True) else ()))
    return _encoder(config, embeddings(config, tokens, patches(config) + 1))


def joint(config: Config) -> ModelSpec:
    """What the other two made, one after the other."""
    first = {"cls_token": vector(1, 1, config.integer("hidden_size"))} if config.flag("use_cls_token") else {}
    return _encoder(config, dict(first))


def codebook(config: Config, at: str) -> Tower:
    """DALL-E's encoder, which names each patch by a code. arXiv:2102.12092."""
    width, words, net = config.integer("hidden_size"), config.integer("vocab_size"), Net()
    net.add({"input": convolve(width, config.integer("input_channels"), 7, 7)})
    for group, (before, out) in enumerate(pairwise(GROUPS), 1):
        into = before * width
        for block in range(1, config.depth("num_blocks_per_group") + 1):
            net.add(under(f"group_{group}.group.block_{block}", _block(into, out * width)))
            into = out * width
        net.add({}, 2 if group < len(GROUPS) - 1 else 1)
    net.add({"output.conv": convolve(words, GROUPS[-1] * width, 1, 1)})
    tower = net.tower(GROUPS[-1] * width, f"{at}.blocks")
    return tower.model_copy(update={"component": None})


def _block(into: int, out: int) -> Parts:
    inner = out // 4
    parts: Parts = {"id_path": convolve(out, into, 1, 1)} if into != out else {}
    for index, (channels, read, size) in enumerate(((inner, into, 3), (inner, inner, 3), (inner, inner, 3),
                                                    (out, inner, 1)), 1):
        parts[f"res_path.path.conv_{index}"] = convolve(channels, read, size, size)
    return parts


def _predicted(at: str, config: Config, component: ComponentName = "other") -> Parts:
    """Masked words or codes: a dense layer, a norm, a matrix and a bias."""
    width, rows = config.integer("hidden_size"), config.integer("vocab_size")
    return under(at, {"transform.dense": dense(width, width, component=component),
                      "transform.LayerNorm": norm(width, component="lm_head" if component == "lm_head" else "norm"),
                      "decoder": dense(rows, width, component=component)})


def flava(config: Config) -> ModelSpec:
    """All three and what leads from one to another; with what each class adds for pretraining."""
    trains = config.architecture.endswith("ForPreTraining")
    if not trains and config.architecture and not config.architecture.endswith("Model"):
        raise config.unknown_class()
    base = "flava." if trains else ""
    words, eyes, both = (nested(config, f"{kind}_config", f"flava_{kind}_model")
                         for kind in ("text", "image", "multimodal"))
    spec, view, mixed = text(words), image(eyes), joint(both)
    out, joint_width = config.integer("projection_dim"), mixed.hidden_size
    first, blocks = moved(spec, f"{base}text_model", "text")
    second, more = moved(mixed, f"{base}multimodal_model", "joint")
    between: Parts = {
        "logit_scale": vector(), "text_projection": dense(out, spec.hidden_size, per="sequence"),
        "text_to_mm_projection": dense(joint_width, spec.hidden_size)}
    modules: Parts = {**{f"{base}{key}": part for key, part in between.items()}, **first, **second}
    front = f"{base}image_model"
    towers = {
        "image": tower(None, view.hidden_size, view.modules or {}, at=front).model_copy(update={"blocks": view.blocks}),
        "across": tower(None, view.hidden_size, {f"{base}image_to_mm_projection": dense(joint_width, view.hidden_size)},
                        stream="image_tokens"),
        "projection": tower("projector", view.hidden_size, {f"{base}image_projection": dense(out, view.hidden_size)},
                            stream="image_tokens")}
    if trains:
        if config.flag("init_codebook", default=True):
            towers["codebook"] = codebook(nested(config, "image_codebook_config", "flava_image_codebook"),
                                          "image_codebook")
        modules |= _predicted("mlm_head", words, "lm_head") | _predicted("mmm_text_head", words)
        modules |= _predicted("mim_head", eyes) | _predicted("mmm_image_head", eyes)
        width = config.integer("hidden_size")
        modules |= {"itm_head.pooler.dense": dense(width, width, component="pooler", per="sequence"),
                    "itm_head.seq_relationship": dense(2, width, per="sequence")}
    return ModelSpec(hidden_size=spec.hidden_size, vocab_size=spec.vocab_size, modules=modules, blocks=blocks | more,
                     towers=towers)
