"""What llama.cpp printed of its cards and the host; `python -m tests.evidence.placement` prints all of it."""

import pytest

from tests.evidence.placement import lines, runs, text


@pytest.mark.parametrize("line", lines(), ids=lambda line: f"{line.run}: {line.device} {line.part}")
def test_a_buffer_agrees_or_says_why(line):
    assert line.holds is (not line.why), f"ours {line.ours}, theirs {line.theirs}"


def test_every_exact_part_agrees():
    assert all(line.holds for line in lines() if line.exact)


def test_what_is_not_asked_has_a_reason():
    assert all(group["why"] and group["ids"] for group in runs()["apart"])
    assert "NOT EXPLAINED" not in text()
