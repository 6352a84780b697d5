"""Our figures against what runtimes printed; `pytest -s tests/evidence` shows all of them."""

import pytest

from tests.evidence.readme import GUIDE, README, block, guide, quoted
from tests.evidence.report import rows, text

ROWS = rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.record.id}: {row.figure}")
def test_a_figure_agrees_or_says_why(row):
    if row.figure in row.record.why:
        assert not row.holds, "it agrees: the reason is no longer needed"
    else:
        assert row.holds, f"ours {row.ours}, theirs {row.theirs}"


def test_every_record_has_a_source():
    assert all(row.record.source for row in ROWS)


def test_the_table_can_be_read():
    table = text(ROWS)
    print("\n" + table)  # noqa: T201 - what -s shows
    assert "NOT EXPLAINED" not in table


def test_the_readme_quotes_it():
    assert quoted(README.read_text("utf-8")) == block(), "run `python -m tests.evidence --write`"
    assert quoted(GUIDE.read_text("utf-8")) == guide(), "run `python -m tests.evidence --write`"
