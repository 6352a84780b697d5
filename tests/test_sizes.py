"""Sizes as typed."""

import pytest

from paramcalc.errors import UsageError
from paramcalc.sizes import decimal, token_list, tokens


@pytest.mark.parametrize(("text", "size"), [("8192", 8192), ("8k", 8192), ("128K", 131072), ("1M", 1048576),
                                            ("1.5k", 1536), ("8,192", 8192), ("8_192", 8192)])
def test_tokens_are_powers_of_two(text, size):
    assert tokens(text, "--context") == size


@pytest.mark.parametrize(("text", "size"), [("7B", 7 * 10**9), ("1.5T", 15 * 10**11), ("900", 900), ("2k", 2000)])
def test_parameters_are_powers_of_ten(text, size):
    assert decimal(text, "--params") == size


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "'' is not a number of tokens"), ("8q", "'8q' is not a number"), ("-1", "'-1' is not a number"),
     ("0", "must be between 1 and"), ("9999999M", "must be between"), ("1.0001k", "not a whole number"),
     ("1e3", "is not a number"), ("\u0661", "is not a number")],
)
def test_refusals_name_the_option(text, message):
    with pytest.raises(UsageError, match=f"--context: .*{message}|--context: {message}"):
        tokens(text, "--context")


def test_lists():
    assert token_list("4k,32k", "--context") == [4096, 32768]
