"""Public benchmarks that nothing was fitted to."""

from __future__ import annotations

from tests.evidence.elsewhere import points, summary
from tests.speed.records import rows, table


def test_points_of_other_benchmarks_are_near_and_most_lie_in_the_range():
    count, middle, tail, bias, inside = summary()
    assert count >= 50
    assert middle <= 0.12
    assert tail <= 0.40
    assert abs(bias) <= 0.05
    assert inside >= 0.6


def test_none_of_their_sources_is_one_of_the_fits():
    fitted = {row.source.split("#L")[0] for row in rows()}
    assert not fitted & {row["source"] for row in table("elsewhere.csv")}
    assert len({one.name for one in points()}) > 40
