"""A limit of time is missed only where every turn misses it."""

import pytest

from tests.processor import quick, slowness, within


@pytest.mark.parametrize(("seconds", "passes"), [([1], True), ([900, 800, 1], True), ([900, 800, 700, 1], False)])
def test_the_best_of_a_few_turns_counts(seconds, passes):
    turns = iter(seconds)
    assert quick(2, lambda: next(turns), clock=iter(range(100)).__next__) is passes


def test_a_slow_machine_has_more_time():
    assert slowness(iter([0, 1]).__next__) == 40
    assert slowness(iter([0, 0.001]).__next__) == 1


def test_what_is_timed_is_given_back():
    assert within(60, int, "7") == 7
    with pytest.raises(AssertionError, match="more than 0 s, 3 times"):
        within(0, int, "7")
