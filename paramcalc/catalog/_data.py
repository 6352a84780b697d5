"""Reading the tables of the catalog, each quantity as an exact integer."""

from __future__ import annotations

import json
import re
import stat
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from paramcalc.errors import InputError, Problem, UsageError
from paramcalc.numbers import BYTE_UNITS
from paramcalc.sanitize import describe, quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?)\s*([kMGTPK]?i?B)(?:/s)?\s*")


MAX_BYTES = 2**19
"""Of a file of the user; ours has a tenth."""
EXAMPLE = "24 GiB or 936 GB/s"
MAX_NUMBER, MAX_TEXT = 2**100, 2_000
Table = dict[str, dict[str, Any]]
"""The sections of a table of this package: `sources`, then rows by their key."""


def read_table(name: str) -> Table:
    """A JSON table of this package, section by section."""
    table: Table = json.loads(Path(__file__).with_name(name).read_bytes())
    return table


def read_user_table(path: Path) -> dict[str, object]:
    """A file of the user, with everything that can be wrong with it said by name. Raises InputError."""
    import yaml

    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would be waited for, a device read for ever
            raise InputError(Problem("is not a regular file", source=str(path)))
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
        if len(raw) > MAX_BYTES:
            raise InputError(Problem(f"expected at most {MAX_BYTES:,} bytes, found more", source=str(path)))
        document = yaml.load(raw.decode("utf-8-sig"), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe
    except FileNotFoundError:
        raise InputError(Problem("no such file", source=str(path))) from None
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"expected UTF-8, found another byte at {error.start:,}", source=str(path))) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        raise InputError(Problem(f"not YAML: {error.problem}", source=str(path), line=line, column=column)) from error
    except RecursionError:
        raise InputError(Problem("is nested too deep", source=str(path))) from None
    except OSError as error:
        reason = (error.strerror or "unknown error").lower()
        raise InputError(Problem(f"cannot be read: {reason}", source=str(path))) from error
    except (ValueError, yaml.YAMLError) as error:
        raise InputError(Problem("expected YAML, found a date, a number or a character that cannot be",
                                 source=str(path))) from error
    return mapping(document, str(path))


def mapping(value: object, where: str = "", *path: str) -> dict[str, object]:
    """`value` if it is a mapping with text keys. Raises InputError for anything else."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        problem = "keys that are not strings" if isinstance(value, dict) else describe(value)
        raise InputError(Problem(f"expected a mapping, found {problem}", path=path, source=where))
    return value


def texts(value: object) -> tuple[str, ...]:
    """A text or a list of them, as a tuple."""
    if value is None:
        return ()
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)


def text(value: object) -> str:
    """A word or a number as text. Raises ValueError for what is neither, is empty, or is too long to be a name."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not 0 < len(str(value)) <= MAX_TEXT:
        raise ValueError(f"expected a string of at most {MAX_TEXT:,} characters, found {quote(value)}")
    return str(value)


def positive_integer(value: object, factor: int = 1) -> int:
    """A number times `factor`. Raises ValueError where that is no whole, positive number."""
    refusal = ValueError(f"expected a positive number, found {describe(value)}")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refusal
    try:
        number = Decimal(str(value)) * factor
    except ArithmeticError:
        raise refusal from None
    if not number.is_finite() or number > MAX_NUMBER or number != number.to_integral_value() or number <= 0:
        raise refusal
    return int(number)


def compute_capability(value: object) -> int:
    """The number of an architecture of CUDA, tenths of a version: 86 of `8.6`. Raises ValueError for anything else."""
    match = re.fullmatch(r"([1-9][0-9]?)\.([0-9])", value if isinstance(value, str) else repr(value))
    if match is None:
        raise ValueError(f"expected a compute capability, such as 8.6, found {describe(value)}")
    return int(match[1] + match[2])


