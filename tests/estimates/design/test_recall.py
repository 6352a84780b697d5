"""`solve` finds published architectures: a preset asked for by its size, like a sibling, itself not among what is read.

A sibling is a preset of the same family, vocabulary, tie and width of heads; of several, one that differs in sizes
alone where there is one, so that at the preset's own sizes it counts to the preset's total; then the one whose other
settings differ least, then the nearest in size. Some siblings differ in more than sizes (a tower, a norm, biases,
latent attention, a pattern of layers); those are told apart.
"""

from __future__ import annotations

from functools import cache
from math import log
from typing import TYPE_CHECKING, Any, NamedTuple
from unittest.mock import patch

import pytest

import paramcalc
from paramcalc.answers.solve import _family
from paramcalc.errors import PCError
from paramcalc.estimates.design.goals import Bounds
from paramcalc.estimates.design.handles import Handles, handles
from paramcalc.estimates.design.near_sizes import COARSE, FINE, LARGE, NearSizes
from paramcalc.estimates.design.solve import family_forms
from paramcalc.parallel import over
from paramcalc.readers.presets import presets
from paramcalc.sizes import parse_decimal

if TYPE_CHECKING:
    from collections.abc import Iterator

Shape = tuple[int | None, ...]
"""Hidden size, layers, width of a feed-forward or of an expert."""
Setting = tuple[tuple[str | int, ...], Any]
"""A path in a specification and what stands there."""


class Preset(NamedTuple):
    """What of a preset makes it a sibling, and the shape that is wanted."""

    group: tuple[object, ...]
    total: int
    shape: Shape
    settings: frozenset[Setting]
    """All that is no size and no layout."""


class Recall(NamedTuple):
    """What was asked for, and the place of the published shape among the candidates; None where it is not there."""

    name: str
    like: str
    place: int | None


def _shape(own: Handles) -> Shape:
    return own.sizes.get("hidden_size"), own.layers, own.sizes.get("width")


