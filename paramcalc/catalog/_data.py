"""Reading the tables of the catalog, each quantity as an exact integer."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paramcalc.errors import InputError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNITS = {prefix + "B": 1000**n for n, prefix in enumerate(("", "k", "M", "G", "T", "P"))}
_UNITS |= {prefix + "iB": 1024**n for n, prefix in enumerate(("K", "M", "G", "T", "P"), start=1)}
_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?)\s*([kMGTPK]?i?B)(?:/s)?\s*")


Table = dict[str, dict[str, Any]]
"""The sections of a table of this package: `sources`, then rows by their key."""


def read_table(name: str) -> Table:
    """A JSON table of this package, section by section."""
    table: Table = json.loads(Path(__file__).with_name(name).read_bytes())
    return table


def read_user_table(path: Path) -> dict[str, object]:
    """A file of the user, with everything that can be wrong with it said by name."""
    import yaml

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise InputError(Problem(f"cannot be read: {reason}", source=str(path))) from error
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise InputError(Problem(f"not YAML: {error.problem}", source=str(path), line=line, column=column)) from error
    except yaml.YAMLError as error:
        raise InputError(Problem(f"not YAML: {error}", source=str(path))) from error
    return mapping(document, str(path))


def mapping(value: object, where: str = "", *path: str) -> dict[str, object]:
    """`value` if it is a mapping with text keys."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError(Problem("must be a mapping", path=path, source=where))
    return value


def texts(value: object) -> tuple[str, ...]:
    """A text or a list of them, as a tuple."""
    if value is None:
        return ()
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)


def whole(value: object, factor: int = 1) -> int:
    """A number times `factor`, which must come out a whole, positive number."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{value!r} is not a number")
    try:
        number = Decimal(str(value)) * factor
    except ArithmeticError:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite() or number != number.to_integral_value() or number <= 0:
        raise ValueError(f"{value!r} is not a positive number")
    return int(number)


def in_bytes(value: object) -> int:
    """`80 GiB`, `3.35 TB/s` or a plain number, in bytes (a second)."""
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return whole(value)
    if match[2] not in _UNITS:
        raise ValueError(f"{match[2]} is not a unit of bytes")
    return whole(match[1], _UNITS[match[2]])


def slug(name: str) -> str:
    """A name as it is looked up: lower case, and every run of blanks, underscores and dashes one dash."""
    return re.sub(r"[\s_\-]+", "-", name.strip().lower())


def unknown(kind: str, name: str, known: Iterable[str]) -> UsageError:
    """The refusal of a name, with the nearest known ones."""
    from difflib import get_close_matches

    near = get_close_matches(slug(name), list(known), n=3, cutoff=0.5)
    nearest = f"the nearest: {', '.join(near)}" if near else ""
    return UsageError(Problem(f"unknown {kind} {name!r}", hint=nearest))
