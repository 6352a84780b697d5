"""`train` from the command line: what its bars say, and options that say nothing."""

import json

import pytest

from paramcalc.cli.main import run as guarded

ZERO = ("train", "llama-3.1-8b", "--dp", "8", "--zero", "3")


def test_nothing_is_over_a_device_that_is_not_named(capsys):
    assert guarded(ZERO) == 0
    output = capsys.readouterr().out
    assert "communication" in output
    assert "fit: " not in output


def test_more_than_the_named_device_has_is_over(capsys):
    assert guarded(["train", "llama-3.1-8b", "--gpu", "h100"]) in (0, 1)
    assert "does not fit: 71.51 GiB too much on the fullest device\n" in capsys.readouterr().out


@pytest.mark.parametrize(("options", "message"), [
    (["--gpus", "9"], "error: --gpus 9 is not tp × pp × cp × dp = 8\nhint: --gpus 8\n"),
    (["--gpus", "8", "--tp", "4", "--dp", "4"], "error: --gpus 8 is not tp × pp × cp × dp = 16\nhint: --gpus 16\n"),
    (["--search"], "error: --search needs --gpu NAME and --gpus N\nhint: --gpu h100 --gpus 256 --search\n"),
])
def test_options_that_do_not_go_together(options, message, capsys):
    assert guarded([*ZERO, *options]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", message)


def test_devices_that_do_not_divide_are_refused_with_what_would(capsys):
    assert guarded(["train", "llama-3.1-8b", "--gpus", "6", "--tp", "4"]) == 2
    assert capsys.readouterr().err == (
        "error: --gpus 6 is not a multiple of tp × pp × cp = 4\nhint: --gpus 4\n")


def test_devices_nobody_gave_other_work_hold_copies(capsys):
    arguments = ["train", "llama-3.1-8b", "--gpu", "h100", "--tp", "2", "--zero", "3", "--json"]
    answers = []
    for more in (["--gpus", "16"], ["--dp", "8"]):
        assert guarded([*arguments, *more]) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]
    assert answers[0]["devices"] == 16


@pytest.mark.parametrize(("model_type", "attention", "warning"), [
    ("bloom", "flash", "the class of bloom has its own attention code"), ("bloom", "eager", ""), ("llama", "flash", ""),
    ("funnel", "eager", "not checked against transformers' funnel"),
])
def test_what_is_not_sure_of_activations_is_said(model_type, attention, warning, tmp_path, capsys):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": model_type, "architectures": []}))
    assert guarded(["train", str(path), "--attention", attention, "--seq", "64", "--json"]) == 0
    warnings = [text for text in json.loads(capsys.readouterr().out)["warnings"]
                if "class of" in text or "not checked" in text]
    assert warning in " ".join(warnings)
    assert len(warnings) == bool(warning)


def answered(capsys, *options):
    assert guarded([*ZERO, *options, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_parts_of_a_device_add_up_to_what_it_must_have(capsys):
    answer = answered(capsys, "--method", "ppo")
    (device,) = answer["per_device"]
    parts = [size for name, size in device.items() if name not in ("stage", "total", "peak", "moment")]
    assert sum(parts) == device["total"] == device["peak"] == answer["max_device_bytes"]
    assert {*device} - {"stage", "moment", "peak"} <= {*answer["known"]}


def test_the_line_of_the_run_names_what_is_not_usual(capsys):
    assert guarded(["train", "gpt2", "--pp", "4", "--micro-batches", "8", "--seq", "1k",
                    "--schedule", "zb1p", "--loss", "compiled"]) == 0
    assert "· loss compiled · schedule zb1p" in " ".join(capsys.readouterr().out.split())
    assert guarded(["train", "gpt2", "--seq", "1k"]) == 0
    assert not {"loss", "schedule", "method"} & set(capsys.readouterr().out.partition("1 × 1,024")[2].split())


def test_the_engine_that_generates_is_beside_the_total(capsys):
    plain, answer = answered(capsys, "--seq", "2k"), answered(capsys, "--seq", "2k", "--method", "grpo")
    assert answer["rollout"] == {"weights": 2 * 8_030_261_248, "cache_per_sequence": 2048 * 131_072}
    reference = answer["per_device"][0]["other_models"]
    assert answer["max_device_bytes"] - plain["max_device_bytes"] == reference == 2 * 8_030_261_248 // 8
    assert "rollout" not in plain


def test_a_pair_is_two_sequences(capsys):
    assert answered(capsys, "--method", "dpo")["per_device"][0]["activations"] == (
        answered(capsys, "--micro-batch", "2")["per_device"][0]["activations"])
    assert guarded([*ZERO[:2], "--method", "dpo", "--search", "--gpu", "h100", "--gpus", "8"]) == 2
    assert "pairs" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "noted"), [
    (["--lora-rank", "8"], True),
    (["--lora-rank", "8", "--quant", "nf4"], False),
    ([], False),
])
def test_frozen_weights_not_counted_in_the_formats_of_the_config_are_noted(options, noted, capsys, tmp_path):
    config = tmp_path / "config.json"
    config.write_text(json.dumps({
        "model_type": "llama", "hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 2,
        "num_attention_heads": 4, "vocab_size": 1024, "max_position_embeddings": 4096,
        "quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}}))
    assert guarded(["train", str(config), "--json", *options]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert any("frozen weights are counted as bf16" in warning for warning in warnings) == noted
