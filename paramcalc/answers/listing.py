"""`list`: what is built in, one kind at a time."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from paramcalc.answers.answer import Document

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class What(StrEnum):
    """What can be listed."""

    models = "models"
    gpus = "gpus"
    formats = "formats"
    optimizers = "optimizers"
    families = "families"
    rules = "rules"


class PresetItem(NamedTuple):
    """A preset with the counts it promises, which `check` and the tests hold it to."""

    name: str
    family: str
    total: int | None
    active: int | None
    source: str


class GpuItem(NamedTuple):
    """An accelerator of the catalog."""

    name: str
    device: str
    memory_bytes: int | None
    bandwidth: int | None
    """Bytes a second."""
    bf16_flops: int | None
    """Dense FLOPs a second."""


class FormatItem(NamedTuple):
    """A number format, or a mix of them for the tensors of a GGUF file."""

    name: str
    kind: str
    bits_per_weight: str
    """Scales included; empty for a mix."""
    block: int | None
    summary: str
    source: str


class OptimizerItem(NamedTuple):
    """An optimizer of the catalog."""

    name: str
    summary: str
    source: str


class FamilyItem(NamedTuple):
    """A `model_type` of Hugging Face configs that can be counted, and what is known of it."""

    name: str
    row: str
    """Where its row or function stands below `paramcalc/readers/families`; of a composite, that of its towers."""
    defaults: str
    """Where the defaults of its class come from: a release of transformers, or a repository's own file."""
    training: str
    """How its class computes while it trains: `measured` (held to what torch saved), `row` (read off its code) or
    `usual` (as Llama does, or as CLIP does in a tower)."""
    gguf: str
    """Architectures its GGUF files name."""
    classes: tuple[str, ...]
    spelling: tuple[str, str] | None
    """Of a composite: what files put before the text model's parts, and what they call its head."""
    neutral_keys: tuple[str, ...]
    """Keys its files say though its class does not read them."""


class RuleItem(NamedTuple):
    """A rule of `check`."""

    name: str
    """Its code."""
    rule: str
    severity: str
    summary: str


Item = PresetItem | GpuItem | FormatItem | OptimizerItem | FamilyItem | RuleItem


@dataclass(frozen=True, kw_only=True)
class Listing(Document):
    """Entries of one kind."""

    command: ClassVar[str] = "list"
    what: str
    items: tuple[Item, ...]


def listing(what: str, text: str = "") -> Listing:
    """The entries of one kind that contain a text, in any case. Raises ValueError for a kind there is not."""
    items = (item for item in LISTS[What(what)]() if text.lower() in " ".join(map(str, item)).lower())
    return Listing(what=str(what), items=tuple(items))


def _presets() -> list[PresetItem]:
    from paramcalc.readers.presets import presets
    from paramcalc.readers.text.document import read_yaml

    items = []
    for name, path in presets().items():
        data = read_yaml(path.read_bytes(), name).data
        expect = data.get("expect", {})
        items.append(PresetItem(name, path.parent.name, expect.get("total"), expect.get("active"),
                                data.get("source", "")))
    return items


def _gpus() -> list[GpuItem]:
    from paramcalc.catalog.accelerators import accelerators

    return [GpuItem(key, each.name, each.memory_bytes, each.bandwidth, each.flops.get("bf16"))
            for key, each in accelerators().items()]


def _formats() -> list[FormatItem]:
    from paramcalc.catalog.formats import formats, mixes

    plain = [FormatItem(name, each.family, f"{float(each.bits_per_weight):.4g}", each.block, each.summary, each.source)
             for name, each in formats().items()]
    return plain + [FormatItem(name, "gguf mix", "", None, "plan for all tensors of a file", "")
                    for name in mixes()]


def _optimizers() -> list[OptimizerItem]:
    from paramcalc.catalog.optimizers import optimizers

    return [OptimizerItem(name, each.summary, each.source) for name, each in optimizers().items()]


def _families() -> list[FamilyItem]:
    from paramcalc.readers.families import composites, counted_types

    return [_family(name) for name in sorted({*counted_types(), *composites()})]


def _family(model_type: str) -> FamilyItem:
    from paramcalc.readers.families import family_of

    family = family_of(model_type)
    training = "measured" if family.training_measured else "row" if family.training else "usual"
    return FamilyItem(
        model_type, family.row or family.composite or "", family.source, training, ", ".join(family.gguf),
        family.data.classes if family.data is not None else (), family.spelling if family.composite else None,
        tuple(sorted({*family.neutral, *family.repeats})))


def _rules() -> list[RuleItem]:
    from paramcalc.checks.rules import rules

    return [RuleItem(rule.code, rule.name, rule.severity, rule.summary) for rule in rules().values()]


LISTS: dict[What, Callable[[], Sequence[Item]]] = {
    What.models: _presets, What.gpus: _gpus, What.formats: _formats, What.optimizers: _optimizers,
    What.families: _families, What.rules: _rules,
}
