"""Where the parameters are: a map of components and their tensors, drawn from `count`'s JSON."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from paramcalc.numbers import many, short
from paramcalc.reports.pictures.svg import colour
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


def _component(row: Mapping[str, Any], tensors: list[Area]) -> Area:
    values = row["parameters"]
    return Area(row["component"], values, colour(row["component"]),
                f"{row['component']}: {values:,} parameters ({short(values)})", tuple(tensors), row["component"])


def _last(name: str) -> str:
    """The module a tensor belongs to: `q_proj` of `model.layers.*.self_attn.q_proj.weight`."""
    module, _, last = name.rpartition(".")
    return module.rpartition(".")[2] if last in ("weight", "bias") and module else last
