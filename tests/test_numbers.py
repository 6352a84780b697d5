"""Numbers as people read them."""

import pytest

from paramcalc.numbers import many


@pytest.mark.parametrize(("number", "noun", "text"), [
    (1, "layer", "1 layer"), (2, "layer", "2 layers"), (0, "entry", "0 entries"), (1, "entry", "1 entry"),
    (1024, "copy", "1,024 copies"), (1, "copy", "1 copy")])
def test_a_count_and_its_noun_agree(number, noun, text):
    assert many(number, noun) == text
