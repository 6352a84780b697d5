"""Every option of every command has an effect or is refused: each is set alone, to a value other than its default."""

import json
import os
import subprocess
from functools import cache
from shutil import rmtree

import pytest

from paramcalc.cli import COMMANDS
from paramcalc.cli.embedded import run_embedded
from paramcalc.cli.main import parsed

EXEMPT = {
    "format", "json", "output", "color", "quiet", "debug", "strict", "help",
    "jobs",  # processes that share the work: the same rows, sooner
    "root",  # a server's folder: it waits for a client
}
"""What concerns how an answer is written, not what is in it."""
DOCUMENTS = {
    "config.json": json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 64,
                               "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4,
                               "vocab_size": 100}),
    "models/small.yaml": "paramcalc: 1\nhidden_size: 64\nvocab_size: 100\nnum_layers: 2\nnum_heads: 4\n"
                         "intermediate_size: 250\nexpect: {total: 1}\n",
    "models/training.yaml": "lr: 3.0e-4\n",
    "devices.yaml": "accelerators:\n  mine: {name: Mine, vendor: nvidia, memory_bytes: 8589934592, source: here}\n",
}
LINES = {
    "fit": "fit gpt2 --gpu h100", "diff": "diff gpt2 gpt2-medium", "sweep": "sweep gpt2 num_layers=2,4",
    "compare": "compare gpt2 gpt2-medium", "solve": "solve --params 100M --like gpt2", "check": "check models",
    "scaling": "scaling gpt2 --tokens 1B", "speed": "speed gpt2 --gpu h100", "list": "list optimizers",
    "schema": "schema count",
}
"""The line that an option is added to; `COMMAND gpt2` for the others."""
BESIDE = {
    ("check", "only_specs"): "check models/training.yaml models/small.yaml", ("fit", "all_"): "fit gpt2",
    ("speed", "all"): "speed gpt2", ("fit", "ram"): "fit llama-3.1-70b --gpu rtx-4090 --quant q4_k_m",
}
VALUES = {
    "set": "num_layers=3", "offline": None, "context": "100", "image": "640x480", "audio": "30s", "by": "tensor",
    "depth": "1", "what_if": "num_layers=2x", "dtype": "fp32", "quant": "q8_0", "imatrix": None, "tp": "2", "pp": "2",
    "ep": "2", "gpus": "2", "kv_dtype": "fp8", "runtime": "llama.cpp", "runtime_options": "ubatch=64", "draft": "mtp",
    "draft_tokens": "2", "batch": "3", "source": "99", "gpu": "rtx-4090", "gpu_memory_utilization": "0.5",
    "accelerators": "devices.yaml", "gpu_layers": "3", "cpu_moe": "2", "tensor_split": "1,2", "plot": "picture.svg",
    "ram": "64GiB", "all": None, "all_": None, "dp": "2", "prompt": "99", "output_tokens": "99", "concurrency": "2",
    "slo": "tpot=30ms", "measured": "tpot=30ms@1", "price": "3", "acceptance": "1.5", "ram_bandwidth": "80GB/s",
    "seq": "99", "micro_batch": "2", "compute_dtype": "fp32", "grad_dtype": "fp32", "master": None,
    "about": "weights", "arithmetic": "fp8", "overlap": None, "loras": "2", "optimizer": "sgd", "loss": "fused",
    "method": "dpo", "recompute": "full", "attention": "eager", "report": "page.html",
    "activations": "megatron", "zero": "1", "zero_shards": "2", "cp": "2", "sequence_parallel": None,
    "interleave": "2", "schedule": "zb1p", "release": "0.11",
    "micro_batches": "4", "lora_rank": "8", "lora_targets": "c_attn", "lora_dropout": "0.1",
    "dora": None, "tokens": "2B", "mfu": "0.3", "run_share": "0.5", "power": "0.5", "pue": "1.5", "grid": "100",
    "global_batch": "64", "search": None, "top": "3", "past": "77", "convention": "causal", "head": "last",
    "compute": "1e22", "days": "3", "law": "kaplan", "inference_tokens": "9B", "unique_tokens": "100M",
    "fit": "none.csv", "resamples": "10", "active": "90M", "non_embedding": "90M", "tolerance": "0.01%",
    "max_cache_per_token": "8KiB", "flops_per_token": "100M", "fits": "t4@8M", "max_layers": "4", "multiple_of": "512",
    "like": "gpt2-medium", "folder": "out", "params": "50M",
    "sort": "-total", "columns": "name,total", "x": "total", "y": "layers",
    "select": "PC9", "ignore": "PC5", "against": "HEAD", "write_lock": None, "require_lock": None,
    "only_specs": None, "checkpoint": "none.gguf", "set_": "num_layers=3", "format_": "json",
}
"""A value of each option that is not its default, 2 where none is named; None for a flag."""


def options():
    for name in COMMANDS:
        for option in parsed(name).params:
            if option.param_type_name == "option" and option.name not in EXEMPT:
                yield name, option.name


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("options")
    for name, text in DOCUMENTS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)  # noqa: S607 - whichever git there is
    return folder


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HF_HUB_CACHE", str(folder / "cache"))


@cache
def answer(line):
    """Exit code, answer, what was said, and the files it made."""
    before = set(os.listdir())
    outcome = run_embedded(line.split())
    files = sorted(set(os.listdir()) - before)
    for name in files:
        rmtree(name) if os.path.isdir(name) else os.unlink(name)
    return (*outcome, tuple(files))


@pytest.mark.parametrize(("command", "name"), list(options()))
def test_an_option_changes_the_answer_or_is_refused(command, name):
    option = next(each for each in parsed(command).params if each.name == name)
    line = BESIDE.get((command, name)) or LINES.get(command, f"{command} gpt2")
    if name == "offline":
        line = line.replace("gpt2", "hf://nobody/nothing")
    value = "2.5" if (command, name) == ("scaling", "loss") else VALUES.get(name, None if option.is_flag else "2")
    flag = option.secondary_opts[0] if option.default is True else option.opts[0]
    added = f"{line} {flag}" + ("" if value is None else f" {value}")
    code, out, err, files = changed = answer(added)
    assert code in (0, 1, 2, 3), err
    assert changed != answer(line), "accepted and ignored"
    assert code == 2 or out != answer(line)[1] or files or name == "offline"
