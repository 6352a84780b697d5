"""Keys of a config: known, usual at the value they have, or said to be unknown."""

import pytest

from paramcalc.readers.huggingface import read_config

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


def test_remote_code_of_an_unknown_type_is_refused():
    from paramcalc.errors import UnknownArchitectureError

    with pytest.raises(UnknownArchitectureError):
        read_config({"model_type": "my_own", "auto_map": {"AutoModel": "modeling.Model"}})
