"""`explain`: each number as a formula; or what changing one number does to the others; or a rule of `check`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple, cast

from paramcalc.answers.answer import Answer, Document, head, hidden
from paramcalc.build import Model, build
from paramcalc.component_names import COMPONENTS, ComponentName
from paramcalc.errors import Problem, UsageError
from paramcalc.measures.explain import Formula
from paramcalc.measures.explain import explain as formulas_of
from paramcalc.measures.known import Known, least, sizes_known
from paramcalc.measures.parameters import count
from paramcalc.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paramcalc.checks.rule import Rule
    from paramcalc.readers.models import Loaded


class TensorFormula(NamedTuple):
    """One tensor, or a part of the model that holds none."""

    path: str
    """Full name, `*` for a repeated index."""
    formula: str
    """In the words of the spec: `num_heads·head_dim × hidden_size`."""
    values: str
    """`4,096 × 4,096 × 32 layers`."""
    copies: int
    parameters: int
    component: ComponentName
    source: str
    """The paper or reference implementation of the component."""


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
    """Formulas of the tensors whose name fits, as a sequence of `Formula`; with changes, their effect instead."""

    command: ClassVar[str] = "explain"
    formulas: tuple[TensorFormula, ...] | None = None
    what_if: WhatIf | None = None
    known: dict[str, Known]
    rows: tuple[Formula, ...] = hidden(default=())
    before: Model | None = hidden(default=None)
    """With changes, the model without them."""

    def __iter__(self) -> Iterator[Formula]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Formula:
        return self.rows[index]


def explain(loaded: Loaded, glob: str = "*") -> Explain:
    """Each tensor whose full name fits the glob. Raises UsageError where none does."""
    model = build(loaded.spec, explain=True)
    rows = tuple(formulas_of(model.tree, glob))
    if not rows:
        raise UsageError(Problem(f"{glob[:100]!r} fits no tensor", hint="`count --by tensor` shows the names"))
    formulas = tuple(TensorFormula(join(row.path, row.name), row.formula, row.values, row.copies, row.parameters,
                                   cast("ComponentName", row.component), row.source) for row in rows)
    return Explain(**head(loaded, model), formulas=formulas, known={"formulas": sizes_known(model.spec)}, rows=rows)


def what_if(loaded: Loaded, changes: Sequence[str]) -> Explain:
    """The growth of each component after changes such as `hidden_size=2x`. Raises UsageError for what cannot be
    changed so."""
    from paramcalc.spec.what_if import changed

    before, after = build(loaded.spec), build(changed(loaded.spec, changes))
    old, new = count(before.tree), count(after.tree)
    components = tuple(Growth(name, old.components.get(name, (0, 0))[0], new.components.get(name, (0, 0))[0])
                       for name in COMPONENTS if name in old.components or name in new.components)
    effect = WhatIf(dict(change.split("=", 1) for change in changes), TotalGrowth(old.total, new.total), components)
    known = least(sizes_known(before.spec), sizes_known(after.spec))
    return Explain(**head(loaded, before), what_if=effect, known={"what_if": known}, before=before)


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
        raise UsageError(Problem(f"no rule is called {code}", hint="`paramcalc list rules` shows the codes"))
    return ExplainRule(code=rule.code, name=rule.name, severity=rule.severity, summary=rule.summary, why=rule.why,
                       ignore=_ignored(rule))


def _ignored(rule: Rule) -> str:
    """How a file or a project does without the rule."""
    if rule.code == "PC001":
        return "cannot be ignored"
    return f"in the YAML file `# paramcalc: ignore {rule.code} - why`, or under [tool.paramcalc] in pyproject.toml"
