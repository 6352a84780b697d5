"""What `explain PC301` says: a rule, why it is one, and how to do without it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.errors import Problem, UsageError
from paramcalc.reports.table import Answer, Column, Table

if TYPE_CHECKING:
    from paramcalc.checks.rule import Rule


def answer(code: str) -> Answer:
    """The rule of a code. Raises UsageError where there is none."""
    from paramcalc.checks.rules import rules

    found = rules().get(code)
    if found is None:
        raise UsageError(Problem(f"no rule is called {code}", hint="`paramcalc list rules` shows the codes"))
    facts = {"code": found.code, "name": found.name, "severity": found.severity, "summary": found.summary,
             "why": found.why, "ignore": ignored(found)}
    table = Table(f"{found.code} {found.name}", (Column(""), Column("")), tuple(list(facts.items())[2:]))
    return Answer({"schema": "paramcalc/rule/1"} | facts, (table,))


def ignored(rule: Rule) -> str:
    """How a file or a project does without the rule."""
    if rule.code == "PC001":
        return "cannot be ignored"
    return f"in the YAML file `# paramcalc: ignore {rule.code} - why`, or under [tool.paramcalc] in pyproject.toml"
