"""The same specification with some numbers scaled: what doubling the layers would do."""

from __future__ import annotations

import re
from difflib import get_close_matches
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from paramcalc.errors import Problem, SpecError, UsageError
from paramcalc.settings import nearest
from paramcalc.sizes import ROUGH, TOKENS, near_number
from paramcalc.spec.depth import depth, set_depth
from paramcalc.spec.dump import dump

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paramcalc.spec.model import ModelSpec

_TIMES = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)x")
_PLAIN = re.compile(r"[0-9]{1,15}")
MAX_NUMBER = 1e18
Change = tuple[str, str]


def changed(spec: ModelSpec, changes: Sequence[str]) -> ModelSpec:
    """The specification after `key=2x` (times) or `key=8192` for each change. Raises UsageError for a key it lacks.

    A key holds wherever it stands in the specification; a layout is cut or continued for `num_layers`; `ffn_ratio`
    scales `intermediate_size` where the specification says that.
    """
    data = dump(spec)
    data.pop("expect", None)
    for change in changes:
        key, equals, value = change.partition("=")
        if not equals or not (_TIMES.fullmatch(value) or _PLAIN.fullmatch(value)):
            raise UsageError(Problem(f"--what-if {change[:60]!r} is not KEY=2x or KEY=NUMBER",
                                     hint=f"the nearest: {key[:60]}={_near(value)}"))
        if not _change(data, key, value):
            near = get_close_matches(key, sorted(_numbers(data)), n=1)
            raise UsageError(Problem(f"--what-if: the spec has no numeric field {key[:60]!r}",
                                     hint=f"did you mean {near[0]}?" if near else
                                     f"it has {', '.join(sorted(_numbers(data)))}"))
    try:
        return type(spec).model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False)
        raise SpecError(*(Problem(f"--what-if {', '.join(changes)[:60]}: {detail['msg']}",
                                  tuple(detail["loc"]), nearest(detail)) for detail in details)) from error


def _near(value: str) -> str:
    """The nearest value to what is none: `2x` for 2y, `2.5x` for 2.5, 4096 for 4k, 768 for -768."""
    rough = ROUGH.match(value.strip())
    if rough is None:
        return "2x"
    factor = rough[2].lower() not in TOKENS or ("." in rough[1] and not rough[2])
    return f"{rough[1]}x" if factor else near_number(value)


def _change(data: dict[str, Any], key: str, value: str) -> bool:
    if key == "num_layers" and (old := depth(data)):
        set_depth(data, int(_new(old, value, key)))
        return True
    if _everywhere(data, key, value):
        return True
    return key == "ffn_ratio" and _everywhere(data, "intermediate_size", value)


def _everywhere(data: Any, key: str, value: str) -> bool:  # noqa: ANN401 - plain data
    """Change every number under the key, at any depth; whether there was one."""
    if not isinstance(data, dict | list):
        return False
    inner = [_everywhere(item, key, value) for item in (data.values() if isinstance(data, dict) else data)]
    if isinstance(data, dict) and type(data.get(key)) in (int, float):
        data[key] = _new(data[key], value, key)
        return True
    return any(inner)


def _new(old: int | float, value: str, key: str) -> int | float:
    match = _TIMES.fullmatch(value)
    if match is None:
        return int(value)
    if not isfinite(old):
        raise UsageError(Problem(f"--what-if {key}={value}: there is nothing to scale"))
    scaled = Fraction(match[1]) * Fraction(old)
    if isinstance(old, int) and scaled.denominator != 1:
        raise UsageError(Problem(f"--what-if {key}={value}: {old:,} times that is not an integer",
                                 hint=f"the nearest: {key}={max(round(scaled), 1)}"))
    if abs(scaled) > MAX_NUMBER:
        raise UsageError(Problem(f"--what-if {key}={value}: at most {MAX_NUMBER:.0e} is a number here"))
    return int(scaled) if isinstance(old, int) else float(scaled)


def _numbers(data: dict[str, Any]) -> set[str]:
    return {key for key, value in data.items() if type(value) in (int, float) and key != "paramcalc"}
