"""Drafts of speculative decoding, against the sizes their papers print and the shapes of their modules."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.errors import SpecError
from paramcalc.measures.certainty import size_certainty
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config

LLAMA_3 = {"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 1,
           "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256, "tie_word_embeddings": False}


def shapes(config):
    return {row.name: row.shape for row in rows(build(read_config(config).spec).tree)}


@pytest.mark.parametrize(("width", "inner", "heads", "kv_heads", "billions"), [
    (4096, 11008, 32, 32, 0.24), (5120, 13824, 40, 40, 0.37), (8192, 28672, 64, 8, 0.99),
])
def test_eagle_holds_what_its_paper_prints(width, inner, heads, kv_heads, billions):
    """arXiv:2401.15077, section 4: trainable parameters for LLaMA2-Chat 7B, 13B and 70B; the table is the target's."""
    counts = count(build(read_config({
        "architectures": ["EagleLlamaForCausalLM"], "model_type": "llama", "vocab_size": 32000, "num_hidden_layers": 1,
        "hidden_size": width, "intermediate_size": inner, "num_attention_heads": heads, "num_key_value_heads": kv_heads,
    }).spec).tree)
    assert counts.components["token_embedding"] == (32000 * width, 32000 * width)
    assert round((counts.total - 32000 * width) / 1e9, 2) == billions


def test_the_first_norm_of_eagle_is_left_out():
    config = LLAMA_3 | {"architectures": ["LlamaForCausalLMEagle"], "num_hidden_layers": 2, "bias": False}
    copies = {row.name: row.copies for row in rows(build(read_config(config).spec).tree)}
    assert copies["layers.*.input_layernorm.weight"] == 1
    assert copies["layers.*.post_attention_layernorm.weight"] == 2
    assert shapes(config)["fc.weight"] == (4096, 8192)
    assert "fc.bias" not in copies


def test_eagle3_of_llama_3_8b():
    """The config SpecForge trains (configs/llama3-8B-eagle3.json). Its attention reads token and state side by side;
    three states of the target enter by `fc`. arXiv:2503.01840."""
    config = LLAMA_3 | {"architectures": ["LlamaForCausalLMEagle3"], "draft_vocab_size": 32000}
    assert shapes(config) == {
        "fc.weight": (4096, 3 * 4096), "midlayer.hidden_norm.weight": (4096,),
        "midlayer.input_layernorm.weight": (4096,), "midlayer.self_attn.q_proj.weight": (4096, 8192),
        "midlayer.self_attn.k_proj.weight": (1024, 8192), "midlayer.self_attn.v_proj.weight": (1024, 8192),
        "midlayer.self_attn.o_proj.weight": (4096, 4096), "midlayer.post_attention_layernorm.weight": (4096,),
        "midlayer.mlp.gate_proj.weight": (14336, 4096), "midlayer.mlp.up_proj.weight": (14336, 4096),
        "midlayer.mlp.down_proj.weight": (4096, 14336), "norm.weight": (4096,), "lm_head.weight": (32000, 4096),
        "d2t": (32000,), "t2d": (128256,)}


def test_eagle3_with_the_target_s_vocabulary_has_no_map_of_tokens():
    names = shapes(LLAMA_3 | {"architectures": ["LlamaForCausalLMEagle3"], "target_hidden_size": 5120})
    assert names["fc.weight"] == (4096, 3 * 5120)
    assert names["lm_head.weight"] == (128256, 4096)
    assert not {"d2t", "t2d"} & set(names)


SPECULATOR = {"speculators_model_type": "eagle3", "architectures": ["Eagle3Speculator"], "draft_vocab_size": 32000,
              "transformer_layer_config": LLAMA_3}
"""As vllm-project/speculators writes a config: the layer inside, a table of tokens of its own."""


def test_a_file_of_speculators_holds_the_table():
    names = shapes(SPECULATOR)
    assert names["embed_tokens.weight"] == (128256, 4096)
    assert names["layers.*.self_attn.q_proj.weight"] == (4096, 8192)
    assert names["lm_head.weight"] == (32000, 4096)


