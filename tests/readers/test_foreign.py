"""Files that lie beside models are named for what they are; other names of a size are understood as hints."""

import json

import pytest

import paramcalc
from paramcalc.errors import SpecError, UnknownArchitectureError

FILES = [
    ("adapters of type", {"peft_type": "IA3", "target_modules": ["q_proj"], "base_model_name_or_path": "gpt2"}),
    ("diffusers", {"_class_name": "UNet2DConditionModel", "attention_head_dim": 8}),
    ("speculators", {"speculators_model_type": "eagle3", "transformer_layer_config": {"model_type": "llama"}}),
    ("open_clip", {"model_cfg": {"embed_dim": 512, "text_cfg": {"width": 512}}, "preprocess_cfg": {}}),
    ("pipeline", {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}),
    ("not a model's config", {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}}),
    ("ModelOpt", {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}}),
    ("settings of generation", {"bos_token_id": 1, "temperature": 0.6, "transformers_version": "4.40.0"}),
    ("describes no model", {"bos_token_id": 1, "pad_token_id": 0}),
    ("describes no model", {"ir_version": 8, "opset_import": []}),
    ("describes no model", {"class_name": "Functional", "config": {"layers": []}}),
    ("describes no model", {"architecture": "resnet50", "num_classes": 1000, "pretrained_cfg": {}}),
    ("describes no model", {"lr": 3e-4, "theme": "dark"}),
]


@pytest.mark.parametrize(("name", "data"), FILES, ids=[name for name, _ in FILES])
def test_a_file_of_another_tool_is_named(name, data, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(UnknownArchitectureError) as caught:
        paramcalc.read(path)
    problem, = caught.value.problems
    assert name in problem.message
    assert problem.hint
    assert problem.line == 1


@pytest.mark.parametrize("data", [
    {"hidden_sise": 64}, {"n_layers": 2}, {"source": "us"}, {"paramcalc": 1, "lr": 1}, {},
])
def test_what_has_a_word_of_ours_is_told_what_is_wrong_with_it(data, tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(data), "utf-8")
    with pytest.raises(SpecError) as caught:
        paramcalc.read(path)
    assert "describes no model" not in str(caught.value)


@pytest.mark.parametrize(("key", "field"), [
    ("num_hidden_layers", "num_layers"), ("n_layer", "num_layers"), ("num_attention_heads", "num_heads"),
    ("num_key_value_heads", "num_kv_heads"), ("d_model", "hidden_size"), ("d_ff", "intermediate_size"),
    ("tie_word_embeddings", "tie_embeddings"), ("padded_vocab_size", "vocab_size"),
])  # fmt: skip
def test_a_name_of_hugging_face_is_hinted(key, field, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(f"paramcalc: 1\n{key}: 4\n", "utf-8")
    with pytest.raises(SpecError) as caught:
        paramcalc.read(path)
    hints = {problem.path: problem.hint for problem in caught.value.problems}
    assert hints[key,] == f"did you mean '{field}'?"
