"""Serving with a power meter: how far tokens a second and joules a token are off, and what the assumption costs."""

from __future__ import annotations

from tests.evidence.energy import summary


def test_dense_models_are_near_whatever_the_prompts_were():
    for longer, most in ((0.5, 0.17), (1.0, 0.10), (2.0, 0.25)):
        count, rate, joules, *_ = summary(longer)["dense"]
        assert count == 120
        assert rate < most
        assert joules < most + 0.05


def test_models_with_experts_are_near_where_their_release_is_stated():
    """By fits that left the configuration out."""
    for longer, most in ((0.5, 0.30), (1.0, 0.20), (2.0, 0.30)):
        count, rate, joules, *_, inside = summary(longer)["moe"]
        assert count == 201
        assert rate < most
        assert joules <= 0.35
        assert inside > 0.7
