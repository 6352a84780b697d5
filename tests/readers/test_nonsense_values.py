"""Values that no class can mean: refused at their key, whether a count depends on them or not."""

import pytest
import test_oracle

from paramcalc.errors import SpecError
from paramcalc.readers.config.defaults import family_data
from paramcalc.readers.config.depth import LETTERS
from paramcalc.readers.config.read import read_config

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
ROTARY = LLAMA | {"max_position_embeddings": 4096}
LLAVA = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"],
         "text_config": {"model_type": "llama"}}


@pytest.mark.parametrize(("config", "path", "message"), [
    *((LLAMA | {"partial_rotary_factor": value}, "partial_rotary_factor", "expected a part of a head")
      for value in (-0.25, 0, 1.5, 1e308, "x", [0.5], True)),
    ({"model_type": "phi", "partial_rotary_factor": 2}, "partial_rotary_factor", "expected a part of a head"),
    ({"model_type": "gpt_neox", "rotary_pct": "x"}, "rotary_pct", "found the string 'x'"),
    (LLAMA | {"rope_parameters": {"partial_rotary_factor": -1}}, "rope_parameters.partial_rotary_factor", "number -1"),
    (LLAMA | {"rope_parameters": {"full_attention": {"partial_rotary_factor": "x"}}},
     "rope_parameters.full_attention.partial_rotary_factor", "found the string 'x'"),
    *(({"model_type": "gptj", "rotary_dim": value}, "rotary_dim", "expected") for value in (-5, 0, 2**32, 64.5, "x")),
    *((LLAMA | {"max_position_embeddings": value}, "max_position_embeddings", "expected")
      for value in (-1, 2**40, 4096.5, "4k")),
    ({"model_type": "mamba2", "mamba_ssm_dtype": "float31"}, "mamba_ssm_dtype", "unknown value 'float31'"),
    *((LLAMA | {"attention_dropout": value}, "attention_dropout", "expected") for value in (-0.1, 1.5, "0.1", [])),
    ({"model_type": "gemma2", "final_logit_softcapping": -30.0}, "final_logit_softcapping", "a number above 0"),
    ({"model_type": "deepseek_v2", "n_group": "8"}, "n_group", "expected an integer"),
    (LLAMA | {"hidden_act": 5}, "hidden_act", "expected a string, found the number 5"),
    (LLAMA | {"attention_bias": "yes"}, "attention_bias", "expected true or false, found the string 'yes'"),
    ({"model_type": "bart", "scale_embedding": "yes"}, "scale_embedding", "expected true or false, found the string"),
    *((LLAMA | {key: value}, key, "expected a mapping") for key in ("rope_scaling", "rope_parameters")
      for value in ("x", [1], 4, True)),
    (LLAMA | {"rope_theta": "big"}, "rope_theta", "expected a number, found the string 'big'"),
    *((LLAMA | {key: value}, key, "expected a string") for key in ("torch_dtype", "dtype")
      for value in (16, ["bfloat16"])),
    (LLAMA | {"rms_norm_eps": {"a": 1}}, "rms_norm_eps", "expected a number"),
    ({"model_type": "granite", "embedding_multiplier": []}, "embedding_multiplier", "expected a number"),
    (LLAMA | {"max_position_embeddings": 0}, "max_position_embeddings", "expected an integer of 1 to"),
    (LLAMA | {"use_cache": "x"}, "use_cache", "expected true or false, found the string 'x'"),
    *((LLAMA | {key: value}, key, "expected a number above 0, found the number") for value in (0, -1, -1e4)
      for key in ("rope_theta", "rope_local_base_freq", "swa_rope_theta")),
    *((config | {key: -1e-6}, key, "expected a number of at least 0, found the number -1e-06") for config, key in (
        (LLAMA, "rms_norm_eps"), ({"model_type": "bert"}, "layer_norm_eps"), (LLAMA, "initializer_range"),
        ({"model_type": "gpt2"}, "layer_norm_epsilon"), ({"model_type": "bart"}, "init_std"))),
    (LLAMA | {"sliding_window": -5}, "sliding_window", "expected a number of tokens, or -1 for none"),
    (ROTARY | {"rope_scaling": {"rope_type": "linear", "factor": -2}}, "rope_scaling.factor", "a number above 0"),
    (ROTARY | {"rope_scaling": {"rope_type": "linear", "factor": "2"}}, "rope_scaling.factor", "the string '2'"),
    (ROTARY | {"rope_scaling": {"rope_type": "dynamic"}}, "rope_scaling.factor", "required key is missing for"),
    (ROTARY | {"rope_scaling": {"type": "longrope", "short_factor": [1.0]}}, "rope_scaling.long_factor", "is missing"),
    (LLAMA | {"rope_parameters": {"rope_type": "yarn", "factor": 2, "original_max_position_embeddings": -1}},
     "rope_parameters.original_max_position_embeddings", "expected a number above 0"),
    (LLAMA | {"rope_scaling": {"type": "zork"}}, "rope_scaling.type", "unknown kind of rotary positions 'zork'"),
    ({"model_type": "gemma3_text", "rope_parameters": {"full_attention": {"rope_type": "defualt"}}},
     "rope_parameters.full_attention.rope_type", "unknown kind of rotary positions 'defualt'"),
    *(({"model_type": model_type, key: "zork"}, key, "unknown activation function 'zork'") for model_type, key in (
        ("llama", "hidden_act"), ("gpt2", "activation_function"), ("gemma2", "hidden_activation"),
        ("nemotron_h", "mlp_hidden_act"), ("distilbert", "activation"))),
    (LLAVA | {"vision_config": {"model_type": "clip_vision_model", "hidden_act": "quik_gelu"}},
     "vision_config.hidden_act", "unknown activation function 'quik_gelu'"),
    (LLAVA | {"vision_config": {"model_type": "clip_vision_model", "layer_norm_eps": -1}},
     "vision_config.layer_norm_eps", "expected a number of at least 0"),
    *((LLAMA | {key: "zork"}, key, "unknown type of torch 'zork'") for key in ("dtype", "torch_dtype")),
    (LLAMA | {"problem_type": "guess"}, "problem_type", "unknown value 'guess'"),
    *(({"model_type": model_type, "topk_method": "group_limited_greedy", "n_routed_experts": 64} | groups, key, message)
      for model_type in ("deepseek_v2", "deepseek_v3", "glm4_moe") for groups, key, message in (
        ({"n_group": 4, "topk_group": 8}, "topk_group", "a token visits 8 groups of experts, of which there are 4"),
        ({"n_group": 7, "topk_group": 2}, "n_group", "7 does not divide the 64 experts"))),
])  # fmt: skip
def test_a_value_that_cannot_be_is_refused_at_its_key(config, path, message):
    with pytest.raises(SpecError) as caught:
        read_config(config)
    problem = caught.value.problems[0]
    assert ".".join(map(str, problem.path)) == path
    assert message in problem.message


