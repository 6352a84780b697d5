"""A specification as YAML for people: in order, short collections on one line, strings quoted only where they must."""

from __future__ import annotations

from typing import Any

import yaml

from paramcalc.readers.text.yaml_scalars import plain

WIDTH = 110
MODELINE = "# yaml-language-server: $schema={}\n"


def spec_yaml(data: dict[str, Any], schema: str = "spec.schema.json") -> str:
    """The YAML text of a dumped specification, with the line by which editors find its schema."""
    body = yaml.dump(_styled(data), Dumper=_Dumper, sort_keys=False, width=100_000, allow_unicode=True,
                     default_flow_style=False)
    return MODELINE.format(schema) + body


class _Flow(dict[str, Any]):
    """A mapping on one line."""


class _FlowList(list[Any]):
    """A list on one line."""


class _Dumper(yaml.SafeDumper):
    """Without aliases, which make people look up and down."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _styled(value: Any, room: int = WIDTH) -> Any:  # noqa: ANN401 - plain data
    """The same data with collections that fit on a line marked to be written so."""
    if isinstance(value, dict):
        if value and room < WIDTH and _length(value) <= room:
            return _flow(value)
        return {key: _styled(item, room - 2 - len(key)) for key, item in value.items()}
    if isinstance(value, list):
        return _flow(value) if _length(value) <= room else [_styled(item, room - 2) for item in value]
    return value


def _flow(value: Any) -> Any:  # noqa: ANN401 - plain data
    if isinstance(value, dict):
        return _Flow({key: _flow(item) for key, item in value.items()})
    return _FlowList([_flow(item) for item in value]) if isinstance(value, list) else value


def _length(value: Any) -> int:  # noqa: ANN401 - plain data
    if isinstance(value, dict):
        return sum(len(key) + 4 + _length(item) for key, item in value.items())
    return sum(2 + _length(item) for item in value) if isinstance(value, list) else len(str(value))


def _string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = None if plain(text) == (text, "") else "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _mapping(dumper: yaml.SafeDumper, value: _Flow) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=True)


def _list(dumper: yaml.SafeDumper, value: _FlowList) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)


_Dumper.add_representer(str, _string)
_Dumper.add_representer(_Flow, _mapping)
_Dumper.add_representer(_FlowList, _list)
