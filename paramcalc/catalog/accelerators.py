"""Accelerators: memory, bandwidth, arithmetic and links of one device, each value with its source.

The table is `accelerators.json`, read when first asked for. A YAML file of the user, in the same form, adds devices or
overrides single values of the ones here. The form:

```yaml
sources: {sheet: https://example.org/devices}    # abbreviations of what follows a value
accelerators:
  my-card:                                       # the key: lower case, blanks as dashes
    name: Example Card
    kind: desktop                                # server, workstation, desktop; shared: memory of the host
    aliases: [card, card-24gb]
    memory: [24 GiB, sheet]                      # as sold
    usable: [23028 MiB, "sheet#L3"]              # what the driver reports as total
    bandwidth: [936 GB/s, sheet]                 # of the device's own memory
    flops: {sheet: {bf16: 71, fp8: 142}}         # 10^12 a second, dense
    power: [350, sheet]                          # watts
    links: {pcie: [31.5 GB/s, sheet]}            # one way, of one device over all its ports
    lacks: [bf16]                                # arithmetic it is known to have no units for
    compute_capability: ["8.6", sheet]           # CUDA's, of devices of NVIDIA
    unknown: {power: none is published}          # why power, links or flops are missing
    notes: [what other sources print]
```

A value is `[value, source]`, or in a user's file the value alone. Vendors print GB for what is GiB; GiB stands in the
table where a source says so in bytes or in GiB. `memory` less `usable` is ECC and firmware. Tensor figures of `flops`
accumulate in FP32; GeForce sheets print the FP16-accumulate figure, which is twice that. Sheets print the sum of both
ways for links. A missing value is unknown or unsupported, never zero. Where sources differ, `notes` says what they say.
Values whose source is `recalled` are from memory: no place was found to read them.
"""

from __future__ import annotations

import copyreg
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.catalog._data import (
    Fields,
    Table,
    compute_capability,
    large_in_bytes,
    mapping,
    positive_integer,
    read_table,
    read_user_table,
    slug,
    text,
    unknown,
)
from paramcalc.catalog.device_names import (
    plain_key,
    refuse_no_name,
    refuse_shared_names,
    several,
    size_alone,
    without_size,
    words,
)
from paramcalc.errors import InputError, Problem, UsageError
from paramcalc.sanitize import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

DTYPES = ("fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4")
"""Kinds of arithmetic an accelerator may have a peak for."""

_FALLBACK = {"fp4": "fp8", "fp8": "bf16", "bf16": "fp16", "fp16": "fp32", "tf32": "fp32", "int8": "bf16"}
_FIELDS = frozenset({"name", "vendor", "kind", "aliases", "memory", "usable", "bandwidth", "flops", "power", "links",
                     "lacks", "compute_capability", "unknown", "notes"})
_UNKNOWN = ("power", "links", "flops")
KINDS = ("server", "workstation", "desktop", "shared")
"""Where a device stands; `shared` has the memory of its host."""


def _read_only(values: dict[str, Any]) -> MappingProxyType[str, Any]:
    return MappingProxyType(values)


copyreg.pickle(MappingProxyType, lambda mapping: (_read_only, (dict(mapping),)))  # answers hold devices


class Accelerator(NamedTuple):
    """One device as sold. What is not known is None or absent, never zero."""

    key: str
    name: str
    vendor: str
    aliases: tuple[str, ...] = ()
    memory: str = ""
    """As the vendor says it: `80 GiB`."""
    memory_bytes: int | None = None
    usable_bytes: int | None = None
    """What the driver lets a program have, where that is known."""
    bandwidth: int | None = None
    """Of the device's own memory, bytes a second."""
    flops: Mapping[str, int] = MappingProxyType({})
    """Dense peak by kind of arithmetic, a second."""
    power_watts: int | None = None
    links: Mapping[str, int] = MappingProxyType({})
    """One-way bytes a second of this device, by kind of link."""
    sources: Mapping[str, str] = MappingProxyType({})
    """Where each value was read: `memory`, `usable`, `bandwidth`, `power`, `flops.bf16`, `links.nvlink`."""
    notes: tuple[str, ...] = ()
    """What other sources print, and what to know before using a value."""
    kind: str = ""
    """What it is sold as: `server`, `workstation`, `desktop`; `shared` where its memory is the host's."""
    lacks: tuple[str, ...] = ()
    """Kinds of arithmetic it is known to have no units for."""
    unknown: Mapping[str, str] = MappingProxyType({})
    """Why its `power`, `links` or `flops` are missing, where that is known."""
    compute_capability: int | None = None
    """CUDA's, as architectures are numbered: 86 of 8.6; None where it is not known, and of other vendors."""

    def why_unknown(self, field: str) -> str:
        """The reason for a missing field, ready to follow a sentence; empty where none is known."""
        return f": {self.unknown[field]}" if field in self.unknown else ""

    @property
    def capacity_bytes(self) -> int | None:
        """Bytes to plan with: what is usable, else what is sold."""
        return self.memory_bytes if self.usable_bytes is None else self.usable_bytes

    def without(self, dtype: str) -> str:
        """What is to be said of computing in a type it has no units for; empty for others."""
        if dtype not in self.lacks:
            return ""
        return f"{self.name} has no {dtype} units: --dtype fp16 takes as many bytes and computes in the units it has"

    def peak(self, dtype: str) -> tuple[str, int] | None:
        """The arithmetic that serves `dtype` here, and its peak: without FP8 units, FP8 weights compute as BF16, and
        16-bit values as FP32 where that is faster."""
        kind = dtype if dtype in DTYPES else "bf16"
        while kind not in self.flops:
            if kind not in _FALLBACK:
                return None
            kind = _FALLBACK[kind]
        if kind == "fp16" and self.flops.get("fp32", 0) > self.flops[kind]:
            kind = "fp32"
        return kind, self.flops[kind]


