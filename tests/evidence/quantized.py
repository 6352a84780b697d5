"""Bytes of published quantized checkpoints, ours and theirs: `python -m tests.evidence.quantized` prints the table."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, cached_property
from typing import Any

from paramcalc.build import build
from paramcalc.catalog.gguf_vocabularies import head_bytes
from paramcalc.estimates.inference import Prepared, Setup
from paramcalc.estimates.runtimes import Runtime
from paramcalc.measures.cache import Serving
from paramcalc.measures.parameters import placed
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.config.quantization import quantization
from paramcalc.readers.config.read import read_config
from paramcalc.readers.models import load
from paramcalc.spec.caveats import level_of
from paramcalc.spec.quantize import QuantRule
from paramcalc.transforms.formats import in_formats
from tests.evidence.records import DATA
from tests.yaml_files import read_yaml

FOLDER = DATA / "quantized"
UNITS = {"bytes": 1, "gb": 10**9, "gib": 2**30, "mib": 2**20}


@dataclass(frozen=True)
class Checkpoint:
    """A figure of a published checkpoint."""

    id: str
    model: str
    quant: Any
    figure: str
    unit: str
    what: str
    source: str
    key: str = "quantization_config"
    ask: str | None = None
    """A format or mix to ask for, instead of settings."""
    beside: str | None = None
    imatrix: bool | None = None
    rules: tuple = ()
    """Rules of a specification that say a mix no name says."""
    rest: dict = field(default_factory=dict)
    """MLX settings of everything but the experts."""
    outside: str = ""
    """Why nothing can be asked."""
    why: str = ""
    """Why our figure differs."""
    unclear: bool = False
    """The record does not say all that its figure depends on."""
    note: str = ""


@dataclass(frozen=True)
class Row:
    """Theirs, and ours, which is computed when it is asked for."""

    record: Checkpoint

    @cached_property
    def answer(self):
        """Our figure and how it is known."""
        return _answer(self.record)

    @property
    def ours(self) -> Decimal:
        """Our figure."""
        return self.answer[0]

    @property
    def certainty(self) -> str:
        """How it is known."""
        return self.answer[1]

    @property
    def difference(self) -> Decimal:
        """Of theirs: negative where ours is less."""
        return self.ours / Decimal(self.record.figure) - 1

    @property
    def holds(self) -> bool:
        """Within 0.1%, or the printed digits."""
        theirs = Decimal(self.record.figure)
        step = Decimal(1).scaleb(theirs.as_tuple().exponent)
        return abs(self.difference) <= Decimal("0.001") or (
            self.record.unit != "bytes" and abs(self.ours - theirs) <= step * Decimal("0.5001"))


@cache
def checkpoints():
    """All of them, in the order of the file."""
    return tuple(Checkpoint(**row) for row in read_yaml(FOLDER / "records.yaml"))


@cache
def rows():
    """Every figure that can be asked for."""
    return tuple(Row(record) for record in checkpoints() if not record.outside)


def _answer(record):
    spec = _spec(record)
    if record.unit == "ratio":
        return _ratio(spec), level_of(spec.caveats, "weights")
    if record.what == "loaded":
        prepared = Prepared(build(spec), Runtime("vllm"), Setup())
        return _in(prepared.parts(Serving(4096))[0].weights, record), prepared.weight_certainty
    model = in_formats(build(spec), record.ask, imatrix=record.imatrix)
    weights = weight_bytes(model.tree)
    total = weights.total + sum(weight_bytes(tree).total for name, tree in model.apart.items() if "file" in record.what
                                and "mtp" in name)
    if record.what == "file" and record.ask:
        total += head_bytes(spec.vocab_size)
    if "without the embedding" in record.what:
        total -= weights.components["token_embedding"]
    how = "estimate" if record.what == "file" else "exact"
    if not record.ask:
        how = level_of(model.spec.caveats, "weights")
    return _in(total, record), how


def _in(size, record):
    return Decimal(size) / UNITS[record.unit]


def _spec(record):
    place, _, name = record.model.partition(":")
    settings = record.quant if isinstance(record.quant, dict) else {}
    if place == "preset":
        spec = load(name).spec
        if record.rules:
            return spec.model_copy(update={"quantize": tuple(QuantRule(**rule) for rule in record.rules)})
        if record.ask or not settings.get("quant_method"):
            return spec
        quantized = quantization(({record.key: settings},))
        return spec.model_copy(update={"quantize": quantized.rules, "caveats": quantized.caveats})
    config = json.loads((FOLDER / name).read_text("utf-8"))
    if settings and not record.ask:
        config[record.key] = settings | _others(config, record.rest)
    beside = json.loads((FOLDER / record.beside).read_text("utf-8")) if record.beside else None
    return read_config(config, record.id, beside).spec


def _others(config, settings):
    """Settings of all modules but experts, as mlx-lm writes them into a config."""
    if not settings:
        return {}
    layers = [f"model.layers.{layer}.{module}" for layer in range(config["num_hidden_layers"]) for module in
              ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "mlp.router")]
    return dict.fromkeys(["model.embed_tokens", "lm_head", *layers], settings)


def _ratio(spec):
    """16-bit over 8-bit parameters, as transformers counts a footprint: scales are no parameters there."""
    tensors = list(placed(in_formats(build(spec)).tree))
    size = sum(item.stored * item.tensor.numel * (1 if item.tensor.format else 2) for item in tensors)
    return Decimal(2 * sum(item.stored * item.tensor.numel for item in tensors)) / size


def text():
    """The table and its summary."""
    lines = [f"{'checkpoint':42}{'ours':>18}{'theirs':>18}{'off':>9}  known      why"]
    for row in rows():
        mark = "" if row.holds else row.record.why or "NOT EXPLAINED"
        lines.append(f"{row.record.id:42}{row.ours:>18,.4f}{row.record.figure:>18}{100 * row.difference:>+8.2f}%  "
                     f"{row.certainty:10} {mark}")
    lines += [f"{record.id:42} not asked: {record.outside}" for record in checkpoints() if record.outside]
    return "\n".join([*lines, "", summary()])


def summary():
    """How many agree."""
    agree = sum(row.holds for row in rows())
    return f"{agree} of {len(rows())} agree, {len(checkpoints()) - len(rows())} cannot be asked"


if __name__ == "__main__":
    sys.stdout.write(text() + "\n")
