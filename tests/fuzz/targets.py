"""What is fuzzed: each reader takes bytes nobody vouches for, and gives a result or one of our refusals."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.measures.parameters import count
from paramcalc.readers.config.read import read_config
from paramcalc.readers.headers.checkpoint import checkpoint_spec, read_header
from paramcalc.readers.models import parse_spec
from paramcalc.readers.text.document import read_json, read_yaml

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "data" / "bad"
SMALL = 20_000


def spec(raw: bytes) -> None:
    """A specification in YAML."""
    count(build(parse_spec(read_yaml(raw, "fuzz.yaml"))).tree)


def config(raw: bytes) -> None:
    """A config.json."""
    count(build(read_config(read_json(raw, "config.json").data).spec).tree)


def safetensors(raw: bytes) -> None:
    """The header of a safetensors file."""
    _header(raw, "m.safetensors")


def gguf(raw: bytes) -> None:
    """The header of a GGUF file."""
    _header(raw, "m.gguf")


def _header(raw: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:  # noqa: S108
        path = Path(folder, name)
        path.write_bytes(raw)
        count(build(checkpoint_spec(read_header(path))).tree)


TARGETS = {"spec": spec, "config": config, "safetensors": safetensors, "gguf": gguf}


def holds(reader: str, raw: bytes) -> bool:
    """Whether the reader accepted; a refusal says something. Anything else it raises is what we look for."""
    try:
        TARGETS[reader](raw)
    except PCError as error:
        said = [problem.message for problem in error.problems]
    else:
        return True
    assert said
    assert all(said)
    return False


def seeds(reader: str) -> list[bytes]:
    """Small files the reader knows, good and bad."""
    if reader == "spec":
        paths = [*ROOT.glob("configs/*/*.yaml"), *BAD.glob("*.yaml")]
    elif reader == "config":
        paths = [*BAD.glob("config/*.json"), *BAD.glob("*.json")]
    else:
        paths = list((BAD / "headers").rglob(f"*.{reader}"))
    found = [path.read_bytes() for path in sorted(paths) if path.stat().st_size < SMALL]
    return found + (_recorded() if reader == "config" else [])


def _recorded() -> list[bytes]:
    """One config of each family that was recorded."""
    lines = [path.read_text("utf-8").splitlines()[-1] for path in sorted(ROOT.glob("tests/data/oracle/*.jsonl"))]
    return [json.dumps(json.loads(line)["config"], indent=1).encode() for line in lines]
