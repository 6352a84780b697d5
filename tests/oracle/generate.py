"""Generate, compare or print the golden records: model classes measured on torch's meta device.

    python tests/oracle/generate.py                   # write tests/data/oracle/*.jsonl, all families
    python tests/oracle/generate.py llama mixtral     # these families only
    python tests/oracle/generate.py --compare         # rebuild and compare with what is committed
    python tests/oracle/generate.py --config FILE     # measure the class named by any config.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import building
import draws
import special
import transformers
from transformers.configuration_utils import PreTrainedConfig
from transformers.modeling_utils import PreTrainedModel

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data" / "oracle"
ATTEMPTS = 400
Record = dict[str, Any]


def families() -> dict[str, list[str]]:
    """Read the classes to be measured, by model type."""
    classes: dict[str, list[str]] = {}
    for line in (HERE / "classes.txt").read_text(encoding="utf-8").splitlines():
        model_type, name = line.split()
        classes.setdefault(model_type, []).append(name)
    return classes


def rebuilt(owner: type[PreTrainedModel], config: PreTrainedConfig, model_type: str, identity: str) -> Record:
    """Measure the class built from the config as it reads after a round through its file.

    The file is what a reader of config.json sees; a config in memory may hold more than it writes.
    """
    written = building.saved_config(config, owner.__name__)
    model = building.build(owner, type(config).from_dict(dict(written)))
    return building.measure(model, model_type, identity)


def drawn(owner: type[PreTrainedModel], base: PreTrainedConfig, model_type: str, keys: set[str]) -> Iterator[Record]:
    """Yield records of random configurations, each with parameters unlike the others'."""
    for turn in range(draws.DRAWS):
        for attempt in range(ATTEMPTS):
            identity = f"draw{turn + 1}__{model_type}__{owner.__name__}"
            try:
                values = draws.Draw(base, owner.__name__, turn, attempt).result()
                record = rebuilt(owner, type(base)(**values), model_type, identity)
            except Exception as error:  # what a draw may hit is as varied as the classes
                if os.environ.get("ORACLE_TRACE"):
                    sys.stderr.write(f"{model_type} {turn} {attempt}: {error!r:.300}\n")
                continue
            key = json.dumps(record["tensors"])
            if key not in keys and special.acceptable(record):
                keys.add(key)
                yield record
                break
        else:
            sys.stderr.write(f"{model_type} {owner.__name__}: draw {turn + 1} does not build\n")


def measure_class(model_type: str, name: str) -> Iterator[Record]:
    """Yield the default record of a class and those of its random draws."""
    owner = building.model_class(model_type, name)
    base = building.default_config(model_type, owner)
    default = rebuilt(owner, base, model_type, f"default__{model_type}__{name}")
    yield default
    yield from drawn(owner, base, model_type, {json.dumps(default["tensors"])})


def render(record: Record) -> str:
    """Write one record as one line of strict JSON."""
    return json.dumps(record, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def generate(model_type: str, names: list[str]) -> str:
    """Return the file of one family, one record a line."""
    return "".join(render(record) + "\n" for name in names for record in measure_class(model_type, name))


def differences(model_type: str, text: str) -> list[str]:
    """List the records of a family that are not what is committed."""
    path = DATA / f"{model_type}.jsonl"
    committed = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    old = {json.loads(line)["id"]: line for line in committed}
    new = {json.loads(line)["id"]: line for line in text.splitlines()}
    return sorted(identity for identity in old.keys() | new.keys() if old.get(identity) != new.get(identity))


def run(model_types: list[str], compare: bool) -> int:
    """Generate or compare the families asked for; return the number of differences."""
    built_in = families()
    DATA.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for model_type in model_types or sorted(built_in):
        text = generate(model_type, built_in[model_type])
        if compare:
            for identity in differences(model_type, text):
                sys.stdout.write(f"differs: {identity}\n")
                wrong += 1
        else:
            (DATA / f"{model_type}.jsonl").write_text(text, encoding="utf-8")
    return wrong


def show(path: Path) -> None:
    """Print the record of the class that a config.json names."""
    written = json.loads(path.read_text(encoding="utf-8"))
    model = building.from_file(written)
    sys.stdout.write(render(building.measure(model, written["model_type"], str(path))) + "\n")


def main() -> int:
    """Read the command line and act on it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("families", nargs="*", metavar="MODEL_TYPE", help="only these model types")
    parser.add_argument("--compare", action="store_true", help="compare with the committed data, write nothing")
    parser.add_argument("--config", type=Path, help="print the record of the class this config.json names")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if arguments.config is not None:
        show(arguments.config)
        return 0
    return 1 if run(arguments.families, arguments.compare) else 0


if __name__ == "__main__":
    sys.exit(main())
