"""Compare how buckets.py sorts parameters with a folder of measured classes that says it too.

    python tests/oracle/sorting.py FOLDER [PATTERN ...]

Each record is one JSON file with `class`, `config` and `tensors`, whose names have `N` for a numeric segment and whose
last column is the component of the first tensor of that name and shape; `by_component` has the sums of all. A row
agrees if the class built anew sorts that tensor so. Of a class that does not build here the names alone are sorted.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from fnmatch import fnmatch
from math import prod
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import buckets
import building
import transformers

SPELLED = {"ssm_or_linear_mixer": "state_mixer", "ffn_dense": "ffn"}
Rows = dict[tuple[str, tuple[int, ...]], str]


def stated(record: dict[str, Any]) -> Rows:
    """Return the component of each name and shape of a record."""
    rows: Rows = {}
    for name, shape, *_, component in record["tensors"]:
        rows[re.sub(r"(?<![^.])N(?![^.])", "*", name), tuple(shape)] = _spelled(component.split("/")[0])
    return rows


def _spelled(component: str) -> str:
    return SPELLED.get(component, component)


def _restored(written: dict[str, Any]) -> dict[str, Any]:
    """Return a configuration as it was before strict JSON had to say its infinities in words."""
    return json.loads(json.dumps(written), object_hook=lambda item: float("inf") if "__float__" in item else item)


def sorted_here(record: dict[str, Any]) -> tuple[Rows, Counter[str]]:
    """Return the same as buckets.py sorts the class, and the sums of its components."""
    owner = building.model_class(record["model_type"], record["class"])
    config_class = owner.config_class
    if config_class is None:
        raise TypeError(f"{record['class']} has no configuration of its own")
    model = building.build(owner, config_class.from_dict(_restored(record["config"])))
    component = building.bucket_of(model)
    rows: Rows = {}
    sums: Counter[str] = Counter()
    for name, parameter in model.named_parameters():
        rows.setdefault((building.collapse(name), tuple(parameter.shape)), component[name])
        sums[component[name]] += parameter.numel()
    return rows, sums


def by_name(record: dict[str, Any]) -> tuple[Rows, Counter[str]]:
    """Return the same as buckets.py sorts the names of a record."""
    components = {(name, shape): buckets.classify(record["class"], [name]) for name, shape in stated(record)}
    sums: Counter[str] = Counter()
    for name, shape, copies, *_ in record["tensors"]:
        sums[components[re.sub(r"(?<![^.])N(?![^.])", "*", name), tuple(shape)]] += copies * prod(shape)
    return components, sums


def main() -> None:
    """Print one line a row that is sorted otherwise, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("patterns", nargs="*", default=["default__*"])
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    sums: Counter[str] = Counter()
    for path in sorted(options.folder.glob("*.json")):
        if not any(fnmatch(path.stem, pattern) for pattern in options.patterns):
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        try:
            ours, ours_summed = sorted_here(record)
        except Exception as error:  # what a class lacks here is as varied as the classes
            sys.stdout.write(f"names alone {path.stem}: {repr(error)[:100]}\n")
            ours, ours_summed = by_name(record)
            sums["records sorted by names alone"] += 1
        theirs = stated(record)
        for row, component in theirs.items():
            if ours.get(row) != component:
                sys.stdout.write(f"{path.stem} {row[0]} {row[1]}: {component}, here {ours.get(row)}\n")
                sums["rows sorted otherwise"] += 1
        summed = Counter({_spelled(key): value for key, value in record["by_component"].items()})
        gaps = {key: ours_summed[key] - summed[key] for key in ours_summed | summed if ours_summed[key] != summed[key]}
        if gaps:
            sys.stdout.write(f"{path.stem}: {gaps}\n")
            sums["records whose sums differ"] += 1
        sums["rows"] += len(theirs)
        sums["records"] += 1
    sys.stdout.write(f"{dict(sums)}\n")


if __name__ == "__main__":
    main()
