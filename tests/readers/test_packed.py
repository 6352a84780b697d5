"""Headers of packed checkpoints: they count what they stand for, and pass against their own config.

`tests/data/packed` has the tensors, small values and config of files that the libraries themselves wrote (`written_by`)
from one Llama of two layers; the values of their weights are left out. Layouts whose libraries write nothing on a CPU
are made here by hand: AutoGPTQ's old one (qlinear_cuda_old.py), gpt-oss MXFP4 (its published index), ExLlamaV2 and V3
(exllamav3/modules/quant/exl3.py).
"""

import base64
import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.catalog.formats import find_format
from paramcalc.checks.checked_model import Subject
from paramcalc.checks.checkpoint import against_checkpoint
from paramcalc.measures.parameters import count
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.headers.safetensors import DTYPES
from paramcalc.readers.models import load
from paramcalc.spec.caveats import level_of
from paramcalc.transforms.formats import in_formats

DATA = sorted((Path(__file__).parents[1] / "data" / "packed").glob("*.json"))
TRUE = 1_443_072
SHAPELESS = {"quanto-int2", "quanto-int4"}
"""Files that do not say the shape of their matrices at all."""
APART = {"bnb-int8": 14, "bnb-nf4": 1_106, "bnb-nf4-dq": 2_315, "hqq3": 952, "hqq4": 952, "modelopt-fp8": 56,
         "modelopt-nvfp4": 56}
"""Bytes of small texts, settings and scales of activations a matrix, which no number format counts."""


def write(folder, document, config=True):
    """A safetensors file with the tensors of a document, zeros for what it leaves out."""
    header, place, values = {}, 0, document.get("values", {})
    for name, (dtype, shape) in document["tensors"].items():
        size = find_format(DTYPES[dtype]).bits // 8
        for dimension in shape:
            size *= dimension
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place + size]}
        place += size
    raw = json.dumps(header).encode()
    path = folder / "model.safetensors"
    with path.open("wb") as stream:
        stream.write(len(raw).to_bytes(8, "little") + raw)
        for name, value in values.items():
            stream.seek(8 + len(raw) + header[name]["data_offsets"][0])
            stream.write(base64.b64decode(value))
        stream.truncate(8 + len(raw) + place)
    if config:
        (folder / "config.json").write_text(json.dumps(document["config"]))
    return path, place


@pytest.mark.parametrize("file", DATA, ids=lambda path: path.stem)
def test_files_of_the_libraries(file, tmp_path):
    document = json.loads(file.read_text())
    path, size = write(tmp_path, document)
    reading = load(str(path))
    tree = build(reading.spec).tree
    assert (count(tree).total, weight_bytes(tree).total) == (TRUE, size)
    assert level_of(reading.spec.caveats, "parameters") == "exact"
    own = build(load(str(tmp_path)).spec)
    assert count(own.tree).total == TRUE
    assert weight_bytes(in_formats(own).tree).total == size - APART.get(file.stem, 0)
    subject = Subject("m", load(str(tmp_path)), own)
    assert list(against_checkpoint(path)(subject)) == []


@pytest.mark.parametrize("file", DATA, ids=lambda path: path.stem)
def test_files_without_their_config(file, tmp_path):
    path, size = write(tmp_path, json.loads(file.read_text()), config=False)
    spec = load(str(path)).spec
    tree = build(spec).tree
    assert weight_bytes(tree).total == size
    exact = file.stem not in SHAPELESS
    assert level_of(spec.caveats, "parameters") == ("exact" if exact else "bound")
    assert count(tree).total == TRUE if exact else count(tree).total < TRUE


def gptq(out, inputs):
    return {"qweight": ["I32", [inputs // 8, out]], "qzeros": ["I32", [inputs // 128, out // 8]],
            "scales": ["F16", [inputs // 128, out]], "g_idx": ["I32", [inputs]]}


def exl2(out, inputs):
    return {"q_weight": ["I32", [inputs // 8, out]], "q_scale": ["I32", [inputs // 128, out // 8]],
            "q_scale_max": ["F16", [inputs // 128]], "q_groups": ["I16", [inputs // 64]],
            "q_invperm": ["I32", [inputs]]}


def exl3(out, inputs):
    return {"trellis": ["I16", [inputs // 16, out // 16, 64]], "suh": ["F16", [inputs]], "svh": ["F16", [out]]}


@pytest.mark.parametrize("make", [gptq, exl2, exl3])
def test_layouts_by_hand(make, tmp_path):
    document = json.loads((DATA[0].parent / "awq.json").read_text())
    plain = build(load(str(write(tmp_path, document)[0].parent)).spec).tree
    shapes = {t.part: t.shape for _, node, _, _ in plain.walk() for t in node.tensors}
    modules = dict.fromkeys(name.rpartition(".")[0] for name in document["tensors"] if name.endswith("qweight"))
    unpacked = {name: entry for name, entry in document["tensors"].items() if name.rpartition(".")[0] not in modules}
    packed = {f"{module}.{part}": entry for module in modules
              for part, entry in make(*shapes[module.rpartition(".")[2]]).items()}
    path, size = write(tmp_path, {"tensors": unpacked | packed}, config=False)
    (tmp_path / "config.json").unlink()
    tree = build(load(str(path)).spec).tree
    assert (count(tree).total, weight_bytes(tree).total) == (TRUE, size)


def test_experts_of_gpt_oss(tmp_path):
    tensors = {"model.layers.0.mlp.experts.down_proj_blocks": ["U8", [32, 2880, 90, 16]],
               "model.layers.0.mlp.experts.down_proj_scales": ["U8", [32, 2880, 90]]}
    path, size = write(tmp_path, {"tensors": tensors}, config=False)
    tree = build(load(str(path)).spec).tree
    assert (count(tree).total, weight_bytes(tree).total) == (32 * 2880 * 2880, size)


def test_a_part_of_a_file_is_no_packing(tmp_path):
    tensors = {"norm.weight": ["F16", [64]], "norm.scale": ["F16", [64]], "block.weight": ["F16", [64, 64]]}
    path, _ = write(tmp_path, {"tensors": tensors}, config=False)
    assert count(build(load(str(path)).spec).tree).total == 64 * 66