def _settings(data: object, path: tuple[str | int, ...] = ()) -> Iterator[Setting]:
    if isinstance(data, dict):
        for key, value in data.items():
            if path or key not in ("name", "source"):
                yield from _settings(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _settings(value, (*path, index))
    else:
        yield path, data


@cache
def _preset(name: str) -> Preset | None:
    spec = paramcalc.read(name)
    try:
        own = handles(spec)
    except PCError:
        return None
    count = paramcalc.count(spec)
    group = (spec.family, spec.vocab_size, "lm_head" in count.components, own.head_dim)
    sizes = {place.path for places in own.places.values() for place in places} | {*own.head_dims}
    settings = {(path, value) for path, value in _settings(own.data)
                if path not in sizes and not {"layers", "of", "num_layers"} & {*path}}
    return Preset(group, count.total, _shape(own), frozenset(settings)) if spec.family else None


def siblings() -> list[tuple[str, str]]:
    """Each preset that has a sibling, with the one that is most alike."""
    preset_of = {name: preset for name in presets() if (preset := _preset(name))}
    pairs = []
    for name, mine in preset_of.items():
        near = [(not differs_in_sizes_alone((name, like)), len(other.settings ^ mine.settings),
                 abs(log(other.total / mine.total)), like)
                for like, other in preset_of.items() if like != name and other.group == mine.group]
        if near:
            pairs.append((name, min(near)[-1]))
    return pairs


@cache
def differs_in_sizes_alone(pair: tuple[str, str]) -> bool:
    """Whether the sibling counts to the preset's total at the preset's own sizes."""
    name, like = pair
    own, other, preset = handles(paramcalc.read(name)), handles(paramcalc.read(like)), _preset(name)
    assert preset is not None
    try:
        spec = other.spec(other.sizes | own.sizes, own.layers)
    except PCError:
        return False
    return spec is not None and paramcalc.count(spec).total == preset.total


def _place(pair: tuple[str, str], target: str, top: int, tolerance: str = "1%") -> Recall:
    name, like = pair
    paths, preset = presets(), _preset(name)
    assert preset is not None
    without = {other: path for other, path in paths.items() if other != name}
    with patch("paramcalc.answers.solve.presets", lambda: without):
        try:
            candidates = paramcalc.solve(like, params=target, top=top, tolerance=tolerance).candidates
        except PCError:
            return Recall(name, like, None)
    keys = {size: next(".".join(map(str, at.path)) for at in places if isinstance(at.path[-1], str))
            for size, places in handles(paramcalc.read(like)).places.items()}
    for place, each in enumerate(candidates):
        sizes = [each.set[keys[size]] if size in keys else None for size in ("hidden_size", "width")]
        if (sizes[0], each.set.get("num_layers"), sizes[1]) == preset.shape:
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


def _two_digits(total: int) -> str:
    """1.5B of 1,543,714,304."""
    rounded = int(float(f"{total:.1e}"))
    unit, letter = next((unit, letter) for unit, letter in ((10**9, "B"), (10**6, "M")) if rounded >= unit)
    return f"{rounded / unit:.{1 if rounded < 10 * unit else 0}f}{letter}"


def by_two_digits(pair: tuple[str, str], top: int = 10_000) -> Recall:
    """Asked for by the total rounded to two digits, among so many candidates within 2%; the most by default."""
    preset = _preset(pair[0])
    assert preset is not None
    return _place(pair, _two_digits(preset.total), top, "2%")


def is_tried(pair: tuple[str, str]) -> bool:
    """Whether the published shape is one of those that are tried for the sibling."""
    name, like = pair
    spec, goal = paramcalc.read(like), handles(paramcalc.read(name))
    own = handles(spec)
    if tuple(own.sizes) != tuple(goal.sizes):
        return False
    family = family_forms(spec, [spec, *(each for each in _family(spec) if each.name != name)])
    near, hidden = NearSizes(own, family, Bounds()), goal.sizes["hidden_size"]
    others = {size: value for size, value in goal.sizes.items() if size not in ("hidden_size", "width")}
    (low, high), step = near.widths(hidden), near.width_step(hidden)
    return (hidden % (FINE if hidden < LARGE else COARSE) == 0 and others in list(near.others(hidden))
            and goal.layers in near.layers(hidden)
            and goal.sizes.get("width", 0) in range(low, high + 1, step))


def test_published_shapes_are_tried() -> None:
    """Of nearly every preset with a sibling; else it differs in which sizes it has, in heads or in dense layers."""
    pairs = siblings()
    share = sum(map(is_tried, pairs)) / len(pairs)
    assert share >= 0.9


@pytest.mark.parametrize(("total", "digits"), [
    (1_543_714_304, "1.5B"), (8_030_261_248, "8.0B"), (34_980_831_232, "35B"), (235_093_634_560, "240B"),
    (124_439_808, "120M"), (999_000_000, "1.0B")])
def test_two_digits(total: int, digits: str) -> None:
    assert _two_digits(total) == digits


@pytest.mark.parametrize("pair", [("baichuan-7b", "baichuan-13b"), ("bloom-1b7", "bloom-7b1"),
                                  ("qwen3-embedding-4b", "qwen3-embedding-8b")], ids=lambda pair: pair[0])
def test_a_sample_by_two_digits(pair: tuple[str, str]) -> None:
    assert by_two_digits(pair, 100).place is not None


def _report(title: str, places: list[Recall], first: int) -> float:
    """The share among the first so many, printed with the names of the others."""
    missed = [f"{recall.name} like {recall.like}" for recall in places if recall.place is None or recall.place >= first]
    share = 1 - len(missed) / len(places)
    print(f"\n{title}: {len(places) - len(missed)} of {len(places)} ({share:.1%}) among the first {first}; "  # noqa: T201
          f"not: {', '.join(missed)}")
    return share


@pytest.mark.long
def test_published_shapes_among_the_first_three(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = siblings()
    places = over(by_total, pairs, jobs=2)
    alike = [recall for recall, pair in zip(places, pairs, strict=True) if differs_in_sizes_alone(pair)]
    with capsys.disabled():
        assert _report("siblings that differ in sizes alone", alike, 3) >= 0.8
        assert _report("all siblings", places, 3) >= 0.7


def _rounds_within(name: str, share: float) -> bool:
    """Whether the total rounded to two digits is so near: 124M is 3.7 % more than 120M."""
    preset = _preset(name)
    assert preset is not None
    return abs(preset.total / parse_decimal(_two_digits(preset.total)) - 1) <= share


@pytest.mark.long
def test_published_shapes_by_two_digits(capsys: pytest.CaptureFixture[str]) -> None:
    """Many shapes of about that size are more like the family than the one that was published."""
    pairs = [pair for pair in siblings() if _rounds_within(pair[0], 0.02) and is_tried(pair)]
    places = over(by_two_digits, pairs, jobs=2)
    with capsys.disabled():
        for first in (3, 100, 10_000):
            share = _report("by two digits, shapes that are tried", places, first)
        assert share >= 0.8
