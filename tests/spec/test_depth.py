"""Another number of layers: patterns are cut or continued, in specifications and presets alike."""

import pytest

from paramcalc.build import build
from paramcalc.components.layout import continued, unroll
from paramcalc.errors import PCError, SpecError
from paramcalc.measures.parameters import count
from paramcalc.readers.models import load
from paramcalc.readers.presets import presets
from paramcalc.spec.depth import depth, set_depth


@pytest.mark.parametrize(("names", "layers", "expected"), [
    ("s", 3, "sss"),
    ("sf", 1, "s"),
    ("sfsf", 5, "sfsfs"),
    ("sssfsssf", 6, "sssfss"),
    ("sssfsssfs", 13, "sssfsssfsssfs"),
    ("dddmmmm", 9, "dddmmmmmm"),
    ("dddmmmm", 2, "dd"),
    ("dmmmm", 8, "dmmmmmmm"),
    ("lllfllllfllllfl", 20, "lllfllllfllllfllllfl"),
    ("dmdfdmdf", 10, "dmdfdmdfdm"),
    ("abcdd", 4, "abcd"),
])
def test_a_pattern_goes_on_as_it_went(names, layers, expected):
    assert "".join(continued(names, layers)) == expected


@pytest.mark.parametrize("names", ["ab", "abcdd", "ccfcccfcccfccfcc"[:10] + "fcfc", "dmmmmmmmmd"])
def test_a_pattern_without_a_last_period_is_not_continued(names):
    with pytest.raises(ValueError, match="no period"):
        continued(names, 40)


def test_more_layers_than_there_may_be():
    with pytest.raises(ValueError, match="5,000 layers"):
        continued(["a"], 5000)


REFUSED = {"kimi-k3", "lfm2-2.6b", "lfm2-8b-a1b", "llama-3.3-nemotron-super-49b", "nemotron-3-nano-30b-a3b",
           "nemotron-3-super-120b-a12b", "nemotron-3-ultra-550b-a55b", "nemotron-h-56b", "nemotron-nano-9b-v2", "step3",
           "whisper-large-v3-turbo", "zamba2-1.2b"}


@pytest.mark.parametrize("name", presets())
def test_every_preset_takes_another_depth_or_says_which_lists_to_give(name):
    spec = load(name).spec
    try:
        deeper = load(name, ["num_layers=150"]).spec
    except PCError as error:
        assert (name in REFUSED, "give" in error.problems[0].hint) == (True, True)  # noqa: PT017 - most are not refused
        return
    assert name not in REFUSED
    stacks = [child for child in build(deeper).tree.children if child.order]
    assert {len(child.order) for child in stacks} == {150}
    assert count(build(deeper).tree).total > count(build(spec).tree).total
    if spec.layers and deeper.layers:
        before = unroll(spec.layers)
        assert unroll(deeper.layers)[:len(before)] == before


def test_a_published_sibling_is_another_depth():
    """Gemma 3 1B's pattern over the 34 layers of 4B starts as 4B's own."""
    one, four = (unroll(load(name, change).spec.layers or ()) for name, change in
                 (("gemma-3-1b", ["num_layers=34"]), ("gemma-3-4b", [])))
    assert one == four


def test_stacks_of_several_depths_are_not_changed_together():
    layers = {"kind": "layers", "of": ["a"]}
    data = {"hidden_size": 8, "blocks": {"a": {}}, "modules": {"x": layers, "y": layers | {"of": ["a", "a"]}}}
    assert depth(data) is None
    with pytest.raises(SpecError, match="stacks of 1, 2 layers"):
        set_depth(data, 4)


def test_a_layout_that_is_wrong_is_refused_where_it_stands():
    data = {"hidden_size": 8, "vocab_size": 9, "layers": [{"repeat": 0, "of": ["a"]}]}
    set_depth(data, 4)
    assert data["layers"] == [{"repeat": 0, "of": ["a"]}]
