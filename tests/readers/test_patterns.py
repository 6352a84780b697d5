"""Which layers slide, and how far: every spelling of a pattern, against the caches the library makes of the config."""

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.errors import SpecError
from paramcalc.measures.parameters import count
from paramcalc.readers.config.patterns import unique_names
from paramcalc.readers.config.read import read_config

DATA = Path(__file__).parent.parent / "data" / "layer_patterns.jsonl"
CASES = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


def described(record):
    keys = {key: value for key, value in record["config"].items() if "size" not in key and "num_" not in key}
    return "-".join(str(value) for value in keys.values())


def attention_layers(config):
    """The attention of every layer, in order."""
    tree = build(read_config(config).spec).tree
    stack = next(node for node in tree.children if node.order)
    mixers = [next(leaf.part for leaf in layer.children if hasattr(leaf.part, "shares_kv")) for layer in stack.children]
    return [mixers[index] for index in stack.order]


@pytest.mark.parametrize("record", CASES, ids=described)
def test_layers_slide_as_the_library_has_it(record):
    layers = attention_layers(record["config"])
    assert ["shared" if a.shares_kv else a.window or a.chunk for a in layers] == record["windows"]


SMALL = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 4, "intermediate_size": 96, "vocab_size": 99}


EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32}
DEEPSEEK = {"model_type": "deepseek_v3", "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 32,
            "n_group": 1, "topk_group": 1}


@pytest.mark.parametrize(("keys", "layers", "kind", "places"), [
    # Qwen2MoeDecoderLayer: index + 1 divides by the step, and the list of dense layers does not name the index
    ({"model_type": "qwen2_moe", "decoder_sparse_step": 3, "mlp_only_layers": [5]} | EXPERTS, 9, "moe", [2, 8]),
    ({"model_type": "qwen2_moe", "decoder_sparse_step": 1, "mlp_only_layers": [0]} | EXPERTS, 3, "moe", [1, 2]),
    ({"model_type": "qwen2_moe"} | EXPERTS, 3, "moe", [0, 1, 2]),
    ({"model_type": "qwen2_moe", "num_experts": 0}, 3, "moe", []),
    # JambaConfig: index modulo the period is the offset
    ({"model_type": "jamba", "attn_layer_period": 8, "attn_layer_offset": 4}, 16, "attention", [4, 12]),
    ({"model_type": "jamba", "expert_layer_period": 3, "expert_layer_offset": 1}, 8, "moe", [1, 4, 7]),
    # Qwen3NextConfig: each fourth layer where nothing else is said
    ({"model_type": "qwen3_next"} | EXPERTS, 8, "attention", [3, 7]),
    ({"model_type": "qwen3_next", "full_attention_interval": 3} | EXPERTS, 8, "attention", [2, 5]),
    # DeepSeek: dense layers first
    (DEEPSEEK | {"first_k_dense_replace": 3}, 5, "moe", [3, 4]),
    (DEEPSEEK | {"first_k_dense_replace": 0}, 3, "moe", [0, 1, 2]),
])
def test_layers_of_a_kind_stand_where_the_class_puts_them(keys, layers, kind, places):
    tree = build(read_config(SMALL | {"num_hidden_layers": layers, "num_key_value_heads": 2} | keys).spec).tree
    stack = next(node for node in tree.children if node.order)
    kinds = [{leaf.part.kind for _, leaf, _, _ in layer.walk() if leaf.part} for layer in stack.children]
    assert [place for place, index in enumerate(stack.order) if kind in kinds[index]] == places


@pytest.mark.parametrize(("keys", "window", "causal"), [
    ({"model_type": "gemma3_text", "architectures": ["Gemma3TextModel"], "use_bidirectional_attention": True,
      "sliding_window": 512}, 513, False),
    ({"model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"], "use_bidirectional_attention": True,
      "sliding_window": 512}, 512, True),
    ({"model_type": "gemma3_text", "use_bidirectional_attention": False, "sliding_window": 512}, 512, True),
    ({"model_type": "gemma4_text", "use_bidirectional_attention": "all", "sliding_window": 100,
      "num_kv_shared_layers": 0}, 101, False),
    ({"model_type": "gemma4_text", "use_bidirectional_attention": "vision", "sliding_window": 100}, 100, True),
])
def test_a_window_that_looks_both_ways_is_halved_and_counted_twice(keys, window, causal):
    """Gemma3TextConfig sets `sliding_window // 2 + 1`; its mask lets |query - key| be less than that."""
    first = attention_layers(SMALL | {"num_key_value_heads": 2} | keys)[0]
    assert (first.window, first.causal) == (window, causal)


