"""Another number of layers for a specification whose layers follow a pattern: the pattern is cut or continued."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from paramcalc.components.layout import Layout, continued, roll, unroll
from paramcalc.errors import Problem, SpecError
from paramcalc.numbers import many

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LAYOUT: TypeAdapter[Any] = TypeAdapter(Layout)


def depth(data: Mapping[str, Any]) -> int | None:
    """How many layers a specification's plain data say; None where it does not say one number."""
    numbers = {*depths(data)}
    (number,) = numbers if len(numbers) == 1 else (None,)
    return number


def depths(data: Mapping[str, Any]) -> tuple[int, ...]:
    """Layers of each stack that a specification's plain data say; empty where one has none or is not valid."""
    stacks = _stacks(data)
    numbers = [len(_names(stack[key]) or ()) for stack, key in stacks] if stacks else [data.get("num_layers") or 0]
    return tuple(numbers) if all(numbers) else ()


def set_depth(data: dict[str, Any], layers: int) -> None:
    """Write `num_layers` and every pattern of a specification's plain data, in place.

    A model of several stacks (encoder and decoder) of one depth gets it in each. Raises SpecError where the pattern
    cannot be continued, or where it is not the only thing that says how many there are.
    """
    stacks = _stacks(data)
    if not stacks:
        data["num_layers"] = layers
        return
    patterns = [_names(stack[key]) for stack, key in stacks]
    if None in patterns:
        return  # what is wrong with it is said when the document is read
    if len({len(names) for names in patterns if names}) > 1:
        depths = ", ".join(str(len(names)) for names in patterns if names)
        raise SpecError(Problem(f"the model has stacks of {depths} layers", ("num_layers",),
                                "give `of` of each stack in modules"))
    for (stack, key), names in zip(stacks, patterns, strict=True):
        stack[key] = _rewritten(data, names or [], layers, key)
    if "modules" not in data:
        data["num_layers"] = layers


def set_depths(data: dict[str, Any], layers: Sequence[int]) -> dict[str, list[Any]]:
    """Write the layers of each stack of `modules`, in place; gives the new layouts by dotted key.

    Raises SpecError where a pattern cannot be continued.
    """
    changes = {}
    for (stack, key), number in zip(_stacks(data), layers, strict=True):
        stack[key] = _rewritten(data, _names(stack[key]) or [], number, key)
        name = next(name for name, module in data["modules"].items() if module is stack)
        changes[f"modules.{name}.{key}"] = stack[key]
    return changes


def _rewritten(data: Mapping[str, Any], names: list[str], layers: int, key: str) -> list[Any]:
    blocks = data.get("blocks")
    shared = [name for name in dict.fromkeys(names) if isinstance(blocks, dict) and _shares(blocks.get(name))]
    if shared and layers != len(names):
        raise SpecError(Problem(f"num_layers: layers share the weights of {shared[0]!r}, whose copies are counted for "
                                f"{many(len(names), 'layer')}", (key,),
                                "give blocks and layers, or change the config.json"))
    try:
        return roll(continued(names, layers))
    except ValueError as error:
        hint = f"give layers with {many(layers, 'entry')}, of {', '.join(dict.fromkeys(names))}"
        raise SpecError(Problem(f"num_layers: {error}", (key,), hint)) from error


def _stacks(data: Mapping[str, Any]) -> list[tuple[dict[str, Any], str]]:
    """Mappings and their keys that hold a layout."""
    if isinstance(data.get("layers"), list):
        return [(data, "layers")]  # type: ignore[list-item]
    modules = data.get("modules")
    modules = modules.values() if isinstance(modules, dict) else ()
    return [(module, "of") for module in modules if isinstance(module, dict) and isinstance(module.get("of"), list)]


def _names(layout: list[Any]) -> list[str] | None:
    """Every layer's block; None where the layout is not valid."""
    try:
        return unroll(_LAYOUT.validate_python(layout))
    except ValidationError:
        return None


def _shares(block: object) -> bool:
    """Whether a block holds weights another layer's block uses, or the other way round."""
    parts = block.get("parts") if isinstance(block, dict) else None
    return isinstance(parts, dict) and any(
        isinstance(part, dict) and (part.get("stored") == 0 or part.get("copies", 1) != 1) for part in parts.values())
