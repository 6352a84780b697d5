"""The committed records: what runtimes printed, for which model and settings, and where that was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from paramcalc.build import build
from paramcalc.readers.config.read import read_config
from paramcalc.readers.models import load
from paramcalc.spec.model import ModelSpec
from tests.yaml_files import read_yaml

DATA = Path(__file__).parent.parent / "data" / "evidence"


@dataclass(frozen=True)
class Record:
    """One log or table row."""

    id: str
    model: str
    runtime: str
    source: str
    figures: dict
    """Name to what was printed, as text, so that its digits are known."""
    context: int = 4096
    batch: int = 1
    dtype: str = "bf16"
    quant: str | None = None
    kv_dtype: str | None = None
    settings: tuple = ()
    gpu: str | None = None
    tp: int | None = None
    pp: int | None = None
    available_gib: str | None = None
    """The cache a log says is there, from which its tokens follow."""
    set: dict = field(default_factory=dict)
    """Fields of the spec that the run had otherwise."""
    copies: int = 1
    """Of a matrix while a prompt is multiplied by it: two where it is unpacked in another type first."""
    beside: tuple = ()
    """Components that the fullest device holds whole, whatever is divided."""
    why: dict = field(default_factory=dict)
    """Why a figure differs from ours, by its name."""
    note: str = ""


@cache
def records():
    """All of them, in the order of the file."""
    rows = read_yaml(DATA / "inference.yaml")
    return tuple(Record(**(row | {name: tuple(row.get(name, ())) for name in ("settings", "beside")})) for row in rows)


@cache
def _models():
    """Models that are no presets, by name."""
    return read_yaml(DATA / "models.yaml")


@cache
def model(name):
    """The model of a record: one of models.yaml, else a preset."""
    row = _models().get(name)
    if row is None:
        return build(load(name).spec)
    if "config" in row:
        return build(read_config(row["config"], name).spec)
    return build(ModelSpec.model_validate(row["spec"] | {"name": name}))
