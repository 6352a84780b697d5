"""FLAVA: a transformer for text, one for images, one that reads both, and DALL-E's codes to learn from.

arXiv:2112.04482; the codes: arXiv:2102.12092."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Linear
from paramcalc.readers.families.towers.alone import model
from paramcalc.readers.families.towers.clip import grid, heads
from paramcalc.readers.families.towers.nets import under
from paramcalc.readers.families.towers.parts import Parts, conv, dense, layers, norm, table, vector
from paramcalc.readers.families.towers.vit import biased, block_of
from paramcalc.readers.families.towers.whole import nested

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec


def _encoder(config: Config, name: str, front: Parts) -> tuple[Parts, dict[str, Parts]]:
    """A ViT's layers behind what embeds, a norm and a pooler."""
    width = config.integer("hidden_size")
    stack = layers(config.layers, name).model_copy(update={"hidden_size": width})
    pooler = Linear(out_features=width, in_features=width, bias=True, component="pooler", per="sequence")
    block = block_of(width, heads(config), config.integer("intermediate_size"), biased(config))
    return {**front, "encoder.layer": stack, "layernorm": norm(width), "pooler.dense": pooler}, {name: block}


def _words(config: Config) -> Parts:
    width = config.integer("hidden_size")
    return {"embeddings.word_embeddings": Embedding(rows=config.integer("vocab_size"), hidden_size=width),
            "embeddings.position_embeddings": table(config.integer("max_position_embeddings"), width),
            "embeddings.token_type_embeddings": table(config.integer("type_vocab_size"), width, "other_embedding"),
            "embeddings.LayerNorm": norm(width)}


def _patches(config: Config, *, masks: bool) -> Parts:
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    parts: Parts = {"embeddings.cls_token": vector(1, 1, width, component="other_embedding")}
    if masks or config.flag("mask_token", default=True):
        parts["embeddings.mask_token"] = vector(1, 1, width, component="other_embedding")
    return parts | {
        "embeddings.position_embeddings": vector(1, grid(config) + 1, width, component="position_embedding"),
        "embeddings.patch_embeddings.projection": conv(width, config.integer("num_channels"), patch, patch)}


def _codebook(config: Config) -> Parts:
    """DALL-E's encoder: four groups of residual blocks, each twice as wide as the one before but for the first two."""
    first, into = config.integer("hidden_size"), config.integer("hidden_size")
    parts: Parts = {"input": conv(first, config.integer("input_channels"), 7, 7, component="other")}
    for group, times in enumerate((1, 2, 4, 8), 1):
        out = first * times
        for block in range(1, config.depth("num_blocks_per_group") + 1):
            at, small = f"group_{group}.group.block_{block}", out // 4
            if into != out:
                parts[f"{at}.id_path"] = conv(out, into, 1, 1, component="other")
            for index, (outputs, inputs, size) in enumerate(((small, into, 3), (small, small, 3), (small, small, 3),
                                                        (out, small, 1)), 1):
                parts[f"{at}.res_path.path.conv_{index}"] = conv(outputs, inputs, size, size, component="other")
            into = out
    return under("blocks", {**parts, "output.conv": conv(config.integer("vocab_size"), into, 1, 1, component="other")})


def _masked(at: str, config: Config, *, words: bool = False) -> Parts:
    """What fills masked places in; of words alone it counts as a head."""
    width, rows = config.integer("hidden_size"), config.integer("vocab_size")
    kind: Literal["lm_head", "other"] = "lm_head" if words else "other"
    after = norm(width, component="lm_head" if words else "norm")
    return under(at, {"transform.dense": Linear(out_features=width, in_features=width, bias=True, component=kind),
                      "transform.LayerNorm": after, "bias": vector(rows, component=kind),
                      "decoder": Linear(out_features=rows, in_features=width, component=kind)})


def flava(config: Config) -> ModelSpec:
    """The model, and in pretraining its heads and the net that gives codes."""
    whole = config.architecture.endswith("ForPreTraining")
    if config.architecture and not whole and not config.architecture.endswith("Model"):
        raise config.unknown_class()
    words, eyes = nested(config, "text_config", "flava_text_model"), nested(config, "image_config",
                                                                            "flava_image_model")
    both = nested(config, "multimodal_config", "flava_multimodal_model")
    out, width = config.integer("projection_dim"), both.integer("hidden_size")
    token: Parts = {"cls_token": vector(1, 1, width)} if both.flag("use_cls_token", default=True) else {}
    modules: Parts = {"logit_scale": vector()}
    blocks: dict[str, Parts] = {}
    for name, own, front in (("text", words, _words(words)), ("image", eyes, _patches(eyes, masks=False)),
                             ("multimodal", both, token)):
        parts, block = _encoder(own, name, front)
        modules |= under(f"{name}_model", parts)
        blocks |= block
    patches, tokens = eyes.integer("hidden_size"), words.integer("hidden_size")
    modules |= {"image_projection": dense(out, patches, component="projector"), "text_projection": dense(out, tokens),
                "image_to_mm_projection": dense(width, patches), "text_to_mm_projection": dense(width, tokens)}
    if whole:
        modules = under("flava", modules)
        if config.flag("init_codebook", default=True):
            modules |= under("image_codebook", _codebook(nested(config, "image_codebook_config",
                                                                "flava_image_codebook")))
        modules |= (_masked("mim_head", eyes) | _masked("mlm_head", words, words=True)
                    | {"itm_head.pooler.dense": Linear(out_features=width, in_features=width, bias=True,
                                                       component="pooler", per="sequence"),
                       "itm_head.seq_relationship": dense(2, width)}
                    | _masked("mmm_image_head", eyes) | _masked("mmm_text_head", words))
    return model(width, modules, blocks).model_copy(update={"vocab_size": words.integer("vocab_size")})
