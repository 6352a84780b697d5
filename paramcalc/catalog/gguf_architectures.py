"""Which architecture the GGUF files of a model type name: generated data (`tests/oracle/gguf_architectures.py`).

Source: ggml-org/llama.cpp as of llama-cpp-python 0.3.36, `conversion/*.py`, which registers a converter for each class.
"""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from paramcalc.catalog.same_types import library_type


def gguf_architectures(model_type: str) -> tuple[str, ...]:
    """The architectures that GGUF files of a model type's classes name; none where no converter knows them."""
    return tuple(_table().get(library_type(model_type), ()))


@cache
def _table() -> dict[str, list[str]]:
    table: dict[str, list[str]] = json.loads(files(__package__).joinpath("gguf_architectures.json").read_text("utf-8"))
    return table
