"""Where a component that cannot stand where it does is said to be written."""

import pytest

from paramcalc.build import build
from paramcalc.components.norm import Norm
from paramcalc.errors import SpecError
from paramcalc.spec.model import ModelSpec
from paramcalc.spec.placement import Place, written
from paramcalc.tree import Context

SHORT = {"vocab_size": 1000, "hidden_size": 64, "num_layers": 2, "num_heads": 4, "intermediate_size": 96}
BAD = {"kind": "attention", "num_heads": 5}
MIXED = {"kind": "mamba", "inner_size": 8, "state_size": 4, "dt_rank": 2}
PARTS = {"parts": {"self_attn": BAD}}
LONG = {"hidden_size": 64, "blocks": {"a": PARTS}, "modules": {"decoder": {"kind": "layers", "of": ["a"]}}}
CASES = [
    (SHORT | {"num_heads": 5}, "num_heads"),
    (SHORT | {"mixer": BAD}, "mixer.num_heads"),
    (SHORT | {"beside": {"cross": BAD}}, "beside.cross.num_heads"),
    (SHORT | {"inputs": {"before": BAD}}, "inputs.before.num_heads"),
    (SHORT | {"outputs": {"after": BAD}}, "outputs.after.num_heads"),
    (SHORT | {"apart": {"mtp": {"draft": BAD}}}, "apart.mtp.draft.num_heads"),
    (SHORT | {"blocks": {"a": {"mixer": BAD}}}, "blocks.a.mixer.num_heads"),
    (SHORT | {"blocks": {"a": {"beside": {"cross": BAD}}}}, "blocks.a.beside.cross.num_heads"),
    (SHORT | {"blocks": {"a": {"mixer": MIXED, "ffn": BAD}}}, "blocks.a.ffn.num_heads"),
    (SHORT | {"mixer": BAD, "blocks": {"a": {"window": 8}}}, "mixer.num_heads"),
    (SHORT | {"beside": {"cross": BAD}, "blocks": {"a": {"window": 8}}}, "beside.cross.num_heads"),
    (LONG, "blocks.a.parts.self_attn.num_heads"),
    ({"hidden_size": 64, "modules": {"only": BAD}}, "modules.only.num_heads"),
    (LONG | {"modules": {"decoder": {"kind": "layers", "of": ["a"], "hidden_size": 33}}},
     "blocks.a.parts.self_attn.num_heads"),
]


@pytest.mark.parametrize(("fields", "path"), CASES, ids=[f"{place}-{case[1]}" for place, case in enumerate(CASES)])
def test_located(fields, path):
    with pytest.raises(SpecError) as caught:
        build(ModelSpec.model_validate(fields))
    (problem,) = caught.value.problems
    width = 33 if "'hidden_size': 33" in str(fields) else 64
    assert problem.message == f"5 does not divide hidden_size ({width})"
    assert problem.dotted() == path
    assert problem.hint == "give head_dim, or change num_heads"


@pytest.mark.parametrize(("fields", "path"), [
    ({"hidden_size": 64, "modules": {"table": {"kind": "embedding"}}}, "modules.table.rows"),
    ({"hidden_size": 64, "modules": {"out": {"kind": "head"}}}, "modules.out.rows"),
])
def test_rows_nobody_says(fields, path):
    with pytest.raises(SpecError, match="the number of rows is not given") as caught:
        build(ModelSpec.model_validate(fields))
    assert [problem.dotted() for problem in caught.value.problems] == [path]


def test_what_no_field_holds_is_blamed_on_the_file():
    """A part that came from nowhere in the specification."""
    spec = ModelSpec.model_validate(SHORT)
    stray = Place(Norm(kind="rmsnorm"), Context(64), "stray", "layer")
    assert written(spec, stray) == ()