def accelerators(extra: Path | None = None) -> Mapping[str, Accelerator]:
    """All accelerators by key, in the order of the table; `extra` is a user's file that adds and overrides."""
    return MappingProxyType(_with_user_file(extra) if extra else _built_in())


def find_accelerator(name: str, extra: Path | None = None) -> Accelerator:
    """The accelerator of that key, alias or name, in any case, or one of a size; `extra` is a user's file that adds and
    overrides. Raises UsageError, with the nearest name, for an unknown one."""
    if (own := size_alone(name)) is not None:
        label, size = own
        return Accelerator(slug(name), f"a device of {label}", "", memory=label, memory_bytes=size, usable_bytes=size)
    key = slug(name)
    if extra is None and key in _rows():
        return _row(key)
    table = _with_user_file(extra) if extra else _built_in()
    if key in table or (key := plain_key(name)) in table:
        return table[key]
    by_alias = {plain_key(alias): device for device in table.values() for alias in (device.name, *device.aliases)}
    if key in by_alias:
        return by_alias[key]
    same = {device.key: device for alias, device in (by_alias | dict(table)).items()
            if words(alias) == words(key)}
    if len(same) == 1 and words(key):
        return next(iter(same.values()))
    refuse_no_name(name)
    if "," in name:
        raise UsageError(Problem(f"{name!r} names several accelerators, expected one",
                                 hint="--gpus N for several equal ones; fit takes different ones"))
    if (device := _of_name_and_more(key, name, extra)) is not None:
        return device
    raise unknown("accelerator", name, [*table, *by_alias], {alias: each.key for alias, each in by_alias.items()})


def _of_name_and_more(key: str, name: str, extra: Path | None) -> Accelerator | None:
    """The device of a name that also says the size of its memory, as the catalog has it. Raises UsageError for a size
    that it has not, and for a number of devices."""
    rest, size = without_size(key)
    number, rest = several(name) or (0, rest)
    try:
        device = find_accelerator(rest, extra) if size or number else None
    except UsageError:
        return None
    if device is None or (not number and device.memory_bytes in (size << 30, size * 10**9)):
        return device
    message, hint = f"says how many {device.name}s are meant, beside the name", f"--gpus {number}"
    if not number:
        message = f"the catalog has {device.name} with {device.memory}, not {size}"
        hint = f"or by size alone, all of it usable: --gpu {size}GiB"
    raise UsageError(Problem(f"{name!r}: {message}", hint=f"--gpu {device.key}{' ' if number else ', '}{hint}"))


@cache
def _document() -> Table:
    return read_table("accelerators.json")


def _rows() -> dict[str, Any]:
    return _document()["accelerators"]


@cache
def _row(key: str) -> Accelerator:
    """One device of the table: most runs ask for no other."""
    sources = {name: str(value) for name, value in _document()["sources"].items()}
    return _Row(key, mapping(_rows()[key]), sources, "accelerators.json").build()


@cache
def _built_in() -> dict[str, Accelerator]:
    return {key: _row(key) for key in _rows()}


def _with_user_file(path: Path) -> dict[str, Accelerator]:
    document = read_user_table(path)
    table, where = dict(_built_in()), str(path)
    sources = {key: str(value) for key, value in mapping(document.get("sources", {}), where, "sources").items()}
    rows = mapping(document.get("accelerators", {}), where, "accelerators")
    if unexpected := sorted(document.keys() - {"sources", "accelerators"}):
        raise InputError(*(Problem("unknown key, expected sources or accelerators", (key,), source=where,
                                   hint="list devices by key under `accelerators:`") for key in unexpected))
    for key, row in rows.items():
        values = mapping(row, where, "accelerators", key)
        table[slug(key)] = _Row(slug(key), values, sources, where, table.get(slug(key))).build()
    refuse_shared_names([*rows], {key: (device.name, device.aliases) for key, device in table.items()}, where)
    return table


