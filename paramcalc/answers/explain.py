"""`explain`: each number as a formula; or what changing one number does to the others; or a rule of `check`."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from paramcalc.answers.answer import Answer, Document, head, hidden
from paramcalc.answers.explain_keys import KeyEffect, key_effects
from paramcalc.build import Model, build
from paramcalc.component_names import COMPONENTS, ComponentName
from paramcalc.dims import formula, values
from paramcalc.errors import Problem, UsageError
from paramcalc.estimates.effects import Length, within_positions
from paramcalc.estimates.explain_settings import APPLIES, ExplainSettings, Subject
from paramcalc.estimates.inference import Prepared, Setup
from paramcalc.estimates.media import media_of
from paramcalc.estimates.runtimes import BOUND, Runtime
from paramcalc.estimates.settings import ServingSettings
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.measures.cache import Serving
from paramcalc.measures.certainty import Certainty, least, of_model, size_certainty
from paramcalc.measures.explain import (
    Factors,
    Formula,
    explain_cache,
    explain_flops,
    explain_tensors,
    explain_weights,
)
from paramcalc.measures.explain import explain as formulas_of
from paramcalc.measures.flops import Workload
from paramcalc.measures.header_certainty import flops_certainty
from paramcalc.measures.parameters import count
from paramcalc.settings import without_none
from paramcalc.transforms.formats import in_formats
from paramcalc.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paramcalc.checks.rule import Rule
    from paramcalc.readers.models import Reading
    from paramcalc.spec.media import Media
    from paramcalc.tree import Tensor

UNITS: dict[Subject, str] = {"weights": "bytes", "cache": "bytes", "optimizer": "bytes", "flops": "flops"}
"""What amounts are; parameters where nothing is said."""


class ExplainedNumber(NamedTuple):
    """One tensor, state or product, or a part of the model that holds none."""

    path: str
    """Full name, `*` for a repeated index."""
    formula: str
    """In the words of the spec: `num_heads·head_dim × hidden_size`."""
    values: str
    """`32·128 × 4,096 × 32 layers`."""
    copies: int
    component: ComponentName
    source: str
    """The paper or reference implementation of the component."""
    layers: str | None = None
    """Which layers of a stack: `3 to 60`."""
    parameters: int | None = None
    bytes: int | None = None
    flops: int | None = None


class Growth(NamedTuple):
    """Parameters of one component before and after a change."""

    component: ComponentName
    before: int
    after: int


class TotalGrowth(NamedTuple):
    """Parameters of the whole model before and after a change."""

    before: int
    after: int


class WhatIf(NamedTuple):
    """What a change of some numbers does."""

    set: dict[str, str]
    """Key to the value or factor it was set to."""
    total: TotalGrowth
    components: tuple[Growth, ...]


@dataclass(frozen=True, kw_only=True)
class Explain(Answer):
    """Formulas of what fits, as a sequence of `Formula`; instead of them which keys move which figures, or with changes
    their effect."""

    command: ClassVar[str] = "explain"
    of: Subject | None = None
    """What the formulas are of."""
    total: int | None = None
    """Of all formulas: parameters, bytes or FLOPs."""
    formulas: tuple[ExplainedNumber, ...] | None = None
    keys: tuple[KeyEffect, ...] | None = None
    what_if: WhatIf | None = None
    known: dict[str, Certainty]
    rows: tuple[Formula, ...] = hidden(default=())
    before: Model | None = hidden(default=None)
    """With changes, the model without them."""

    def __iter__(self) -> Iterator[Formula]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Formula:
        return self.rows[index]


def explain(reading: Reading, settings: ExplainSettings, glob: str = "*") -> Explain:
    """Each tensor, state or product whose full name fits the glob; or, of keys, which of them move which figures.

    Raises UsageError where none fits, or for settings without effect on what is explained.
    """
    settings.check()
    if settings.about == "keys":
        return Explain(**head(reading), of="keys", keys=tuple(key_effects(reading)),
                       known={"keys": size_certainty(reading.spec)})
    model, length = build(reading.spec, explain=True), Length()
    if settings.about in APPLIES["context"]:
        settings, length = within_positions(settings, model.spec, _recording(model, settings))
    rows = tuple(_formulas(model, settings, glob))
    if not rows:
        raise UsageError(Problem(f"{glob[:100]!r} matches no tensor", hint=_hint(model, settings, glob))
                         if glob != "*" else Problem(f"the model has no {settings.about} to explain"))
    unit = UNITS.get(settings.about, "parameters")
    formulas = tuple(ExplainedNumber(join(row.path, row.name), row.formula, row.values, row.copies,
                                     cast("ComponentName", row.component), row.source, row.layers or None,
                                     **{unit: row.amount}) for row in rows)
    return Explain(**head(reading, model) | {"length": length}, assumptions=settings.applied(), of=settings.about,
                   total=sum(row.amount for row in rows), formulas=formulas,
                   known={"formulas": _certainty(model, settings)}, rows=rows)


def _hint(model: Model, settings: ExplainSettings, glob: str) -> str:
    """What to write for a name that is only a part of one."""
    wider = f"*{glob.strip('*')}*"
    if any(_formulas(model, settings, wider)):
        return f"'{wider[:100]}' matches some"
    words = {word for row in _formulas(model, settings, "*") for word in join(row.path, row.name).split(".")}
    near = get_close_matches(glob.strip("*").rpartition(".")[2], sorted(words), n=1)
    return f"the nearest: '*{near[0]}*'" if near else "`count --by tensor` shows the names"


def _certainty(model: Model, settings: ExplainSettings) -> Certainty:
    """How the amounts are known; of a checkpoint's header only the products of weights are counted."""
    match settings.about:
        case "weights":
            return of_model(in_formats(model, settings.quant).spec, *(() if settings.quant else ("weights",)))
        case "cache":
            return of_model(model.spec, "cache")
        case "flops":
            return flops_certainty(model)
        case _:
            return size_certainty(model.spec)


