"""Writes the bad headers of this folder; each is wrong in one way. `python tests/data/bad/headers/make.py`."""

import json
import struct
from pathlib import Path

HERE = Path(__file__).parent


def safetensors(header, values=b"", length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + values


def entry(shape, start, end, dtype="F16"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


def string(text):
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def gguf(keys=b"", tensors=b"", values=b"", *, magic=b"GGUF", version=3, key_count=0, tensor_count=0):
    head = magic + struct.pack("<IQQ", version, tensor_count, key_count) + keys + tensors
    return head + bytes(-len(head) % 32) + values if values else head


def info(name, shape, kind=0, offset=0, dimensions=None):
    return (string(name) + struct.pack("<I", len(shape) if dimensions is None else dimensions)
            + b"".join(struct.pack("<Q", d) for d in shape) + struct.pack("<IQ", kind, offset))


def array(key, kind, count, values=b""):
    return string(key) + struct.pack("<IIQ", 9, kind, count) + values


def uint32(key, value):
    return string(key) + struct.pack("<II", 4, value)


A8 = b"\0" * 8
SAFETENSORS = {
    "empty": b"", "short": b"\1\2\3", "length_2_63": safetensors({}, length=2**63),
    "length_over_cap": safetensors({}, length=100_000_001), "length_over_file": safetensors({}, length=99),
    "not_json_start": safetensors(b"hello"), "array": safetensors(b"[]"), "byte_0xff": safetensors(b"{\xff}"),
    "not_json": safetensors(b"{]"), "deep": safetensors(b'{"a":' + b"[" * 100_000),
    "nan": safetensors(b'{"a": NaN}'),
    "duplicate_key": safetensors(b'{"a": {"dtype":"F16","shape":[2],"data_offsets":[0,4]}, '
                                 b'"a": {"dtype":"F16","shape":[2],"data_offsets":[4,8]}}', A8),
    "overlap": safetensors({"a": entry([2], 0, 4), "b": entry([2], 2, 6)}, b"\0" * 6),
    "gap": safetensors({"a": entry([2], 0, 4), "b": entry([2], 6, 10)}, b"\0" * 10),
    "trailing": safetensors({"a": entry([2], 0, 4)}, A8), "cut_off": safetensors({"a": entry([4], 0, 8)}, b"\0" * 4),
    "size_differs": safetensors({"a": entry([3], 0, 8)}, A8),
    "shape_overflow": safetensors({"a": entry([2**33, 2**33], 0, 8)}, A8),
    "negative_shape": safetensors({"a": entry([-2, -2], 0, 8)}, A8),
    "float_shape": safetensors({"a": entry([2.0, 2.0], 0, 8)}, A8),
    "bool_shape": safetensors({"a": entry([True, 4], 0, 8)}, A8),
    "unknown_dtype": safetensors({"a": entry([4], 0, 8, "Q9")}, A8),
    "not_a_mapping": safetensors({"a": [1]}), "metadata_number": safetensors({"__metadata__": {"a": 1}}),
    "offsets_reversed": safetensors({"a": entry([0], 8, 0)}, A8),
    "all_wrong": safetensors({"a": entry([3], 0, 8), "b\u001b[2J": entry([1], 8, 9)}, A8),
    "long_name": safetensors({"x" * 1001: entry([4], 0, 8)}, A8),
}
GGUF = {
    "empty": b"", "magic": gguf(magic=b"GGML"), "version_99": gguf(version=99), "big_endian": gguf(version=3 << 24),
    "truncated": gguf()[:20], "key_count_2_62": gguf(key_count=2**62), "tensor_count_2_62": gguf(tensor_count=2**62),
    "string_2_62": gguf(string("k") + struct.pack("<IQ", 8, 2**62), key_count=1),
    "name_2_62": gguf(struct.pack("<Q", 2**62) + b"\0" * 32, key_count=1),
    "array_2_40": gguf(array("k", 4, 2**40), key_count=1),
    "strings_2_40": gguf(array("k", 8, 2**40), key_count=1),
    "unknown_value_type": gguf(string("k") + struct.pack("<I", 77) + A8, key_count=1),
    "nested_array": gguf(array("k", 9, 1, A8 * 4), key_count=1),
    "duplicate_key": gguf(uint32("k", 1) + uint32("k", 2), key_count=2),
    "duplicate_tensor": gguf(b"", info("a", [4]) + info("a", [4], offset=32), b"\0" * 64, tensor_count=2),
    "huge_shape": gguf(b"", info("a", [2**33, 2**33]), A8, tensor_count=1),
    "dimensions_2_31": gguf(b"", info("a", [4], dimensions=2**31), A8, tensor_count=1),
    "five_dimensions": gguf(b"", info("a", [1] * 5), A8, tensor_count=1),
    "row_of_100": gguf(b"", info("a", [100, 2], kind=12), b"\0" * 512, tensor_count=1),
    "alignment_0": gguf(uint32("general.alignment", 0), b"", A8, key_count=1),
    "alignment_3": gguf(uint32("general.alignment", 3), b"", A8, key_count=1),
    "unknown_tensor_type": gguf(b"", info("a", [4], kind=99), A8, tensor_count=1),
    "offset": gguf(b"", info("a", [4], offset=64), b"\0" * 96, tensor_count=1),
    "cut_off": gguf(b"", info("a", [4096]), b"\0" * 32, tensor_count=1),
}


def shards():
    """Folders of an index and its shards, each inconsistent in one way."""
    one = safetensors({"a": entry([4], 0, 8)}, A8)
    both = {"a": "1.safetensors", "b": "2.safetensors"}
    two = safetensors({"b": entry([4], 0, 8)}, A8)
    return {
        "missing_shard": ({"weight_map": both}, {"1": one}),
        "in_two_shards": ({"weight_map": both}, {"1": one, "2": safetensors(
            {"a": entry([4], 0, 8), "b": entry([4], 8, 16)}, A8 * 2)}),
        "not_in_shard": ({"weight_map": both | {"c": "1.safetensors"}}, {"1": one, "2": two}),
        "total_size": ({"metadata": {"total_size": 17}, "weight_map": both}, {"1": one, "2": two}),
        "path_out": ({"weight_map": {"a": "../../../etc/passwd.safetensors", "b": "/1.safetensors"}}, {}),
        "no_weight_map": ({"metadata": {}}, {}), "many_shards": (
            {"weight_map": {str(i): f"{i}.safetensors" for i in range(10_001)}}, {}),
    }


def main():
    for name, raw in SAFETENSORS.items():
        (HERE / f"{name}.safetensors").write_bytes(raw)
    for name, raw in GGUF.items():
        (HERE / f"{name}.gguf").write_bytes(raw)
    for name, (index, files) in shards().items():
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
        for stem, raw in files.items():
            (folder / f"{stem}.safetensors").write_bytes(raw)


if __name__ == "__main__":
    main()
