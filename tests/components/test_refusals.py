"""What a component cannot be, and what is said of it."""

import pytest
from pydantic import TypeAdapter, ValidationError

from paramcalc.components import KINDS, AnyComponent

PART = TypeAdapter(AnyComponent)
MLSTM = {"kind": "mlstm", "num_heads": 4, "qk_size": 32, "v_size": 64}
MAMBA = {"kind": "mamba", "inner_size": 64, "state_size": 16, "dt_rank": 4}
SPARSE = {"kind": "compressed_attention", "num_heads": 4, "head_dim": 16, "q_lora_rank": 8, "o_groups": 2,
          "o_lora_rank": 8, "window": 16}
INDEX = "an index needs index_heads, index_head_dim, top_k and rate"
DOGE = {"kind": "retrieved_experts", "experts": 16, "top_k": 4, "intermediate_size": 32}

REFUSED = [
    (5, (), "Input should be a valid dictionary", None),
    ({}, (), "a component needs a kind", f"known: {', '.join(KINDS)}"),
    ({"kind": "atention"}, (), "unknown kind 'atention'", "did you mean 'attention'?"),
    ({"kind": 3}, (), "unknown kind 3", f"known: {', '.join(KINDS)}"),
    ({"kind": "attention", "num_heads": 32, "num_kv_heads": 12}, (), "12 does not divide num_heads (32)",
     "use 1, 2, 4, 8, 16 or 32"),
    ({"kind": "attention", "num_heads": 1, "num_kv_heads": 2}, (), "2 does not divide num_heads (1)", "use 1"),
    ({"kind": "attention", "num_heads": 9, "num_kv_heads": 2}, (), "2 does not divide num_heads (9)", "use 1, 3 or 9"),
    (MLSTM | {"qk_size": 33}, (), "4 does not divide qk_size (33)", ""),
    (MLSTM | {"v_size": 66}, (), "4 does not divide v_size (66)", ""),
    (MAMBA | {"heads": 3}, (), "3 does not divide inner_size (64)", ""),
    (SPARSE | {"top_k": 8, "rate": 4}, (), INDEX, "give all or none"),
    (SPARSE | {"index_heads": 2, "index_head_dim": 8, "top_k": 8}, (), INDEX, "give all or none"),
    (DOGE | {"top_k": 17}, (), "top_k 17 is more than the 16 experts", "use a top_k of at most 16"),
    ({"kind": "moe", "experts": 8, "top_k": 9, "intermediate_size": 4}, (), "top_k 9 is more than the 8 experts",
     "use a top_k of at most 8"),
    ({"kind": "parameter", "shape": [4, 4], "axes": ["hidden"]}, (), "1 names for 2 dimensions", ""),
]


@pytest.mark.parametrize(("value", "path", "message", "hint"), REFUSED, ids=[case[2] for case in REFUSED])
def test_refused(value, path, message, hint):
    with pytest.raises(ValidationError) as caught:
        PART.validate_python(value)
    (error,) = caught.value.errors()
    assert (error["loc"], error["msg"]) == (path, message)
    remedy = error.get("ctx", {}).get("hint")
    assert remedy == hint or (hint and remedy.startswith(hint))


ALLOWED = [
    MLSTM, MAMBA | {"heads": 2}, SPARSE, SPARSE | {"rate": 4}, DOGE | {"top_k": 16},
    SPARSE | {"rate": 4, "index_heads": 2, "index_head_dim": 8, "top_k": 8},
    {"kind": "attention", "num_heads": 32, "num_kv_heads": 12, "uneven_groups": True},
    {"kind": "moe", "experts": 8, "top_k": 8, "intermediate_size": 4},
]


@pytest.mark.parametrize("value", ALLOWED, ids=str)
def test_the_last_that_can_be(value):
    part = PART.validate_python(value)
    assert part.kind == value["kind"]
    assert PART.validate_python(part) is part
