"""adapter_config.json as a model: what peft trains of a base, against figures people printed of theirs."""

import json
from pathlib import Path

import pytest

import paramcalc
from paramcalc.errors import PCError
from paramcalc.measures.parameters import rows

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SHEARED = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 2048, "num_hidden_layers": 24,
           "num_attention_heads": 16, "intermediate_size": 5504, "vocab_size": 32000}
"""princeton-nlp/Sheared-LLaMA-1.3B."""
GEMMA = {"model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"], "hidden_size": 640, "head_dim": 256,
         "num_hidden_layers": 18, "num_attention_heads": 4, "num_key_value_heads": 1, "intermediate_size": 2048,
         "vocab_size": 262144}
"""google/gemma-3-270m."""
LORA = {"peft_type": "LORA", "base_model_name_or_path": "base", "lora_alpha": 16, "bias": "none"}


@pytest.fixture
def read(tmp_path):
    """The model of an adapter whose base lies beside it."""
    def reading(base, **adapter):
        (tmp_path / "base").mkdir()
        (tmp_path / "base" / "config.json").write_text(json.dumps(base), "utf-8")
        path = tmp_path / "adapter_config.json"
        path.write_text(json.dumps(LORA | adapter), "utf-8")
        return str(path)

    return reading


@pytest.mark.parametrize(("base", "adapter", "trainable"), [
    # axolotl-ai-cloud/axolotl PR 1118: rank 64, all linear layers; then two layers of them
    (SHEARED, {"r": 64, "target_modules": LINEAR}, 59_965_440),
    (SHEARED, {"r": 64, "target_modules": "all-linear"}, 59_965_440),
    (SHEARED, {"r": 64, "target_modules": LINEAR, "layers_to_transform": [0, 1]}, 4_997_120),
    # huggingface/peft issue 2898: the table is trained whole beside the adapters
    (GEMMA, {"r": 16, "target_modules": ["q_proj", "v_proj"], "modules_to_save": ["embed_tokens"]}, 168_509_440),
    (SHEARED, {"r": 8, "target_modules": ["q_proj"], "rank_pattern": {"layers.3.self_attn.q_proj": 32}},
     (23 * 8 + 32) * 2 * 2048),
    (SHEARED, {"r": 8, "target_modules": r"model\.layers\.(1|2)\.mlp\.up_proj"}, 2 * 8 * (2048 + 5504)),
    (SHEARED, {"r": 8, "target_modules": ["q_proj", "v_proj"], "exclude_modules": ["v_proj"]}, 24 * 8 * 2 * 2048),
    (SHEARED, {"r": 8, "target_modules": ["embed_tokens", "lm_head"]}, 2 * 8 * (2048 + 32000)),
    (SHEARED, {"r": 8, "target_modules": ["o_proj"], "use_dora": True, "lora_bias": True},
     24 * (8 * 2 * 2048 + 2 * 2048)),
    (SHEARED, {"r": 8, "target_modules": ["o_proj"], "trainable_token_indices": [5, 6, 7]},
     24 * 8 * 2 * 2048 + 3 * 2048),
])  # fmt: skip
def test_trainable_parameters(read, base, adapter, trainable):
    answer = paramcalc.count(read(base, **adapter))
    assert answer.trainable == trainable
    assert answer.total == paramcalc.count(base).total + trainable
    assert answer.parameters.known == "exact"


RECORDS = [json.loads(line) for line in
         (Path(__file__).parent.parent / "data" / "adapters.jsonl").read_text("utf-8").splitlines()]
SMALL = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 1000, "hidden_size": 64,
         "intermediate_size": 160, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_a_config_as_peft_writes_it(read, record):
    """Every key that peft 0.21.2 writes is understood, and what it trains of a transformers model is counted."""
    answer = paramcalc.count(read(SMALL | {"tie_word_embeddings": record["tied"]},
                                  **record["config"] | {"base_model_name_or_path": "base"}))
    assert (answer.trainable, answer.parameters.known) == (record["trainable"], "exact")


def test_names_are_those_of_peft(read):
    names = {row.name for row in rows(paramcalc.build_model(read(SHEARED, r=4, target_modules=["q_proj"],
                                                                 modules_to_save=["lm_head"])).tree)}
    assert {"model.layers.*.self_attn.q_proj.lora_A.weight", "model.layers.*.self_attn.q_proj.lora_B.weight",
            "lm_head.modules_to_save.weight"} <= names


def test_it_trains_as_the_options_do(read):
    path = read(SHEARED, r=16, target_modules=["q_proj", "v_proj"])
    described = paramcalc.train(path, seq=512)
    by_options = paramcalc.train(SHEARED, seq=512, lora_rank=16, lora_targets="q_proj,v_proj")
    assert described.max_device_bytes == by_options.max_device_bytes


@pytest.mark.parametrize(("adapter", "key", "message"), [
    ({"target_modules": ["query"]}, "target_modules", "match no module"),
    ({"target_modules": "(a+)+b"}, "target_modules", "has nested repetition"),
    ({"target_modules": "(q"}, "target_modules", "not a valid regular expression"),
    ({"target_modules": ["q_proj"], "r": 0}, "r", "between 1 and"),
    ({"target_modules": ["q_proj"], "rank_pattern": {"q_proj": -1}}, "q_proj", "between 1 and"),
    ({"target_modules": ["q_proj"], "modules_to_save": ["score"]}, "modules_to_save", "no module"),
    ({"target_modules": ["q_proj"], "layers_to_transform": "all"}, "layers_to_transform", "expected a layer"),
    ({"target_modules": ["q_proj"], "base_model_name_or_path": None}, "base_model_name_or_path", "not named"),
    ({"target_modules": ["q_proj"], "peft_type": "VERA"}, "peft_type", "not described"),
])  # fmt: skip
def test_what_cannot_be_is_refused(read, adapter, key, message):
    with pytest.raises(PCError, match=message) as caught:
        paramcalc.count(read(SHEARED, **adapter))
    assert caught.value.problems[0].path[-1] == key


def test_a_key_nobody_knows_makes_a_bound(read):
    answer = paramcalc.count(read(SHEARED, target_modules=["q_proj"], extra_rank=4))
    assert answer.parameters.known == "bound"


@pytest.mark.parametrize("base", ["../base", "/etc", "-", "git:HEAD:config.json", ".", "base/../..",
                                  "adapter_config.json"])
def test_an_adapter_leads_to_no_file_elsewhere(tmp_path, base):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "config.json").write_text(json.dumps(SHEARED), "utf-8")
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / "adapter_config.json"
    path.write_text(json.dumps(LORA | {"r": 8, "target_modules": ["q_proj"], "base_model_name_or_path": base}), "utf-8")
    with pytest.raises(PCError, match="no such preset, repository or folder beside the adapter"):
        paramcalc.count(path)
    named = paramcalc.read(path, [f"base_model_name_or_path={tmp_path / 'base'}"])
    assert paramcalc.count(named).total > paramcalc.count(SHEARED).total
