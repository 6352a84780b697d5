"""Published scaling laws: constants with all printed digits, the parameters they count, where they were fitted.

The table is `scaling_laws.json`. Every law is one form: `T(loss) = A/N^alpha + B/D^beta`, where `T(loss)` is
`loss - E`, or `loss^(1/power)` for Kaplan's. What a paper writes otherwise is rewritten here, nowhere else.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from paramcalc.catalog._data import unknown
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

Counted = Literal["total", "non_embedding", "active_non_embedding"]
"""Which parameters a law's N counts."""
DEFAULT = "besiroglu"
ROUNDED = {"printed": "hoffmann", "rounded": "hoffmann", "chinchilla": "hoffmann", "epoch": "besiroglu"}
"""Names people may try for laws, and the law that is meant."""


class Range(NamedTuple):
    """The least and the largest value among the runs a law was fitted to."""

    low: float
    high: float

    def beyond(self, value: float) -> float:
        """How many times a value lies outside the range; 1 inside it."""
        return max(1.0, value / self.high, self.low / value)


class Law(NamedTuple):
    """`T(loss) = A/N^alpha + B/D^beta`, N in parameters, D in tokens, loss in nats a token of the law's own corpus."""

    name: str
    title: str
    source: str
    form: str
    """As the paper writes it."""
    constants: Mapping[str, float]
    """As the paper prints them."""
    counted: Counted
    E: float
    A: float
    alpha: float
    B: float
    beta: float
    parameters: Range
    tokens: Range
    corpus: str
    power: float = 1.0
    optimum: Mapping[str, float] | None = None
    """A published power law of the optimal size, where it is not the minimum of the loss on `6·N·D = compute`."""
    notes: tuple[str, ...] = ()
    granularity: float | None = None
    """Of a law for mixtures of experts: the dense feed-forward's width over an expert's."""


def scaling_laws() -> tuple[str, ...]:
    """Names of the laws, the default first."""
    return tuple(_table()["laws"])


def scaling_law(name: str = DEFAULT, granularity: float = 1.0) -> Law:
    """The law of that name. `granularity` is read by laws for mixtures of experts only.

    Raises UsageError for a name that is not known; the rounded constants Hoffmann et al. print are no law here.
    """
    laws = _table()["laws"]
    if name not in laws:
        if name in ROUNDED:
            key = ROUNDED[name]
            raise UsageError(Problem(f"unknown law {name!r}", hint=f"did you mean {key}? {laws[key]['title']}"))
        raise unknown("law", name, laws)
    row = laws[name]
    return _LAWS[row["form"]](name, row, granularity)


def repetition(of: Literal["data", "parameters"]) -> float:
    """R* of repeated data or of excess parameters. Source: arXiv:2305.16264, appendix A."""
    return float(_table()["repetition"][of]["constant"])


@cache
def _table() -> dict[str, dict[str, Any]]:
    table: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("scaling_laws.json").read_bytes())
    return table


def _law(name: str, row: dict[str, Any], terms: dict[str, float], granularity: float | None = None) -> Law:
    valid = row["valid"]
    return Law(name, row["title"], row["source"], row["form"], row["constants"], row["parameters"], **terms,
               parameters=Range(*valid["parameters"]), tokens=Range(*valid["tokens"]), corpus=valid["corpus"],
               optimum=row.get("optimum"), notes=tuple(row.get("notes", ())), granularity=granularity)


def _additive(name: str, row: dict[str, Any], _: float) -> Law:
    return _law(name, row, row["constants"])


def _kaplan(name: str, row: dict[str, Any], _: float) -> Law:
    """`loss^(1/alpha_D) = (N_c/N)^(alpha_N/alpha_D) + D_c/D`."""
    c = row["constants"]
    alpha = c["alpha_N"] / c["alpha_D"]
    return _law(name, row, {"E": 0.0, "A": c["N_c"] ** alpha, "alpha": alpha, "B": c["D_c"], "beta": 1.0,
                            "power": c["alpha_D"]})


def _fine_grained(name: str, row: dict[str, Any], granularity: float) -> Law:
    """The paper's N is of the whole mixture outside the tables: `d²·(8·expansion + 4)` a layer, of which `12·d²` are
    active; here N counts the active ones, so that compute is 6·N·D."""
    c = row["constants"]
    total_by_active = (8 * c["expansion"] + 4) / 12
    capacity = (c["g"] / granularity ** c["gamma"] + c["a"]) / total_by_active ** c["alpha"]
    return _law(name, row, {"E": c["c"], "A": capacity, "alpha": c["alpha"], "B": c["b"], "beta": c["beta"]},
                granularity)


_LAWS = {
    "E + A/N^alpha + B/D^beta": _additive,
    "((N_c/N)^(alpha_N/alpha_D) + D_c/D)^alpha_D": _kaplan,
    "c + (g/G^gamma + a)/N^alpha + b/D^beta": _fine_grained,
}
