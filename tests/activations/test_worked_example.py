"""The arithmetic a module opens with is what the module gives."""

import doctest

from paramcalc.activations import fold
from paramcalc.activations.policy import Policy


def test_the_worked_example():
    result = doctest.testmod(fold, extraglobs={"Policy": Policy})
    assert result.attempted == 4
    assert result.failed == 0
