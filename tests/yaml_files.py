"""YAML files of the tests, read with libyaml where PyYAML has it: a tenth of the time, which every collection pays."""

from pathlib import Path
from typing import Any

import yaml

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse_yaml(text: str) -> Any:
    """What a text in YAML says."""
    return yaml.load(text, LOADER)  # noqa: S506 - both are safe


def read_yaml(path: Path) -> Any:
    """What a file in YAML says."""
    return parse_yaml(path.read_text("utf-8"))
