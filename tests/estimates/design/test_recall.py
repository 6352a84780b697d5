"""`solve` finds published architectures: a preset asked for by its size, like a sibling, itself not among what is read.

A sibling is a preset of the same family, vocabulary, tie and width of heads; of several, the nearest in size.
"""

from __future__ import annotations

from functools import cache
from math import log
from typing import NamedTuple
from unittest.mock import patch

import pytest

import paramcalc
from paramcalc.errors import PCError
from paramcalc.estimates.design.handles import Handles, handles
from paramcalc.parallel import over
from paramcalc.readers.presets import presets

Shape = tuple[int | None, ...]
"""Hidden size, layers, width of a feed-forward or of an expert."""


class Preset(NamedTuple):
    """What of a preset makes it a sibling, and the shape that is wanted."""

    group: tuple[object, ...]
    total: int
    shape: Shape


class Recall(NamedTuple):
    """What was asked for, and the place of the published shape among the candidates; None where it is not there."""

    name: str
    like: str
    place: int | None


def _shape(own: Handles) -> Shape:
    return own.sizes.get("hidden_size"), own.layers, own.sizes.get("width")


@cache
def _preset(name: str) -> Preset | None:
    spec = paramcalc.read(name)
    try:
        own = handles(spec)
    except PCError:
        return None
    count = paramcalc.count(spec)
    group = (spec.family, spec.vocab_size, "lm_head" in count.components, own.head_dim)
    return Preset(group, count.total, _shape(own)) if spec.family else None


def siblings() -> list[tuple[str, str]]:
    """Each preset that has a sibling, with the nearest in size."""
    known = {name: preset for name in presets() if (preset := _preset(name))}
    pairs = []
    for name, mine in known.items():
        near = [(abs(log(other.total / mine.total)), like) for like, other in known.items()
                if like != name and other.group == mine.group]
        if near:
            pairs.append((name, min(near)[1]))
    return pairs


def _place(pair: tuple[str, str], asked: str, top: int) -> Recall:
    name, like = pair
    known, preset = presets(), _preset(name)
    assert preset is not None
    left = {other: path for other, path in known.items() if other != name}
    with patch("paramcalc.answers.solve.presets", lambda: left):
        try:
            candidates = paramcalc.solve(like, params=asked, top=top).candidates
        except PCError:
            return Recall(name, like, None)
    keys = {size: next(".".join(map(str, at.path)) for at in places if isinstance(at.path[-1], str))
            for size, places in handles(paramcalc.read(like)).places.items()}
    for place, each in enumerate(candidates):
        sizes = [each.set[keys[size]] if size in keys else None for size in ("hidden_size", "width")]
        if (sizes[0], each.set["num_layers"], sizes[1]) == preset.shape:
            return Recall(name, like, place)
    return Recall(name, like, None)


def by_total(pair: tuple[str, str]) -> Recall:
    """Asked for by the exact total, among the first three."""
    preset = _preset(pair[0])
    assert preset is not None
    return _place(pair, str(preset.total), 3)


SAMPLE = [("qwen3-8b", "qwen3-14b"), ("gemma-3-4b", "gemma-3-12b"), ("qwen3-vl-2b", "qwen3-vl-4b"),
          ("command-r7b", "command-a"), ("llama-3.2-1b", "llama-3.2-3b")]


@pytest.mark.parametrize("pair", SAMPLE, ids=lambda pair: pair[0])
def test_a_sample(pair: tuple[str, str]) -> None:
    assert by_total(pair).place is not None


@pytest.mark.long
def test_published_shapes_among_the_first_three(capsys: pytest.CaptureFixture[str]) -> None:
    places = over(by_total, siblings(), jobs=2)
    missed = [f"{recall.name} like {recall.like}" for recall in places if recall.place is None]
    share = 1 - len(missed) / len(places)
    with capsys.disabled():
        print(f"\n{len(places) - len(missed)} of {len(places)} ({share:.1%}); not: {', '.join(missed)}")  # noqa: T201
    assert share >= 0.65  # a floor; 0.8 is wanted
