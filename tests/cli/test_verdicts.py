"""Verdicts: `fits`, exit 0 and a promise that is kept rest on what is known, never on a lower bound."""

import json
import re

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


def test_layouts_and_times_of_a_lower_bound_say_so(tmp_path, capsys):
    """A search finds layouts whose lower bound fits, a speed is of what is known: neither says that the model fits."""
    path = tmp_path / "config.json"
    search = ["train", str(path), "--gpu", "h100", "--gpus", "2", "--search"]
    times = ["speed", str(path), "--gpu", "h100", "--concurrency", "8"]
    for config, code, fits in ((UNREAD, 1, False), ({**UNREAD, "extra_width": None}, 0, True)):
        path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))
        assert run(search) == code
        assert ("lower bound fits: no verdict" in capsys.readouterr().out) is not fits
        assert run([*times, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert [point["fits"] for point in answer["points"]] == [fits]
        assert set(answer["known"].values()) == {"estimate" if fits else "bound"}
        for words, line in ((times, "room for at most"), (["speed", str(path), "--all"], "a lower bound: extra_width")):
            assert run(words) == 0
            assert (line in capsys.readouterr().out) is not fits


def test_a_promise_to_fit_does_not_rest_on_the_lower_bound(tmp_path, capsys, monkeypatch):
    """At this context the mathematics has room, and vLLM has none; a runtime without overhead may have."""
    monkeypatch.setattr("paramcalc.estimates.serving.SERVERS", ("vllm",))
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
    ("", "{gpu: h100, context: 4096, quant: exl3-4bit}", "the documents of transformers list no exl"),
])
def test_a_promise_to_fit_needs_a_runtime_and_a_known_size(lines, promise, why, tmp_path, capsys):
    path = tmp_path / "m.yaml"
    path.write_text(f"{SPEC}{lines}expect: {{fits: [{promise}]}}\n")
    assert run(["check", str(path)]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "expect.fits[0]: " in out
    assert why in out
    path.write_text(f"{SPEC}expect: {{fits: [{promise.replace(', quant: exl3-4bit', '')}]}}\n")
    assert run(["check", str(path)]) == 0


@pytest.mark.parametrize(("quantization", "gpu", "runtime"), [
    ({"quantization": {"bits": 4, "group_size": 64}}, "m3-max", None),
    ({"quantization": {"bits": 4, "group_size": 64}}, "h100", "vllm"),
    ({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32}}, "h100", "llama.cpp"),
    ({"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 32}}, "mi300x", "vllm"),
    ({}, "m3-max", "vllm")])
def test_a_runtime_that_reads_no_such_file_serves_it_not(quantization, gpu, runtime, tmp_path, capsys):
    """The format a checkpoint is published in counts, not only the one that is asked for."""
    path = tmp_path / "config.json"
    plain = {key: value for key, value in UNREAD.items() if key != "extra_width"}
    path.write_text(json.dumps({**plain, **quantization}))
    named = ["--runtime", runtime] if runtime else []
    assert run(["fit", str(path), "--gpu", gpu, *named]) == 1
    assert "fits, by" not in capsys.readouterr().out
    row, *_ = paramcalc.compare([str(path)], gpu=gpu, runtime=runtime or "vllm").rows
    assert row.fits is not True
    with pytest.raises(paramcalc.PCError):
        paramcalc.speed(str(path), gpu, runtime=runtime or "llama.cpp")


def test_a_placement_of_what_gguf_files_do_not_hold(tmp_path):
    path = tmp_path / "config.json"
    plain = {key: value for key, value in UNREAD.items() if key != "extra_width"}
    path.write_text(json.dumps({**plain, "quantization": {"bits": 4, "group_size": 64}}))
    answer = paramcalc.fit(str(path), "h100,rtx-4090", ram="64G")
    assert (answer.fits, answer.why_not, answer.serve) == (False, "GGUF files do not hold mlx-4bit-g64", "")
    assert "not served by llama.cpp" in str(answer)


def test_what_no_runtime_serves_names_the_reason_of_each(tmp_path, capsys):
    spec = paramcalc.convert("llama-3.1-8b").split("expect:")[0]
    path = tmp_path / "llama.yaml"
    path.write_text(f"{spec}expect: {{fits: [{{gpu: gaudi3, quant: q4_k_m, context: 4096}}]}}\n")
    assert run(["check", str(path)]) == 1
    assert run(["fit", "whisper-tiny", "--gpu", "h100", "--gpus", "5", "--quant", "q4_k_m"]) == 2
    promised, reasons = capsys.readouterr()
    for reason in ("vllm: q4_k_m is a format of GGUF",
                   r"sglang, tensorrt-llm, llama\.cpp\b[^:]*: does not run on devices"):
        assert re.search(reason, promised)
    for reason in (r"vllm, sglang, tensorrt-llm\b[^:]*: tp 5 does not divide", r"llama\.cpp: no converter",
                   "transformers: q4_k_m"):
        assert re.search(reason, reasons)
