"""Record how the text model of each composite class is spelled and what it holds: tests/data/composites.jsonl.

    python tests/oracle/composites.py

One record for each class with its default configuration: the tensors that belong to the text model, with the names and
shapes `save_pretrained` writes. Classes that need further packages to be built are left out.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import building

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data" / "composites.jsonl"
CLASSES = HERE / "composites.txt"
ELSEWHERE = {"vision", "audio", "projector"}


def classes() -> Iterator[tuple[str, str]]:
    """Yield the composite types and classes to be measured."""
    for line in CLASSES.read_text(encoding="utf-8").splitlines():
        model_type, name = line.split()
        yield model_type, name


def text_rows(record: dict[str, Any], width: tuple[int, ...]) -> list[Any]:
    """Keep the rows of the text model: those beside its token table, and its head."""
    rows = record.get("checkpoint_tensors") or record["tensors"]
    table = next(row[0] for row in rows if tuple(row[1]) == width and row[3] == "token_embedding")
    front = table.rsplit(".", 2)[0] + "."
    return [row for row in rows if row[3] not in ELSEWHERE and (row[0].startswith(front) or "lm_head" in row[0])]


def record(model_type: str, name: str) -> dict[str, Any]:
    """Measure one class."""
    owner = building.model_class(model_type, name)
    model = building.build(owner, building.default_config(model_type, owner))
    measured = building.measure(model, model_type, f"default__{model_type}__{name}")
    rows = text_rows(measured, tuple(model.get_input_embeddings().weight.shape))
    return {"id": measured["id"], "config": measured["config"], "text_tensors": rows}


def main() -> None:
    """Write one line a class."""
    lines = [json.dumps(record(*pair)) for pair in classes()]
    DATA.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
