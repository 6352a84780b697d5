"""SigLIP's vision towers, and the head that pools patches by a learned query. arXiv:2303.15343, arXiv:2502.14786."""

from __future__ import annotations

from math import isqrt
from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.linear import Linear, Score
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.geometry import grid
from paramcalc.readers.families.towers.parts import conv, dense, down, norm, table, up, vector

if TYPE_CHECKING:
    from paramcalc.component_names import ComponentName
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower


def pooling(config: Config, at: str = "head", *, alone: bool = True) -> Parts:
    """A learned query that attends to the patches once an image: the head of a model that is a tower `alone`.

    One matrix holds what makes the query of the probe and the keys and values of the patches: a third of it meets one
    vector, the rest each patch. Source: `_in_projection_packed` of torch 2.13.0, torch/nn/functional.py.
    """
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    attends: ComponentName = "lm_head" if alone else "attention"
    feeds: ComponentName = "lm_head" if alone else "ffn"
    return {
        f"{at}.probe": vector(1, 1, width, component=attends),
        f"{at}.attention.in_proj_weight": vector(3 * width, width, component=attends),
        f"{at}.attention.query": Score(sizes=(width, width), component=attends, per="sequence"),
        f"{at}.attention.keys_and_values": Score(sizes=(2, width, width), component=attends, per="token"),
        f"{at}.attention.scores": Score(sizes=(2, width), component=attends, per="token"),
        f"{at}.attention.in_proj_bias": vector(3 * width, component=attends),
        f"{at}.attention.out_proj": dense(width, width, component=attends, per="sequence"),
        f"{at}.layernorm": norm(width, component="lm_head" if alone else "norm"),
        f"{at}.mlp.fc1": up(inner, width, component=feeds, per="sequence"),
        f"{at}.mlp.fc2": down(width, inner, component=feeds, per="sequence"),
    }


def vision(config: Config, at: str) -> Tower:
    """SigLIP: square images, one table of positions."""
    patch, channels = config.integer("patch_size"), config.integer("num_channels")
    embed: Parts = {"patch_embedding": conv(config.integer("hidden_size"), channels, patch, patch)}
    return _tower(config, at, embed, grid(config))


def vision2(config: Config, at: str) -> Tower:
    """SigLIP 2: patches of any image, cut out beforehand, and a table that is resized by one product. Source:
    Siglip2VisionEmbeddings' `resize_positional_embeddings`, transformers 5.24.0."""
    patch, channels = config.integer("patch_size"), config.integer("num_channels")
    embed: Parts = {"patch_embedding": Linear(out_features=config.integer("hidden_size"), bias=True,
                                              in_features=channels * patch * patch, component="other_embedding")}
    rows, width = config.integer("num_patches"), config.integer("hidden_size")
    embed["resized"] = Score(sizes=(isqrt(rows) ** 2, width), component="position_embedding", per="token")
    return _tower(config, at, embed, rows)


def cosmos(config: Config, at: str) -> Tower:
    """The same without the head."""
    plain = vision2(config, at)
    return plain.model_copy(update={"modules": {
        key: part for key, part in plain.modules.items() if not key.removeprefix(f"{at}.").startswith("head.")}})


def _tower(config: Config, at: str, embed: Parts, positions: int) -> Tower:
    width = config.integer("hidden_size")
    modules: Parts = {f"embeddings.{key}": part for key, part in embed.items()}
    modules |= {"embeddings.position_embedding": table(positions, width), "encoder.layers": layers(config.layers),
                "post_layernorm": norm(width)}
    if config.flag("vision_use_head", default=True):
        modules |= pooling(config, alone=not at)
    return tower("vision", width, modules, {"layer": Layer().of(config)}, at)
