"""What the guide says of how far figures are off."""

from __future__ import annotations

from statistics import median

import pytest

from tests.evidence import peers
from tests.evidence.accuracy import groups, runs, served, summaries, trained, utilization


def test_utilization_is_what_frameworks_print():
    """Some rows are rounded to two digits, some of gpt-oss are printed for other FLOPs than the rest: hence medians."""
    medians = {name: abs(median(differences)) for name, differences in utilization().items()}
    assert len(medians) >= 12
    assert max(medians.values()) < 0.005


def test_steps_that_were_left_out_are_near():
    for name, differences in trained().items():
        assert median(map(abs, differences)) <= 0.25, name


def test_every_group_is_two_sided():
    for group in groups():
        assert group.median <= group.most
        assert abs(group.bias) <= group.most
    assert min(runs()) < 0 < max(runs())


def test_what_the_readme_quotes_counts_both_sides():
    for group, share in summaries():
        assert group.within(share) == sum(-share <= one <= share for one in group.differences)


def test_ours_among_other_predictors_are_those_left_out_of_the_fits():
    by_kind = peers.by_kind()
    for kind, part in (("servers, dense", " dense"), ("servers, experts", " moe"), ("llama.cpp", "llama.cpp ")):
        assert sorted(by_kind[kind]["paramcalc"]) == pytest.approx(
            sorted(one for name, ones in served().items() if part in name for one in ones))


def test_ours_are_nearer_than_other_predictors_and_answer_more():
    for predictors in peers.by_kind().values():
        ours = predictors.pop("paramcalc")
        assert len(ours) >= 150
        for theirs in predictors.values():
            assert median(map(abs, ours)) < median(map(abs, theirs))
            assert len(theirs) <= len(ours)
