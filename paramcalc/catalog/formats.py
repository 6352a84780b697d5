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
  group -1 is the whole row; `open: group` or `bits` allows any. `vector`: one for `group` weights along out.
  `pad: [8, 1024]`: the matrix is filled up to multiples of these before it is stored;
  `when`, `unless`: only in the variant of that name, or not in it (`pack_quantized-4bit-g128-zp`); `marks`: variants
  that store the same; `unpacked`: the products of a prompt take a copy of the matrix in the type they compute in.
  Factors of a product may also be `books`, `entries` and `second` (codebooks), `index` (bits that tell entries apart),
  `slot` (8, 16 or 32 bits for a code), `listed` (bytes that a config lists).
* `mixes`: names of whole files that mix the types of `blocks`, tensor by tensor: a plan, not a format.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache, lru_cache
from math import prod
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.catalog._data import Table, mapping, positive_integer, read_table, slug, texts, unknown
from paramcalc.catalog.format_words import meant_formats
from paramcalc.catalog.parts import Part, Size, Sizes
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Format(NamedTuple):
    """How a tensor's numbers are stored."""

    name: str
    family: str
    """`plain`, `gguf` or `grouped`."""
    sizes: Sizes
    parts: tuple[Part, ...]
    block: int = 1
    """What the last dimension must divide by; where it does not, another format has to be taken."""
    ggml_type: int | None = None
    """Its number in a GGUF file."""
    summary: str = ""
    source: str = ""
    notes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    bits_allowed: tuple[int, ...] = ()
    """Empty where any number is a variant, whole or not."""
    groups_allowed: tuple[int, ...] = ()
    """Empty where any number is a variant."""
    marks: tuple[str, ...] = ()
    """Variants that store the same and that runtimes hold in another way."""
    unpacked: bool = False
    """Whether the products of a prompt take a copy of the matrix in the type they compute in."""
    by_group: bool = False
    """Whether the last dimension must divide by the group."""
    variants: tuple[str, ...] = ()
    """Further parts that this one stores: `zp`, `gidx`."""

    @property
    def bits(self) -> int:
        """Of one code, where codes are all of one width; for a GGUF block its mean, rounded down."""
        return int(self.sizes.bits)

    @property
    def group(self) -> int:
        """Numbers that share a scale; -1 is a whole row, 0 none or a fixed layout."""
        return self.sizes.group

    @property
    def open_sizes(self) -> set[str]:
        """What a name may say of this format, as fields of `Sizes`."""
        factors = {factor for part in self.parts for factor in (*part.bits, *part.flat) if isinstance(factor, str)}
        opened = {"books", "listed"} & factors | ({"entries", "second"} if "index" in factors else set())
        tiled = any(part.per == "block" for part in self.parts) and self.family == "grouped"
        return {"bits", "group"} | opened | ({"tile"} if tiled else set()) if self.family == "grouped" else set()

    def as_variant(self, name: str) -> Format:
        """The same format in one of its variants."""
        return self._replace(variants=(*self.variants, name))

    @property
    def stored(self) -> tuple[Part, ...]:
        """The parts this variant stores."""
        return tuple(part for part in self.parts if (not part.when or part.when in self.variants)
                     and not set(part.unless) & set(self.variants))

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether the last dimension divides into blocks."""
        return (shape[-1] if shape else 1) % self.block == 0

    def bytes_of(self, shape: tuple[int, ...]) -> int:
        """Exact bytes of a tensor; of a stack of matrices, as many times one matrix."""
        return sum(self.breakdown(shape).values())

    def breakdown(self, shape: tuple[int, ...]) -> dict[str, int]:
        """Exact bytes by part. Raises UsageError where blocks do not divide the rows."""
        if not self.fits(shape):
            message = f"{self.name} stores rows in blocks of {self.block}, and {shape[-1]} does not divide by that"
            raise UsageError(Problem(message, hint="keep this tensor in another format"))
        columns = shape[-1] if shape else 1
        rows = shape[-2] if len(shape) > 1 else 1
        stack = prod(shape[:-2])
        if rows == 0 or columns == 0 or stack == 0:
            return {part.name: 0 for part in self.stored}
        return {part.name: stack * part.bytes_of(rows, columns, self.sizes) for part in self.stored}

    @property
    def bits_per_weight(self) -> Fraction:
        """Bits in the limit of a large matrix that divides into every group, without what a row or a tensor adds."""
        side = 2**12 * 3 * 5 * 7
        counted = [part for part in self.stored if part.per in {"weight", "group", "flat", "block", "vector"}]
        if self.group < 0:
            counted = [part for part in counted if part.per != "group"]
        return Fraction(8 * sum(part.bytes_of(side, side, self.sizes) for part in counted), side * side)

    def but(self, sizes: Mapping[str, Any]) -> Format:
        """The same format with other bits, group size or other fields of `Sizes`. Raises UsageError where it has no
        such variant."""
        bits, group = sizes.get("bits", self.sizes.bits), sizes.get("group", self.group)
        for value, allowed, what in ((bits, self.bits_allowed, "bits"), (group, self.groups_allowed, "group size")):
            if allowed and value not in allowed:
                choices = ", ".join(map(str, sorted(allowed)))
                raise UsageError(Problem(f"{self.name} has no {what} {value}", hint=f"one of {choices}"))
        if not sizes.get("bits", 1) or not sizes.get("group", 1):
            raise UsageError(Problem(f"{self.name}: expected bits and a group size above 0, found 0",
                                     hint="leave it out for the usual one, or say `channel` for a scale a row"))
        changed = self.sizes._replace(**sizes)
        block = group if self.by_group else self.block
        return self if changed == self.sizes else self._replace(sizes=changed, block=block)


def formats() -> Mapping[str, Format]:
    """All formats by name, in the order of the table."""
    return MappingProxyType(_table()[0])


@lru_cache(maxsize=1024)
def find_format(name: str, family: str = "") -> Format:
    """The format of that name or alias, in any case; with `family="gguf"`, as a GGUF file means the name.

    Bits and group size may be said in the name: `gptq-3bit-g32`, `awq-g64`, `mlx-8bit`. Raises UsageError, with the
    nearest name, for an unknown one. Kept, as a GGUF mix asks once for each layer of each tensor.
    """
    key = slug(name).removeprefix("torch.")
    names = _names()
    if family == "gguf" and f"ggml-{key}" in names:
        key = f"ggml-{key}"
    if key in names:
        return _format(*names[key])
    by_name, by_alias, plans = _table()
    if key in by_alias:
        return by_name[by_alias[key]]
    if key in plans:
        hint = f"a mix is a plan for many tensors; for one tensor name a type, such as {_main_type(key)}"
        raise UsageError(Problem(f"{name} names a mix of block types, not a number format", hint=hint))
    for base, tokens in _splits(key):
        if base in by_alias and (variant := _variant(by_name, by_alias, base, tokens)) is not None:
            return variant
    raise unknown("number format", name, [*by_alias, *plans], {slug(listed): listed for listed in (*by_name, *mixes())},
                  meant_formats(key))


def mixes() -> tuple[str, ...]:
    """Names of GGUF mixes, which stand for a format of each tensor of a file."""
    return texts(_document()["mixes"]["names"])


def is_mix(name: str) -> bool:
    """Whether a name stands for a GGUF mix of types, such as `Q4_K_M`."""
    return slug(name) in _table()[2]


def format_of_ggml_type(number: int) -> Format | None:
    """The format a GGUF file means by this number."""
    return next((entry for entry in _table()[0].values() if entry.ggml_type == number), None)


def _main_type(mix: str) -> str:
    """The type most tensors of a mix have: `q4-k-m` → `q4_k`."""
    head = re.match(r"q\d-k|iq\d", mix)
    base = head[0].replace("-", "_") if head else mix
    return base if base.startswith("q") else f"{base}_s"


_TOKENS = (
    ("group", re.compile(r"(?:g|gs|group)(\d{1,6})|(\d{1,6})g")),
    ("bits", re.compile(r"(?:int|w)([1-8])|(\d{1,2})bits?|(\d{1,2}(?:\.\d{1,4})?)bpw")),
    ("tile", re.compile(r"b(\d{1,6}x\d{1,6})")),
    ("books", re.compile(r"(\d{1,2}x\d{1,2})")),
    ("group", re.compile(r"v(\d{1,4})")),
    ("listed", re.compile(r"(\d{1,13})b")),
    ("entries", re.compile(r"k(\d{1,7}(?:\+\d{1,7})?)")),
)
"""What the end of a name says, word by word: `gptq-3bit-g32`, `exl3-4.25bpw`, `fp8-block-b64x64`, `aqlm-1x16-g8`,
`vptq-v8-k65536+256`."""


def _splits(name: str) -> Iterator[tuple[str, list[str]]]:
    """A name's base and the words after it, the longest base first."""
    words = re.sub(r"-(group|gs)-(?=\d)|-(\d)-(?=bits?\b)", lambda m: f"-{m[1] or m[2]}", name).split("-")
    for count in range(len(words) - 1, 0, -1):
        yield "-".join(words[:count]), words[count:]


