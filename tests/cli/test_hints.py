"""Names that are nearly right: what a refusal offers instead."""

import json

import pytest

import paramcalc
from paramcalc.cli.main import run
from paramcalc.readers.names import repository

CONFIG = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 100}


@pytest.mark.parametrize(("words", "hint"), [
    (["memory", "gpt2", "--quant", "q4"], "q4_k_m"),
    (["memory", "gpt2", "--quant", "q5"], "q5_k_m"),
    (["fit", "gpt2", "--gpu", "h100", "--quant", "q4"], "q4_k_m"),
    (["fit", "gpt2", "--gpu", "a100-80"], "a100-80gb"),
    (["fit", "qwen3-30b", "--gpu", "h100"], "qwen3-30b-a3b"),
    (["explain", "gpt2", "attn"], "'*attn*' matches some"),
    (["fit", "gpt2", "--gpu", "h100", "--cpu-moe", "3"], "an option of `paramcalc memory`"),
    (["count", "gpt2", "--tokens", "2T"], "`paramcalc train`"),
    (["explain", "gpt2", "nothing"], "`count --by tensor` shows the names"),
    *((["memory", "gpt2", "--gpu", typed], f"write --gpu {size} for") for typed, size in (
        ("24gib", "24GiB"), ("24GIB", "24GiB"), ("24 gib", "24GiB"), ("24g", "24GiB"), ("24", "24GiB"),
        ("24Gb", "24GB"), ("80gb", "80GB"))),
    (["memory", "gpt2", "--gpu", "h100:2"], "--gpu h100 --gpus 2"),
    (["memory", "gpt2", "--quant", "4bit"], "bnb-4bit"), (["memory", "gpt2", "--quant", "4-bit"], "bnb-4bit"),
    (["memory", "gpt2", "--quant", "q4km"], "the nearest: q4_k_m"),
    *((["memory", "gpt2", "--runtime", typed], f"did you mean {name}?") for typed, name in (
        ("vLLM", "vllm"), ("SGLang", "sglang"), ("ollama", "llama.cpp"), ("llama_cpp", "llama.cpp"),
        ("trt", "tensorrt-llm"), ("TensorRT-LLM", "tensorrt-llm"), ("hf", "transformers"))),
    (["train", "gpt2", "--recompute", "true"], "did you mean full?"),
    (["train", "gpt2", "--recompute", "on"], "did you mean full?"),
    (["train", "gpt2", "--attention", "fa2"], "did you mean flash?"),
    (["train", "gpt2", "--zero", "stage3"], "the nearest: 3"),
    (["train", "gpt2", "--gpu", "h100", "--tokens", "2B", "--price", "$2"], "the nearest: 2"),
    (["fit", "gpt2", "--gpu", "h100", "--ram", "64"], "the nearest: 64GiB"),
    (["speed", "gpt2", "--gpu", "h100", "--slo", "tpot=30"], "the nearest: tpot=30ms"),
    (["list", "presets"], "did you mean models?"),
    *((["memory", "gpt2", "--quant", typed], f"the nearest: {names}") for typed, names in (
        ("gguf", "q4_k_m, q8_0"), ("4bpw", "exl3-4bpw, gptq-4bit, q4_k_m"), ("ternary", "tq1_0, tq2_0, bitnet"),
        ("1.58bit", "tq1_0, iq1_m, bitnet"), ("int3", "gptq-3bit, q3_k_m"), ("w4", "gptq-4bit, q4_k_m"))),
    (["memory", "gpt2", "--dtype", "auto"], "the nearest: bf16, fp16, fp32"),
    *((["memory", "gpt2", "--gpu", typed], "name the device's model, not its index") for typed in (
        "0", "1", "cuda", "cuda:0", "gpu0")),
    *((["memory", "llava-1.5-7b", "--image", typed], "the nearest: 640x480") for typed in (
        "640*480", "640,480", "640 x 480", "640X480", "640px × 480px", "640 by 480")),
    (["memory", "llava-1.5-7b", "--video", "640*480*8"], "the nearest: 640x480x8"),
    *((["train", "gpt2", "--tokens", typed], f"the nearest: {size}") for typed, size in (
        ("1e9 tokens", "1B"), ("2T tokens", "2T"), ("15Btok", "15B"), ("300 billion tokens", "300B"))),
    (["flops", "gpt2", "--seq", "4k tokens"], "the nearest: 4k"),
    *((["memory", "gpt2", "--gpu-layers", typed], "the nearest: 999") for typed in ("all", "max", "-1")),
])
def test_a_name_that_is_nearly_right_is_offered(words, hint, capsys):
    assert run(words) == 2
    message = capsys.readouterr().err
    assert hint in message.split("hint: ")[1]
    assert "q4-k-m" not in message


@pytest.mark.parametrize("word", ["gguf", "ternary", "auto", "safetensors", *(f"{bits}bit" for bits in range(1, 9)),
                                  *(f"{bits}bpw" for bits in range(1, 9))])
