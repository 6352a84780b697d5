"""Draw towers with seeds of their own, count them, and list what differs from the classes.

    python tests/oracle/fresh_towers.py --turns 100:110                  # ten draws of every class of towers.txt
    python tests/oracle/fresh_towers.py --turns 100:110 --out DIR clip   # of a type; DIR keeps the records that differ
    python tests/oracle/fresh_towers.py --turns 100:101 --each clip      # and each key of that draw changed by itself

The draws are wider than the committed ones: in every other draw kernels, strides, merges, factors and lists of
numbers are changed too. Needs torch, transformers and paramcalc; a draw is exact as `records.py` says it.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import building
import generate
import records
import sorting
import towers
import transformers
from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

HERE = Path(__file__).resolve().parent
ATTEMPTS = 25
FIXED = re.compile(r"token|_id$|_index$|version|chunk_size_feed_forward|num_labels|cross_attention_layers|return_dict"
                   r"|output_|is_encoder_decoder")


def _widen(config: PreTrainedConfig, rng: random.Random, share: float) -> None:
    """Change some of the numbers that the committed draws leave alone, lists included."""
    for name, value in list(vars(config).items()):
        if isinstance(value, PreTrainedConfig):
            _widen(value, rng, share)
        elif towers.HEADS.search(name) or FIXED.search(name) or name.startswith("_") or rng.random() > share:
            continue
        elif isinstance(value, bool):
            if towers.SWITCH.search(name):
                setattr(config, name, not value)
        elif isinstance(value, int) and (towers.FACTOR.search(name) or towers.KEPT.search(name)):
            moved = value + rng.choice((-1, 1, 2)) if value < 64 else value + 8 * rng.randint(1, 9)
            setattr(config, name, max(1, moved))
        elif isinstance(value, list) and value and all(type(item) is int for item in value):
            setattr(config, name, _listed(value, rng))


def _listed(value: list[int], rng: random.Random) -> list[int]:
    """Return a list of the same length with other numbers, those that were equal staying so or not by chance."""
    if max(value) <= 8:
        return [max(1, item + rng.choice((-1, 0, 1))) for item in value]
    return [item + 8 * rng.randint(0, 4) for item in value]


def _divide(config: PreTrainedConfig, rng: random.Random, *, borrows: bool = False) -> None:
    """Give stages numbers of heads that divide the drawn widths, which are multiples of eight.

    Some layer has to make the keys that others borrow, but for a model that `borrows` all from another.
    """
    borrows |= config.model_type.endswith("assistant")
    for name, value in list(vars(config).items()):
        if isinstance(value, PreTrainedConfig):
            _divide(value, rng, borrows=borrows)
        elif towers.HEADS.search(name) and isinstance(value, list | tuple):
            setattr(config, name, [rng.choice((1, 2, 4)) for _ in value])
        elif name == "num_kv_shared_layers" and value:
            setattr(config, name, config.num_hidden_layers if borrows else min(value, config.num_hidden_layers - 1))


def _others(config: PreTrainedConfig, name: str, value: object) -> list[Any]:
    """Return values that a key could have in place of its own, the likeliest to build first."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value * 2, value + 1, value + 8, max(1, value // 2)]
    if isinstance(value, list) and value and all(type(item) is int for item in value):
        return [[item * 2 for item in value], [item + 1 for item in value], value[::-1]]
    kind = next((field.type for field in fields(config) if field.name == name), None)
    choices = [item for part in (kind, *get_args(kind)) if get_origin(part) is Literal for item in get_args(part)]
    if value is None and "int" in str(kind):
        return [16, 2]
    if value is None and "bool" in str(kind):
        return [True, False]
    return [item for item in choices if item != value]


