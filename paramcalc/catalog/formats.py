"""Number formats: the exact bytes of a tensor of a given shape, from plain dtypes to codes with nested scales.

The table is `formats.json`, read when first asked for. Every format comes down to a few `Part`s, each of which has one
item for every weight, group, row, column, block or tensor; so one short sum serves them all, in whole numbers.

Sections of the table:

* `plain`: one number, `bits` wide.
* `blocks`: GGUF: `bytes` for every `block` numbers of a row (the last dimension), which must divide by it.
* `grouped`: codes plus scales and the like: a mapping of `parts`. A tensor is a stack of [out, in] matrices.
  `per`: what a part has one item for: weight, group (of `group` numbers along in), row, column, tensor,
  `block: [128, 128]` (out × in), or `flat: N` (every N numbers of the flattened matrix);
  `bits`: of one item; `bits` and `group` stand for the format's own, and a product is written `10*group`;
  `pack`: `[in|out, word]`: items along that dimension share words of that many bits; without it all items of the matrix
  are packed into bytes. Where a list stands for `bits` or `group` the first is the default and the others are allowed;
  group -1 is the whole row.
* `mixes`: names of whole files that mix the types of `blocks`, tensor by tensor: a plan, not a format.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.catalog._data import Table, mapping, read_table, slug, texts, unknown, whole
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Size = tuple[str | int, ...]
"""A product still to be taken: `10*group` is `(10, "group")`."""


class Part(NamedTuple):
    """What a format stores of one kind: the codes, the scales, the zeros, a table."""

    name: str
    per: str
    """One item for each `weight`, `group`, `row`, `column`, `tensor`, `block` (2-D) or `flat` run of weights."""
    bits: Size
    """Of one item."""
    pack: str = ""
    """The dimension, `in` or `out`, whose items share words; empty: all items of the matrix share bytes."""
    word: int = 8
    """Bits of such a word."""
    block: tuple[int, int] = (1, 1)
    flat: Size = ()

    def bytes_of(self, rows: int, columns: int, bits: int, group: int) -> int:
        """For one matrix of `rows` outputs and `columns` inputs."""
        down, across = self._items(rows, columns, bits, group)
        width = _product(self.bits, bits, group)
        if self.pack == "in":
            return down * _up(across * width, self.word) * self.word // 8
        if self.pack == "out":
            return across * _up(down * width, self.word) * self.word // 8
        return _up(down * across * width, 8)

    def _items(self, rows: int, columns: int, bits: int, group: int) -> tuple[int, int]:
        """How many items there are along each dimension of the matrix."""
        if self.per == "flat":
            return 1, _up(rows * columns, _product(self.flat, bits, group))
        groups = _up(columns, group) if group > 0 else 1
        return {
            "weight": (rows, columns),
            "group": (rows, groups),
            "row": (rows, 1),
            "column": (1, columns),
            "block": (_up(rows, self.block[0]), _up(columns, self.block[1])),
            "tensor": (1, 1),
        }[self.per]


class Format(NamedTuple):
    """How a tensor's numbers are stored."""

    name: str
    family: str
    """`plain`, `gguf` or `grouped`."""
    bits: int
    """Of one code, where codes are all of one width; for a GGUF block its mean, rounded down."""
    parts: tuple[Part, ...]
    block: int = 1
    """What the last dimension must divide by; where it does not, another format has to be taken."""
    group: int = 0
    """Numbers that share a scale; -1 is a whole row, 0 none or a fixed layout."""
    ggml_type: int | None = None
    """Its number in a GGUF file."""
    summary: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    bits_allowed: tuple[int, ...] = ()
    groups_allowed: tuple[int, ...] = ()

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether the last dimension divides into blocks."""
        return (shape[-1] if shape else 1) % self.block == 0

    def bytes_of(self, shape: tuple[int, ...]) -> int:
        """Exact bytes of a tensor; of a stack of matrices, as many times one matrix."""
        return sum(self.breakdown(shape).values())

    def breakdown(self, shape: tuple[int, ...]) -> dict[str, int]:
        """Exact bytes by part."""
        if not self.fits(shape):
            message = f"{self.name} stores rows in blocks of {self.block}, and {shape[-1]} does not divide by that"
            raise UsageError(Problem(message, hint="keep this tensor in another format"))
        columns = shape[-1] if shape else 1
        rows = shape[-2] if len(shape) > 1 else 1
        stack = prod(shape[:-2])
        if rows == 0 or columns == 0 or stack == 0:
            return {part.name: 0 for part in self.parts}
        return {part.name: stack * part.bytes_of(rows, columns, self.bits, self.group) for part in self.parts}

    @property
    def bits_per_weight(self) -> Fraction:
        """In the limit of a large matrix that divides into every group: what a row or a tensor adds is left out."""
        side = 2**12 * 3 * 5 * 7
        counted = [part for part in self.parts if part.per in {"weight", "group", "flat", "block"}]
        if self.group < 0:
            counted = [part for part in counted if part.per != "group"]
        return Fraction(8 * sum(part.bytes_of(side, side, self.bits, self.group) for part in counted), side * side)

    def but(self, bits: int | None = None, group: int | None = None) -> Format:
        """The same format with other bits or group size, if it has such a variant."""
        bits, group = bits or self.bits, group or self.group
        for value, allowed, what in (
            (bits, self.bits_allowed or (self.bits,), "bits"),
            (group, self.groups_allowed or (self.group,), "group size"),
        ):
            if value not in allowed:
                choices = ", ".join(map(str, sorted(allowed)))
                raise UsageError(Problem(f"{self.name} has no {what} {value}", hint=f"one of {choices}"))
        return self if (bits, group) == (self.bits, self.group) else self._replace(bits=bits, group=group)


def formats() -> Mapping[str, Format]:
    """All formats by name, in the order of the table."""
    return MappingProxyType(_table()[0])


def find_format(name: str, family: str = "") -> Format:
    """The format of that name or alias, in any case; with `family="gguf"`, as a GGUF file means the name.

    Bits and group size may be said in the name: `gptq-3bit-g32`, `awq-g64`, `mlx-8bit`.
    """
    wanted = slug(name).removeprefix("torch.")
    names = _names()
    if family == "gguf" and f"ggml-{wanted}" in names:
        wanted = f"ggml-{wanted}"
    if wanted in names:
        return _format(*names[wanted])
    known, by_alias, mixes = _table()
    if wanted in by_alias:
        return known[by_alias[wanted]]
    if wanted in mixes:
        hint = f"a mix is a plan for many tensors; for one tensor name a type, such as {_main_type(wanted)}"
        raise UsageError(Problem(f"{name} names a mix of block types, not a number format", hint=hint))
    base, bits, group = _options(wanted)
    if base in by_alias and (bits or group):
        key = f"{base}-{bits}bit" if f"{base}-{bits}bit" in by_alias else base
        return known[by_alias[key]].but(bits, group)
    raise unknown("number format", name, by_alias)


def is_mix(name: str) -> bool:
    """Whether a name stands for a GGUF mix of types, such as `Q4_K_M`."""
    return slug(name) in _table()[2]


def format_of_ggml_type(number: int) -> Format | None:
    """The format a GGUF file means by this number."""
    return next((known for known in _table()[0].values() if known.ggml_type == number), None)


def _main_type(mix: str) -> str:
    """The type most tensors of a mix have: `q4-k-m` → `q4_k`."""
    head = re.match(r"q\d-k|iq\d", mix)
    base = head[0].replace("-", "_") if head else mix
    return base if base.startswith("q") else f"{base}_s"


def _options(name: str) -> tuple[str, int | None, int | None]:
    """`gptq-4bit-g128` as its base, its bits and its group size."""
    bits = group = None
    if match := re.search(r"-(?:g|group-?|gs)(\d+)$|-(\d+)g$", name):
        group, name = int(match[1] or match[2]), name[: match.start()]
    if match := re.search(r"-(?:int|w)([1-8])$|-([1-8])-?bits?$", name):
        bits, name = int(match[1] or match[2]), name[: match.start()]
    return name, bits, group


def _up(count: int, size: int) -> int:
    return -(-count // size)


def _product(size: Size, bits: int, group: int) -> int:
    return prod({"bits": bits, "group": group}[factor] if isinstance(factor, str) else factor for factor in size)


@cache
def _table() -> tuple[dict[str, Format], dict[str, str], frozenset[str]]:
    """Formats by name, names by every spelling, and the names of mixes."""
    known = {name: _format(family, name) for family, name in _names().values()}
    spellings = {slug(name): name for name in known}
    for name, entry in known.items():
        spellings |= {slug(alias): name for alias in entry.aliases if slug(alias) not in spellings}
    return known, spellings, frozenset(map(slug, texts(_document()["mixes"]["names"])))


@cache
def _document() -> Table:
    return read_table("formats.json")


@cache
def _names() -> dict[str, tuple[str, str]]:
    """The section and the name a format has in the table, by its name as it is looked up."""
    return {slug(name): (family, name) for family in ("plain", "blocks", "grouped") for name in _document()[family]}


@cache
def _format(family: str, name: str) -> Format:
    """One format: most runs ask for two or three."""
    read = {"plain": _plain, "blocks": _blocks, "grouped": _grouped}[family]
    return read(name, mapping(_document()[family][name]), _document()["sources"])


def _plain(name: str, row: dict[str, object], sources: Mapping[str, object]) -> Format:
    bits = whole(row["bits"])
    number = None if row.get("type") is None else int(str(row["type"]))
    parts = (Part("weight", "weight", (bits,)),)
    source, aliases = str(sources["ggml" if number is not None else "st"]), texts(row.get("aliases"))
    return Format(name, "plain", bits, parts, ggml_type=number, source=source, aliases=aliases)


def _blocks(name: str, row: dict[str, object], sources: Mapping[str, object]) -> Format:
    block, size = whole(row["block"]), whole(row["bytes"])
    parts = (Part("blocks", "block", (8 * size,), block=(1, block)),)
    return Format(
        name,
        "gguf",
        8 * size // block,
        parts,
        block=block,
        ggml_type=whole(row["type"]),
        summary=str(row["layout"]),
        source=str(sources["ggml"]),
    )


def _grouped(name: str, row: dict[str, object], sources: Mapping[str, object]) -> Format:
    bits, groups = _choices(row["bits"]), _choices(row.get("group", 0))
    return Format(
        name,
        "grouped",
        bits[0],
        tuple(_part(key, mapping(part)) for key, part in mapping(row["parts"]).items()),
        block=whole(row.get("divides", 1)),
        group=groups[0],
        summary=str(row["summary"]),
        source="; ".join(_expand(source, sources) for source in str(row["source"]).split(", ")),
        notes=texts(row.get("notes")),
        aliases=texts(row.get("aliases")),
        bits_allowed=bits,
        groups_allowed=groups,
    )


def _choices(value: object) -> tuple[int, ...]:
    return tuple(int(text) for text in texts(value))


def _part(name: str, row: dict[str, object]) -> Part:
    pack, word = texts(row.get("pack", ["", 8]))
    down, across = _choices(row.get("block", [1, 1]))
    bits, flat = _size(row["bits"]), _size(row.get("flat", 1))
    return Part(name, str(row["per"]), bits, pack, int(word), (down, across), flat)


def _size(value: object) -> Size:
    return tuple(int(factor) if factor.isdecimal() else factor for factor in str(value).split("*"))


def _expand(source: str, sources: Mapping[str, object]) -> str:
    head = re.split(r"[/@:#]", source, maxsplit=1)[0]
    return str(sources[head]) + source[len(head) :] if head in sources else source