@pytest.mark.parametrize("config", [
    LLAMA | {"partial_rotary_factor": None, "attention_dropout": None, "max_position_embeddings": None},
    LLAMA | {"rope_scaling": None, "rope_theta": [1e4, 1e6], "dtype": None, "torch_dtype": "auto"},
    LLAMA | {"rms_norm_eps": 1, "use_cache": 1, "hidden_act": None},
    {"model_type": "gemma2", "final_logit_softcapping": None}, {"model_type": "gptj", "rotary_dim": None},
    {"model_type": "llama", "initializer_range": {"__float__": "Infinity"}},
    {"model_type": "mamba", "time_step_rank": 8},
    LLAMA | {"dtype": "torch.float16", "sliding_window": -1, "pad_token_id": -1, "problem_type": None},
    LLAMA | {"torch_dtype": "float8_e4m3fn", "rope_scaling": {"type": "su", "short_factor": [1], "long_factor": [1]}},
    {"model_type": "hunyuan_v1_dense", "rope_scaling": {"type": "dynamic", "alpha": 1000.0}},
    {"model_type": "deepseek_v3", "n_group": 8, "topk_group": 8},
    {"model_type": "deepseek_v2", "topk_method": "greedy", "n_group": 7, "topk_group": 8, "n_routed_experts": 64},
    {"model_type": "t5", "feed_forward_proj": "gated-gelu"}, {"model_type": "deepseek_v2", "topk_method": "gready"},
])  # fmt: skip
def test_what_a_class_takes_is_taken(config):
    assert read_config(config).unknown == ()


@pytest.mark.parametrize(("key", "word", "hint"), [
    ("torch_dtype", "bf16", "write bfloat16"), ("dtype", "fp16", "write float16"),
    ("dtype", "bfloat61", "did you mean 'bfloat16'?"), ("hidden_act", "sliu", "did you mean 'silu'?"),
    ("hidden_act", "zork", "known: gelu, gelu_10, ")])
def test_a_word_nobody_knows_is_refused_with_the_nearest(key, word, hint):
    with pytest.raises(SpecError) as caught:
        read_config(LLAMA | {key: word})
    assert caught.value.problems[0].hint.startswith(hint)


