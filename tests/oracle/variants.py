"""Measure classes with switches that no default or random draw turns: tests/data/variants.jsonl.

    python tests/oracle/variants.py

Each record is measured again from its own config; a new one needs only `id` and `config`. Inkling needs scipy.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import building
import generate

DATA = Path(__file__).resolve().parent.parent / "data" / "variants.jsonl"


def main() -> None:
    """Write the data file anew."""
    records = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
    measured = (building.measure(building.from_file(record["config"]), record["config"]["model_type"], record["id"])
                for record in records)
    DATA.write_text("".join(generate.render(record) + "\n" for record in measured), "utf-8")


if __name__ == "__main__":
    main()