@pytest.mark.parametrize("rows_", [None, 0, "many"])
def test_a_speculator_says_how_many_tokens_it_can_give(rows_):
    with pytest.raises(SpecError) as caught:
        read_config(SPECULATOR | {"draft_vocab_size": rows_})
    assert caught.value.problems[0].path == ("draft_vocab_size",)


@pytest.mark.parametrize(("keys", "message"), [
    ({"speculators_model_type": "independent"}, "unknown speculators_model_type 'independent'"),
    ({"transformer_layer_config": None}, "expected transformer_layer_config, a mapping"),
])
def test_a_speculator_nobody_wrote_is_refused(keys, message):
    with pytest.raises(SpecError, match=message):
        read_config(SPECULATOR | {"architectures": ["OtherSpeculator"]} | keys)


@pytest.mark.parametrize(("config", "level"), [
    (LLAMA_3 | {"architectures": ["LlamaForCausalLMEagle3"]}, "exact"),
    (LLAMA_3 | {"architectures": ["LlamaForCausalLMEagle3"], "num_hidden_layers": 2}, "bound"),
    (LLAMA_3 | {"architectures": ["LlamaForCausalLMEagle3"], "model_type": "deepseek_v3"}, "bound"),
    (LLAMA_3 | {"architectures": ["EagleLlamaForCausalLM"], "model_type": "mixtral"}, "bound"),
    (LLAMA_3 | {"architectures": ["EagleLlamaForCausalLM"], "model_type": "eagle"}, "exact"),
    (SPECULATOR, "exact"),
    (SPECULATOR | {"transformer_layer_config": LLAMA_3 | {"model_type": "gpt_oss"}}, "bound"),
    (LLAMA_3 | {"architectures": ["MedusaModel"], "model_type": "mixtral"}, "exact"),  # of its own heads alone
])
def test_layers_that_drafts_are_not_known_to_have_make_a_bound(config, level):
    assert size_certainty(read_config(config).spec) == level


@pytest.mark.parametrize(("config", "defaults"), [
    ({"architectures": ["MedusaModel"]}, {"medusa_num_heads": 5, "medusa_num_layers": 1}),
    ({"architectures": ["MedusaModel"], "num_heads": 3}, {"medusa_num_layers": 1}),
    ({"architectures": ["MLPSpeculatorPreTrainedModel"], "n_predict": 4}, {"emb_dim": 4096}),
    ({"architectures": ["DSparkDraftModel"], "target_layer_ids": [1]}, {"markov_rank": 256}),
])
def test_sizes_of_a_draft_that_its_file_leaves_out_are_listed(config, defaults):
    assert read_config(LLAMA_3 | config).spec.defaults == defaults


@pytest.mark.parametrize(("key", "value"), [("projector_type", "dspark"), ("projector_type", "mlp")])
def test_a_draft_of_another_kind_than_its_class_is_refused(key, value):
    with pytest.raises(SpecError, match=f"unknown value '{value}'"):
        read_config(DFLASH | {"dflash_config": {"target_layer_ids": [1], key: value}})


def test_medusa_of_vicuna_7b():
    """Five heads, each a residual block of matrix and bias, and a matrix to tokens. arXiv:2401.10774, section 2.1.1."""
    config = {"architectures": ["MedusaModel"], "model_type": "medusa", "hidden_size": 4096, "vocab_size": 32000,
              "medusa_num_heads": 5, "medusa_num_layers": 1, "num_hidden_layers": 32}
    counts = count(build(read_config(config).spec).tree)
    assert counts.total == 5 * (4096 * 4096 + 4096 + 32000 * 4096)
    assert counts.components["lm_head"][0] == 5 * 32000 * 4096


DFLASH = LLAMA_3 | {"architectures": ["DFlashDraftModel"], "block_size": 16}


