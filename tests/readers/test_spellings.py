"""Keys in several spellings, labels no key names, and kinds of layers a class lacks; totals of transformers 5.24.0."""

import pytest

from paramcalc.build import build
from paramcalc.errors import SpecError
from paramcalc.measures.parameters import count
from paramcalc.readers.config.read import read_config


def total(**config):
    return count(build(read_config(config).spec).tree).total


QWEN = {"model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "num_hidden_layers": 2}
GROUPS = {"num_experts_per_tok": 2, "n_group": 1, "topk_group": 1}


@pytest.mark.parametrize(("config", "expected"), [
    ({"model_type": "t5", "architectures": ["T5ForConditionalGeneration"], "d_model": 64,
      "hidden_size": 128}, 15_127_040),
    ({"model_type": "bart", "architectures": ["BartModel"], "hidden_size": 256, "d_model": 512}, 73_335_040),
    (QWEN | {"num_local_experts": 8, "num_experts": 16}, 716_744_960),
    (QWEN | {"num_experts": 16, "num_local_experts": 8}, 716_744_960),
    ({"model_type": "deepseek_v32", "architectures": ["DeepseekV32ForCausalLM"], "num_experts": 16,
      "n_routed_experts": 8, **GROUPS}, 58_738_678_016),
    ({"model_type": "glm_moe_dsa", "architectures": ["GlmMoeDsaForCausalLM"], "num_experts": 16, **GROUPS},
     64_323_359_232),
])
def test_of_two_spellings_the_class_takes_the_one_it_sets_last(config, expected):
    assert total(**config) == expected


@pytest.mark.parametrize(("sizes", "note"), [
    ({"num_local_experts": 8, "num_experts": 16},
     "num_local_experts is 8 and num_experts is 16, two spellings of one size: num_local_experts is taken, as the "
     "library does"),
    ({"num_local_experts": 16, "num_experts": 16}, ""), ({"num_experts": 16}, ""),
])
def test_two_spellings_that_differ_are_noted(sizes, note):
    assert [each for each in read_config(QWEN | sizes).spec.notes if "two spellings" in each] == [note] * bool(note)


def test_a_class_has_its_own_number_of_labels_where_no_key_says_one():
    assert total(model_type="bart", architectures=["BartForSequenceClassification"]) == 407_344_131


@pytest.mark.parametrize(("model_type", "word"), [
    ("qwen3_next", "conv"), ("qwen3_5_moe_text", "sliding_attention"), ("gemma3_text", "mamba"), ("llama", "conv"),
])
def test_a_kind_of_layer_the_class_lacks_is_refused(model_type, word):
    with pytest.raises(SpecError) as caught:
        total(model_type=model_type, num_hidden_layers=2, layer_types=["full_attention", word])
    problem = caught.value.problems[0]
    assert problem.path == ("layer_types", 1)
    assert problem.message == f"unknown layer kind {word!r}"
    assert "full_attention" in problem.hint
