"""Time a token of served models, ours and measured: `python -m tests.evidence.speed` prints the summary by class."""

from __future__ import annotations

from functools import cache
from statistics import median
from typing import NamedTuple

from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.speed import Constants, SpeedClass, speed_class
from paramcalc.errors import PCError
from tests.speed.records import Row, of, rows, speed


class Answered(NamedTuple):
    """One measurement and what is said of it."""

    row: Row
    kind: SpeedClass
    low: float
    expected: float
    high: float
    bound: float
    """Seconds that reading and multiplying take on ideal hardware."""
    reading: float
    """Seconds that reading alone takes at 0.6 of the bandwidth."""

    @property
    def difference(self) -> float:
        """Of theirs: negative where ours is less."""
        return self.expected / self.row.tpot - 1

    @property
    def inside(self) -> bool:
        """Whether the measurement lies in the printed range."""
        return self.low <= self.row.tpot <= self.high


@cache
def answered():
    """Every row that states its settings and gets an answer."""
    points = []
    for row in rows():
        if row.why:
            continue
        try:
            kind = speed_class(row.runtime, of(row).moe, find_accelerator(row.gpu), row.release)
            if kind is None:
                continue
            predictor = speed(row, kind)
            point = predictor.point(round(row.concurrency))
            terms = _ideal(row, kind)
        except PCError:
            continue
        read = terms.weights + terms.cache
        points.append(Answered(row, kind, *point.tpot, max(read, terms.flops), read / 0.6))
    return tuple(points)


def _ideal(row, kind):
    predictor = speed(row, kind._replace(constants=Constants()))
    running = max(1.0, float(min(row.concurrency, predictor.mean.sequences * row.split.dp)))
    return predictor.step(running)


def stated():
    """Rows that state their settings."""
    return [row for row in rows() if not row.why]


def fits(one):
    """Whether a row of one device is a fair one: not faster than its bytes, not larger than its device."""
    return one.row.runtime != "llama.cpp" or (one.bound < one.row.tpot and one.row.group != "reported" and speed(
        one.row, one.kind).longest.sequences >= 1)


def summary():
    """Class to its rows' number, median, 90th percentile, bias and share inside the range; two-sided."""
    groups = {}
    for name in dict.fromkeys(one.kind.name for one in answered()):
        group = [one for one in answered() if one.kind.name == name and fits(one)]
        off = sorted(abs(one.difference) for one in group)
        groups[name] = (len(group), median(off), off[int(0.9 * len(off))], median(one.difference for one in group),
                        sum(one.inside for one in group) / len(group))
    return groups


if __name__ == "__main__":
    print("class, rows, median, p90, bias, inside the range")  # noqa: T201 - a tool
    for name, (count, middle, tail, bias, inside) in summary().items():
        print(f"{name:45} {count:4} {middle:6.1%} {tail:6.1%} {bias:+6.1%} {inside:5.0%}")  # noqa: T201
    print(f"answered {len(answered())} of {len(stated())}")  # noqa: T201
