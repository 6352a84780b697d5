"""Layouts: unrolled for building, rolled up again for people."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from paramcalc.components.layout import Layout, Repeat, roll, unroll

pytestmark = pytest.mark.smoke

LAYOUT = TypeAdapter(Layout)


@pytest.mark.parametrize(
    ("document", "names"),
    [
        (["a", "b"], "ab"),
        ([{"repeat": 3, "of": ["a"]}], "aaa"),
        ([{"repeat": 2, "of": [{"repeat": 2, "of": ["a"]}, "b"]}, "c"], "aabaabc"),
    ],
)
def test_unrolls_in_order(document, names):
    assert unroll(LAYOUT.validate_python(document)) == list(names)


def test_a_document_with_too_many_layers_is_refused_where_it_is_read():
    inner = {"repeat": 4096, "of": ["a"]}
    with pytest.raises(ValidationError, match="layers unroll to more than 4,096"):
        LAYOUT.validate_python([{"repeat": 2, "of": [inner]}])


def test_the_product_is_checked_before_it_is_made():
    bomb = "a"
    for _ in range(3):
        bomb = Repeat(repeat=4096, of=(bomb,))
    with pytest.raises(PydanticCustomError, match="more than 4,096"):
        unroll((bomb,))


def test_depth_is_bounded():
    deep = Repeat(repeat=1, of=("a",))
    for _ in range(5):
        deep = Repeat(repeat=1, of=(deep,))
    with pytest.raises(PydanticCustomError, match="deeper than 4"):
        unroll((deep,))


@pytest.mark.parametrize("document", [[], [3], [{"repeat": 0, "of": ["a"]}], [{"repeat": 1, "of": []}], "ab"])
def test_refuses_what_is_no_layout(document):
    with pytest.raises(ValidationError):
        LAYOUT.validate_python(document)


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=40))
def test_rolling_up_loses_nothing(names):
    assert unroll(LAYOUT.validate_python(roll(names))) == names


@pytest.mark.parametrize(
    ("names", "rolled"),
    [
        ("aaaa", [{"repeat": 4, "of": ["a"]}]),
        ("aaab" * 12, [{"repeat": 12, "of": [{"repeat": 3, "of": ["a"]}, "b"]}]),
        ("a" * 3 + "b" * 58, [{"repeat": 3, "of": ["a"]}, {"repeat": 58, "of": ["b"]}]),
    ],
)
def test_rolls_up_as_people_write_it(names, rolled):
    assert roll(list(names)) == rolled
