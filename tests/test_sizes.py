"""Sizes as typed."""

import pytest

from paramcalc.errors import UsageError
from paramcalc.sizes import NearMissError, decimal, parse_share, token_list, tokens


@pytest.mark.parametrize(("text", "size"), [("8192", 8192), ("8k", 8192), ("128K", 131072), ("1M", 1048576),
                                            ("1.5k", 1536), ("8,192", 8192), ("8_192", 8192)])
def test_tokens_are_powers_of_two(text, size):
    assert tokens(text, "--context") == size


class Eight:
    """An integer of another library, as those of numpy are."""

    def __index__(self):
        return 8


@pytest.mark.parametrize("size", [tokens, decimal])
def test_integers_of_other_libraries_are_sizes(size):
    assert size(Eight(), "context") == 8
    for number in (True, 8.0, None, b"8"):
        with pytest.raises(UsageError, match=r"context: .* is not"):
            size(number, "context")


@pytest.mark.parametrize(("text", "size"), [("7B", 7 * 10**9), ("1.5T", 15 * 10**11), ("900", 900), ("2k", 2000)])
def test_parameters_are_powers_of_ten(text, size):
    assert decimal(text, "--params") == size


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "'' is not a number of tokens"), ("8q", "'8q' is not a number"), ("-1", "'-1' is not a number"),
     ("0", "must be between 1 and"), ("9999999M", "must be between"), ("1.0001k", "is not an integer"),
     ("1e3", "is not a number"), ("\u0661", "is not a number")],
)
def test_refusals_name_the_option(text, message):
    with pytest.raises(UsageError, match=f"--context: .*{message}|--context: {message}"):
        tokens(text, "--context")


def test_lists():
    assert token_list("4k,32k", "--context") == [4096, 32768]


@pytest.mark.parametrize(("text", "nearest"), [
    ("1.5Bn", "1.5B"), ("1,5B", "1.5B"), ("1.5 billion", "1.5B"), ("-1B", "1B"), ("1e9", "1B"), ("15TT", "15T"),
    ("7G", "7B"), ("0", "1"), ("99999999T", "1000000T"), ("1.0000001M", "1M"), ("lots", ""), ("", ""),
    ("12345678901.5", "12345678.902k"),
])
def test_the_nearest_number_is_named_and_is_one(text, nearest):
    with pytest.raises(UsageError) as caught:
        decimal(text, "--params")
    assert caught.value.problems[0].hint == (f"the nearest: {nearest}" if nearest else "")
    assert not nearest or decimal(nearest, "--params") > 0


@pytest.mark.parametrize(("text", "nearest"), [("200%", "100%"), ("41", "41%"), ("41 percent", "41%"), ("0,9", "90%"),
                                               ("0", "1%"), ("-3", "1%"), ("1.5", "100%"), ("half", "")])
def test_the_nearest_share_is_named(text, nearest):
    with pytest.raises(NearMissError) as caught:
        parse_share(text)
    assert caught.value.nearest == nearest


def test_groups_of_digits_are_whole():
    assert decimal("1,500M", "--params") == decimal("1_500M", "--params") == 1_500_000_000
    with pytest.raises(UsageError, match="is not a number"):
        decimal("1,50M", "--params")
