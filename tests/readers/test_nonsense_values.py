"""Values that no class can mean: refused at their key, whether a count depends on them or not."""

import pytest
import test_oracle

from paramcalc.errors import SpecError
from paramcalc.readers.config.defaults import family_data
from paramcalc.readers.config.depth import LETTERS
from paramcalc.readers.config.read import read_config

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}


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
])  # fmt: skip
def test_what_a_class_takes_is_taken(config):
    assert read_config(config).unknown == ()


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
