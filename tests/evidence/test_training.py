"""Measured peaks of Megatron, torchtitan and torchtune."""

from statistics import median

import pytest

from tests.evidence.training import peaks, text


@pytest.mark.parametrize("peak", peaks(), ids=[peak.id for peak in peaks()])
def test_peaks_are_within_a_tenth_and_the_rest_is_explained(peak):
    assert (abs(peak.difference) <= 0.1) is not peak.outside
    assert peak.why


def test_the_table_has_every_run():
    assert all(peak.id in text() for peak in peaks())


def test_of_several_devices_one_in_ten_at_most_is_a_twentieth_too_low():
    several = sorted(peak.difference for peak in peaks() if peak.devices > 1)
    assert len(several) >= 50
    assert sum(difference < -0.05 for difference in several) <= len(several) / 10
    assert median(map(abs, several)) < 0.05
    assert max(map(abs, several)) < 0.15
