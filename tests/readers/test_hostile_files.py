"""What small or sparse files may cost: 2 seconds of processor time and 300 MB; the largest header 6 and 500."""

import json
import math
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processor import quick

ROOT = Path(__file__).parents[2]
SECONDS, MEGABYTES = 2.0, 300


MEASURE = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "paramcalc", *sys.argv[1:]], stdout=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(done.returncode, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
"""
"""In a process of its own: a child's memory is never less than that of the process it was forked from."""


def run(*arguments):
    """Exit code, what it says, processor seconds and megabytes."""
    process = subprocess.run([sys.executable, "-c", MEASURE, *map(str, arguments)], capture_output=True, text=True,
                          env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    code, took, used = process.stdout.split()
    return int(code), process.stderr, float(took), float(used)


def cheap(*arguments, seconds=SECONDS, megabytes=MEGABYTES):
    code, output = cost(*arguments, seconds=seconds, megabytes=megabytes)
    assert code in (0, 2), output
    return code, output


def cost(*arguments, seconds=SECONDS, megabytes=MEGABYTES):
    """Exit code and what it says, held to processor seconds and to the memory of the first run."""
    runs = []
    assert quick(seconds, lambda: runs.append(run(*arguments)) or runs[-1][2]), runs
    code, output, _, used = runs[0]
    assert used < megabytes
    return code, output


def safetensors(path, raw, size=0):
    with path.open("wb") as file:
        file.write(len(raw).to_bytes(8, "little") + raw)
        file.truncate(8 + len(raw) + size)
    return path


def experts(path, layers, number):
    """A header like that of a large mixture."""
    header, end = {}, 0
    for layer in range(layers):
        for expert in range(number):
            for part, shape in (("weight", [64, 64]), ("weight_scale_inv", [1, 1])):
                size = math.prod(shape) * 4
                header[f"model.layers.{layer}.mlp.experts.{expert}.up_proj.{part}"] = {
                    "dtype": "F32", "shape": shape, "data_offsets": [end, end + size]}
                end += size
    return safetensors(path, json.dumps(header).encode(), end)


def text(raw):
    return struct.pack("<Q", len(raw)) + raw


def gguf(path, keys, size, tensors=0, fields=None):
    """A file with keys, and after its `fields` (all of them when not given) what stands for tensors."""
    with path.open("wb") as file:
        file.write(b"GGUF" + struct.pack("<IQQ", 3, tensors, len(keys) if fields is None else fields))
        for key in keys:
            file.write(key)
        file.truncate(file.tell() + size)
    return path


def test_the_largest_header_is_read(tmp_path):
    path = experts(tmp_path / "m.safetensors", 61, 2048)
    assert cheap("count", path, seconds=6, megabytes=500)[0] == 0


def test_tensors_that_are_all_unlike_are_refused_as_fast(tmp_path):
    header = {f"t{number}.weight": {"dtype": "F32", "shape": [1], "data_offsets": [4 * number, 4 * number + 4]}
              for number in range(250_000)}
    path = safetensors(tmp_path / "m.safetensors", json.dumps(header).encode(), 1_000_000)
    code, output = cheap("count", path, seconds=6, megabytes=500)
    assert code == 2
    assert "differ in more than the numbers between dots of their names, found 250,000" in output


def test_layers_of_a_gguf_file_that_are_all_unlike_are_refused_as_fast(tmp_path):
    """Each tensor of a layer has one of two shapes, and no two layers the same."""
    layers, parts = 4_000, 60
    sizes = {"llama.block_count": layers, "llama.embedding_length": 64, "llama.attention.head_count": 2}
    keys = [text(b"general.architecture") + struct.pack("<I", 8) + text(b"llama"),
            *(text(key.encode()) + struct.pack("<II", 4, size) for key, size in sizes.items())]
    end = 0
    for layer in range(layers):
        for part in range(parts):
            rows = 4 if layer >> part % 12 & 1 else 8
            keys.append(text(f"blk.{layer}.t{part}.weight".encode()) + struct.pack("<IQQIQ", 2, 8, rows, 0, end))
            end += 32 * rows
    path = gguf(tmp_path / "m.gguf", keys, end + 64, layers * parts, len(sizes) + 1)
    code, output = cheap("count", path, seconds=6, megabytes=500)
    assert code == 2
    assert "tensors unlike each other's" in output


@pytest.mark.parametrize(("begin", "repeated", "times", "message"), [
    (b'{"a":[[]', b",[]", 33_000_000, "of '[' in the header"), (b"{", b"{", 90_000_000, "of '{' in the header"),
    (b'{"a":[0', b",0", 40_000_000, "of ',' in the header"),
    (b"[", b"[", 90_000_000, "at the start of the header, found"),
    (b'{"a":{}', b',"a":{}', 310_000, "of '{' in the header"),
    (b'{"a":{"data_offsets":[0,0]}', b',"a":{"data_offsets":[0,0]}', 250_000, "of '\"data_offsets\"' in the header")],
    ids=["lists", "mappings", "numbers", "brackets", "tensors", "offsets"])
def test_a_header_nobody_has_is_refused_before_it_is_parsed(begin, repeated, times, message, tmp_path):
    code, output = cheap("count", safetensors(tmp_path / "m.safetensors", begin + repeated * times))
    assert code == 2
    assert message in output


@pytest.mark.parametrize(("key", "code"), [
    (text(b"a.b") + struct.pack("<IIQ", 9, 8, 2**26), 2),
    (text(b"general.architecture") + struct.pack("<IQ", 8, 2**29), 2),
    (text(b"tokenizer.json") + struct.pack("<IQ", 8, 2**29), 2),
    (text(b"a.b") + struct.pack("<IIQ", 9, 0, 2**29), 0)], ids=["strings", "a name", "a tokenizer", "bytes"])
def test_a_sparse_gguf_file_is_not_read_for_long(key, code, tmp_path):
    assert cheap("count", gguf(tmp_path / "m.gguf", [key], 2**29 + 64))[0] == code


@pytest.mark.parametrize("times", [100_000_000, 2**64, 10**29, -5, "x", None, True, 1.5, [7]])
def test_a_short_config_does_not_ask_for_long_lists(times, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({
        "model_type": "gpt_neo", "architectures": ["GPTNeoForCausalLM"], "num_layers": 2,
        "attention_types": [[["global"], times]]}))
    assert cheap("count", tmp_path)[0] == 2


def test_a_mix_is_linear_in_layers(tmp_path):
    assert cheap("memory", "llama-3.1-8b", "--set", "num_layers=4096", "--quant", "q4_k_m")[0] == 0


@pytest.fixture
def odd(tmp_path):
    """A pipe and a device, by every suffix."""
    os.mkfifo(tmp_path / "pipe.yaml")
    for suffix in ("yaml", "json", "safetensors", "safetensors.index.json", "gguf", "lock"):
        os.symlink("/dev/zero", tmp_path / f"zero.{suffix}")
    os.symlink("/dev/zero", tmp_path / "config.json")
    return tmp_path


@pytest.mark.parametrize("arguments", [
    ["count", "zero.yaml"], ["count", "zero.json"], ["count", "zero.safetensors"], ["count", "zero.gguf"],
    ["count", "zero.safetensors.index.json"], ["count", "."], ["count", "pipe.yaml"], ["count", "/dev/zero"],
    ["check", "zero.yaml", "pipe.yaml"], ["check", ".", "--strict"], ["diff", "zero.yaml", "pipe.yaml"],
    ["check", "llama.yaml", "--checkpoint", "zero.safetensors"], ["check", "llama.yaml", "--checkpoint", "pipe.yaml"],
    ["fit", "llama-3.1-8b", "--gpu", "x", "--accelerators", "/dev/zero"],
    ["fit", "llama-3.1-8b", "--gpu", "x", "--accelerators", "pipe.yaml"],
    ["list", "gpus", "--accelerators", "zero.yaml"]],
    ids=" ".join)
def test_a_pipe_or_a_device_is_no_file(arguments, odd, monkeypatch):
    monkeypatch.chdir(odd)
    spec = next((ROOT / "configs").glob("*/llama-3.1-8b.yaml")).read_text("utf-8")
    (odd / "llama.yaml").write_text(spec)
    assert cost(*arguments)[0] in (1, 2)


BOMB = "a: &a [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else '*a'] * 9)}]\n" for i in range(30))


@pytest.mark.parametrize("table", [
    'accelerators: {x: {name: ""}}', "accelerators: {x: {name: 2024-13-45}}", "accelerators: {x: {name: 2024-12-01}}",
    f"accelerators: {{x: {{memory: {'9' * 5000}}}}}", "accelerators: " + "[" * 5000, "accelerators: " + "{a: " * 3000,
    "accelerators: {x: {memory: 1e999999999}}", "accelerators: {x: {memory: '1e99999999 GiB'}}", BOMB,
    "x: " + "y" * 600_000,
    "accelerators: {x: {aliases: [[1]]}}", "accelerators: {x: {flops: {bf16: .nan}}}", "a: 1\n---\nb: 2\n", "\0", "- 1",
    "accelerators: {x: {name: ~}}", "accelerators: {? [1] : {}}", "accelerators: {x: {kind: []}}",
    "!!python/name:os.system"])
def test_accelerator_files_nobody_means_are_refused(table, tmp_path):
    path = tmp_path / "gpus.yaml"
    path.write_text(table)
    assert cheap("fit", "llama-3.1-8b", "--gpu", "x", "--accelerators", path)[0] == 2


def test_primes_of_many_tables_are_looked_for_once(tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({
        "model_type": "qwen4_exp_text", "num_hidden_layers": 300, "layer_types": ["linear_attention"] * 300,
        "ple_layer_ids": [*range(1, 301)], "ngram_size": 2, "heads_per_ngram": 1, "ngram_vocab_size_base": 2**27}))
    assert cheap("count", path)[0] == 0
