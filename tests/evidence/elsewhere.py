"""Public benchmarks that nothing was fitted to, ours and measured: `python -m tests.evidence.elsewhere` prints each."""

from __future__ import annotations

import sys
from functools import cache
from statistics import median
from typing import NamedTuple

import paramcalc
from tests.evidence.records import model
from tests.speed.records import table


class Point(NamedTuple):
    """One measurement and what is said of it, in milliseconds a token."""

    name: str
    measured: float
    low: float
    expected: float
    high: float

    @property
    def difference(self) -> float:
        """Of theirs: negative where ours is less."""
        return self.expected / self.measured - 1

    @property
    def inside(self) -> bool:
        """Whether the measurement lies in the printed range."""
        return self.low <= self.measured <= self.high


@cache
def points():
    """Every row that is compared."""
    rows = []
    for row in table("elsewhere.csv"):
        if not row["why"]:
            number = int(row["concurrency"])
            answer = paramcalc.speed(
                model(row["model"]).spec, row["gpu"], runtime=row["runtime"], release=row["release"] or None,
                quant=row["quant"] or None, prompt=int(row["prompt"]), output=int(row["output"]), concurrency=number,
                tp=int(row["tp"]))
            name = f"{row['model']} {row['quant']} {row['gpu']} {row['runtime']} {number}"
            rows.append(Point(name, float(row["tpot_ms"]), *answer.points[0].tpot_ms))
    return tuple(rows)


def summary():
    """Rows, median and 90th percentile of how far they are off, bias, share inside the printed range."""
    off = sorted(abs(one.difference) for one in points())
    return (len(off), median(off), off[int(0.9 * len(off))], median(one.difference for one in points()),
            sum(one.inside for one in points()) / len(off))


if __name__ == "__main__":
    for one in points():
        sys.stdout.write(f"{one.name:50} {one.measured:8.2f} {one.expected:8.2f} ({one.low:.2f} to {one.high:.2f}) "
                         f"{one.difference:+6.0%}{'' if one.inside else '  outside'}\n")
    count, middle, tail, bias, inside = summary()
    sys.stdout.write(f"{count} median {middle:.1%} nine of ten {tail:.0%} bias {bias:+.1%} inside {inside:.0%}\n")
