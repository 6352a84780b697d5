"""llama.cpp's mixes against the sizes of published files."""

from decimal import Decimal
from pathlib import Path

import pytest

import paramcalc
from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.measures.parameters import count
from paramcalc.measures.weights import weight_bytes
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.formats import in_formats
from paramcalc.transforms.gguf_mix import mix, more_bits
from tests.evidence.records import model as named
from tests.yaml_files import read_yaml

RECORDS = read_yaml(Path(__file__).parent.parent / "data/evidence/gguf_sizes.yaml")["records"]
LLAMA = {"vocab_size": 128256, "num_kv_heads": 8}
MODELS = {
    "llama-3.1-8b": LLAMA | {"hidden_size": 4096, "num_layers": 32, "num_heads": 32, "intermediate_size": 14336},
    "llama-3-70b": LLAMA | {"hidden_size": 8192, "num_layers": 80, "num_heads": 64, "intermediate_size": 28672},
}


@pytest.mark.parametrize("record", [row for row in RECORDS if "printed" in row],
                         ids=lambda r: f"{r['model']}-{r['mix']}-{r['unit']}")
def test_a_printed_size_is_ours_or_explained(record):
    model = named(record["model"])
    size = weight_bytes(in_formats(model, record["mix"], gguf=True).tree).total
    ours = {"gib": size / 2**30, "gb": size / 1e9, "bpw": 8 * size / count(model.tree).total}[record["unit"]]
    printed = Decimal(record["printed"])
    step = float(Decimal(1).scaleb(printed.as_tuple().exponent))
    assert (abs(ours - float(printed)) <= step * 0.5001) is ("why" not in record), ours


@pytest.mark.parametrize("record", [row for row in RECORDS if "printed" not in row],
                         ids=lambda r: f"{r['model']}-{r['mix']}")
def test_a_file_is_as_large_as_published(record):
    model = build(ModelSpec.model_validate(MODELS[record["model"]]))
    size = weight_bytes(in_formats(model, record["mix"], imatrix=record.get("imatrix", False), gguf=True).tree).total
    if "bits_per_weight" in record:
        assert 8 * size / 8030261248 == pytest.approx(record["bits_per_weight"], abs=1e-4)
    else:
        assert size / 2**30 == pytest.approx(record["file_gib"], rel=1e-3)


def test_the_first_the_last_and_every_third_layer_get_more_bits():
    assert [i for i in range(32) if more_bits(i, 32)] == [0, 1, 2, 3, 6, 9, 12, 15, 18, 21, 24, 27, 28, 29, 30, 31]


def test_an_unknown_mix_names_the_known_ones():
    tree = build(ModelSpec.model_validate(MODELS["llama-3.1-8b"])).tree
    with pytest.raises(UsageError, match="unknown GGUF mix 'q9'"):
        mix("q9", tree)


def test_rows_that_do_not_divide_fall_back():
    odd = MODELS["llama-3.1-8b"] | {"intermediate_size": 14336 + 32}
    size = weight_bytes(in_formats(build(ModelSpec.model_validate(odd)), "q4_k_s").tree)
    assert {"q5_0", "q5_1"} <= set(size.formats)
    assert "q4_0" not in size.formats


@pytest.mark.parametrize(("runtime", "size"), [
    # 4.5 bits and a scale a matrix for the linear layers; table, head and norms in bf16, as ModelOpt writes them
    ("vllm", 2 * (2 * 128256 * 4096 + 65 * 4096) + 6979321856 * 9 // 16 + 4 * 7 * 32),
    ("llama.cpp", 4653375488)])
def test_a_name_of_two_worlds_is_that_of_the_runtime(runtime, size):
    """NVFP4 is a format of safetensors files, whose head is not quantized, and a file type of llama.cpp, with one."""
    weights = paramcalc.memory("llama-3.1-8b", runtime=runtime, quant="nvfp4").weights
    assert weights.on_disk - weights.file_head == size