@pytest.mark.parametrize("layers", [None, [], "1, 9"])
def test_dflash_names_the_layers_it_reads(layers):
    with pytest.raises(SpecError, match="target_layer_ids"):
        read_config(DFLASH | {"target_layer_ids": layers})


def test_dflash_joins_the_layers_it_reads():
    names = shapes(DFLASH | {"dflash_config": {"target_layer_ids": [1, 9, 17, 25]}})
    assert names["fc.weight"] == (4096, 4 * 4096)
    assert not any("embed" in name or "lm_head" in name or "q_norm" in name for name in names)


DSPARK = DFLASH | {"architectures": ["DSparkDraftModel"], "dflash_config": {"target_layer_ids": [1, 9]}}
HEADS = {"markov_head.markov_w1.weight": (128256, 256), "markov_head.markov_w2.weight": (128256, 256),
         "confidence_head.proj.weight": (1, 4352), "confidence_head.proj.bias": (1,)}


def test_dspark_is_dflash_with_two_heads():
    """sgl-project/SpecForge, DSparkDraftModel at its config's defaults."""
    plain = shapes(DSPARK | {"architectures": ["DFlashDraftModel"]})
    assert shapes(DSPARK) == plain | HEADS
    assert shapes(DSPARK | {"markov_rank": 0, "confidence_head_with_markov": False}) == plain | {
        "confidence_head.proj.weight": (1, 4096), "confidence_head.proj.bias": (1,)}
    assert shapes(DSPARK | {"enable_confidence_head": False, "markov_rank": 8})["markov_head.markov_w2.weight"] == (
        128256, 8)
    with pytest.raises(SpecError, match="third"):
        read_config(DSPARK | {"markov_head_type": "third"})


RECORDS = [json.loads(line) for line in
         (Path(__file__).parent.parent / "data" / "drafts.jsonl").read_text("utf-8").splitlines()]


def starred(name):
    return re.sub(r"(?<![a-z_])\d+(?![a-z_])", "*", name)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_a_draft_holds_what_its_class_saves(record):
    """Every tensor by name and shape, of the classes built on torch's meta device."""
    spec = read_config(record["config"]).spec
    ours = Counter()
    for row in rows(build(spec).tree):
        ours[starred(row.name), tuple(row.shape)] += row.copies
    assert ours == Counter((starred(name), tuple(shape)) for name, shape in record["tensors"].items())
    assert spec.unread == ()


def test_older_releases_of_speculators_write_the_target_s_table_again():
    """Before 0.8 its DFlash saved everything but what only training needs (models/dflash/core.py, what saving
    ignores)."""
    config = next(record["config"] for record in RECORDS if record["id"] == "speculators dflash")
    names = shapes(config | {"speculators_version": "0.7.0", "draft_vocab_size": 128})
    assert (names["embed_tokens.weight"], names["lm_head.weight"]) == ((128, 64), (128, 64))
    assert "lm_head.weight" not in shapes(config | {"draft_vocab_size": 128})


@pytest.mark.parametrize(("tied", "times"), [(False, 3), (True, 1)])
def test_mlp_speculator(tied, times):
    """arXiv:2404.19124; the modules of vLLM's mlp_speculator.py at three tokens ahead."""
    config = {"model_type": "mlp_speculator", "architectures": ["MLPSpeculatorPreTrainedModel"], "emb_dim": 64,
              "inner_dim": 48, "n_predict": 3, "vocab_size": 100, "tie_weights": tied, "scale_input": True}
    stage = 2 * 100 * 48 + 2 * 48
    later = (1 if tied else 2) * 48 * 48
    assert count(build(read_config(config).spec).tree).total == times * stage + 64 * 48 + later


def test_a_prediction_layer_of_another_type_is_refused():
    config = next(record["config"] for record in RECORDS if record["id"] == "speculators mtp")
    layer = config["transformer_layer_config"] | {"model_type": "qwen3_next"}
    with pytest.raises(SpecError, match="qwen3_next"):
        read_config(config | {"transformer_layer_config": layer})
