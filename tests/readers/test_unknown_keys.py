"""Keys of a config: known, usual at the value they have, or said to be unknown."""

import pytest

from paramcalc.errors import UnknownArchitectureError
from paramcalc.readers.config.read import read_config

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}


@pytest.mark.parametrize(("key", "value", "known"), [
    ("hidden_size", 64, True),
    ("torch_dtype", "bfloat16", True),
    ("auto_map", {"AutoModel": "modeling.Model"}, True),
    ("rope_scaling", {"type": "linear", "factor": 4.0}, True),
    ("rope_scaling", {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}, True),
    ("rope_parameters", {"full_attention": {"rope_type": "default", "rope_theta": 1e6}}, True),
    ("quantization_config", {"quant_method": "gptq", "bits": 4, "group_size": 128}, True),
    ("_name_or_path", "somewhere", True),
    ("qkv_bias", False, True),
    ("qkv_bias", True, False),
    ("qkv_bias", 0, False),
    ("n_shared_experts", 2, False),
    ("hidden_sizes", 64, False),
])  # fmt: skip
def test_a_key_is_known_or_said_to_be_unknown(key, value, known):
    unknown = [problem.path for problem in read_config(LLAMA | {key: value}).unknown]
    assert unknown == ([] if known else [(key,)])


@pytest.mark.parametrize(("model_type", "key", "value", "known"), [
    ("llama", "max_sequence_length", 1024, True),
    ("bert", "max_sequence_length", 1024, False),
    ("llama", "bias", False, True),
    ("llama", "bias", True, False),
    ("qwen3_moe", "use_qk_norm", True, True),
    ("qwen3_moe", "use_qk_norm", False, False),
    ("llama", "use_qk_norm", True, False),
    ("t5", "n_positions", 512, True),
    ("t5", "is_gated_act", False, True),
    ("t5", "is_gated_act", True, False),
    ("gemma2", "unsloth_version", "2024.9", True),
    ("starcoder2", "mlp_type", "gated", False),
])  # fmt: skip
def test_what_a_key_says_depends_on_the_class(model_type, key, value, known):
    unknown = [problem.path for problem in read_config({"model_type": model_type, key: value}).unknown]
    assert unknown == ([] if known else [(key,)])


@pytest.mark.parametrize(("vocab_size", "known"), [(32064, True), (32000, False)])
def test_what_is_said_again_around_a_text_model_is_known(vocab_size, known):
    text = LLAMA | {"vocab_size": 32064}
    config = {"model_type": "llava", "text_config": text, "vision_config": {"model_type": "clip_vision_model"}}
    unknown = [problem.path for problem in read_config(config | {"vocab_size": vocab_size}).unknown]
    assert unknown == ([] if known else [("vocab_size",)])


def test_remote_code_of_an_unknown_type_is_refused():
    with pytest.raises(UnknownArchitectureError):
        read_config({"model_type": "my_own", "auto_map": {"AutoModel": "modeling.Model"}})


@pytest.mark.parametrize(("model_type", "architecture", "first"), [
    ("phi-msft", "PhiForCausalLM", "phi"),
    ("my_own", "MistralForCausalLM", "mistral"),
    ("Llama", "Unheard", "llama"),
    ("lamma", 'a"b', "llama"),
])  # fmt: skip
def test_a_refusal_names_the_nearest_type(model_type, architecture, first):
    """A type whose class has the name of a known one is still refused: that class may be another repository's."""
    with pytest.raises(UnknownArchitectureError) as caught:
        read_config({"model_type": model_type, "architectures": [architecture]})
    assert caught.value.problems[0].hint.startswith(f"nearest known: {first}")
