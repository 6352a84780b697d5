"""Integers that remember: the value is the plain int's, the formula is what was written."""

import pytest

from paramcalc.dims import Dim, formula

HEADS, HEAD_DIM = Dim(32, "num_heads"), Dim(128, "head_dim")


@pytest.mark.parametrize(
    ("value", "plain", "text"),
    [
        (HEADS * HEAD_DIM, 4096, "num_heads·head_dim"),
        (2 * HEADS, 64, "2·num_heads"),
        (HEADS + HEAD_DIM, 160, "num_heads + head_dim"),
        (1 + HEADS, 33, "1 + num_heads"),
        (HEADS - 2, 30, "num_heads - 2"),
        (HEADS * (HEAD_DIM + 1), 4128, "num_heads·(head_dim + 1)"),
        ((HEADS + 1) * 2, 66, "(num_heads + 1)·2"),
        (HEAD_DIM // 2, 64, "head_dim/2"),
        (HEAD_DIM - (HEADS + 1), 95, "head_dim - (num_heads + 1)"),
    ],
)
def test_arithmetic_keeps_value_and_formula(value, plain, text):
    assert value == plain
    assert formula(value) == text


def test_equal_to_and_hashed_as_the_int():
    assert {HEADS: "a"}[32] == "a"


def test_a_plain_int_is_its_digits():
    assert formula(7) == "7"