@pytest.mark.parametrize(("more", "note"), [
    ({"rms_norm_eps": 0.0}, "rms_norm_eps is 0: a norm then divides by zero where all values are zero"),
    ({"initializer_range": 0}, "initializer_range is 0: every weight drawn by it then starts at zero"),
    ({"model_type": "deepseek_v3", "routed_scaling_factor": -1, "architectures": ["DeepseekV3ForCausalLM"]},
     "routed_scaling_factor is negative (-1); its class has 2.5"),
    ({"model_type": "deepseek_v3", "scoring_func": "zork", "architectures": ["DeepseekV3ForCausalLM"]},
     "scoring_func: unknown value 'zork'; known are sigmoid, softmax, sqrtsoftplus"),
    ({"pretraining_tp": -2}, "pretraining_tp is negative (-2); its class has 1"),
    ({"auto_map": {"AutoModel": "modeling.Model"}, "hidden_act": "zork"},
     "hidden_act: unknown activation function 'zork'"),
    ({"auto_map": {"AutoModel": "modeling.Model"}, "rope_scaling": {"rope_type": "zork"}},
     "rope_scaling.rope_type: unknown kind of rotary positions 'zork'"),
    ({"architectures": ["LlamaForSequenceClassification"], "id2label": {"0": "a", "1": "b", "2": "c"}, "num_labels": 2},
     "num_labels is 2 but id2label names 3: id2label is used, as in the library"),
    ({"model_type": "deepseek_v3", "architectures": None, "num_hidden_layers": 4, "first_k_dense_replace": 100},
     "none of the 4 layers has experts: first_k_dense_replace is 100"),
    ({"model_type": "qwen2_moe", "architectures": None, "num_hidden_layers": 4, "decoder_sparse_step": 8},
     "none of the 4 layers has experts: decoder_sparse_step is 8"),
    ({"architectures": ["LlamaForCausalLM", "LlamaForSequenceClassification"]},
     "architectures names 'LlamaForSequenceClassification' too: the first, 'LlamaForCausalLM', is counted"),
    ({"architectures": ["LlamaForCausalLM", "ZorkForCausalLM"]},
     "architectures names 'ZorkForCausalLM' too: the first, 'LlamaForCausalLM', is counted"),
    ({"auto_map": {"AutoConfig": "config.ZorkConfig", "AutoModelForCausalLM": "somebody/zork--zork.ZorkForCausalLM"}},
     "auto_map names 'ZorkForCausalLM', code of its own: the library's 'LlamaForCausalLM' is counted"),
    (LLAVA | {"auto_map": {"AutoModel": "zork.ZorkModel"}},
     "auto_map names 'ZorkModel', code of its own: the library's 'LlavaForConditionalGeneration' is counted"),
    (LLAVA | {"vision_config": {"model_type": "clip_vision_model", "layer_norm_eps": 0}},
     "vision_config.layer_norm_eps is 0: a norm then divides by zero where all values are zero"),
])
def test_a_value_that_is_hardly_meant_is_noted(more, note):
    assert note in read_config(LLAMA | more).spec.notes


@pytest.mark.parametrize("more", [
    {"architectures": ["LlamaForCausalLM", "LlamaForCausalLM"]},
    {"auto_map": {"AutoConfig": "config.ZorkConfig"}}, {"auto_map": {"AutoModelForCausalLM": "llama.LlamaForCausalLM"}},
    {"auto_map": {"AutoModel": "llama.LlamaModel", "AutoModelForSequenceClassification": "zork.ZorkClassifier"}},
    {"auto_map": {"AutoModel": None, "AutoTokenizer": ["zork.ZorkTokenizer", None]}},
    {"model_type": "internlm2", "architectures": ["InternLM2ForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
     "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 9,
     "auto_map": {"AutoModel": "modeling.OtherModel"}},
    {"model_type": "qwen2_moe", "architectures": None, "num_experts": 0},
    {"model_type": "qwen2_moe", "architectures": None, "num_hidden_layers": 2, "mlp_only_layers": [0, 1]},
    {"model_type": "deepseek_v3", "architectures": None, "num_hidden_layers": 1, "first_k_dense_replace": 1},
])  # fmt: skip
def test_classes_that_count_alike_are_not_noted(more):
    notes = read_config(LLAMA | more).spec.notes
    assert not any(word in note for note in notes for word in ("too: the first", "auto_map", "has experts"))


def test_more_columns_than_a_head_has_are_said():
    notes = read_config({"model_type": "gptj", "rotary_dim": 300}).spec.notes
    assert "rotary_dim 300 is more than the 256 values of a head: all of them are rotated" in notes


def test_text_where_a_class_has_a_number_is_refused_in_every_recorded_config():
    """Each key of each type, whoever reads it: the library's classes refuse such a file."""
    types = {case["config"]["model_type"]: case["config"] for case in test_oracle.CASES}
    silent = []
    for model_type, config in types.items():
        before = read_config(config).spec
        usual = family_data(model_type).defaults
        for key in (key for key in config if type(usual.get(key)) in (int, float, bool) and key not in LETTERS):
            try:
                changed = read_config(config | {key: "x"})
            except SpecError:
                continue
            if changed.spec == before and not changed.unknown:
                silent.append((model_type, key))
    assert len(types) > 100
    assert silent == []
