"""Our bytes of published quantized checkpoints against what their files, indices and engines say."""

import pytest

from tests.evidence.quantized import checkpoints, rows, text

SHARE = 0.9
"""Of the records that say everything, so many agree at least."""


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.record.id)
def test_a_checkpoint_agrees_or_says_why(row):
    assert row.holds is (not row.record.why), f"ours {row.ours}, theirs {row.record.figure}"


def test_most_agree():
    clear = [row for row in rows() if not row.record.unclear]
    assert sum(row.holds for row in clear) >= SHARE * len(clear)


def test_none_is_wrong_in_silence():
    """What is off and called exact has a record that does not say all."""
    assert not [row.record.id for row in rows()
                if not row.holds and row.certainty == "exact" and not row.record.unclear]


def test_every_record_is_in_the_table_or_has_a_reason():
    assert all(record.source for record in checkpoints())
    assert "NOT EXPLAINED" not in text()
    assert all(record.id in text() for record in checkpoints())
