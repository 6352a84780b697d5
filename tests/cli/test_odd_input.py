"""Whatever a user types or a file holds is refused in words with the documented code, never a fault of ours."""

import json
import os
import sys

import pytest

from paramcalc.cli.main import run as guarded

LLAMA = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128, "hidden_size": 256,
         "num_hidden_layers": 4, "num_attention_heads": 8, "intermediate_size": 768}
CONFIGS = [LLAMA | {"model_type": kind, "architectures": [name], "partial_rotary_factor": factor}
           for kind, name in (("phi", "PhiForCausalLM"), ("stablelm", "StableLmForCausalLM"))
           for factor in (-0.25, 1e308, 1e-9, 10**29)]
CONFIGS += [{"model_type": "codegen", "architectures": ["CodeGenForCausalLM"], "rotary_dim": size}
            for size in (4294967296, -2, 10**29)]
CONFIGS += [{"model_type": "lfm2", "architectures": ["Lfm2ForCausalLM"], "block_ffn_dim_multiplier": factor}
            for factor in (1e308, -1e308, 1e17, 0.0)]
CONFIGS += [{"model_type": "doge", "architectures": ["DogeForCausalLM"]},
            {"model_type": "diffllama", "architectures": ["DiffLlamaForCausalLM"]}]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: " ".join(map(str, (config["model_type"],
                                                                                  *list(config.values())[-1:]))))
@pytest.mark.parametrize("command", ["count", "memory", "explain", "convert"])
def test_odd_numbers_in_configs(command, config, tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert guarded([command, str(tmp_path)]) in (0, 2)


@pytest.mark.parametrize("change", ["hidden_size=0x", "num_layers=100000x", "vocab_size=999999999999x", "num_layers=0",
                                    "num_layers=999999", "hidden_size=0.0001x", "=2x", "num_layers=2xx"])
def test_odd_changes(change, capsys):
    assert guarded(["explain", "llama-3.1-8b", "--what-if", change]) == 2
    assert "--what-if" in capsys.readouterr().err


EMPTY = [["check", ""], ["check", "m.yaml", "--report="], ["check", "m.yaml", "--checkpoint", ""],
         *(["memory", "gpt2", *kv] for kv in (["--kv-dtype", ""], ["--kv-dtype="], ["--kv-dtype", "fp8,"])),
         ["train", "gpt2", "--freeze", ","], ["train", "gpt2", "--lora-rank", "8", "--lora-targets", "c_attn,,c_proj"],
         ["explain", "gpt2", ""], ["solve", "--params", "1b", "--fits", " "], ["compare", "gpt2", "--sort", ""],
         ["sweep", "gpt2", "num_layers=2,3", "--columns", ""], ["list", "gpus", ""], ["count", ""],
         ["diff", "gpt2", ""]]


@pytest.mark.parametrize("arguments", EMPTY, ids=" ".join)
def test_an_empty_value_is_no_default(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text("paramcalc: 1\nsource: x\nvocab_size: 128\nhidden_size: 64\nnum_layers: 2\n"
                                     "num_heads: 4\nintermediate_size: 128\n")
    assert guarded(arguments) == 2
    assert "expected a value" in capsys.readouterr().err


LONG = "a" * 5000


@pytest.mark.parametrize("arguments", [
    ["count", LONG], ["count", f"{LONG}/b.yaml"], ["count", f"{LONG}.gguf"], ["count", f"git:HEAD:{LONG}"],
    ["check", LONG], ["diff", LONG, LONG], ["convert", LONG], ["count", "llama-3.1-8b", "--output", LONG],
    ["check", "m.yaml", "--checkpoint", f"{LONG}.safetensors"], ["count", "a\0b"], ["count", "a\0b.yaml"],
    ["count", "\udcff"], ["count", "\udcff.yaml"], ["count", "a\0b.gguf"], ["check", "a\0b"],
    ["count", "git:HEAD:a\0b"],
    ["fit", "llama-3.1-8b", "--gpu", "x", "--accelerators", LONG], ["count", f"hf://{LONG}"],
    ["count", "llama-3.1-8b", "--output", "a\0b"], ["check", "m.yaml", "--checkpoint", "a\0b.safetensors"]],
    ids=lambda arguments: ascii(" ".join(arguments).replace(LONG, "LONG")))
def test_odd_names(arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.yaml").write_text("paramcalc: 1\nsource: x\nvocab_size: 128\nhidden_size: 64\nnum_layers: 2\n"
                                     "num_heads: 4\nintermediate_size: 128\n")
    assert guarded(arguments) in (1, 2)
    assert "fault of paramcalc" not in capsys.readouterr().err


@pytest.mark.parametrize("shard", ["a\0b.safetensors", "\ud800.safetensors", f"{LONG}.safetensors", "..safetensors",
                                   ""])
def test_odd_names_of_shards(shard, tmp_path, capsys):
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"a": shard}}))
    assert guarded(["count", str(path)]) == 2
    assert "fault of paramcalc" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["\ud800", "a\0", "\udcff.weight"])
def test_odd_names_of_tensors(name, tmp_path, capsys):
    raw = json.dumps({name: {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    path = tmp_path / "m.safetensors"
    path.write_bytes(len(raw).to_bytes(8, "little") + raw + bytes(16))
    assert guarded(["count", str(path), "--by", "tensor", "--json"]) == 2
    assert "a tensor's name: expected text in a string, found the character" in capsys.readouterr().err


def test_a_step_summary_that_cannot_be_written_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", os.path.join(tmp_path, "nowhere", "x"))
    (tmp_path / "m.yaml").write_text("paramcalc: 1\nvocab_size: 128\nhidden_size: 64\nnum_layers: 2\nsource: x\n"
                                     "num_heads: 4\nintermediate_size: 128\n")
    assert guarded(["check", "."]) == 2
    assert "the step's summary cannot be written" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use cannot be removed there")
@pytest.mark.parametrize("arguments", [("check", "."), ("count", "."), ("compare", ".")])
def test_a_folder_that_is_gone_is_said(arguments, call, tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    monkeypatch.chdir(folder)
    folder.rmdir()
    code, _, error = call(*arguments)
    assert (code, error) == (2, "error: the current folder no longer exists\n")
