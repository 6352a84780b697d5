"""Granite Docling 2: SigLIP, and two routes of merged patches that also feed deeper layers of the text model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.readers.families.towers.frame import Layer, layers, tower, under
from paramcalc.readers.families.towers.geometry import grid
from paramcalc.readers.families.towers.parts import dense, down, norm, patched, table, up

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.towers.composite import Composite, Towers
    from paramcalc.spec.tower import Tower

DEEPER = (3, 7, 10)
"""Layers of the tower whose output goes into the text model too, which the class fills in for null."""


def _route(config: Config, factor: int) -> Parts:
    """Squares of `factor` by `factor` patches to the text model's width, once at its start and once a deeper layer."""
    width, out = config.integer("hidden_size") * factor**2, config.integer("out_hidden_size")
    parts: Parts = {"projection": dense(out, width, bias=False)}
    deeper = config.listed("deepstack_visual_indexes", int)
    for index in range(len(DEEPER if deeper is None else deeper)):
        parts |= under(f"deepstack_mergers.{index}", {"layer_norm": norm(width), "linear_1": up(out, width),
                                                      "linear_2": down(out, out)})
    return parts


def vision(config: Config, at: str) -> Tower:
    """The tower with its connector."""
    width, out = config.integer("hidden_size"), config.integer("out_hidden_size")
    factor = config.integer("scale_factor")
    join: Parts = {"ln_in": norm(width), **under("coarse", _route(config, factor))}
    if config.flag("use_fine_route", default=True):
        join |= under("fine", _route(config, factor // 2))
    join |= {"ln_mid": norm(out), "mlp_fc2": dense(out, out, bias=False, component="ffn"), "ln_out": norm(out)}
    modules: Parts = {
        "embeddings.patch_embedding": patched(config, width),
        "embeddings.position_embedding": table(grid(config), width), "encoder.layers": layers(config.layers),
        "post_layernorm": norm(width), **under("connector", join)}
    return tower("vision", width, modules, {"layer": Layer().of(config)}, at)


def docling(model: Composite) -> Towers:
    """What chooses the route, where the config has it."""
    usual = "granite_docling_vision"
    width, inner = model.part("vision_config", usual).integer("hidden_size"), model.config.optional(
        "density_router_hidden_size")
    towers = model.tower("vision_config", "vision_model", usual)
    if inner is None:
        return towers
    route: Parts = {"att": dense(1, width), "norm": norm(width), "fc1": dense(inner, width), "fc2": dense(1, inner)}
    return {**towers, **model.join(under("density_router", route), width, "router", stream="image", component=None)}
