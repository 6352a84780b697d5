"""Numbers as people read them."""

import ast
import re
from pathlib import Path

import pytest

from paramcalc import numbers
from paramcalc.numbers import many


@pytest.mark.parametrize(("number", "noun", "text"), [
    (1, "layer", "1 layer"), (2, "layer", "2 layers"), (0, "entry", "0 entries"), (1, "entry", "1 entry"),
    (1024, "copy", "1,024 copies"), (1, "copy", "1 copy")])
def test_a_count_and_its_noun_agree(number, noun, text):
    assert many(number, noun) == text


@pytest.mark.parametrize(("value", "text"), [
    (2**16, "64KiB"), (2560, "2.5KiB"), (1030, "1030B"), (0, "0B"), (3 * 2**30, "3GiB"), (2**20 + 1, "1048577B")])
def test_bytes_are_typed_without_rounding_them(value, text):
    assert numbers.typed_bytes(value) == text


def test_percent_and_change():
    """A share of a whole and a change of a figure; from nothing there is no share."""
    assert numbers.percent(1, 8) == "12.50%"
    assert numbers.percent(-1, 8, 1, signed=True) == "-12.5%"
    assert numbers.change(8, 10) == "+25.00%"
    assert numbers.change(0, 1200) == "+1,200"


def test_the_sign_of_percent_has_one_form():
    """No text of the package has a blank before it."""
    texts = [(path, node.lineno, node.value) for path in Path(numbers.__file__).parent.rglob("*.py")
             for node in ast.walk(ast.parse(path.read_text("utf-8")))
             if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    assert len(texts) > 10_000
    assert [text for text in texts if re.search(r"(^|[\d}]) %(?!\w)", text[2])] == []
