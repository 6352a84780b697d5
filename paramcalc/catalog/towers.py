"""What runtimes do with the towers of a model under tensor parallelism: divide them, or hold all of them everywhere.

The table is `towers.json`, by runtime and by the model type of the config that holds the towers, whose class a runtime
serves. `weights`: parts of the paths of what it divides (`*` for all that can be divided); `data`: of what it still
divides where it shares out pictures among whole towers, for the types for which it can; `uneven`: of what it divides
where the heads do not divide, for the types that are served so too; `tables`: of what is divided by rows. `others` says
what it does with types that have no row: `whole` holds all of it on each device, `first` on the first one alone,
`divided` divides all that can be, and of `unknown` ones nobody looked, as of runtimes that are not in the table.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Literal, NamedTuple

from paramcalc.catalog._data import read_table

EVERY = "*"
"""A part of a path for all of it."""
Others = Literal["whole", "first", "divided", "unknown"]


class TowerRule(NamedTuple):
    """What a runtime divides of a model's towers, as parts of paths."""

    weights: tuple[str, ...] = ()
    data: tuple[str, ...] | None = None
    """None where it cannot share out pictures among whole towers."""
    uneven: tuple[str, ...] | None = None
    """None where it refuses heads that do not divide."""
    tables: tuple[str, ...] = ()
    """Of what is divided by rows, which are padded."""


class TowerRules(NamedTuple):
    """What a runtime does with towers."""

    by_type: dict[str, TowerRule]
    others: Others
    source: str


@cache
def tower_rules(runtime: str) -> TowerRules:
    """The rules of a runtime."""
    table = read_table("towers.json")
    facts: dict[str, Any] = table["runtimes"].get(runtime, {"others": "unknown", "rows": []})
    rules = {kind: TowerRule(tuple(row["weights"]), _listed(row, "data"), _listed(row, "uneven"),
                             tuple(row.get("tables", ())))
             for row in facts["rows"] for kind in row["types"]}
    return TowerRules(rules, facts["others"], str(table["sources"].get(runtime, "")))


def _listed(row: dict[str, Any], key: str) -> tuple[str, ...] | None:
    return tuple(row[key]) if key in row else None
