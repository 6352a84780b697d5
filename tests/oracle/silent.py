"""Change one key at a time of recorded configs, and list those that our count does not notice though a class may.

    python tests/oracle/silent.py FOLDER [PATTERN ...]            # what nothing is said of, what the class does then
    python tests/oracle/silent.py FOLDER --every                  # also whether a total that did change is the class's
    python tests/oracle/silent.py FOLDER --ours                   # without torch: what nothing is said of, no more

FOLDER holds records: `*.json`, one each, or `*.jsonl`, one a line. A change is silent where the shapes, the notes, the
unknown keys and what is counted as exact are as before. It is wrong where the class, built on torch's meta device from
the same two configs, holds other parameters; each is asked once a class, key and kind of change.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.measures.certainty import size_certainty
from paramcalc.measures.parameters import rows
from paramcalc.readers.config.defaults import family_data
from paramcalc.readers.config.read import read_config
from paramcalc.readers.text.size_words import SHORT, SIZE_WORDS

os.environ.setdefault("HF_HUB_OFFLINE", "1")

Json = dict[str, Any]
Path_ = tuple[str, ...]
SKIPPED = re.compile(r"^(architectures|model_type|transformers_version|quantization_config|auto_map|id2label|label2id"
                     r"|torch_dtype|dtype|task_specific_params|hidden_act(ivation)?)$|token_id|drop|_eps(ilon)?$")


class Change(NamedTuple):
    """One key of a config, and what is done to it."""

    at: Path_
    kind: str
    config: Json


class Ours(NamedTuple):
    """Our answer to a config."""

    total: int
    shapes: Counter[tuple[tuple[int, ...], str]]
    known: str
    notes: tuple[object, ...]


def sized(key: str, value: object) -> bool:
    """Whether a key could change a size by its name, or by holding a list."""
    return (isinstance(value, list | dict) or any(word in key.lower() for word in SIZE_WORDS)
            or not SHORT.isdisjoint(key.lower().split("_")))


def others(value: object) -> Iterator[tuple[str, Any]]:
    """Kinds of change and the values they make of one."""
    if isinstance(value, bool):
        yield "flipped", not value
    elif isinstance(value, int):
        yield from (("doubled", value * 2), ("more", value + 1), ("halved", value // 2))
    elif isinstance(value, float):
        yield "doubled", value * 2
    elif isinstance(value, str):
        yield "other", "other"
    elif isinstance(value, list):
        yield from (("shorter", value[:-1]), ("reversed", value[::-1]), ("empty", []))
        if value and all(type(item) is int for item in value):
            yield "doubled", [item * 2 for item in value]
    elif value is None:
        yield from (("16", 16), ("2", 2), ("true", True))
    if value is not None:
        yield "null", None


def places(config: Json, at: Path_ = ()) -> Iterator[tuple[Path_, Any]]:
    """Every key of a config and of those nested in it, with its value."""
    for key, value in config.items():
        if SKIPPED.search(key):
            continue
        if sized(key, value):
            yield (*at, key), value
        if isinstance(value, dict) and len(at) < 3 and "rope" not in key:
            yield from places(value, (*at, key))


def changed_copy(config: Json, at: Path_, value: object, *, remove: bool = False) -> Json:
    """A copy of a config with another value at one place."""
    changed = copy.deepcopy(config)
    inner = changed
    for key in at[:-1]:
        inner = inner[key]
    if remove:
        del inner[at[-1]]
    else:
        inner[at[-1]] = value
    return changed


def changes(config: Json) -> Iterator[Change]:
    """Every change of one key, those included which the class has and the file leaves out."""
    for at, value in places(config):
        yield Change(at, "deleted", changed_copy(config, at, None, remove=True))
        if not isinstance(value, dict):
            yield from (Change(at, kind, changed_copy(config, at, other)) for kind, other in others(value))
    family = family_data(str(config.get("model_type")))
    for key, value in (family.defaults if family is not None else {}).items():
        if key not in config and not SKIPPED.search(key) and not isinstance(value, dict) and sized(key, value):
            yield from (Change((key,), kind, changed_copy(config, (key,), other)) for kind, other in others(value))


def ours(config: Json) -> Ours | None:
    """What is counted, and all that is said beside it; None where it is refused."""
    try:
        read = read_config(config)
        counted = [row for row in rows(build(read.spec).tree) if not row.buffer]
    except PCError:
        return None
    shapes: Counter[tuple[tuple[int, ...], str]] = Counter()
    total = 0
    for row in counted:
        size = row.copies
        for side in row.shape:
            size *= side
        shapes[tuple(row.shape), row.component] += row.copies
        total += size
    spec = read.spec
    notes = (spec.notes, spec.uncounted, spec.unread, tuple(sorted(spec.defaults)), read.harmless,
             tuple(caveat.reason for caveat in spec.caveats))
    return Ours(total, shapes, size_certainty(spec), notes)


def records(folder: Path, patterns: list[str]) -> Iterator[tuple[str, Json]]:
    """Name and config of each record."""
    for path in sorted((*folder.glob("*.json"), *folder.glob("*.jsonl"))):
        text = path.read_text("utf-8")
        lines = [text] if path.suffix == ".json" else text.splitlines()
        for line in lines:
            record = json.loads(line)
            config = record["config"] | {"architectures": [record["class"]]} if "class" in record else record["config"]
            name = str(record.get("id", path.stem))
            if any(fnmatch(str(config.get("model_type")), pattern) or fnmatch(name, pattern) for pattern in patterns):
                yield name, config


def theirs(config: Json) -> int | None:
    """Parameters of the class that a config names, each once; None where it does not build."""
    import building

    try:
        model = building.from_file(config)
    except Exception:
        return None
    return sum(parameter.numel() for parameter in model.parameters())


def judged(before: tuple[Json, Ours], change: Change, after: Ours, class_total: int | None) -> str:
    """One word on a change, and what differs; `whole` is what the class holds before it."""
    total = theirs(change.config) if class_total is not None else None
    if class_total is None or total is None:
        return "unbuilt" if class_total is None else "refused-there"
    mine = after.total - before[1].total
    return "same" if total - class_total == mine else f"WRONG class {total - class_total:+,}, ours {mine:+,}:"


def examined(config: Json, tried: set[tuple[object, ...]], *, every: bool, ask: bool) -> Iterator[str]:
    """One line a change that is silent or wrong, the first word saying which."""
    before = ours(config)
    if before is None:
        return
    class_total = theirs(config) if ask else None
    for change in changes(config):
        key = (config.get("model_type"), *config.get("architectures", []), change.at, change.kind)
        if key in tried:
            continue
        tried.add(key)
        what = f"{'.'.join(change.at)} {change.kind}"
        try:
            after = ours(change.config)
        except Exception as error:
            yield f"CRASHED {what}: {error!r:.200}"
            continue
        if after is None or after.known != "exact":
            continue
        if every or (after.shapes == before.shapes and after.notes == before.notes):
            yield f"{judged((config, before), change, after, class_total) if ask else 'silent'} {what}"


def main() -> None:
    """Print what is wrong, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("patterns", nargs="*", default=["*"])
    parser.add_argument("--every", action="store_true", help="also changes that are noticed")
    parser.add_argument("--ours", action="store_true", help="do not build classes")
    parser.add_argument("--show", action="store_true", help="each change")
    options = parser.parse_args()
    if not options.ours:
        import warnings

        import transformers

        transformers.logging.set_verbosity_error()
        warnings.simplefilter("ignore")
    sums: Counter[str] = Counter()
    tried: set[tuple[object, ...]] = set()
    for name, config in records(options.folder, options.patterns):
        for line in examined(config, tried, every=options.every, ask=not options.ours):
            sums[line.split()[0]] += 1
            if options.show or line.split()[0].isupper():
                sys.stdout.write(f"{name} {line}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{dict(sums)}\n")


if __name__ == "__main__":
    main()