def in_bytes(value: object) -> int:
    """`80 GiB`, `3.35 TB/s` or a plain number, in bytes (a second). Raises ValueError for anything else."""
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    plain = not isinstance(value, bool) and re.fullmatch(r"[0-9.e+]+", str(value))
    if (match is None and not plain) or (match is not None and match[2] not in BYTE_UNITS):
        raise ValueError(f"expected bytes with a unit, such as {EXAMPLE}, found {describe(value)}")
    return positive_integer(value) if match is None else positive_integer(match[1], BYTE_UNITS[match[2]])


def large_in_bytes(value: object) -> int:
    """The same of a device's memory or bandwidth. Raises ValueError below a MiB too: the unit was forgotten."""
    size = in_bytes(value)
    if size < 2**20:
        raise ValueError(f"expected bytes with a unit, such as {EXAMPLE}, found {describe(value)}")
    return size


LISTS = {"accelerator": "gpus", "number format": "formats", "optimizer": "optimizers"}
"""What `paramcalc list` calls the names of a kind."""


def slug(name: str) -> str:
    """A name as it is looked up: lower case, and every run of blanks, underscores and dashes one dash."""
    return re.sub(r"[\s_\-]+", "-", name.strip().lower())


def unknown(kind: str, name: str, candidates: Iterable[str], spelled: Mapping[str, str] = MappingProxyType({}),
            meant: Sequence[str] = ()) -> UsageError:
    """The refusal of a name, with the nearest known ones; `spelled` says how lists spell them. What the name says of
    itself, `meant`, comes first, and then nothing is offered for being spelt alike."""
    from difflib import get_close_matches

    names, word = list(candidates), slug(name)
    near = [*meant, *(each for each in names if each.startswith(f"{word}-") and each.endswith("-m"))]
    near += [each for each in names if _joined(each) == _joined(word)]
    near += [each for each in names if each.startswith(word)] if len(word) > 2 else []
    near += [each for each in names if _joined(word) in each.split("-")]
    near += [] if meant else get_close_matches(word, names, n=3, cutoff=0.5)
    near = list(dict.fromkeys(near))[:3]
    every = f"`paramcalc list {LISTS[kind]}` shows the names" if kind in LISTS else ""
    nearest = f"the nearest: {', '.join(dict.fromkeys(spelled.get(each, each) for each in near))}" if near else every
    return UsageError(Problem(f"unknown {kind} {name!r}", hint=nearest))


def _joined(name: str) -> str:
    """A name without the dashes between its words: `q4km` of `q4-k-m`."""
    return name.replace("-", "")


class Fields:
    """The fields of one row of a table, read by type. Each method raises InputError, with the path of the field."""

    def __init__(self, path: tuple[str, ...], values: Mapping[str, object], where: str) -> None:
        self.path, self.values, self.where = path, values, where

    def text(self, name: str, default: str) -> str:
        """A field that is a text, and not blank. Raises InputError for anything else."""
        words = self.texts(name)
        if name in self.values and (len(words) != 1 or not words[0].strip()):
            raise self.wrong(f"expected a string, found {describe(self.values[name])}", name)
        return words[0] if words else default

    def one_of(self, name: str, words: Collection[str], default: str) -> str:
        """A field that is one of some words. Raises InputError for any other."""
        word = self.text(name, default)
        if name in self.values and word not in words:
            raise self.wrong(f"expected one of {', '.join(sorted(words))}, found {quote(word)}", name)
        return word

    def texts(self, name: str) -> tuple[str, ...]:
        """A field that is a text or a list of them. Raises InputError for anything else."""
        value = self.values.get(name)
        items = value if isinstance(value, list) else [] if value is None else [value]
        try:
            return tuple(map(text, items))
        except ValueError as error:
            raise self.wrong(str(error), name) from None

    def wrong(self, message: str, *path: str, hint: str = "") -> InputError:
        """The refusal of a field."""
        return InputError(Problem(message, (*self.path, *path), hint=hint, source=self.where))
