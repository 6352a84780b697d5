"""The arithmetic a module opens with is what the module gives."""

import doctest

import pytest

from paramcalc.activations import fold
from paramcalc.activations.policy import Policy
from paramcalc.measures import attention_pairs, cache, flops


@pytest.mark.parametrize(("module", "examples"), [(fold, 4), (flops, 5), (cache, 5), (attention_pairs, 2)])
def test_a_module_gives_what_it_opens_with(module, examples):
    result = doctest.testmod(module, extraglobs={"Policy": Policy})
    assert (result.attempted, result.failed) == (examples, 0)
