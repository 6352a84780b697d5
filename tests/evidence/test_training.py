"""Measured peaks of Megatron, torchtitan and torchtune."""

import pytest

from tests.evidence.training import peaks, text


@pytest.mark.parametrize("peak", peaks(), ids=[peak.id for peak in peaks()])
def test_peaks_are_within_a_tenth_and_the_rest_is_explained(peak):
    assert (abs(peak.difference) <= 0.1) is not peak.outside
    assert peak.why


def test_the_table_has_every_run():
    assert all(peak.id in text() for peak in peaks())
