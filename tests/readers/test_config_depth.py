"""Another number of layers for a config.json: its lists go with it."""

import json

import pytest

from paramcalc.components.layout import unroll
from paramcalc.errors import SpecError
from paramcalc.readers.config.depth import set_config_depth
from paramcalc.readers.models import load

LISTS = [
    ({"layer_types": ["s", "s", "f"] * 2}, 8, {"layer_types": ["s", "s", "f", "s", "s", "f", "s", "s"]}),
    ({"layer_types": ["s", "s", "f"] * 2}, 3, {"layer_types": ["s", "s", "f"]}),
    ({"mlp_layer_types": ["dense", *["sparse"] * 5]}, 8, {"mlp_layer_types": ["dense", *["sparse"] * 7]}),
    ({"attn_layer_indices": [1, 3, 5]}, 9, {"attn_layer_indices": [1, 3, 5, 7]}),
    ({"attn_layer_indices": [1, 3, 5]}, 4, {"attn_layer_indices": [1, 3]}),
    ({"mlp_only_layers": []}, 9, {"mlp_only_layers": []}),
    ({"hybrid_override_pattern": "M*M*M*"}, 7, {"hybrid_override_pattern": "M*M*M*M"}),
    ({"attention_types": [[["g", "l"], 3]]}, 7, {"attention_types": [[["g", "l", "g", "l", "g", "l", "g"], 1]]}),
    ({"moe_layer_freq": [0, 1, 1, 1, 1, 1]}, 7, {"moe_layer_freq": [0, 1, 1, 1, 1, 1, 1]}),
    ({"eos_token_id": [1, 2, 3, 4, 5, 6]}, 7, {"eos_token_id": [1, 2, 3, 4, 5, 6]}),
    ({"architectures": ["A"], "sizes": [1, 2]}, 7, {"architectures": ["A"], "sizes": [1, 2]}),
]


@pytest.mark.parametrize(("lists", "layers", "expected"), LISTS, ids=[f"{next(iter(c[0]))}-{c[1]}" for c in LISTS])
def test_lists_of_layers_are_cut_or_continued(lists, layers, expected):
    data = {"num_hidden_layers": 6, **lists}
    set_config_depth(data, "num_hidden_layers", layers)
    assert data == {"num_hidden_layers": layers, **expected}


def test_a_list_nothing_continues_is_named():
    data = {"n_layer": 4, "layer_types": ["a", "b", "c", "d"]}
    with pytest.raises(SpecError, match=r"layer_types: n_layer: no period") as caught:
        set_config_depth(data, "n_layer", 5)
    assert caught.value.problems[0].hint == "give layer_types for 5 layers too"


@pytest.mark.parametrize("inside", [False, True])
def test_a_config_of_gemma_3(tmp_path, inside):
    text = {"model_type": "gemma3_text", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 12,
            "intermediate_size": 96, "vocab_size": 99, "num_key_value_heads": 2, "sliding_window": 8,
            "layer_types": (["sliding_attention"] * 5 + ["full_attention"]) * 2}
    config = {"model_type": "gemma3", "text_config": text} if inside else text
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    change = "text_config.num_hidden_layers=14" if inside else "num_hidden_layers=14"
    spec = load(str(path), [change]).spec
    assert unroll(spec.layers) == (["sliding"] * 5 + ["full"]) * 2 + ["sliding"] * 2
