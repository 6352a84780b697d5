"""Published training runs."""

import csv
from pathlib import Path

DATA = Path(__file__).parents[2] / "data" / "scaling"


def runs(name: str) -> list[dict[str, float]]:
    with (DATA / name).open() as file:
        return [{key: float(value) for key, value in row.items() if key not in ("file", "dataset")}
                for row in csv.DictReader(file)]