def _variant(by_name: Mapping[str, Format], by_alias: Mapping[str, str], base: str, words: list[str]) -> Format | None:
    """The format of a base with what the words say; None for a word that says nothing."""
    values: dict[str, Any] = {}
    entry = by_name[by_alias[base]]
    open_ = entry.open_sizes
    variants = {word for part in entry.parts for word in (part.when, *part.unless) if word} | set(entry.marks)
    for word in words:
        if word in variants:
            entry = entry._replace(variants=(*entry.variants, word))
        elif word == "channel":
            values["group"] = -1
        elif (settings := _settings_of(word)) is not None and settings.keys() <= open_:
            values |= settings
        else:
            return None
    key = f"{base}-{values.get('bits')}bit"
    return (by_name[by_alias[key]]._replace(variants=entry.variants) if key in by_alias else entry).but(values)


def _settings_of(word: str) -> dict[str, Any] | None:
    """What one word at the end of a name says, as fields of `Sizes`."""
    for field, fits in _TOKENS:
        if match := fits.fullmatch(word):
            text = next(text for text in match.groups() if text)
            if field == "tile":
                rows, columns = map(int, text.split("x"))
                return {"tile": (max(rows, 1), max(columns, 1))}
            if field == "books":
                books, bits = map(int, text.split("x"))
                return {"books": books, "bits": bits}
            if field == "entries":
                entries, _, second = text.partition("+")
                return {"entries": int(entries), "second": int(second or 0)}
            return {field: Fraction(text) if "." in text else int(text)}
    return None


