"""CLIP's vision tower: a class token, a table of positions, norms before and after the layers. arXiv:2103.00020."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.readers.families.towers.parts import ROTARY, Layer, Parts, conv, layers, norm, table, tower, vector

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower

LAYER = Layer()


def grid(config: Config, key: str = "image_size") -> int:
    """How many patches an image of the size the tower is made for is cut into."""
    return grid_side(config, key) ** 2


def grid_side(config: Config, key: str = "image_size") -> int:
    """How many patches fit along one side."""
    size, patch = config.integer(key), config.integer("patch_size")
    if patch > size:
        raise config.error("patch_size", f"{patch} is larger than {key} ({size})")
    return size // patch


def heads(config: Config, key: str = "num_attention_heads", width: str = "hidden_size") -> int:
    """Heads that share the width."""
    return config.dividing(key, config.integer(width))


def layer(config: Config, shape: Layer = LAYER) -> Parts:
    """A layer by the keys most towers have."""
    return shape(config.integer("hidden_size"), heads(config), config.integer("intermediate_size"))


def mlcd(config: Config, at: str) -> Tower:
    """MLCD: positions are rotated, that of the class token is learned. arXiv:2407.17331."""
    whole, table_at = vision(config, at), f"{at}.embeddings.position_embedding".lstrip(".")
    modules: Parts = {key: part for key, part in whole.modules.items() if key != table_at}
    learned = vector(1, config.integer("hidden_size") // heads(config) // 2, component="position_embedding")
    return whole.model_copy(update={"modules": {
        f"{at}.class_pos_emb".lstrip("."): learned, f"{at}.positions".lstrip("."): ROTARY, **modules}})


def vision(config: Config, at: str) -> Tower:
    """CLIP's vision transformer."""
    width, patch = config.integer("hidden_size"), config.integer("patch_size")
    modules: Parts = {
        "embeddings.class_embedding": vector(width, component="other_embedding"),
        "embeddings.patch_embedding": conv(width, config.integer("num_channels"), patch, patch, bias=False),
        "embeddings.position_embedding": table(grid(config) + 1, width),
        "pre_layrnorm": norm(width),
        "encoder.layers": layers(config.layers),
        "post_layernorm": norm(width),
    }
    return tower("vision", width, modules, {"layer": layer(config)}, at)