def test_formats_that_are_offered_for_a_word_exist(word, capsys):
    assert run(["memory", "gpt2", "--quant", word]) == 2
    hint = capsys.readouterr().err.partition("the nearest: ")[2].split()
    assert [run(["memory", "gpt2", "--quant", name.strip(",")]) for name in hint] == [0] * len(hint)


@pytest.mark.parametrize("address", [
    "huggingface.co/meta-llama/Llama-3.1-8B", "hf.co/meta-llama/Llama-3.1-8B",
    "https://huggingface.co/meta-llama/Llama-3.1-8B/blob/main/config.json", "meta-llama/Llama-3.1-8B"])
def test_addresses_of_the_hub_are_its_repositories(address):
    assert repository(address) == "meta-llama/Llama-3.1-8B"


def test_a_path_is_a_path_whatever_it_looks_like(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hf.co" / "a" / "b").mkdir(parents=True)
    assert not repository("hf.co/a/b")


@pytest.mark.parametrize(("data", "what"), [
    ({"bos_token_id": 1, "eos_token_id": 2, "transformers_version": "5"}, "the settings of generation"),
    ({"bits": 4, "group_size": 128, "desc_act": False}, "the quantization settings"),
    ({"log_history": [], "global_step": 3}, "the state of a training run"),
    ({"bos_token": "<s>", "eos_token": "</s>"}, "the special tokens"),
    ({"name": "x", "version": "1", "dependencies": {}}, "the manifest of a package"),
])
def test_json_that_lies_beside_models_is_named(data, what, tmp_path, capsys):
    path = tmp_path / "some.json"
    path.write_text(json.dumps(data))
    assert run(["count", str(path)]) == 2
    assert what in capsys.readouterr().err


@pytest.mark.parametrize("config", [
    CONFIG | {"model_type": "mpt", "architectures": ["MPTForCausalLM"], "d_model": 64, "n_heads": 4, "n_layers": 2,
               "expansion_ratio": 4, "attn_config": {"alibi": True, "kv_n_heads": 2}},
    {"model_type": "deepseek_vl_v2", "architectures": ["DeepseekOCRForCausalLM"],
     "language_config": CONFIG | {"model_type": "deepseek_v2", "intermediate_size": 128, "use_mla": False,
                                   "moe_intermediate_size": 32, "n_routed_experts": 4, "num_experts_per_tok": 2,
                                   "n_shared_experts": 1, "first_k_dense_replace": 1},
     "vision_config": {"image_size": 1024, "width": {"sam_vit_b": {"width": 768}}, "hidden_width": 12},
     "projector_config": {"input_dim": 2048, "n_embed": 64, "projector_type": "linear"}},
], ids=["mpt", "deepseek-ocr"])
def test_keys_inside_settings_that_nobody_reads_lower_the_sizes(config, tmp_path, capsys):
    path = tmp_path / "config.json"
    for lowered in (True, False):
        if not lowered:
            config.get("attn_config", {}).pop("kv_n_heads", None)
            config.get("vision_config", {}).pop("hidden_width", None)
        path.write_text(json.dumps(config))
        assert run(["count", str(path), "--json"]) == 0
        document = json.loads(capsys.readouterr().out)
        assert any("attn_config.kv_n_heads" in each or "vision_config.hidden_width" in each
                   for each in document["warnings"]) is lowered
        assert lowered <= (document["parameters"]["known"] == "bound")


@pytest.mark.parametrize("settings", [{"micro_batches": 8}, {"global_batch": 64}, {"global_batch": 64, "zero": 1}])
def test_a_setting_without_effect_is_refused_in_python_too(settings):
    with pytest.raises(paramcalc.UsageError, match="has no effect without"):
        paramcalc.train("gpt2", **settings)
    assert paramcalc.train("gpt2", pp=2, micro_batches=8)


def test_rows_of_something_else_are_refused():
    with pytest.raises(paramcalc.UsageError, match="by 'colour'"):
        paramcalc.count("gpt2", by="colour")


@pytest.mark.parametrize(("key", "value"), [
    ("vision_tower", "openai/clip-vit-large-patch14"), ("n_streams", 4), ("weight_sharing", True), ("num_loops", 3),
    ("ngram_vocabulary", 1000), ("depth_recurrence", 2)])
def test_words_of_further_parts_and_of_layers_that_run_again_lower_the_sizes(key, value):
    config = CONFIG | {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "intermediate_size": 128}
    assert paramcalc.count(config).parameters.known == "exact"
    assert paramcalc.count(config | {key: value}).parameters.known == "bound"


@pytest.mark.parametrize("key", ["num_hidden_layers", "num_layers"])
def test_a_key_of_a_part_is_offered_with_its_part(key, tmp_path, capsys):
    text = CONFIG | {"model_type": "llama", "intermediate_size": 128}
    vision = {"model_type": "clip_vision_model", "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2,
              "intermediate_size": 64, "image_size": 28, "patch_size": 14}
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"],
                                "text_config": text, "vision_config": vision}))
    assert run(["count", str(path), "--set", f"{key}=4"]) == 2
    hint = "write text_config.num_hidden_layers or vision_config.num_hidden_layers"
    assert hint in capsys.readouterr().err
    assert run(["count", str(path), "--set", "text_config.num_hidden_layers=4"]) == 0
