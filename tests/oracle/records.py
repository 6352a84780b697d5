"""Count every record of a folder of measured classes, and say which are exact.

    python tests/oracle/records.py FOLDER [PATTERN ...] [--show] [--group]

A record is one JSON file with `config`, `total`, `by_component`, `by_tower` and `tensors` of a class built on torch's
meta device. Exact: the total, what each of vision, audio and projector holds, and the multiset of shapes (experts as
their sum). `--show` lists what differs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from fnmatch import fnmatch
from math import prod
from pathlib import Path
from typing import Any

from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config

TOWERS = ("vision", "audio", "projector")
Shapes = Counter[tuple[str, tuple[int, ...]]]


def expected(record: dict[str, Any]) -> tuple[Shapes, int]:
    """The shapes of a class, and what its experts hold."""
    shapes: Shapes = Counter()
    experts = 0
    for row in record["tensors"]:
        name, shape, copies, bucket = (*row[:3], row[-1])
        if "moe_experts" in bucket or (bucket in TOWERS and ".experts." in name):
            experts += copies * prod(shape)
        else:
            shapes[_group(bucket), tuple(shape)] += copies
    return shapes, experts


def _group(bucket: str) -> str:
    first = bucket.split("/", maxsplit=1)[0]
    return first if first in TOWERS else "text"


def counted(config: dict[str, Any]) -> tuple[Any, Any, Shapes, int, dict[str, int]]:
    """The same of our count."""
    spec = read_config(config).spec
    tree = build(spec).tree
    counts = count(tree)
    shapes: Shapes = Counter()
    experts = 0
    for row in rows(tree):
        if row.buffer:
            continue
        if row.component == "moe_experts" or (row.component in TOWERS and ".experts." in row.name):
            experts += row.copies * prod(row.shape)
        else:
            shapes[_group(row.component), tuple(row.shape)] += row.copies
    return spec, counts, shapes, experts, {key: value[0] for key, value in counts.components.items()}


def judge(record: dict[str, Any]) -> tuple[str, str]:
    """One word on a record, and why."""
    config = record["config"]
    try:
        spec, counts, shapes, experts, parts = counted(config)
    except PCError as error:
        return "refused", str(error.problems[0].message)[:100]
    truth, true_experts = expected(record)
    if counts.total == record["total"] and experts == true_experts and _towers_agree(parts, record["by_component"]):
        return ("exact", "") if shapes == truth or _same_shapes(shapes, truth) else ("shapes", _shapes(shapes, truth))
    why = f"{counts.total:,} of {record['total']:,} ({counts.total - record['total']:+,})"
    gaps = {key: parts.get(key, 0) - record["by_component"].get(key, 0) for key in TOWERS}
    why += " " + ", ".join(f"{key} {gap:+,}" for key, gap in gaps.items() if gap)
    why += f" experts {experts - true_experts:+,}" if experts != true_experts else ""
    if spec.uncounted:
        return "uncounted", f"{why}: {', '.join(spec.uncounted)}"
    return "wrong", why + "\n" + _shapes(shapes, truth)


def _towers_agree(parts: dict[str, int], truth: dict[str, int]) -> bool:
    return all(parts.get(key, 0) == truth.get(key, 0) for key in TOWERS)


def _same_shapes(shapes: Shapes, truth: Shapes) -> bool:
    """Fused matrices are as many values: a text model's files may hold them apart. Towers are held to the shape."""
    return all(_tower(shapes, key) == _tower(truth, key) for key in TOWERS) and _values(shapes) == _values(truth)


def _tower(shapes: Shapes, key: str) -> Shapes:
    return Counter({item: copies for item, copies in shapes.items() if item[0] == key})


def _values(shapes: Shapes) -> int:
    return sum(prod(shape) * copies for (_, shape), copies in shapes.items())


def _shapes(shapes: Shapes, truth: Shapes) -> str:
    more, less = shapes - truth, truth - shapes
    lines = [f"    {sign} {group} {shape} x {copies}" for sign, items in (("+", more), ("-", less))
             for (group, shape), copies in items.items()]
    return "\n".join(lines[:40])


def components_differ(record: dict[str, Any], parts: dict[str, int]) -> dict[str, int]:
    """Components that are not as measured."""
    names = {"ssm_or_linear_mixer": "state_mixer", "ffn_dense": "ffn"}
    truth = {names.get(key, key): value for key, value in record["by_component"].items()}
    return {key: parts.get(key, 0) - truth.get(key, 0) for key in truth | parts
            if parts.get(key, 0) != truth.get(key, 0)}


def main() -> None:
    """Print one line a record that is not exact, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--components", action="store_true")
    options = parser.parse_args()
    sums: Counter[str] = Counter()
    for path in sorted(options.folder.glob("*.json")):
        record = json.loads(path.read_text(encoding="utf-8"))
        if not any(fnmatch(record["model_type"], pattern) or fnmatch(path.stem, pattern)
                   for pattern in options.patterns):
            continue
        try:
            word, why = judge(record)
        except Exception as error:
            if options.show:
                raise
            word, why = "crashed", repr(error)[:200]
        sums[word] += 1
        if options.components and word == "exact" and (gaps := components_differ(record, counted(record["config"])[4])):
            sys.stdout.write(f"components {path.stem}: {gaps}\n")
        if word != "exact":
            first = "".join(why.splitlines()[:1])
            sys.stdout.write(f"{word} {path.stem}: {why if options.show else first}\n")
    sys.stdout.write(f"{dict(sums)}\n")


if __name__ == "__main__":
    main()
