"""Checkpoint headers: real ones are read, bad ones are refused in exact words, anything ends soon."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramcalc.build import build
from paramcalc.errors import InputError, PCError
from paramcalc.measures.parameters import count, rows
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.headers.checkpoint import checkpoint_spec, read_header
from paramcalc.readers.headers.header import Header, StoredTensor
from tests.processor import within

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "data" / "bad" / "headers"
FILES = sorted(path for path in BAD.rglob("*") if (path.suffix in (".safetensors", ".gguf") and path.parent == BAD)
               or path.name.endswith(".index.json"))


def refusal(path):
    with pytest.raises(InputError) as caught:
        read_header(path)
    return "".join(f"{p}\n" + (f"  hint: {p.hint}\n" if p.hint else "") for p in caught.value.problems)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(BAD)))
def test_bad_headers_are_refused_in_these_words(path, monkeypatch):
    monkeypatch.chdir(BAD)
    words = refusal(path.relative_to(BAD))
    assert words == path.with_name(path.name + ".expected").read_text("utf-8")


@pytest.mark.parametrize("kind", ["safetensors", "gguf"])
def test_all_bad_headers_in_little_time_and_memory(kind):
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from paramcalc.errors import InputError; from paramcalc.readers.headers.checkpoint import read_header\n"
        "from tests.processor import within\n"
        "resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20,) * 2)\n"
        "paths = list(Path(sys.argv[1]).rglob(sys.argv[2]))\n"
        "def read(path):\n"
        "    try: read_header(path)\n"
        "    except InputError: pass\n"
        "for path in paths: within(1, read, path)\n"
        "sys.exit(not paths)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(BAD), f"*.{kind}"], cwd=ROOT, capture_output=True,
                           check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")


SHAPES = {"model.embed_tokens.weight": (96, 64), "model.layers.0.mlp.experts.0.up_proj.weight": (32, 64),
          "model.layers.0.mlp.experts.1.up_proj.weight": (32, 64), "model.layers.1.self_attn.q_proj.weight": (64, 64),
          "model.norm.weight": (64,)}


def test_reads_what_the_safetensors_package_writes(tmp_path):
    numpy = pytest.importorskip("numpy")
    save = pytest.importorskip("safetensors.numpy").save_file
    save({name: numpy.zeros(shape, numpy.float16) for name, shape in SHAPES.items()}, tmp_path / "m.safetensors",
         {"format": "pt"})
    tree = build(checkpoint_spec(read_header(tmp_path / "m.safetensors"))).tree
    counts = count(tree)
    assert {name: total for name, (total, _) in counts.components.items()} == {
        "token_embedding": 6144, "attention": 4096, "moe_experts": 4096, "norm": 64}
    assert ("model.layers.*.mlp.experts.*.up_proj.weight", (32, 64), 2) in {(r.name, r.shape, r.copies)
                                                                             for r in rows(tree)}
    assert weight_bytes(tree).formats == {"fp16": 2 * counts.total}


def test_reads_what_the_gguf_package_writes(tmp_path):
    numpy, gguf = pytest.importorskip("numpy"), pytest.importorskip("gguf")
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", "llama")
    writer.add_expert_used_count(2)
    writer.add_array("tokenizer.ggml.tokens", [f"t{i}" for i in range(5000)])
    writer.add_tensor("token_embd.weight", numpy.zeros((96, 64), numpy.float32))
    writer.add_tensor("blk.0.ffn_up_exps.weight", numpy.zeros((4, 32, 64), numpy.float16))
    packed = gguf.quants.quantize(numpy.zeros((64, 64), numpy.float32), gguf.GGMLQuantizationType.Q8_0)
    writer.add_tensor("blk.0.attn_q.weight", packed, raw_dtype=gguf.GGMLQuantizationType.Q8_0)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    tree = build(checkpoint_spec(read_header(tmp_path / "m.gguf"))).tree
    counts = count(tree)
    assert counts.total == 96 * 64 + 4 * 32 * 64 + 64 * 64
    assert counts.active == counts.total - 2 * 32 * 64
    assert weight_bytes(tree).formats == {"fp32": 4 * 96 * 64, "fp16": 2 * 4 * 32 * 64, "q8_0": 64 * 2 * 34}


@pytest.fixture
def parts(tmp_path):
    """A file in two parts, as llama.cpp splits it."""
    numpy, gguf = pytest.importorskip("numpy"), pytest.importorskip("gguf")
    for number in range(2):
        writer = gguf.GGUFWriter(tmp_path / f"m-{number + 1:05}-of-00002.gguf", "llama")
        writer.add_uint16("split.no", number)
        writer.add_uint16("split.count", 2)
        writer.add_int32("split.tensors.count", 2)
        if number == 0:
            writer.add_block_count(4)
        writer.add_tensor(f"blk.{number}.attn_q.weight", numpy.zeros((64, 64), numpy.float16))
        for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
            write()
        writer.close()
    return tmp_path


@pytest.mark.parametrize("number", [1, 2])
def test_parts_of_a_gguf_file_are_read_together(parts, number):
    header = read_header(parts / f"m-0000{number}-of-00002.gguf")
    assert [tensor.name for tensor in header.tensors] == ["blk.0.attn_q.weight", "blk.1.attn_q.weight"]
    assert header.metadata["llama.block_count"] == 4


@pytest.mark.parametrize(("change", "message"), [
    (lambda at: (at / "m-00002-of-00002.gguf").unlink(), "m-00002-of-00002.gguf: no such file"),
    (lambda at: (at / "m-00001-of-00002.gguf").write_bytes((at / "m-00002-of-00002.gguf").read_bytes()),
     "a tensor stands in two of its parts"),
])
def test_parts_that_do_not_fit_are_refused(parts, change, message):
    change(parts)
    with pytest.raises(InputError, match=message):
        read_header(parts / "m-00001-of-00002.gguf")


def test_a_part_must_say_which_it_is(parts):
    (parts / "m-00001-of-00002.gguf").rename(parts / "m.gguf")
    with pytest.raises(InputError, match=r"expected the name of one of 2 parts, found 'm\.gguf'"):
        read_header(parts / "m.gguf")


def test_what_our_language_cannot_say_is_refused():
    header = Header("m.safetensors", (StoredTensor("a", (1,) * 7, "fp16", 2),), {})
    with pytest.raises(InputError, match=r"m\.safetensors: .*7"):
        checkpoint_spec(header)


@pytest.mark.fuzz
@given(st.data())
@pytest.mark.parametrize("suffix", [".safetensors", ".gguf"])
def test_anything_is_read_or_refused(suffix, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("fuzz") / f"m{suffix}"
    seeds = [p.read_bytes() for p in FILES if p.suffix == suffix and p.stat().st_size < 5000]
    raw = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(0, 4))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(raw) + data.draw(st.binary(max_size=40)))
    try:
        within(10, lambda: build(checkpoint_spec(read_header(path))))
    except PCError as error:
        refused = bool(error.problems)
    else:
        refused = None
    assert refused in (True, None)