@cache
def _table() -> tuple[dict[str, Format], dict[str, str], frozenset[str]]:
    """Formats by name, names by every spelling, and the names of mixes."""
    by_name = {name: _format(family, name) for family, name in _names().values()}
    spellings = {slug(name): name for name in by_name}
    for name, entry in by_name.items():
        spellings |= {slug(alias): name for alias in entry.aliases if slug(alias) not in spellings}
    return by_name, spellings, frozenset(map(slug, texts(_document()["mixes"]["names"])))


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
    bits = positive_integer(row["bits"])
    number = None if row.get("type") is None else int(str(row["type"]))
    parts = (Part("weight", "weight", (bits,)),)
    source, aliases = str(sources["ggml" if number is not None else "st"]), texts(row.get("aliases"))
    return Format(name, "plain", Sizes(bits), parts, ggml_type=number, source=source, aliases=aliases)


def _blocks(name: str, row: dict[str, object], sources: Mapping[str, object]) -> Format:
    block, size = positive_integer(row["block"]), positive_integer(row["bytes"])
    parts = (Part("blocks", "block", (8 * size,), block=(1, block)),)
    return Format(
        name,
        "gguf",
        Sizes(8 * size // block),
        parts,
        block=block,
        ggml_type=positive_integer(row["type"]),
        summary=str(row["layout"]),
        source=str(sources["ggml"]),
    )


def _grouped(name: str, row: dict[str, object], sources: Mapping[str, object]) -> Format:
    bits, groups = _choices(row["bits"]), _choices(row.get("group", 0))
    by_group = row.get("divides") == "group"
    return Format(
        name,
        "grouped",
        Sizes(bits[0], groups[0]),
        tuple(_part(key, mapping(part)) for key, part in mapping(row["parts"]).items()),
        block=groups[0] if by_group else positive_integer(row.get("divides", 1)),
        summary=str(row["summary"]),
        source="; ".join(_expand(source, sources) for source in str(row["source"]).split(", ")),
        notes=texts(row.get("notes")),
        aliases=texts(row.get("aliases")),
        bits_allowed=() if "bits" in texts(row.get("open")) else bits,
        groups_allowed=() if "group" in texts(row.get("open")) else groups,
        marks=texts(row.get("marks")),
        by_group=by_group,
        unpacked=bool(row.get("unpacked")),
    )


def _choices(value: object) -> tuple[int, ...]:
    return tuple(int(text) for text in texts(value))


def _part(name: str, row: dict[str, object]) -> Part:
    pack, word = texts(row.get("pack", ["", 8]))
    down, across = _choices(row.get("block", [1, 1]))
    rows, columns = _choices(row.get("pad", [1, 1]))
    bits, flat = _size(row["bits"]), _size(row.get("flat", 1))
    return Part(name, str(row["per"]), bits, pack, int(word), (down, across), flat, str(row.get("when", "")),
                texts(row.get("unless")), (rows, columns))


def _size(value: object) -> Size:
    return tuple(int(factor) if factor.isdecimal() else factor for factor in str(value).split("*"))


def _expand(source: str, sources: Mapping[str, object]) -> str:
    head = re.split(r"[/@:#]", source, maxsplit=1)[0]
    return str(sources[head]) + source[len(head) :] if head in sources else source