def test_local_layers_of_gpt_neo_see_a_window_but_keep_everything():
    """GPTNeoSelfAttention masks by `window_size`; its cache is never cropped."""
    config = {"model_type": "gpt_neo", "hidden_size": 64, "num_heads": 4, "num_layers": 4, "window_size": 9,
              "attention_types": [[["global", "local"], 2]]}
    layers = attention_layers(config)
    assert [(a.window, a.cache_whole) for a in layers] == [(None, False), (9, True)] * 2


@pytest.mark.parametrize(("keys", "where"), [
    ({"model_type": "gpt_neo", "num_heads": 4, "num_layers": 3, "attention_types": [[["global", "local"], 2]]},
     ("attention_types",)),
    ({"model_type": "gpt_neo", "num_heads": 4, "num_layers": 3, "attention_types": "local"}, ("attention_types",)),
    (SMALL | {"model_type": "olmo3", "layer_types": ["full_attention"]}, ("layer_types",)),
    (SMALL | {"model_type": "olmo3", "layer_types": ["full_attention"] * 3 + ["circular"]}, ("layer_types", 3)),
    (SMALL | {"model_type": "smollm3", "use_sliding_window": True, "sliding_window": 8, "no_rope_layers": [1]},
     ("no_rope_layers",)),
    (SMALL | {"model_type": "gemma3n_text", "num_kv_shared_layers": 4}, ("num_kv_shared_layers",)),
    (SMALL | {"model_type": "gemma4_text", "num_kv_shared_layers": 0, "per_layer_config": {"first": {}}},
     ("per_layer_config",)),
    (SMALL | {"model_type": "gemma4_text", "num_kv_shared_layers": 0, "per_layer_config": {"0": {"hidden_size": 8}}},
     ("per_layer_config",)),
    (SMALL | {"model_type": "gemma4_text", "num_kv_shared_layers": 0, "per_layer_config": {"0": {"head_dim": "8"}}},
     ("per_layer_config",)),
])
def test_a_pattern_that_cannot_be_is_refused_at_its_key(keys, where):
    with pytest.raises(SpecError) as caught:
        read_config({"num_key_value_heads": 2, "hidden_size": 64} | keys)
    assert [problem.path for problem in caught.value.problems] == [where]


def dots3(**layers):
    """A configuration of four layers, of which the last two slide, as `per_layer_config` says them."""
    return SMALL | {"model_type": "dots3_note_text", "architectures": ["Dots3NoteForCausalLM"], "num_hidden_layers": 4,
                    "mlp_layer_types": ["dense"] * 4, "per_layer_config": layers,
                    "layer_types": ["full_attention"] * 2 + ["sliding_attention"] * 2}


SLIDING = {"kv_lora_rank": 64}


def test_layers_say_what_differs_in_them():
    """A narrower latent of the two sliding layers: its projections from 64 and to keys and values, and its norm."""
    plain, own = (count(build(read_config(dots3(**layers)).spec).tree).total
                  for layers in ({}, {"02": SLIDING, "3": SLIDING}))
    assert plain - own == 2 * (512 - 64) * (64 + 4 * (128 + 128) + 1)


@pytest.mark.parametrize("layers", [
    {"02": SLIDING}, {"02": SLIDING, "03": {"kv_lora_rank": 32}}, {"00": SLIDING}, {"99": SLIDING}, {"first": SLIDING},
    {"02": {"kv_lora_rank": 0}, "03": {"kv_lora_rank": 0}}, {"02": {"num_experts": 2}, "03": {"num_experts": 2}},
    {"02": 7}, [SLIDING],
])
def test_what_layers_cannot_say_is_refused_at_its_key(layers):
    config = dots3() | {"per_layer_config": layers}
    with pytest.raises(SpecError) as caught:
        read_config(config)
    assert {problem.path for problem in caught.value.problems} == {("per_layer_config",)}


def test_words_are_numbered_only_where_layers_of_one_word_differ():
    assert unique_names([(1,), (2,), (1,)], ["a", "b", "a"]) == ["a", "b", "a"]
    assert unique_names([(1,), (2,), (1,), (3,)], ["a", "a", "a", "a"]) == ["a", "a_2", "a", "a_3"]


@pytest.mark.parametrize(("letters", "windows"), [
    ("LLLG", [9, 9, 9, None]), ("LG", [9, None, 9, None]), ("G", [None] * 4),
])
def test_exaone_writes_its_pattern_out(letters, windows):
    """The configuration EXAONE 4.0 is published with says `sliding_window_pattern: LLLG`."""
    config = SMALL | {"model_type": "exaone4", "sliding_window": 9, "sliding_window_pattern": letters}
    assert [a.window for a in attention_layers(config | {"num_key_value_heads": 2})] == windows


def test_other_letters_are_refused():
    with pytest.raises(SpecError) as caught:
        read_config(SMALL | {"model_type": "exaone4", "num_key_value_heads": 2, "sliding_window_pattern": "LXG"})
    assert caught.value.problems[0].path == ("sliding_window_pattern",)
