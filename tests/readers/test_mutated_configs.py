"""Whatever is done to a good config: an answer or a located refusal, and soon."""

import copy
import itertools

import pytest
import test_oracle
import test_towers
from hypothesis import given
from hypothesis import strategies as st

from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config
from tests.processor import within

RECORDS = [record for record in test_oracle.CASES if record["id"].startswith("draw1")]
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 300), st.sampled_from([4096, 2**24, 2**28, 2**40, 10**29, 1.5, -0.5]),
    st.floats(allow_nan=False), st.text(max_size=8), st.sampled_from(["full_attention", "mamba", "moe", "none"]),
)
VALUES = SCALARS | st.lists(SCALARS, max_size=6) | st.dictionaries(st.text(max_size=8), SCALARS, max_size=3)


@st.composite
def mutated(draw):
    record = draw(st.sampled_from(RECORDS))
    config = dict(record["config"])
    for key in draw(st.lists(st.sampled_from(sorted(config)), min_size=1, max_size=3)):
        if draw(st.integers(0, 9)) == 0:
            config.pop(key, None)
        else:
            config[key] = draw(VALUES)
    return config


def problems(config):
    """What is said of a config: nothing where it could be counted."""
    try:
        tree = build(read_config(config).spec).tree
    except PCError as error:
        return error.problems
    assert count(tree).total >= 0
    assert rows(tree)
    return ()


@pytest.mark.fuzz
@given(mutated())
def test_a_mutated_config_counts_or_is_refused(config):
    assert all(problem.message and (problem.path or "model_type" not in config)
               for problem in within(5, problems, config))


def without_its_lists(config, at=()):
    """The config with each of its lists, at any depth, gone, empty and cut short in turn."""
    for key, value in config.items():
        if isinstance(value, dict):
            yield from without_its_lists(value, (*at, key))
        elif isinstance(value, list) and value and key != "architectures":
            yield from ((*at, key, other) for other in (None, [], value[:-1]))


CLASSES = [next(group) for _, group in itertools.groupby(
    test_towers.CASES, lambda record: (record["config"]["model_type"], *record["config"]["architectures"]))]


@pytest.mark.parametrize("record", CLASSES, ids=lambda record: record["id"])
def test_a_list_of_stages_that_is_not_there_is_refused_or_counted(record):
    for *at, key, value in without_its_lists(record["config"]):
        config = inner = copy.deepcopy(record["config"])
        for name in at:
            inner = inner[name]
        inner[key] = value
        assert all(problem.message for problem in problems(config))