def _formulas(model: Model, settings: ExplainSettings, glob: str) -> list[Formula]:
    """Formulas of a model that was built with `explain=True`."""
    match settings.about:
        case "weights":
            return explain_weights(in_formats(model, settings.quant).tree, settings.dtype, glob)
        case "cache":
            prepared = Prepared(model, Runtime(BOUND), Setup(settings.dtype, kv_dtype=settings.kv_dtype))
            source = model.spec.source_tokens(settings.source)
            serving = Serving(settings.context, settings.batch, source, _recording(model, settings))
            return explain_cache(model.tree, serving, prepared.cache_types, glob)
        case "flops":
            media = _recording(model, settings)
            source = media.attended(model.spec.source_tokens(settings.source), settings.context)
            load = Workload(settings.batch, settings.context, 0, source, settings.convention, media=media)
            return explain_flops(model.tree, load, glob)
        case "optimizer":
            trainer = Trainer(model, Recipe(settings.dtype, optimizer=settings.optimizer))
            return explain_tensors(model.tree, lambda tensor: _states(trainer, tensor), glob)
        case _:
            return formulas_of(model.tree, glob)


def _recording(model: Model, settings: ExplainSettings) -> Media:
    """What an encoder of recordings that are filled up to one length reads where nobody says how much."""
    return media_of(ServingSettings.of(without_none(source=settings.source)), model.spec)


def _states(trainer: Trainer, tensor: Tensor) -> Factors | None:
    """Optimizer states of a tensor; None for one that is not trained."""
    if tensor.frozen or tensor.buffer:
        return None
    size = trainer.tensor_states(tensor).optimizer
    return Factors(f"{formula(size)} bytes", f"{values(size)} bytes", int(size))


def what_if(reading: Reading, changes: Sequence[str]) -> Explain:
    """The growth of each component after changes such as `hidden_size=2x`. Raises UsageError for what cannot be
    changed so."""
    from paramcalc.spec.what_if import changed

    before, after = build(reading.spec), build(changed(reading.spec, changes))
    old, new = count(before.tree), count(after.tree)
    components = tuple(Growth(name, old.components.get(name, (0, 0))[0], new.components.get(name, (0, 0))[0])
                       for name in COMPONENTS if name in old.components or name in new.components)
    effect = WhatIf(dict(change.split("=", 1) for change in changes), TotalGrowth(old.total, new.total), components)
    level = least(size_certainty(before.spec), size_certainty(after.spec))
    return Explain(**head(reading, before), what_if=effect, known={"what_if": level}, before=before)


@dataclass(frozen=True, kw_only=True)
class ExplainRule(Document):
    """A rule of `check`: what it says, why, and how to do without it."""

    command: ClassVar[str] = "rule"
    code: str
    name: str
    severity: str
    summary: str
    why: str
    ignore: str


def explain_rule(code: str) -> ExplainRule:
    """The rule of a code such as `PC301`. Raises UsageError where there is none."""
    from paramcalc.checks.rules import rules

    rule = rules().get(code)
    if rule is None:
        raise UsageError(Problem(f"unknown rule {code}", hint="`paramcalc list rules` shows the codes"))
    return ExplainRule(code=rule.code, name=rule.name, severity=rule.severity, summary=rule.summary, why=rule.why,
                       ignore=_ignored(rule))


def _ignored(rule: Rule) -> str:
    """How a file or a project does without the rule."""
    if rule.code == "PC001":
        return "cannot be ignored"
    return f"in the YAML file `# paramcalc: ignore {rule.code} - why`, or under [tool.paramcalc] in pyproject.toml"
