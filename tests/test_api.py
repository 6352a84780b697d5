"""The Python names give what the commands print, and importing them loads nothing before it is used."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import paramcalc
from paramcalc.cli.main import run as guarded

pytestmark = pytest.mark.smoke

ROOT = Path(__file__).parent.parent


@pytest.fixture
def written(capsys):
    def run(*arguments):
        code = guarded([*arguments, "--json"])
        assert code in (0, 1)
        return json.loads(capsys.readouterr().out)

    return run


@pytest.mark.parametrize("name", ["llama-3.1-8b", "deepseek-v3", "zamba2-1.2b", "t5-11b"])
def test_count(name, written):
    answer, counts = written("count", name), paramcalc.count(name)
    assert answer["parameters"]["total"] == counts.total
    assert answer["parameters"]["active"] == counts.active
    assert answer["parameters"]["embedding"] == counts.embedding
    assert {row["component"]: (row["parameters"], row["active"]) for row in answer["components"]} == counts.components


def test_changes_are_those_of_set(written):
    answer = written("count", "llama-3.1-8b", "--set", "num_layers=16")
    spec = paramcalc.read("llama-3.1-8b", ["num_layers=16"])
    assert paramcalc.count(spec).total == answer["parameters"]["total"] < paramcalc.count("llama-3.1-8b").total


def test_weights(written):
    answer = written("estimate", "gemma-3-27b")
    assert {row["format"]: row["bytes"] for row in answer["weights"]} == {
        row["format"]: paramcalc.weights("gemma-3-27b", row["format"]).total for row in answer["weights"]}
    quantized = written("memory", "gemma-3-27b", "--quant", "q4_k_m")
    assert paramcalc.weights("gemma-3-27b", quant="q4_k_m").total == quantized["weights"]["bytes"]


def test_memory(written):
    answer = written("memory", "mixtral-8x7b", "--context", "32k", "--batch", "4", "--runtime", "vllm", "--tp", "2",
                     "--kv-dtype", "fp8")
    ours = paramcalc.memory("mixtral-8x7b", 32768, batch=4, runtime="vllm", tp=2, kv_dtype="fp8")
    assert [part.total for part in ours.per_device] == [part["total"] for part in answer["per_device"]]
    assert ours.total.total == answer["total"]["bytes"]
    assert (ours.cache.bytes, ours.cache.per_token) == (answer["cache"]["bytes"], answer["cache"]["bytes_per_token"])


@pytest.mark.parametrize(("name", "fits"), [("llama-3.1-8b", True), ("llama-3.1-405b", False)])
def test_fit(name, fits, written):
    answer, ours = written("fit", name, "--gpu", "h100", "--context", "8k"), paramcalc.fit(name, "h100", 8192)
    assert answer["fits"] == ours.fits == fits
    assert answer["headroom"]["bytes"] == ours.headroom
    assert (answer["max_context"], answer["max_batch"]) == (ours.max_context, ours.max_batch)


@pytest.mark.parametrize("lora", [None, 16])
def test_train(lora, written):
    adapters = ["--lora-rank", "16", "--quant", "nf4"] if lora else ["--zero", "3", "--dp", "8", "--pp", "2"]
    answer = written("train", "llama-3.1-8b", "--seq", "4k", "--recompute", "full", *adapters)
    more = {"lora_rank": 16, "quant": "nf4"} if lora else {"zero": 3, "dp": 8, "pp": 2}
    ours = paramcalc.train("llama-3.1-8b", 4096, recompute="full", **more)
    assert [device.total for device in ours] == [device["total"] for device in answer["per_device"]]


def test_flops(written):
    answer = written("flops", "qwen3-30b-a3b", "--seq", "4k", "--convention", "causal")
    ours = paramcalc.flops("qwen3-30b-a3b", 4096, convention="causal")
    assert (answer["forward"], answer["backward"]) == (ours.forward, ours.backward)
    assert paramcalc.flops_per_token("qwen3-30b-a3b", 4096, convention="causal") == answer["per_token"]["training"]


def test_explain(written):
    answer = written("explain", "llama-3.1-8b", "*q_proj*")
    ours = paramcalc.explain("llama-3.1-8b", "*q_proj*")
    assert [row.parameters for row in ours] == [row["parameters"] for row in answer["formulas"]] == [2**29]


def test_what_if(written):
    answer = written("explain", "gpt3-175b", "--what-if", "num_layers=2x")
    assert paramcalc.count(paramcalc.what_if("gpt3-175b", "num_layers=2x")).total == answer["what_if"]["total"]["after"]


def test_diff(written):
    answer, ours = written("diff", "llama-3-8b", "llama-3.1-8b"), paramcalc.diff("llama-3-8b", "llama-3.1-8b")
    assert len(answer["tensors"]) == len(ours.tensors) == 0


def test_convert_counts_the_same(tmp_path):
    path = tmp_path / "spec.yaml"
    path.write_text(paramcalc.convert("jamba-v0.1"), "utf-8")
    assert paramcalc.count(path) == paramcalc.count("jamba-v0.1")


@pytest.mark.parametrize(("arguments", "answer"), [
    (("estimate", "gpt2"), lambda: paramcalc.estimate("gpt2")),
    (("estimate", "gpt2", "--context", "1k"), lambda: paramcalc.estimate("gpt2", "1k")),
    (("flops", "gpt2", "--seq", "64", "--recompute", "full"),
     lambda: paramcalc.flops("gpt2", 64, recompute="full")),
    (("train", "gpt2", "--seq", "64"), lambda: paramcalc.train("gpt2", 64)),
    (("train", "gpt2", "--gpu", "h100", "--gpus", "2", "--tokens", "1B"),
     lambda: paramcalc.train("gpt2", gpu="h100", gpus=2, tokens="1B")),
    (("diff", "gpt2", "gpt2-medium"), lambda: paramcalc.diff("gpt2", "gpt2-medium")),
    (("explain", "gpt2", "*mlp*"), lambda: paramcalc.explain("gpt2", "*mlp*")),
    (("count", "gpt2", "--by", "tensor"), lambda: paramcalc.count("gpt2", "tensor")),
    (("memory", "gpt2", "--batch", "3"), lambda: paramcalc.memory("gpt2", batch=3)),
], ids=lambda value: " ".join(value) if isinstance(value, tuple) else "")
def test_python_gives_what_json_writes(arguments, answer, written):
    assert written(*arguments) == json.loads(answer().to_json())


def test_check():
    run = paramcalc.check(ROOT / "configs" / "gpt2")
    assert (run.checked, run.failed, run.exit_code) == (len(list((ROOT / "configs" / "gpt2").glob("*.yaml"))), 0, 0)


def test_importing_loads_nothing_else():
    code = ("import sys, paramcalc; [getattr(paramcalc, n) for n in ('PCError', '__version__')]; "
            "print(*sorted(m for m in ('pydantic', 'typer', 'rich', 'yaml') if m in sys.modules))")
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert process.stdout.strip() == ""


def test_a_start_up_does_not_even_load_typing():
    code = "import sys, paramcalc; sys.exit('typing' in sys.modules)"
    assert subprocess.run([sys.executable, "-S", "-c", code], check=False, cwd=ROOT).returncode == 0


def test_load_says_more_than_the_specification(tmp_path):
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "llama", "vocab_size": 512, "hidden_size": 64, "num_hidden_layers": 2, '
                    '"num_attention_heads": 4, "intermediate_size": 128, "my_size": 1}', "utf-8")
    reading = paramcalc.load(str(path))
    assert reading.spec == paramcalc.read(path)
    assert any("my_size" in warning for warning in reading.warnings)


def test_names():
    assert set(dir(paramcalc)) == set(paramcalc.__all__)
    assert all(hasattr(paramcalc, name) for name in paramcalc.__all__)
    with pytest.raises(AttributeError, match="no attribute 'cuont'"):
        _ = paramcalc.cuont


def test_a_device_of_ones_own_is_asked_for_from_python_too(tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("accelerators: {mine: {name: My card, memory: 24 GiB, bandwidth: 500 GB/s}}\n")
    assert paramcalc.fit("gpt2", "mine", accelerators=file).fits
    half = paramcalc.fit("gpt2", "mine", accelerators=file, gpu_memory_utilization="50%", runtime="vllm")
    assert half.capacity < paramcalc.fit("gpt2", "mine", accelerators=file, runtime="vllm").capacity
    assert paramcalc.memory("gpt2", gpu="mine", accelerators=file).total.total > 0
    rows = paramcalc.compare("gpt2", gpu="mine", accelerators=file, runtime="vllm").rows
    rows += paramcalc.sweep("gpt2", "num_layers=2,4", gpu="mine", accelerators=file, runtime="vllm").rows
    assert [row.fits for row in rows] == [True] * 3


@pytest.mark.parametrize("ask", [paramcalc.memory, paramcalc.compare])
@pytest.mark.parametrize("words", [{"accelerators": "own.yaml"}, {"gpu_memory_utilization": 0.5}])
def test_what_has_no_effect_without_a_device_is_refused(ask, words):
    with pytest.raises(paramcalc.PCError, match="has no effect without --gpu"):
        ask("gpt2", **words)


def test_nothing_is_not_compared():
    with pytest.raises(paramcalc.PCError, match="nothing to compare"):
        paramcalc.compare()
