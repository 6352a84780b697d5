"""Every option has an effect or is refused: no line says something that nobody listens to."""

import json

import pytest

import paramcalc

LLAMA = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2,
         "num_attention_heads": 4, "vocab_size": 100}


@pytest.mark.parametrize(("line", "message"), [
    ("train gpt2 --lora-targets q_proj", "--lora-targets has no effect without --lora-rank"),
    ("count gpt2 --set num_layers=3 --set num_layers=4", "--set num_layers is given twice"),
    ("count gpt2 --set num_layers=3 --set num_hidden_layers=4", "--set num_layers is given twice"),
    ("memory gpt2 --runtime llama.cpp -R ubatch=8 -R ubatch=16", "the option ubatch is given twice"),
    ("check configs --select PC502 --ignore PC5", "--ignore PC5 leaves nothing of --select PC502"),
    ("train gpt2 --dora", "--dora has no effect without --lora-rank"),
    ("train gpt2 --global-batch 8", "--global-batch has no effect without --search or --tokens"),
    ("train gpt2 --micro-batches 8", "--micro-batches has no effect without --pp or --tokens"),
    ("train gpt2 --zero-shards 2", "--zero-shards has no effect without --zero"),
    ("train gpt2 --gpu h100 --gpus 2 --search --plot a.png", "--plot has no effect with --search"),
    ("train gpt2 --source 5", "--source has no effect without an encoder"),
    ("memory gpt2 --source 5", "--source has no effect without an encoder"),
    ("flops gpt2 --source 5", "--source has no effect without an encoder"),
    ("fit gpt2 --gpu h100 --source 5", "--source has no effect without an encoder"),
    ("memory gpt2 --gpu-memory-utilization 0.5", "--gpu-memory-utilization has no effect without --gpu"),
    ("memory gpt2 --accelerators a.yaml", "--accelerators has no effect without --gpu"),
    ("memory gpt2 --gpu-memory-utilization abc", "must be more than 0 and at most 1"),
    ("fit gpt2 --all --plot a.png", "--plot has no effect with --all"),
    ("count gpt2 --by tensor --depth 2", "--depth has no effect with --by tensor"),
    ("count gpt2 --json --format csv", "--json and --format csv are two formats"),
    ("convert gpt2 --format csv", "--format csv has no effect"),
    ("convert gpt2 gpt2-medium", "several MODELs are several documents"),
    ("explain PC301 --what-if hidden_size=2x", "PC301 is a rule"),
    ("explain gpt2 '*attn*' --what-if hidden_size=2x", "a PATH-GLOB has no effect with --what-if"),
])
def test_an_option_without_effect_is_refused(call, line, message):
    code, out, err = call(*(word.strip("'") for word in line.split()))
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize("source", ["whisper-large-v3", "t5-small"])
def test_an_encoder_has_a_source(call, source):
    sizes = [json.loads(call("memory", source, "--context", "64", "--source", tokens, "--json")[1])["cache"]["bytes"]
             for tokens in ("10", "20")]
    assert sizes[0] < sizes[1]


def test_set_speaks_the_words_of_the_document_and_ours(call, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA), "utf-8")
    model = str(tmp_path)

    def total(*arguments):
        return json.loads(call("count", *arguments, "--json")[1])["parameters"]["total"]

    assert total(model, "--set", "num_layers=3") == total(model, "--set", "num_hidden_layers=3") > total(model)
    assert total(model, "--set", "num_kv_heads=2") == total(model, "--set", "num_key_value_heads=2") < total(model)
    assert total("llama-3.1-8b", "--set", "num_attention_heads=16") == total("llama-3.1-8b", "--set", "num_heads=16")
    code, out, err = call("count", model, "--set", "nothing=1")
    assert (code, out) == (2, "")
    assert "--set nothing: unknown key 'nothing'" in err


@pytest.mark.parametrize(("question", "message"), [
    (lambda: paramcalc.memory("gpt2", -1), "context: '-1' must be between 1"),
    (lambda: paramcalc.memory("gpt2", 10.5), "context: '10.5' is not a number of tokens"),
    (lambda: paramcalc.flops("gpt2", -5), "seq: '-5' must be between 1"),
    (lambda: paramcalc.fit("gpt2", "h100", -5), "'-5' must be between 1"),
    (lambda: paramcalc.train("gpt2", lora_targets="q_proj"), "has no effect without --lora-rank"),
    (lambda: paramcalc.memory("gpt2", batch=0), "batch: '0'"),
    *((lambda name=name: paramcalc.memory("gpt2", **{name: True}), f"{name}: expected a number, found True")
      for name in ("batch", "context", "gpus", "tp", "loras")),
    (lambda: paramcalc.train("gpt2", micro_batch=True), "micro_batch: expected a number, found True"),
    (lambda: paramcalc.check([]), "paths: expected a path, found a list"),
    (lambda: paramcalc.check(""), "paths: expected a path, found the string ''"),
    *((lambda name=name: paramcalc.count(name), "expected a model, found the string") for name in ("", " ")),
    (lambda: paramcalc.estimate("gpt2", "8q"), "context: '8q' is not a number of tokens"),
    (lambda: paramcalc.count("llama-3.1-8x"), "did you mean llama-3.1-8b"),
])
def test_python_validates_as_the_command_line(question, message):
    with pytest.raises(paramcalc.PCError) as caught:
        question()
    assert message in str(caught.value)


