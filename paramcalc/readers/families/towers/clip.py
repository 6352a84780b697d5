"""CLIP's vision tower: a class token, a table of positions, norms before and after the layers. arXiv:2103.00020."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import Layer, layers, tower
from paramcalc.readers.families.towers.geometry import grid, heads
from paramcalc.readers.families.towers.parts import ROTARY, embedded, norm, patched, positioned, table

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.tower import Tower

LAYER = Layer()


def mlcd(config: Config, at: str) -> Tower:
    """MLCD: positions are rotated, that of the class token is learned. arXiv:2407.17331."""
    plain, table_at = vision(config, at), f"{at}.embeddings.position_embedding".lstrip(".")
    modules: Parts = {key: part for key, part in plain.modules.items() if key != table_at}
    learned = positioned(1, config.integer("hidden_size") // heads(config) // 2)
    return plain.model_copy(update={"modules": {
        f"{at}.class_pos_emb".lstrip("."): learned, f"{at}.positions".lstrip("."): ROTARY, **modules}})


def vision(config: Config, at: str) -> Tower:
    """CLIP's vision transformer."""
    width = config.integer("hidden_size")
    modules: Parts = {
        "embeddings.class_embedding": embedded(width),
        "embeddings.patch_embedding": patched(config, width, bias=False),
        "embeddings.position_embedding": table(grid(config) + 1, width),
        "pre_layrnorm": norm(width),
        "encoder.layers": layers(config.layers),
        "post_layernorm": norm(width),
    }
    return tower("vision", width, modules, {"layer": Layer().of(config)}, at)


def spelled(config: Config, at: str) -> Tower:
    """The same where the first norm has its full name: OWL-ViT, X-CLIP."""
    plain = vision(config, at)
    return plain.model_copy(update={"modules": {
        key.replace("pre_layrnorm", "pre_layernorm"): part for key, part in plain.modules.items()}})
