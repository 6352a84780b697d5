"""Bounds as people write them, at their edges."""

import pytest
from pydantic_core import PydanticCustomError

from paramcalc.spec.bounds import Bound, parse_bound
from paramcalc.spec.expect import Expect, Fits, bounds

READ = [
    (8_030_261_248, "count", 8_030_261_248, 8_030_261_248), (0, "count", 0, 0), (2**100, "count", 2**100, 2**100),
    ("8,030,261,248", "count", 8_030_261_248, 8_030_261_248), ("8_030", "count", 8030, 8030),
    ("<= 8.1B", "count", None, 8_100_000_000), ("< 8.1B", "count", None, 8_099_999_999),
    ("< 1.5", "count", None, 1), ("<= 1.5", "count", None, 1),
    (">= 7B", "count", 7_000_000_000, None), ("> 7B", "count", 7_000_000_001, None),
    ("> 1.5", "count", 2, None), (">= 1.5", "count", 2, None),
    ("7B..8B", "count", 7 * 10**9, 8 * 10**9), ("1.2..3.9", "count", 2, 3), ("8..8", "count", 8, 8),
    ("8B ± 1%", "count", 7_920_000_000, 8_080_000_000), ("10 +- 15%", "count", 9, 11), ("10 +/- 5%", "count", 10, 10),
    ("<= 16 GiB", "bytes", None, 2**34), ("1.5kB", "bytes", 1500, 1500), ("<= 20 GFLOP", "flops", None, 2 * 10**10),
    ("<= 2 PB", "bytes", None, 2 * 10**15), ("> 1 PiB", "bytes", 2**50 + 1, None), ("1 ZFLOP", "flops", 10**21, 10**21),
]


@pytest.mark.parametrize(("value", "unit", "least", "most"), READ, ids=[f"{case[0]}" for case in READ])
def test_read(value, unit, least, most):
    bound = parse_bound(value, unit)
    assert (bound.least, bound.most) == (least, most)
    assert parse_bound(bound, unit) is bound
    for edge, inside in ((least, 1), (most, -1)):
        if edge is not None:
            assert bound.holds(edge)
            assert not bound.holds(edge - inside)
    assert bound.plain() == (least if least is not None and least == most else value)


@pytest.mark.parametrize("value", [
    -1, True, 1.5, None, [], 2**100 + 1, "", "8 parsecs", "8B..7B", "8B..9 parsecs", "<= 8 parsecs", "8 parsecs ± 1%",
    "1.5", "9" * 26, "<" + "1" * 25 + "T" * 2, f"{2**100}1", " " * 81 + "8",
])
def test_refused(value):
    with pytest.raises(PydanticCustomError, match="expected a figure or a bound") as caught:
        parse_bound(value)
    assert caught.value.context["hint"] == "write 8030261248, '<= 8.1B', '7.9B..8.1B' or '8B ± 1%'"


def test_a_program_may_give_what_a_document_is_parsed_to():
    total, fits = Bound(5, 7, "5..7"), Fits(gpu="h100", context=1024)
    expect = Expect(total=total, fits=(fits,))
    assert bounds(expect) == {"total": total}
    assert expect.fits == (fits,)


@pytest.mark.parametrize(("text", "fields"), [
    ("h100@32k", {"gpu": "h100", "gpus": 1, "context": 32768}),
    ("2xh100@128K", {"gpu": "h100", "gpus": 2, "context": 131072}),
    (" 8 × rtx-4090 @ 1M ", {"gpu": "rtx-4090", "gpus": 8, "context": 2**20}),
    ("a100@4096", {"gpu": "a100", "gpus": 1, "context": 4096}),
])
def test_fits(text, fields):
    (promise,) = Expect(fits=[text]).fits
    assert promise == Fits(**fields)
