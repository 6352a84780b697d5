"""Scaled specifications. Parameter counts are of published models that differ in just these numbers."""

import pytest

from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.measures.parameters import count
from paramcalc.readers.presets import presets
from paramcalc.spec.model import ModelSpec
from paramcalc.spec.what_if import changed

SHORT = {"vocab_size": 1000, "hidden_size": 64, "num_layers": 4, "num_heads": 8, "ffn_ratio": 4.0,
         "expect": {"total": 1}}
PATTERN = {"num_layers": None, "blocks": {"a": {"window": 8}, "b": {}}, "layers": ["a", {"repeat": 2, "of": ["b"]}]}
NORM = {"kind": "rmsnorm"}
LONG = {"hidden_size": 64, "blocks": {"a": {"parts": {"ffn": {"kind": "ffn", "intermediate_size": 96}}}},
        "modules": {"norm": NORM, "decoder": {"kind": "layers", "of": ["a", "a"]}}}


def after(fields, *changes):
    return changed(ModelSpec.model_validate({k: v for k, v in fields.items() if v is not None}), changes)


@pytest.mark.parametrize(("fields", "changes", "key", "value"), [
    (SHORT, ["hidden_size=2x"], "hidden_size", 128),
    (SHORT, ["hidden_size=1.5x"], "hidden_size", 96),
    (SHORT, ["hidden_size=128"], "hidden_size", 128),
    (SHORT, ["ffn_ratio=0.5x"], "ffn_ratio", 2.0),
    (SHORT, ["num_layers=3x"], "num_layers", 12),
    (SHORT, ["num_layers=0.5x"], "num_layers", 2),
    (SHORT, ["num_layers=2"], "num_layers", 2),
    (SHORT | {"ffn_ratio": None, "intermediate_size": 96}, ["ffn_ratio=2x"], "intermediate_size", 192),
    (SHORT, ["num_heads=2x", "hidden_size=2x"], "num_heads", 16),
])
def test_a_number_is_scaled_or_set(fields, changes, key, value):
    changed_spec = after(fields, *changes)
    assert getattr(changed_spec, key) == value
    assert type(getattr(changed_spec, key)) is type(value)
    assert changed_spec.expect is None


@pytest.mark.parametrize(("change", "order"), [
    ("num_layers=2x", (0, 1, 1, 1, 1, 1)), ("num_layers=5", (0, 1, 1, 1, 1)), ("num_layers=2", (0, 1)),
])
@pytest.mark.parametrize("fields", [PATTERN, PATTERN | {"num_layers": 3}])
def test_a_pattern_is_cut_or_continued(fields, change, order):
    spec = after(SHORT | fields, change)
    (stack,) = [child for child in build(spec).tree.children if child.order]
    assert stack.order == order


def test_every_stack_of_the_long_form_is_continued():
    twice = build(after(LONG, "num_layers=2x")).tree
    assert [child.order for child in twice.children] == [(), (0, 0, 0, 0)]
    wide = build(after(LONG, "intermediate_size=2x")).tree
    assert count(wide).total - 64 == 2 * (count(build(ModelSpec.model_validate(LONG)).tree).total - 64)


def test_a_number_within_lists_is_found():
    spec = ModelSpec.model_validate(SHORT | {"quantize": [{"match": "*", "format": "q8_0"}], "mixer": {
        "kind": "attention", "num_heads": 4, "head_dim": 16}})
    assert changed(spec, ["head_dim=2x"]).mixer.head_dim == 32




def test_gpt2_large_is_medium_with_other_numbers():
    """GPT-2 paper, table 2: 24 layers of 1,024 and 36 of 1,280; 774,030,080 parameters in the released file."""
    from paramcalc.readers.models import load

    assert {"gpt2-medium", "gpt2-large"} <= set(presets())
    spec = changed(load("gpt2-medium").spec, ["num_layers=36", "hidden_size=1.25x", "intermediate_size=1.25x",
                                              "num_heads=20", "num_kv_heads=20"])
    assert count(build(spec).tree).total == 774_030_080


REFUSED = [
    (SHORT, "hidden_size", "--what-if 'hidden_size' is not KEY=2x or KEY=NUMBER",
     "the nearest: hidden_size=2x"),
    (SHORT, "hidden_size=big", "--what-if 'hidden_size=big' is not KEY=2x or KEY=NUMBER",
     "the nearest: hidden_size=2x"),
    (SHORT, "hidden_size=2.5", "--what-if 'hidden_size=2.5' is not KEY=2x or KEY=NUMBER",
     "the nearest: hidden_size=2.5x"),
    (SHORT, "head_count=2x", "--what-if: the spec has no numeric field 'head_count'",
     "it has ffn_ratio, hidden_size, num_heads, num_layers, vocab_size"),
    (SHORT, "hidden_size=1.01x", "--what-if hidden_size=1.01x: 64 times that is not an integer",
     "the nearest: hidden_size=65"),
    (SHORT | PATTERN, "num_layers=1.5x", "--what-if num_layers=1.5x: 3 times that is not an integer",
     "the nearest: num_layers=4"),
    ({"hidden_size": 8, "modules": {"norm": NORM}}, "num_layers=2x",
     "--what-if: the spec has no numeric field 'num_layers'", "it has hidden_size"),
]


@pytest.mark.parametrize(("fields", "change", "message", "hint"), REFUSED, ids=[case[1] for case in REFUSED])
def test_refused(fields, change, message, hint):
    with pytest.raises(UsageError) as caught:
        after(fields, change)
    (problem,) = caught.value.problems
    assert (problem.message, problem.hint) == (message, hint)
