"""The pieces that YAML values are built from, and how aliases and `<<` repeat them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    import yaml

    from paramcalc.readers.text.limits import Mark

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | int | float | bool | None"


class YamlValue(NamedTuple):
    """A finished value; `size` and `height` are what it costs wherever an alias repeats it."""

    value: Any
    line: int
    column: int
    children: Mapping[str | int, Mark]
    size: int = 1
    height: int = 0
    merge: bool = False
    text: str = ""


class Open:
    """A collection that has not ended yet."""

    __slots__ = ("anchor", "column", "height", "key", "line", "marks", "merged", "size", "value")

    def __init__(self, value: dict[str, Any] | list[Any], event: yaml.CollectionStartEvent) -> None:
        self.value = value
        self.anchor: str | None = event.anchor
        self.line, self.column = place(event)
        self.marks: dict[str | int, Mark] = {}
        self.key: YamlValue | None = None
        self.merged: YamlValue | None = None
        self.size = 1
        self.height = 1


def place(event: yaml.Event) -> tuple[int, int]:
    """Return the 1-based line and column where an event starts."""
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


def expanded(value: Plain) -> Plain:
    """Return an independent copy, so that nobody's change to one use of an anchor shows in another."""
    if isinstance(value, dict):
        return {key: expanded(item) for key, item in value.items()}
    return [expanded(item) for item in value] if isinstance(value, list) else value


def merge_layers(frame: Open, own: dict[str, Any], merged: YamlValue) -> tuple[dict[str, Any], dict[str | int, Mark]]:
    """Put what `<<` brings under a mapping's own keys; of several layers the first wins."""
    layers = [(merged.value, merged.children)]
    if isinstance(merged.value, list):
        layers = [(layer, merged.children[index].children) for index, layer in enumerate(merged.value)]
    value: dict[str, Any] = {}
    marks: dict[str | int, Mark] = {}
    for layer, places in reversed(layers):
        if isinstance(layer, dict):
            value.update(layer)
            marks.update(places)
    return {**value, **own}, {**marks, **frame.marks}
