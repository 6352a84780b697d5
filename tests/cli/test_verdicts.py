"""Verdicts: `fits`, exit 0 and a promise that is kept rest on what is known, never on a lower bound."""

import json

import pytest

import paramcalc
from paramcalc.cli.main import run
from tests.checks.small import SPEC

UNREAD = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "num_hidden_layers": 2,
          "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 100, "extra_width": 7}


@pytest.mark.parametrize("words", [
    ("fit", "--gpu", "h100"), ("fit", "--gpu", "h100", "--runtime", "vllm"), ("fit", "--all"),
    ("fit", "--gpu", "h100", "--quant", "all"), ("fit", "--gpu", "h100,rtx-4090", "--ram", "64G"),
    ("train", "--gpu", "h100"),
])
def test_no_verdict_rests_on_a_lower_bound(words, tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(UNREAD))
    command, *options = words
    assert run([command, str(path), *options, "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["fits"] is False
    assert "exact" not in answer["known"].values()
    path.write_text(json.dumps({key: value for key, value in UNREAD.items() if key != "extra_width"}))
    assert run([command, str(path), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["fits"] is True


def test_a_promise_to_fit_does_not_rest_on_the_lower_bound(tmp_path, capsys):
    """At this context the mathematics has room, and no runtime has."""
    most = paramcalc.fit("llama-3.1-8b", "rtx-4090", 4096, runtime="exact").max_context
    path = tmp_path / "llama.yaml"
    spec = paramcalc.convert("llama-3.1-8b").split("expect:")[0]
    path.write_text(f"{spec}expect: {{fits: [{{gpu: rtx-4090, context: {most}}}]}}\n")
    assert run(["check", str(path)]) == 1
    assert "does not fit on rtx-4090" in capsys.readouterr().out
    path.write_text(f"{spec}expect: {{fits: [{{gpu: rtx-4090, context: {most // 2}}}]}}\n")
    assert run(["check", str(path)]) == 0


@pytest.mark.parametrize(("lines", "promise", "why"), [
    ("uncounted: [vision tower]\n", "{gpu: h100, context: 4096}", "only a lower bound is known: "),
    # vLLM, SGLang and TensorRT-LLM read NVFP4 on devices of NVIDIA, llama.cpp and transformers nowhere
    ("", "{gpu: mi300x, context: 4096, quant: nvfp4}", "the documents of transformers list no nvfp4"),
])
def test_a_promise_to_fit_needs_a_runtime_and_a_known_size(lines, promise, why, tmp_path, capsys):
    path = tmp_path / "m.yaml"
    path.write_text(f"{SPEC}{lines}expect: {{fits: [{promise}]}}\n")
    assert run(["check", str(path)]) == 1
    assert f"expect.fits[0]: {why}" in " ".join(capsys.readouterr().out.split())
    path.write_text(f"{SPEC}expect: {{fits: [{promise.replace('mi300x', 'h100')}]}}\n")
    assert run(["check", str(path)]) == 0
