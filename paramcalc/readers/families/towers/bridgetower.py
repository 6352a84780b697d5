"""BridgeTower: an XLM-R and a CLIP, each layer of which is bridged to layers where both attend to each other.

arXiv:2206.08657."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.linear import Head
from paramcalc.readers.families.encoders.heads import top_of
from paramcalc.readers.families.towers import bert
from paramcalc.readers.families.towers.alone import unmeasured
from paramcalc.readers.families.towers.composite import nested
from paramcalc.readers.families.towers.frame import Layer, layers, tower, under
from paramcalc.readers.families.towers.geometry import grid
from paramcalc.readers.families.towers.parts import dense, embedded, norm, patched, table, vector
from paramcalc.spec.layer import Block

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops
    from paramcalc.spec.model import ModelSpec
    from paramcalc.spec.tower import Tower

LAYER = Layer("ln_1", "attn", "ln_2", fused="qkv", names={
    "qkv_proj.weight": "in_proj_weight", "qkv_proj.bias": "in_proj_bias", "o_proj": "out_proj",
    "up_proj": "c_fc", "down_proj": "c_proj"})
HEAD_DIM = 64
LINKS = ("add", "scaled_add", "interpolate")


def vision(config: Config, at: str) -> Tower:
    """CLIP's, whose every layer is read, through one norm or a norm of its own."""
    width, count = config.integer("hidden_size"), config.layers
    shared = width // HEAD_DIM
    if not shared or width % shared:
        raise config.error("hidden_size", f"{width:,} is not divided by its {shared:,} heads, one for {HEAD_DIM}")
    modules: Parts = {"embeddings.class_embedding": embedded(width),
                      "embeddings.patch_embedding": patched(config, width, bias=False),
                      "embeddings.position_embedding": table(grid(config) + 1, width), "ln_pre": norm(width),
                      "transformer.resblocks": layers(count - config.flag("remove_last_layer")),
                      "ln_post": norm(width)}
    if not config.flag("share_layernorm", default=True):
        modules["ln_separate.*"] = norm(width).model_copy(update={"copies": count})
    block = LAYER(width, shared, 4 * width)
    return tower("vision", width, under("visual", modules), {"layer": block}, at)


def _pooler(width: int) -> Component:
    return dense(width, width, component="pooler", per="sequence")


def _bridge(config: Config, name: str, into: int) -> Parts:
    """What projects one tower to the joint width, its bridges, and what follows the layers between."""
    width, count = config.integer("hidden_size"), config.layers
    shared = config.flag("share_cross_modal_transformer_layers", default=True)
    at, project = f"cross_modal_{name}_transform", dense(width, into)
    parts: Parts = {at if shared else f"{at}.*": project if shared else project.model_copy(update={"copies": count})}
    kind = config.choice("link_tower_type", LINKS, "add")
    link: Parts = {"LayerNorm": norm(width)}
    if kind != "add":
        link["scaled_factor" if kind == "scaled_add" else "beta"] = vector()
    at = f"cross_modal_{name}_link_tower"
    if config.flag("share_link_tower_layers"):
        parts |= under(at, link)
    elif count > 1:
        parts |= {f"{at}.*.{key}": part.model_copy(update={"copies": count - 1}) for key, part in link.items()}
    return {**parts, f"cross_modal_{name}_layers": layers(count, "cross"),
            f"cross_modal_{name}_pooler.dense": _pooler(width), f"cross_modal_{name}_layernorm": norm(width)}


def _words(config: Config) -> Parts:
    """The head that predicts words."""
    width, at = config.integer("hidden_size"), "mlm_score"
    rows = nested(config, "text_config", "bridgetower_text_model").integer("vocab_size")
    return {f"{at}.transform.dense": dense(width, width, component="lm_head"),
            f"{at}.transform.LayerNorm": norm(width, component="lm_head"),
            f"{at}.bias": vector(rows, component="lm_head"),
            f"{at}.decoder": Head(rows=rows, hidden_size=width, tied=config.tied)}


def _matched(config: Config) -> Parts:
    return {"itm_score.fc": dense(2, 2 * config.integer("hidden_size"), per="sequence")}


def _compared(config: Config) -> Parts:
    width, out = config.integer("hidden_size"), config.integer("contrastive_hidden_size")
    parts: Parts = {f"itc_{name}_head.fc": dense(out, times * width, per="sequence")
                    for name, times in (("text", 1), ("image", 1), ("cross_modal", 2))}
    return parts | {"logit_scale": vector()}


TOPS: Tops = {"Model": (), "MaskedLM": (_words,), "ImageAndTextRetrieval": (_matched,),
              "ContrastiveLearning": (_compared,)}


def bridgetower(config: Config) -> ModelSpec:
    """Both towers, the layers between, and what each class adds."""
    words, eyes = (nested(config, f"{name}_config", f"bridgetower_{name}_model") for name in ("text", "vision"))
    word = top_of(config, TOPS, "Model")
    front, width = "" if word == "Model" else "bridgetower.", config.integer("hidden_size")
    spec, images = bert.words(words, pooler=True), vision(eyes, f"{front}vision_model")
    modules = bert.placed(spec, f"{front}text_model")
    between: Parts = {"token_type_embeddings": table(2, width, "other_embedding"),
                      **_bridge(config, "text", spec.hidden_size)}
    modules |= {front + key: part for key, part in between.items()}
    for piece in TOPS[word]:
        modules |= piece(config) if callable(piece) else {}
    crossed = bert.layer(words, cross=True)
    pictures = _bridge(config, "image", images.hidden_size)
    joint = tower(None, spec.hidden_size, pictures, {"cross": crossed}, front.rstrip("."), "image_tokens")
    blocks = {**spec.blocks, "cross": Block(parts=crossed)}
    return unmeasured(spec.model_copy(update={
        "modules": modules, "blocks": blocks, "towers": {"vision": images, "joint": joint}}))
