"""Where the parameters are: maps of components and their tensors, and of layers, drawn from `count`'s JSON."""

from __future__ import annotations

from itertools import cycle
from math import prod
from typing import TYPE_CHECKING, Any

from paramcalc.numbers import many, short
from paramcalc.reports.pictures.svg import SERIES, colour
from paramcalc.reports.pictures.treemap import Area, treemap

if TYPE_CHECKING:
    from collections.abc import Mapping


def component_map(answer: Mapping[str, Any], focus: str = "") -> str:
    """Components with their tensors inside, or only those of the component in focus.

    `answer` is what `count --by tensor --json` writes; areas are in proportion to parameters. `focus` is the name of a
    component or of one of its tensors. Areas carry as their key the component to focus on, or the tensor where it is.
    """
    chosen = next((row["component"] for row in answer["tensors"] if focus in (row["component"], row["name"])), None)
    tensors: dict[str, list[Area]] = {}
    for row in answer["tensors"]:
        values = row["copies"] * prod(row["shape"])
        shape = " × ".join(f"{size:,}" for size in row["shape"])
        detail = f"{row['name']}: {many(values, 'parameter')} ({shape}, {many(row['copies'], 'copy')})"
        tensors.setdefault(row["component"], []).append(
            Area(_last(row["name"]), values, colour(row["component"]), detail, key=row["name"] if chosen else ""))
    if chosen:
        return treemap(tensors[chosen], f"Parameters of {chosen} by tensor")
    areas = [_component(row, tensors.get(row["component"], [])) for row in answer["components"]]
    return treemap(areas, f"Parameters of {answer['model']['name']} by component and tensor")


def layer_map(answer: Mapping[str, Any]) -> str:
    """The layers of each stack inside it, and what is in none; areas are in proportion to parameters.

    `answer` is what `count --by layer --json` writes.
    """
    stacks: dict[str, list[Mapping[str, Any]]] = {}
    for row in answer["layers"]:
        stacks.setdefault(row["layer"].rpartition(".")[0], []).append(row)
    areas = []
    for (stack, rows), fill in zip(stacks.items(), cycle(SERIES), strict=False):
        layers = [Area(row["layer"].rpartition(".")[2], row["parameters"], fill,
                       f"{row['layer']}: {many(row['parameters'], 'parameter')}") for row in rows]
        areas.append(_area(stack, sum(layer.value for layer in layers), fill, tuple(layers)))
    beside = answer["parameters"]["total"] - sum(area.value for area in areas)
    areas.append(_area("in no layer", beside, colour("other")))
    return treemap(areas, f"Parameters of {answer['model']['name']} by layer")


def _component(row: Mapping[str, Any], tensors: list[Area]) -> Area:
    name = row["component"]
    return _area(name, row["parameters"], colour(name), tuple(tensors), name)


def _area(name: str, values: int, fill: str, parts: tuple[Area, ...] = (), key: str = "") -> Area:
    return Area(name, values, fill, f"{name}: {values:,} parameters ({short(values)})", parts, key)


def _last(name: str) -> str:
    """The module a tensor belongs to: `q_proj` of `model.layers.*.self_attn.q_proj.weight`."""
    module, _, last = name.rpartition(".")
    return module.rpartition(".")[2] if last in ("weight", "bias") and module else last