def _places(config: PreTrainedConfig, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    for name, value in list(vars(config).items()):
        if isinstance(value, PreTrainedConfig):
            yield from _places(value, (*at, name))
        elif not FIXED.search(name) and not name.startswith("_"):
            yield (*at, name), _others(config, name, value)


def each(owner: type[PreTrainedModel], model_type: str, base: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield records of a drawn configuration with one key changed, for every key with which the class still builds."""
    config_class = building.config_class_for(model_type, owner)
    config = config_class.from_dict(dict(base["config"]))
    for at, values in _places(config):
        for value in values:
            changed = copy.deepcopy(config)
            inner = changed
            for name in at[:-1]:
                inner = getattr(inner, name)
            try:
                setattr(inner, at[-1], value)
                yield generate.rebuilt(owner, changed, model_type, f"{'.'.join(at)}={value}@{base['id']}")
            except Exception:  # noqa: S112 - what a class refuses is as varied as the classes
                continue
            if not isinstance(value, str):
                break


def draw(owner: type[PreTrainedModel], model_type: str, turn: int) -> dict[str, Any] | None:
    """Return the record of a random configuration that builds."""
    for attempt in range(ATTEMPTS):
        rng = random.Random(f"fresh/{model_type}/{owner.__name__}/{turn}/{attempt}")
        share = min(1.0, 1.5 * (1 - attempt / ATTEMPTS))
        try:
            config = towers._vary(building.default_config(model_type, owner), rng, text=attempt % 2 == 0, share=share)
            _divide(config, rng)
            if turn % 2:
                _widen(config, rng, 0.6 * (1 - attempt / ATTEMPTS))
            return generate.rebuilt(owner, config, model_type, f"fresh{turn}__{model_type}__{owner.__name__}")
        except Exception as error:  # what a draw may hit is as varied as the classes
            if os.environ.get("ORACLE_TRACE"):
                sys.stderr.write(f"{model_type} {owner.__name__} {turn} {attempt}: {error!r:.300}\n")
    return None


def parts_of_names(folder: Path | None) -> dict[tuple[str, str], str]:
    """Read to which component each name of a class belongs, as a folder of measured classes has it."""
    parts = {}
    for path in folder.glob("default__*.json") if folder else ():
        record = json.loads(path.read_text(encoding="utf-8"))
        owner = path.stem.split("__", 1)[1]
        parts.update({(owner, name): part for (name, _), part in sorting.stated(record).items()})
    return parts


def judged(record: dict[str, Any], parts: dict[tuple[str, str], str]) -> tuple[str, str]:
    """Say whether our count of a record is exact, and what differs."""
    owner = record["id"].split("__", 1)[1]
    rows = [[*row[:3], parts.get((owner, row[0]), row[3])] for row in record["tensors"]]
    sums: Counter[str] = Counter()
    for _, shape, copies, part in rows:
        sums[part.split("/")[0]] += copies * records.prod(shape)
    try:
        word, why = records.judge(record | {"by_component": sums, "tensors": rows})
        if word == "shapes" and "checkpoint_tensors" in record:
            written = record | {"by_component": sums, "tensors": record["checkpoint_tensors"]}
            word, why = records.judge(written) if records.judge(written)[0] == "exact" else (word, why)
        if word == "exact" and (gaps := records.components_differ({"by_component": sums},
                                                                  records.counted(record["config"])[4])):
            return "sorted otherwise", str(gaps)
        return ("sorted otherwise", why) if word in ("wrong", "shapes") and _alike(record) else (word, why)
    except Exception as error:
        return "crashed", repr(error)[:300]


def _alike(record: dict[str, Any]) -> bool:
    """Say whether our tensors are of the class's shapes, whatever parts of the model they count as."""
    ours: Counter[tuple[int, ...]] = Counter()
    for (_, shape), copies in records.counted(record["config"])[2].items():
        ours[shape] += copies
    return any(ours == _without_experts(record[key]) for key in ("tensors", "checkpoint_tensors") if key in record)


def _without_experts(rows: list[list[Any]]) -> Counter[tuple[int, ...]]:
    shapes: Counter[tuple[int, ...]] = Counter()
    for _, shape, copies, part in rows:
        if part != "moe_experts":
            shapes[tuple(shape)] += copies
    return shapes


def main() -> None:
    """Print one line a draw that is not exact, and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("types", nargs="*")
    parser.add_argument("--turns", default="100:105", help="FROM:TO, each a seed")
    parser.add_argument("--each", action="store_true", help="also change each key of a draw by itself")
    parser.add_argument("--parts", type=Path, help="folder of measured classes that say what belongs to which tower")
    parser.add_argument("--out", type=Path, help="folder for the records that differ")
    options = parser.parse_args()
    transformers.logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    start, stop = map(int, options.turns.split(":"))
    parts = parts_of_names(options.parts)
    sums: Counter[str] = Counter()
    for line in (HERE / "towers.txt").read_text(encoding="utf-8").splitlines():
        model_type, name = line.split()
        if not options.types or model_type in options.types:
            for record in _records(model_type, name, range(start, stop), singly=options.each):
                sums[_report(record, parts, options.out) if record else "no draw builds"] += 1
    sys.stdout.write(f"{dict(sums)}\n")


def _records(model_type: str, name: str, turns: range, *, singly: bool) -> Iterator[dict[str, Any] | None]:
    owner = building.model_class(model_type, name)
    for turn in turns:
        record = draw(owner, model_type, turn)
        yield record
        if record and singly:
            yield from each(owner, model_type, record)


def _report(record: dict[str, Any], parts: dict[tuple[str, str], str], out: Path | None) -> str:
    word, why = judged(record, parts)
    if word != "exact":
        sys.stdout.write(f"{word} {record['id']}: {why}\n")
        sys.stdout.flush()
        if out:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{record['id'].replace('/', '_')[:200]}.json").write_text(json.dumps(record), encoding="utf-8")
    return word


if __name__ == "__main__":
    main()
