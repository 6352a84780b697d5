"""Every rule of `check`, by its code."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from paramcalc.checks.rule import Rule


def modules() -> tuple[ModuleType, ...]:
    """The modules that define rules, in the order in which rules are listed."""
    from paramcalc.checks import rules_consistency, rules_hardware, rules_input, rules_search, rules_shape

    return rules_input, rules_search, rules_consistency, rules_hardware, rules_shape


def rules() -> dict[str, Rule]:
    """Every rule by its code, in order."""
    every: list[Rule] = [rule for module in modules() for rule in module.RULES]
    return {rule.code: rule for rule in sorted(every, key=lambda rule: rule.code)}
