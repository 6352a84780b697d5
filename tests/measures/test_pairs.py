"""Closed sums of attended pairs, against counting them one by one."""

import itertools

import pytest

from paramcalc.measures.attention_pairs import Reach, pairs


def visible_keys(position, reach):
    """How many keys the query at a position meets, by the definition."""
    if reach.stride > 1:
        keys = (position + 1) // reach.stride
    elif reach.chunk is not None:
        keys = position % reach.chunk + 1
    else:
        keys = min(position + 1, reach.window or position + 1)
    return keys if reach.top_k is None else min(keys, reach.top_k)


REACHES = [Reach(), Reach(window=1), Reach(window=3), Reach(window=100), Reach(chunk=4), Reach(top_k=5),
           Reach(stride=2), Reach(stride=4), Reach(stride=4, top_k=2), Reach(window=7, top_k=3)]


@pytest.mark.parametrize("reach", REACHES, ids=str)
@pytest.mark.parametrize(("queries", "past"), list(itertools.product((1, 2, 7, 33), (0, 1, 5, 40))))
def test_causal_is_the_sum_over_queries(queries, past, reach):
    assert pairs(queries, past, reach, "causal") == sum(visible_keys(p, reach) for p in range(past, past + queries))


@pytest.mark.parametrize("length", [1, 2, 5, 16])
@pytest.mark.parametrize("window", [1, 2, 4, 5, 100])
def test_local_attention_of_an_encoder_sees_both_sides(length, window):
    reach = Reach(window=window, causal=False)
    one_by_one = sum(abs(q - k) <= window // 2 for q in range(length) for k in range(length))
    assert pairs(length, 0, reach, "causal") == one_by_one


@pytest.mark.parametrize("convention", ["full", "causal"])
@pytest.mark.parametrize("length", [3, 4, 10])
def test_an_encoder_in_windows_multiplies_each_by_itself(length, convention):
    one_by_one = sum(q // 4 == k // 4 for q in range(length) for k in range(length))
    assert pairs(length, 0, Reach(chunk=4, causal=False), convention) == one_by_one


def test_full_ignores_masks_but_not_what_the_cache_dropped():
    assert pairs(128, 0, Reach(window=16), "full") == 128 * 128
    assert pairs(1, 1024, Reach(window=16), "full") == 16
    assert pairs(1, 1024, Reach(), "full") == 1025


def test_an_encoder_without_window_sees_everything():
    assert pairs(10, 0, Reach(causal=False), "causal") == 100
