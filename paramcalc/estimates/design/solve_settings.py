"""What a user may say of an architecture that is wanted."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, TypedDict

from pydantic import AfterValidator, BeforeValidator, Field

from paramcalc.components.layout import MAX_LAYERS
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.design.near_sizes import COARSE, FINE
from paramcalc.estimates.design.settings import Flop
from paramcalc.estimates.runtimes import RuntimeName
from paramcalc.numbers import BYTE_UNITS, short
from paramcalc.settings import Decimal, Settings, Share, option
from paramcalc.sizes import NearMissError, near_amount, parse_tokens, resolution, typed_decimal

UNIT_NAMES = ("KiB", "MiB", "GiB", "kB", "MB", "GB", "B")
UNITS = {"": 1, **{name.lower(): BYTE_UNITS[name] for name in UNIT_NAMES}}


LARGEST = 10**13
"""Parameters of the largest shapes that are looked for: the time that takes grows with the size."""


def _size(value: str | int) -> str:
    """A number of parameters as it was typed: its digits say how exact it is. Raises ValueError."""
    text = str(value)
    if resolution(text)[0] > LARGEST:
        raise NearMissError(f"{text[:40]!r} is more than {short(LARGEST)} parameters, the most that are looked for",
                            typed_decimal(LARGEST))
    return text


def _bytes(value: str | int) -> int:
    """64KiB. Raises ValueError for what is no size."""
    match = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)\s*([a-zA-Z]*)", str(value).strip())
    unit = UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None:
        raise NearMissError(f"{str(value)[:40]!r} is not a size, such as 64KiB", near_amount(value, UNIT_NAMES))
    return int(float(match[1]) * unit)


def _fits(value: str) -> str:
    """h100@32k. Raises ValueError for a context that is none."""
    _, at, context = value.partition("@")
    if at:
        parse_tokens(context)
    return value


ParameterCount = Annotated[str, BeforeValidator(_size)]
Bytes = Annotated[int, BeforeValidator(_bytes)]


class SolveSettings(Settings):
    """How large a model is to be, what it is to keep, and how many to show."""

    params: ParameterCount | None = option(
        None, "Total number of parameters: 1.5B; give all digits for an exact size.", metavar="N")
    active: ParameterCount | None = option(None, "Number of active parameters per token.", metavar="N")
    non_embedding: ParameterCount | None = option(
        None, "Number of parameters outside token and position embeddings and the output head.", metavar="N")
    compute: Flop | None = option(
        None, "Training compute in FLOP, to find the compute-optimal size: 1e22.", metavar="FLOP")
    tolerance: Share = option(Fraction(1, 100), "Allowed relative difference in size: 1%.", metavar="SHARE")
    max_cache_per_token: Bytes | None = option(None, "Maximum growth of the cache per token: 64KiB.", metavar="SIZE")
    flops_per_token: Decimal | None = option(None, "Maximum forward FLOPs per token.", metavar="N")
    fits: Annotated[str, AfterValidator(_fits)] | None = option(
        None, "Accelerator that the model must fit on, optionally with a context: h100@32k.", metavar="GPU[@TOKENS]")
    runtime: RuntimeName | None = option(
        None, "Runtime with which the model must fit; any that serves it when not given.")
    max_layers: Annotated[int, Field(ge=1, le=MAX_LAYERS)] | None = option(None, "Maximum number of layers.")
    multiple_of: Annotated[int, Field(ge=1, le=4096)] | None = option(
        None, f"Number that the hidden size and widths must be multiples of; {FINE} and {COARSE} when not given.")
    top: Annotated[int, Field(ge=1, le=10_000)] = option(10, "Number of candidates to show.")

    def check(self) -> None:
        """Raise UsageError for settings that do not go together."""
        sizes = [name for name in ("params", "non_embedding", "compute") if getattr(self, name) is not None]
        if len(sizes) > 1:
            raise UsageError(Problem(f"--{sizes[0].replace('_', '-')} and --{sizes[1].replace('_', '-')} both say how "
                                     "large the model is", hint="leave one out"))
        if not sizes and self.active is None:
            raise UsageError(Problem("the size of the model is not given", hint="--params 1.5B"))
        if self.runtime is not None and self.fits is None:
            raise UsageError(Problem("--runtime has no effect without --fits", hint="--fits h100@32k"))


class SolveKeywords(TypedDict, total=False):
    """`SolveSettings` as keyword arguments."""

    params: int | str | None
    active: int | str | None
    non_embedding: int | str | None
    compute: float | None
    tolerance: float | str
    max_cache_per_token: int | str | None
    flops_per_token: int | str | None
    fits: str | None
    runtime: RuntimeName | None
    max_layers: int | None
    multiple_of: int | None
    top: int
