"""Weights and pools of SGLang and vLLM; `python -m tests.evidence.engines` prints all of them."""

import pytest

from tests.evidence.engines import figures, records, text


@pytest.mark.parametrize("figure", figures(), ids=lambda figure: f"{figure.ids}: {figure.model} {figure.ask}")
def test_a_figure_agrees_or_says_why(figure):
    assert figure.holds is (not figure.why), f"ours {figure.ours}, theirs {figure.theirs}"


def test_what_is_not_asked_has_a_reason():
    assert all(row["source"] for row in records()["figures"])
    assert all(group["why"] and group["ids"] for group in records()["apart"])
    assert "NOT EXPLAINED" not in text()
