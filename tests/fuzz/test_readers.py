"""A few inputs as `python -m tests.fuzz` makes them, in every run of the suite: a result, or a refusal in words."""

from functools import cache
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.mutate import changed, mutated
from tests.fuzz.targets import SEEDS, TARGETS, holds, seeds
from tests.processor import within

seeds_of = cache(seeds)


@pytest.mark.parametrize("reader", TARGETS)
def test_what_is_known_is_read_or_refused(reader):
    read = [holds(reader, raw) for raw in seeds_of(reader)[::20 if reader == "models" else 1]]
    assert len(read) > (2 if reader in SEEDS else 20)
    assert False in read or reader == "models"


@pytest.mark.fuzz
@given(st.randoms(use_true_random=False) | st.integers().map(Random))
@pytest.mark.parametrize("reader", TARGETS)
def test_anything_is_read_or_refused(reader, random):
    mutate = changed if reader == "models" else mutated
    assert within(10, holds, reader, mutate(seeds_of(reader), random)) in (True, False)
