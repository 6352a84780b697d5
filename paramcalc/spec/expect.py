"""What must hold of a specification: figures its authors promise."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Listed, Parsed, Strict, later
from paramcalc.components.problems import impossible
from paramcalc.defaults import SERVING, WORKLOAD, Convention
from paramcalc.sanitize import describe
from paramcalc.sizes import MOST_TOKENS, TOKENS
from paramcalc.spec.bounds import Bound, ByteBound, CountBound, FlopBound

Name = Annotated[str, Field(min_length=1, max_length=200)]
Tokens = Annotated[int, Field(ge=1, le=MOST_TOKENS)]
Small = Annotated[int, Field(ge=1, le=2**20)]


_PERCENT = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,9})?) ?%")


def parse_percent(value: object) -> float:
    """A share in percent: `1%` or the number 1. Raises PydanticCustomError."""
    text = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    number = float(text[1]) if text else value if isinstance(value, int | float) else -1
    if isinstance(value, bool) or not 0 <= number <= 1000:
        raise impossible(f"expected a percentage from 0 to 1000, found {describe(value)}", "one percent is 1% or 1")
    return float(number)


Percent = Annotated[float, Parsed(parse_percent, {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1000},
                                                            {"type": "string", "pattern": f"^{_PERCENT.pattern}$"}]})]
Figure = Literal["total", "active", "cache_per_token", "flops_per_token"]
"""What a growth budget can be set on."""


class Fits(Strict):
    """Runs on so many of an accelerator, at a context and a batch."""

    gpu: Name
    gpus: Small = 1
    context: Tokens = SERVING.context
    batch: Small = SERVING.batch
    quant: Name | None = SERVING.quant
    """A format or GGUF mix; the model's own when not given."""


FITS = re.compile(r"(?:([0-9]{1,6})\s{0,9}[x×]\s{0,9})?([\w .-]{1,80}?)\s{0,9}@\s{0,9}([0-9]{1,12})([kKmM]?)")


def parse_fits(value: object) -> Fits:
    """`h100@32k`, `2xh100@128k`, or the fields. Raises what pydantic carries to its place."""
    if isinstance(value, Fits):
        return value
    if not isinstance(value, str):
        return Fits.model_validate(value)
    match = FITS.fullmatch(value.strip())
    if match is None:
        raise impossible(f"{value[:60]!r} is not gpu@context", "write h100@32k or 2xh100@128k")
    return Fits(gpu=match[2], gpus=int(match[1] or 1), context=int(match[3]) * TOKENS[match[4].lower()])


AnyFits = Annotated[Fits, Parsed(parse_fits, {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/Fits"}]})]


class CacheBudget(Strict):
    """Growth of the cache for one more token of one sequence."""

    bytes: ByteBound
    context: Tokens = SERVING.context
    dtype: Name = SERVING.dtype


class FlopBudget(Strict):
    """Forward FLOPs of one token."""

    flops: FlopBound
    seq: Tokens = WORKLOAD.seq
    convention: Convention = WORKLOAD.convention


class LoraBudget(Strict):
    """Trainable parameters under a LoRA plan."""

    parameters: CountBound
    rank: Small
    targets: Listed[Name] = Field(min_length=1, max_length=256)


class Expect(Strict):
    """Figures and bounds; `check` compares them with what is counted."""

    total: CountBound | None = None
    active: CountBound | None = None
    embedding: CountBound | None = None
    non_embedding: CountBound | None = None
    buffers: CountBound | None = None
    components: dict[Name, CountBound] = Field(default_factory=dict, max_length=32)
    """Parameters of a component, as `count` names it."""
    weights: dict[Name, ByteBound] = Field(default_factory=dict, max_length=32)
    """Bytes of all weights in a format or GGUF mix."""
    cache_per_token: Annotated[CacheBudget, later(CacheBudget)] | None = None
    flops_per_token: Annotated[FlopBudget, later(FlopBudget)] | None = None
    fits: Listed[AnyFits] = Field(default=(), max_length=32)
    trainable: Annotated[LoraBudget, later(LoraBudget)] | None = None
    tp: Small | None = None
    """Tensor-parallel ranks the model is to be split over."""
    growth: dict[Figure, Percent] = Field(default_factory=dict)
    """Percent a figure may grow against an earlier revision."""
    same_as: Annotated[str, Field(min_length=1, max_length=1000)] | None = None
    """A file beside or below this one that must hold the same tensors."""


EXACT = ("total", "active", "embedding", "non_embedding", "buffers")
"""Figures `count` gives."""


def bounds(expect: Expect) -> dict[str, Bound]:
    """The bounds on counted figures that were given, by key."""
    return {key: bound for key in EXACT if (bound := getattr(expect, key)) is not None}