def test_python_reads_sizes_as_people_type_them():
    assert paramcalc.memory("gpt2", "1k").cache.bytes == paramcalc.memory("gpt2", 1024).cache.bytes
    assert paramcalc.flops("gpt2", "1k").forward == paramcalc.flops("gpt2", 1024).forward
    assert paramcalc.memory("gpt2", batch="2k").cache.bytes == paramcalc.memory("gpt2", batch=2048).cache.bytes
    assert paramcalc.train("gpt2", micro_batch="1k")[0] == paramcalc.train("gpt2", micro_batch=1024)[0]


def test_python_lists_what_is_built_in():
    assert "qwen3-8b" in paramcalc.models("qwen3")
    assert not set(paramcalc.models("qwen3")) - set(paramcalc.models())
    assert paramcalc.gpus()["h100"].memory_bytes == 80 * 2**30
    assert "bf16" in paramcalc.formats()


@pytest.mark.parametrize("model", ["deepseek-v3", "llama-3.1-8b", "gemma-3-4b"])
def test_a_decoded_token_costs_the_same_whoever_is_asked(call, model):
    page = json.loads(call("estimate", model, "--context", "8192", "--json")[1])["flops"]["forward_per_token"]
    for convention in ("full", "causal"):
        counted = json.loads(call("flops", model, "--seq", "8191", "--convention", convention, "--json")[1])
        assert counted["decode_token"] == page


@pytest.mark.parametrize("line", ["estimate gpt2", "memory gpt2", "fit gpt2 --gpu h100", "flops gpt2", "train gpt2",
                                  "explain gpt2 --of cache", "explain gpt2 --of flops",
                                  "memory gpt2 --gpu-layers 3", "fit gpt2 --gpu h100,rtx-4090",
                                  "train gpt2 --gpu h100 --gpus 2 --search"])
def test_a_default_length_stays_within_the_models_positions(call, line):
    """GPT-2 has 1,024 positions; nobody asked for 4,096."""
    assumed = json.loads(call(*line.split(), "--json")[1])["assumptions"]
    assert assumed.get("context") == 1024 or assumed.get("seq") == 1024
    assert "as many as the model has positions for" in assumed["length"]
    assert "as many as the model has positions for: the default is 4,096" in call(*line.split())[1]


def test_an_explained_figure_is_that_of_its_command(call):
    """Of the same default length."""
    explained = {of: json.loads(call("explain", "gpt2", "--of", of, "--json")[1])["total"] for of in ("cache", "flops")}
    assert explained["cache"] == json.loads(call("memory", "gpt2", "--json")[1])["cache"]["bytes"]
    assert explained["flops"] == json.loads(call("flops", "gpt2", "--json")[1])["forward"]


@pytest.mark.parametrize(("model", "seq", "says"), [
    ("deepseek-v4-flash", "4096", True), ("gemma-3-4b", "4096", True), ("gemma-3-4b", "512", False),
    ("llama-3.1-8b", "4096", False)])
def test_products_that_a_class_masks_are_said(call, model, seq, says):
    for convention in ("full", "causal"):
        line = ("flops", model, "--seq", seq, "--convention", convention)
        charged = says and convention == "full"
        assert ("beyond windows" in call(*line)[1].replace("\n", " ")) is charged
        assert ("full" in json.loads(call(*line, "--json")[1])["assumptions"]) is charged


@pytest.mark.parametrize("line", ["estimate gpt2 --context 2k", "memory gpt2 --context 2k", "flops gpt2 --seq 2k",
                                  "fit gpt2 --gpu h100 --context 2k", "train gpt2 --seq 2k"])
def test_a_length_beyond_the_models_positions_is_kept_and_said(call, line):
    answer = json.loads(call(*line.split(), "--json")[1])
    assert 2048 in (answer["assumptions"].get("context"), answer["assumptions"].get("seq"))
    assert any("2,048 is longer than the 1,024 positions" in warning for warning in answer["warnings"])


@pytest.mark.parametrize(("name", "model"), [("llama-3.1-8b", 4096), ("gpt2", 1024)])
def test_defaults_of_a_length_are_alike_everywhere(name, model):
    assert paramcalc.memory(name).assumptions["context"] == model
    assert paramcalc.fit(name, "h100").assumptions["context"] == model
    assert paramcalc.estimate(name).assumptions["context"] == model
    assert paramcalc.flops(name).assumptions["seq"] == model
    assert paramcalc.train(name).assumptions["seq"] == model


@pytest.mark.parametrize("line", ["fit gpt2 --gpu t4", "memory gpt2 --gpu v100", "fit gpt2 --gpu v100-pcie-32gb",
                                  "train gpt2 --gpu rtx-2080-ti"])
def test_bf16_on_a_device_without_it_is_said(call, line):
    assert "has no bf16 units: --dtype fp16" in call(*line.split())[1]
    assert any("has no bf16 units" in warning for warning in json.loads(call(*line.split(), "--json")[1])["warnings"])
    assert "bf16 units" not in call(*line.split(), "--dtype", "fp16")[1]
    assert "bf16 units" not in call(*line.split()[:2], "--gpu", "a100")[1]


def test_advice_fits_the_device(call):
    """A laptop has no second device; AMD's devices read no AWQ by vLLM."""
    assert "--gpus" not in call("fit", "llama-3.1-70b", "--gpu", "m1-max")[1]
    assert "--gpus" in call("fit", "llama-3.1-70b", "--gpu", "h100")[1]
    advice = call("fit", "llama-3.1-405b", "--gpu", "mi300x", "--gpus", "2", "--runtime", "vllm")[1]
    assert "would fit" in advice
    assert "awq" not in advice
