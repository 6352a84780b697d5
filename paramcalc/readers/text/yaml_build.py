"""Build plain values from YAML events, each with its place.

Limits are applied to events, before anything is built, so deep or self-multiplying files cost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from paramcalc.readers.text.limits import MAX_DEPTH, MAX_NODES, Findings, Mark, Path, string_fault
from paramcalc.readers.text.yaml_nodes import Open, YamlValue, expanded, merge_layers, place
from paramcalc.readers.text.yaml_scalars import plain
from paramcalc.sanitize import describe, quote, visible

if TYPE_CHECKING:
    from collections.abc import Callable


class Builder:
    """Takes one event after another. Raises InputError as soon as a limit is passed."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.open: list[Open] = []
        self.anchors: dict[str, YamlValue | None] = {}
        self.total = 0
        self.root: YamlValue | None = None
        self.steps: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._begin,
            yaml.SequenceStartEvent: self._begin,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }

    def take(self, event: yaml.Event) -> None:
        """Add what one event of the YAML parser says to the document."""
        step = self.steps.get(type(event))
        if step is not None:
            step(event)

    def _path(self) -> Path:
        parts: list[str | int] = []
        for frame in self.open:
            if isinstance(frame.value, list):
                parts.append(len(frame.value))
            elif frame.key is not None:
                parts.append(frame.key.value)
        return tuple(parts)

    def _problem(self, message: str, at: tuple[int, int], hint: str = "") -> None:
        self.findings.add(message, at, self._path(), hint)

    def _document(self, event: yaml.Event) -> None:
        if self.root is not None:
            self._problem("expected one document in a file, "
                          "found a second", place(event), "put each into a file of its own")
            self.findings.refuse()

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        at, text = place(event), event.value
        self._no_tag(event)
        value, fault = (text, "") if event.style else plain(text)
        if isinstance(value, str):
            fault = fault or string_fault(value)
        if fault:
            self._problem(fault, at)
        frame = self.open[-1] if self.open else None
        merge = text == "<<" and not event.style and frame is not None and self._wants_key(frame)
        # Long strings weigh more, so that repeating one by alias is bounded too.
        size = 1 + len(text) // 64
        self._put(YamlValue(value, *at, {}, size, 0, merge, text), event.anchor, size)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        self._no_tag(event)
        if len(self.open) >= MAX_DEPTH:
            self._too_deep(place(event))
        if event.anchor:
            self.anchors[event.anchor] = None
        self.open.append(Open({} if isinstance(event, yaml.MappingStartEvent) else [], event))

    def _end(self, _event: yaml.Event) -> None:
        frame = self.open.pop()
        value = frame.value
        if frame.merged is not None and isinstance(value, dict):
            value, frame.marks = merge_layers(frame, value, frame.merged)
        self._put(YamlValue(value, frame.line, frame.column, frame.marks, frame.size, frame.height), frame.anchor, 1)

    def _alias(self, event: yaml.AliasEvent) -> None:
        at, name = place(event), quote(event.anchor)
        target = self.anchors.get(str(event.anchor))
        if target is None:
            inside = event.anchor in self.anchors
            self._problem(f"expected an alias of a value that has ended, "
                          f"found {name} inside its own anchor" if inside else
                          f"expected an alias of an anchor above it, found {name}", at)
            target = YamlValue({}, *at, {})
        if len(self.open) + target.height > MAX_DEPTH:
            self._too_deep(at)
        copied = expanded(target.value) if self.total + target.size <= MAX_NODES else target.value
        self._put(
            YamlValue(copied, *at, target.children, target.size, target.height, False, target.text), None, target.size
        )

    def _put(self, node: YamlValue, anchor: str | None, cost: int) -> None:
        if anchor:
            self.anchors[anchor] = node
        if not self.open:
            self.root = node
            return
        frame = self.open[-1]
        self._count(node, frame, cost)
        if isinstance(frame.value, list):
            frame.marks[len(frame.value)] = Mark(node.line, node.column, node.children)
            frame.value.append(node.value)
        elif frame.key is None:
            self._put_key(node, frame)
        else:
            self._put_value(node, frame)

    def _count(self, node: YamlValue, frame: Open, cost: int) -> None:
        """Charge what is new: one for a collection whose items were charged, all of them again for an alias."""
        frame.size += node.size
        if node.height >= frame.height:
            frame.height = node.height + 1
        self.total += cost
        if self.total > MAX_NODES:
            self._problem(f"expected at most {MAX_NODES:,} values, aliases counted, "
                          f"found more", (node.line, node.column))
            self.findings.refuse()

    def _put_key(self, node: YamlValue, frame: Open) -> None:
        at, key = (node.line, node.column), node.value
        if not isinstance(key, str):
            text = node.text
            what = (f"expected a string as key, found {visible(text)}" if text
                    else f"expected a string as key, found {describe(key)}")
            self._problem(what, at, f'write "{visible(text)}"' if text else "")
            node = YamlValue(f"key at {at}", *at, {})
        first = frame.merged if node.merge else frame.marks.get(node.value)
        if first is not None:
            frame.key = node
            self._problem(f"duplicate key {quote(key)}: also on line {first.line}", at, "keep one of the two")
        frame.key = node

    def _put_value(self, node: YamlValue, frame: Open) -> None:
        key = frame.key
        if key is None or isinstance(frame.value, list):
            return
        if key.merge:
            layers = node.value if isinstance(node.value, list) else [node.value]
            if not layers or not all(isinstance(layer, dict) for layer in layers):
                self._problem(f"'<<': expected a mapping or a list of mappings, "
                              f"found {describe(node.value)}", (node.line, node.column))
            frame.merged = YamlValue(node.value, key.line, key.column, node.children)
        else:
            frame.marks[key.value] = Mark(key.line, key.column, node.children)
            frame.value[key.value] = node.value
        frame.key = None

    def _wants_key(self, frame: Open) -> bool:
        return frame.key is None and isinstance(frame.value, dict)

    def _no_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is not None:
            self._problem(f"expected a plain value, found the tag {quote(event.tag)}", place(event), "remove the tag")

    def _too_deep(self, at: tuple[int, int]) -> None:
        self.findings.add(f"expected at most {MAX_DEPTH} levels of nesting, found more", at, self._path()[:3])
        self.findings.refuse()
