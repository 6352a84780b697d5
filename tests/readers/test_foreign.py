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
    ("sentence-transformers", {"word_embedding_dimension": 384, "pooling_mode_mean_tokens": True}),
    ("sentence-transformers", {"in_features": 768, "out_features": 512, "bias": True}),
    ("quantization settings", {"zero_point": True, "q_group_size": 128, "w_bit": 4, "version": "GEMM"}),
    ("processor", {"processor_class": "LlavaProcessor", "patch_size": 14}),
    ("preprocessor", {"video_processor_type": "Qwen2VLVideoProcessor", "patch_size": 14}),
    ("preprocessor", {"do_normalize": True, "image_mean": [0.5], "image_std": [0.5], "size": 224}),
    ("training run", {"output_dir": "x", "learning_rate": 1e-5, "num_train_epochs": 3}),
    ("DeepSpeed", {"train_micro_batch_size_per_gpu": 1, "bf16": {"enabled": True}}),
    ("settings of generation", {"max_new_tokens": 2048, "chat_format": "chatml", "max_window_size": 24000}),
    ("special tokens", {"cls_token": "[CLS]", "mask_token": "[MASK]", "pad_token": "[PAD]"}),
    ("nanoGPT", {"n_layer": 12, "n_head": 12, "n_embd": 768, "block_size": 1024, "vocab_size": 50257}),
    ("TransformerLens", {"n_layers": 12, "d_model": 768, "d_mlp": 3072, "d_vocab": 50257}),
    ("Megatron", {"num_layers": 32, "hidden_size": 64, "ffn_hidden_size": 128, "seq_length": 4096}),
    ("TensorRT-LLM", {"architecture": "LlamaForCausalLM", "hidden_size": 64, "mapping": {"tp_size": 2}}),
    ("Whisper", {"n_vocab": 51865, "n_audio_state": 384, "n_text_state": 384}),
    ("open_clip", {"embed_dim": 512, "vision_cfg": {"width": 768}, "text_cfg": {"width": 512}}),
    ("GGUF", {"general.architecture": "llama", "llama.block_count": 32}),
    ("Ollama", {"schemaVersion": 2, "mediaType": "x", "layers": []}),
    ("Ollama", {"model_format": "gguf", "model_family": "llama", "model_type": "8.0B"}),
    ("MLC", {"model_type": "llama", "model_config": {"hidden_size": 64}, "context_window_size": 4096}),
    ("adapters", {"model_type": "bert", "model_class": "BertModelWithHeads", "model_name": "x", "config": {}}),
    ("Medusa", {"base_model_name_or_path": "x/y", "medusa_num_heads": 2, "medusa_num_layers": 1}),
    ("peft_type", {"lora_alpha": 4, "r": 4, "target_modules": ["to_q"]}),
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
