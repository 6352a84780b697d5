"""Lists with one entry a layer, as files spell them."""

import pytest

from paramcalc.components.layout import unroll
from paramcalc.errors import SpecError
from paramcalc.readers.config.read import read_config

STEP = {"model_type": "step3p5", "architectures": ["Step3p5ForCausalLM"], "num_hidden_layers": 4,
        "num_attention_heads": 8, "num_sliding_attention_heads": 16, "sliding_window": 64}
TYPES = ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]


def test_a_list_may_go_on_to_the_layers_of_multi_token_prediction():
    # Step-3.5's published files do; the library cuts the list off after num_hidden_layers.
    spec = read_config(STEP | {"layer_types": [*TYPES, "full_attention"], "num_nextn_predict_layers": 1}).spec
    assert unroll(spec.layers) == ["full_dense", "sliding_dense", "sliding_dense", "full_moe"]


@pytest.mark.parametrize("extra", [0, 2, None, "1", True])
def test_but_no_further(extra):
    with pytest.raises(SpecError, match="has 5 entries for 4 layers"):
        read_config(STEP | {"layer_types": [*TYPES, "full_attention"], "num_nextn_predict_layers": extra})


@pytest.mark.parametrize("named", ["2,3", " 2, 3", [2, 3]])
def test_step_names_its_sparse_layers(named):
    spec = read_config(STEP | {"layer_types": TYPES, "moe_layers_enum": named}).spec
    assert unroll(spec.layers) == ["full_dense", "sliding_dense", "sliding_moe", "full_moe"]
