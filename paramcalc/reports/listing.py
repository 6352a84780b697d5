"""What `list` says: everything that is built in, one kind at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.reports.table import Answer, Column, Kind, Table

if TYPE_CHECKING:
    from collections.abc import Callable

Item = dict[str, Any]


def models() -> list[Item]:
    """Presets with what they promise, which `check` and the tests hold them to."""
    from paramcalc.readers.presets import presets
    from paramcalc.readers.text.document import read_yaml

    found = []
    for name, path in presets().items():
        data = read_yaml(path.read_bytes(), name).data
        expect = data.get("expect", {})
        found.append({"name": name, "family": path.parent.name, "total": expect.get("total"),
                      "active": expect.get("active"), "source": data.get("source", "")})
    return found


def gpus() -> list[Item]:
    """Accelerators of the catalog."""
    from paramcalc.catalog.accelerators import accelerators

    return [{"name": key, "device": each.name, "memory_bytes": each.memory_bytes, "bandwidth": each.bandwidth,
             "bf16_flops": each.flops.get("bf16")} for key, each in accelerators().items()]


def formats() -> list[Item]:
    """Number formats of the catalog, with their bits for a weight, scales included."""
    from paramcalc.catalog.formats import formats as known
    from paramcalc.catalog.formats import mixes

    return [{"name": name, "kind": each.family, "bits_per_weight": f"{float(each.bits_per_weight):.4g}",
             "block": each.block, "summary": each.summary, "source": each.source}
            for name, each in known().items()] + [
        {"name": name, "kind": "gguf mix", "bits_per_weight": "", "block": None,
         "summary": "a plan for all tensors of a GGUF file", "source": ""} for name in mixes()]


def optimizers() -> list[Item]:
    """Optimizers of the catalog."""
    from paramcalc.catalog.optimizers import optimizers as known

    return [{"name": name, "summary": each.summary, "source": each.source} for name, each in known().items()]


def families() -> list[Item]:
    """Model types of Hugging Face configs that can be counted."""
    from paramcalc.readers.families import known

    return [{"name": name} for name in known()]


def rules() -> list[Item]:
    """Rules of `check`."""
    from paramcalc.checks.rules import rules as known

    return [{"name": rule.code, "rule": rule.name, "severity": rule.severity, "summary": rule.summary}
            for rule in known().values()]


LISTS: dict[str, Callable[[], list[Item]]] = {"models": models, "gpus": gpus, "formats": formats,
                                               "optimizers": optimizers, "families": families, "rules": rules}
KINDS: dict[str, Kind] = {"total": "count", "active": "count", "memory_bytes": "bytes", "bandwidth": "rate",
                          "bf16_flops": "flops", "block": "exact"}
HIDDEN = ("source",)


def answer(what: str, text: str = "") -> Answer:
    """One list as an object and as a table, of entries that contain a text; sources are in the object only."""
    items = [item for item in LISTS[what]() if text.lower() in " ".join(map(str, item.values())).lower()]
    keys = [key for key in (items[0] if items else {"name": ""}) if key not in HIDDEN]
    columns = tuple(Column(key.replace("_", " "), KINDS.get(key, "text")) for key in keys)
    table = Table("", columns, tuple(tuple(item[key] for key in keys) for item in items),
                  notes=(f"{len(items)} {what}",))
    return Answer({"schema": "paramcalc/list/1", "what": what, "items": items}, (table,))
