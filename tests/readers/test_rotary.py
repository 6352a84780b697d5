"""How much of a head is rotated, by how many tables and over how many positions, as published configs say it."""

import pytest

from paramcalc.readers.config.read import read_config

LAYERS = {"vocab_size": 1000, "num_hidden_layers": 2, "intermediate_size": 64, "max_position_embeddings": 2048}


def heads(hidden, count, **more):
    return LAYERS | {"hidden_size": hidden, "num_attention_heads": count} | more


def spec(model_type, config):
    return read_config({"model_type": model_type} | config).spec


@pytest.mark.parametrize(("model_type", "config", "columns"), [
    ("phi", heads(2560, 32, partial_rotary_factor=0.4), 32),  # Phi-2: 0.4 of 80
    ("gpt_neox", heads(2048, 16, rotary_pct=0.25), 32),  # Pythia 1.4B: a quarter of 128
    ("stablelm", heads(2048, 32, partial_rotary_factor=0.25), 16),  # StableLM 2 1.6B: a quarter of 64
    ("stablelm", heads(2048, 32), 16),  # as its class does where nothing is said
    ("glm4", heads(4096, 32, head_dim=128, num_key_value_heads=2, partial_rotary_factor=0.5), 64),  # GLM-4 9B
    ("gptj", {"n_embd": 4096, "n_head": 16, "n_layer": 2, "rotary_dim": 64}, 64),  # GPT-J 6B: 64 of 256
    ("phi", heads(64, 1, partial_rotary_factor=0.5), 32),  # one head of all the width
    ("llama", heads(4096, 32), None),  # all of it
    # the mapping that newer files have goes before the key beside it
    ("stablelm", heads(2048, 32, partial_rotary_factor=0.5,
                       rope_parameters={"rope_type": "default", "partial_rotary_factor": 0.25}), 16),
])
def test_columns_of_a_head(model_type, config, columns):
    assert spec(model_type, config).rotary_dim == columns


GEMMA_3 = heads(2560, 8, head_dim=256, num_key_value_heads=4)


@pytest.mark.parametrize(("config", "tables"), [
    # Gemma 3: a base of a million for whole contexts, of ten thousand within windows
    ({"rope_theta": 1e6, "rope_local_base_freq": 1e4}, 2), ({"rope_theta": 1e4, "rope_local_base_freq": 1e4}, 1),
    ({"rope_parameters": {"full_attention": {"rope_theta": 1e6}, "sliding_attention": {"rope_theta": 1e4}}}, 2),
    ({"rope_parameters": {"full_attention": {"rope_theta": 1e4}, "sliding_attention": {"rope_theta": 1e4}}}, 1),
    ({"rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}}, 1),
])
def test_tables_of_models_with_windows(config, tables):
    assert spec("gemma3_text", GEMMA_3 | config).rotary_tables == tables


def test_positions_are_those_the_text_was_made_for():
    assert spec("llama", heads(4096, 32) | {"max_position_embeddings": 4096}).max_position_embeddings == 4096
