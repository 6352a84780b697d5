"""Draw many configurations of whole models and encoders, count each, and say which are not as the class holds them.

    PYTHONPATH=. python tests/oracle/wild.py 20 [TYPE[:CLASS] ...] [--show]

Every integer of every nested configuration may change, the items of lists and the factors too; nothing is written.
Needs torch and transformers beside the package. A draw that does not build is drawn again, with fewer changes.
"""

from __future__ import annotations

import os
import random
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import building
import generate
import records
import towers
import transformers
from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

ATTEMPTS = 24
LARGEST = 3 * 10**8
FIXED = re.compile(r"token_id|_id$|_index$|_idx$|token_index|version|chunk_size_feed|seed|return_|sampling_rate"
                   r"|_token$")
FACTORS = re.compile(r"ratio|multiplier|expansion|coefficient|factor|scale$|^scale|width_|depth_")
VOCABULARY = re.compile(r"vocab_size")


def changed(config: PreTrainedConfig, rng: random.Random, share: float) -> dict[str, Any]:
    """Return new values for a share of the fields of one configuration, nested ones left out."""
    heads = rng.choice((2, 4))
    width, patch = heads * 8 * rng.choice((2, 3, 4, 5)), rng.choice((4, 7, 8, 14, 16))
    values: dict[str, Any] = {}
    for name, value in config.to_dict().items():
        if FIXED.search(name) or (rng.random() > share and not towers.HEADS.search(name)):
            continue
        if isinstance(value, bool):
            if rng.random() < 0.25:
                values[name] = not value
        elif isinstance(value, int):
            values[name] = _integer(name, value, heads, width, patch, rng)
        elif isinstance(value, list) and value and not isinstance(getattr(config, name, None), PreTrainedConfig):
            values[name] = _listed(name, value, rng)
        elif isinstance(value, float) and FACTORS.search(name):
            values[name] = value * rng.choice((0.5, 1.0, 1.5, 2.0))
    return values


def _integer(name: str, value: int, heads: int, width: int, patch: int, rng: random.Random) -> int:
    if VOCABULARY.search(name) and value > 100:
        return rng.randrange(100, 400)
    for pattern, number in ((towers.HEADS, heads), (towers.WIDTH, width), (towers.SHALLOW, rng.choice((1, 2, 3, 4))),
                          (towers.PATCH, patch), (towers.SIZE, patch * rng.choice((4, 6, 8)))):  # fmt: skip
        if pattern.search(name):
            return number
    if value > 16:
        return rng.choice((8 * rng.randrange(2, 14), rng.randrange(9, 90)))
    return max(1, value + rng.choice((-1, 0, 1, 2))) if value > 0 else value


def _listed(name: str, value: list[Any], rng: random.Random) -> list[Any]:
    if towers.HEADS.search(name):
        return [rng.choice((1, 2, 4)) for _ in value]  # what does not divide a width builds, but never runs
    if all(type(item) is int for item in value):
        if max(value) > 16:
            return [8 * rng.randrange(2, 12) for _ in value]
        return [max(1, item + rng.choice((-1, 0, 1))) for item in value]
    if all(type(item) is bool for item in value) and rng.random() < 0.3:
        return [rng.random() < 0.5 for _ in value]
    return value


def vary(config: PreTrainedConfig, rng: random.Random, share: float, *, text: bool) -> PreTrainedConfig:
    """Return a changed configuration with changed ones in it; without `text`, a text model is only made shallow."""
    values = changed(config, rng, share)
    for key, value in list(vars(config).items()):
        if not isinstance(value, PreTrainedConfig):
            continue
        if text or key not in towers.TEXTS:
            values[key] = vary(value, rng, share, text=text)
        else:
            towers._shallow(value)
            values[key] = value
    return type(config)(**values)


def drawn(owner: type[PreTrainedModel], model_type: str, turn: int) -> dict[str, Any] | None:
    """Return the record of a random configuration that builds, and is not too large to be quick."""
    for attempt in range(ATTEMPTS):
        rng = random.Random(f"wild/{model_type}/{owner.__name__}/{turn}/{attempt}")
        identity = f"wild{turn}__{model_type}__{owner.__name__}"
        try:
            base = building.default_config(model_type, owner)
            config = vary(base, rng, 0.95 - 0.9 * attempt / ATTEMPTS, text=attempt % 4 < 3)
            record = generate.rebuilt(owner, config, model_type, identity)
        except Exception as error:  # what a draw may hit is as varied as the classes
            if os.environ.get("ORACLE_TRACE"):
                sys.stderr.write(f"{identity} {attempt}: {error!r:.300}\n")
            continue
        if record["total"] < LARGEST:
            return record
    return None


def judged(record: dict[str, Any]) -> tuple[str, str]:
    """One word on a draw, and why: exact where total and sizes of tensors agree."""
    try:
        spec, counts, shapes, experts, _ = records.counted(record["config"])
    except records.PCError as error:
        return "refused", str(error.problems[0])[:200]
    truth, true_experts = records.expected(record)
    flat, true_flat = _flat(shapes), _flat(truth)
    if spec.uncounted:
        return "uncounted", ", ".join(spec.uncounted)
    if counts.total == record["total"] and experts == true_experts and counts.buffers == record["buffers"]:
        return ("exact", "") if flat == true_flat else ("shapes", f"{flat - true_flat} / {true_flat - flat}"[:400])
    more, less = flat - true_flat, true_flat - flat
    return "wrong", (f"{counts.total:,} of {record['total']:,} ({counts.total - record['total']:+,}; buffers "
                     f"{counts.buffers - record['buffers']:+,}) ours {dict(more)} theirs {dict(less)}")[:600]


def _flat(shapes: records.Shapes) -> Counter[tuple[int, ...]]:
    flat: Counter[tuple[int, ...]] = Counter()
    for (_, shape), copies in shapes.items():
        flat[shape] += copies
    return flat


def main() -> None:
    """Draw for the types chosen for, all of towers.txt where none is; print what differs, and the sums."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    show = "--show" in sys.argv
    count, *names = [word for word in sys.argv[1:] if not word.startswith("--")]
    lines = Path(__file__).with_name("towers.txt").read_text(encoding="utf-8").splitlines()
    listed = [tuple(line.split()) for line in lines]
    chosen = [(name.partition(":")[0], name.partition(":")[2]) for name in names]
    classes = [pair for pair in listed if not chosen or any(pair[0] == kind and (not only or pair[1] == only)
                                                           for kind, only in chosen)]
    classes += [(kind, only) for kind, only in chosen if only and (kind, only) not in classes]
    sums: Counter[str] = Counter()
    for model_type, name in classes:
        try:
            owner = building.model_class(model_type, name)
        except Exception as error:
            sys.stdout.write(f"{model_type} {name}: {error!r:.200}\n")
            continue
        own: Counter[str] = Counter()
        for turn in range(int(count)):
            record = drawn(owner, model_type, turn)
            word, why = judged(record) if record else ("unbuilt", "")
            own[word] += 1
            if why:
                sys.stdout.write(f"{word} {record['id'] if record else ''}: {why}\n")
                if show and record:
                    sys.stdout.write(f"    {record['config']}\n")
        sys.stdout.write(f"{model_type} {name} {dict(own)}\n")
        sys.stdout.flush()
        sums += own
    sys.stdout.write(f"{dict(sums)}\n")


if __name__ == "__main__":
    main()