class _Row(Fields):
    """One row of a table on its way to an `Accelerator`, laid over a known one if there is one."""

    def __init__(self, key: str, values: dict[str, object], sources: dict[str, str], where: str,
                 base: Accelerator | None = None) -> None:
        super().__init__(("accelerators", key), values, where)
        self.key = key
        self.abbreviations = sources
        self.base = base or Accelerator(key, key, "")
        self.sources: dict[str, str] = dict(self.base.sources)

    def build(self) -> Accelerator:
        """The accelerator; an unknown field or a value that is no quantity is refused by its path."""
        for name in self.values.keys() - _FIELDS:
            raise self.wrong("unknown field of an accelerator", name,
                             hint=f"one of {', '.join(sorted(_FIELDS))}")
        base, values = self.base, self.values
        name = self.text("name", base.name)
        memory = self.quantity("memory", large_in_bytes, base.memory_bytes)
        usable = self.quantity("usable", large_in_bytes, base.usable_bytes)
        if values.keys() & {"memory", "usable"} and memory and usable and usable > memory:
            raise self.wrong(f"expected at most the {memory:,} bytes of memory, found {usable:,}", "usable")
        return Accelerator(
            key=self.key,
            name=name,
            vendor=self.text("vendor", base.vendor or name.split()[0]).lower(),
            aliases=base.aliases + self.texts("aliases"),
            memory=self.as_written("memory") if values.get("memory") else base.memory,
            memory_bytes=memory,
            usable_bytes=usable,
            bandwidth=self.quantity("bandwidth", large_in_bytes, base.bandwidth),
            flops=self.flops(),
            power_watts=self.quantity("power", positive_integer, base.power_watts),
            links=self.links(),
            sources=MappingProxyType(self.sources),
            notes=base.notes + self.texts("notes"),
            kind=self.one_of("kind", KINDS, base.kind),
            lacks=base.lacks + self.texts("lacks"),
            unknown=self.unknown(),
            compute_capability=self.quantity("compute_capability", compute_capability, base.compute_capability),
        )

    def as_written(self, name: str) -> str:
        """A field's value as it is written."""
        try:
            return text(self.cited(name)[0])
        except ValueError as error:
            raise self.wrong(str(error), name) from None

    def cited(self, name: str, value: object = None) -> tuple[object, str]:
        """The value and its source of `value` or `[value, source]`."""
        value = self.values.get(name) if value is None else value
        if not isinstance(value, list):
            return value, self.where
        if len(value) != 2 or not isinstance(value[1], str):
            raise self.wrong(f"expected a value or [value, source], found {describe(value)}", name)
        return value[0], self.expand(value[1])

    def expand(self, source: str) -> str:
        """`mle#L265` with what `mle` stands for."""
        return "; ".join(self._expand_one(part) for part in source.split(", "))

    def _expand_one(self, source: str) -> str:
        for end in (source.find("#"), source.find("/"), len(source)):
            if end > 0 and source[:end] in self.abbreviations:
                return self.abbreviations[source[:end]] + source[end:]
        return source

    def inner(self, name: str) -> dict[str, object]:
        return mapping(self.values.get(name) or {}, self.where, "accelerators", self.key, name)

    def quantity(self, name: str, read: Callable[[object], int], default: int | None) -> int | None:
        if name not in self.values:
            return default
        value, self.sources[name] = self.cited(name)
        return None if value is None else self.number(read, value, name)

    def number(self, read: Callable[[object], int], value: object, *path: str) -> int:
        try:
            return read(value)
        except ValueError as error:
            raise self.wrong(str(error), *path) from None

    def flops(self) -> Mapping[str, int]:
        """`{source: {dtype: 10^12 a second}}`, or plainly `{dtype: …}`."""
        flops = dict(self.base.flops)
        for name, inner in self.inner("flops").items():
            nested = isinstance(inner, dict)
            peaks = mapping(inner, self.where, "accelerators", self.key, "flops", name) if nested else {name: inner}
            for dtype, value in peaks.items():
                if dtype not in DTYPES:
                    raise self.wrong("unknown kind of arithmetic", "flops", dtype,
                                     hint=f"one of {', '.join(DTYPES)}")
                flops[dtype] = self.number(lambda v: positive_integer(v, 10**12), value, "flops", dtype)
                self.sources[f"flops.{dtype}"] = self.expand(name) if nested else self.where
        return MappingProxyType({dtype: flops[dtype] for dtype in DTYPES if dtype in flops})

    def unknown(self) -> Mapping[str, str]:
        """`{field: reason}`; a field that is said after all is no longer unknown."""
        reasons = {**self.base.unknown, **self.inner("unknown")}
        for name, reason in reasons.items():
            if name not in _UNKNOWN or not isinstance(reason, str):
                raise self.wrong("is not a reason for an unknown field", "unknown", name,
                                 hint=f"a text for one of {', '.join(_UNKNOWN)}")
        return MappingProxyType({name: str(reason) for name, reason in reasons.items()
                                 if name in self.inner("unknown") or not self.values.get(name)})

    def links(self) -> Mapping[str, int]:
        links = dict(self.base.links)
        for name, entry in self.inner("links").items():
            value, self.sources[f"links.{name}"] = self.cited("links", entry)
            links[name] = self.number(large_in_bytes, value, "links", name)
        return MappingProxyType(links)
