from __future__ import annotations

from fractions import Fraction
from math import ceil
from pathlib import Path

import pytest

from paramcalc.catalog.formats import find_format, format_of_ggml_type, formats, is_mix
from paramcalc.errors import UsageError
from tests.yaml_files import read_yaml

GGUF = read_yaml(Path(__file__).parents[1] / "data/catalog/gguf_types.yaml")
LLAMA_8B_MATRICES = 8_030_261_248 - 65 * 4096  # all but the norms


@pytest.mark.parametrize("fact", GGUF, ids=lambda f: f["type"])
def test_gguf_types_are_as_published(fact: dict[str, int]) -> None:
    kind = find_format(str(fact["type"]), family="gguf")
    assert format_of_ggml_type(fact["number"]) is kind
    assert kind.block == fact["weights"]
    assert kind.bytes_of((1, fact["weights"])) == fact["bytes"]
    assert kind.bytes_of((7, 3, 5 * fact["weights"])) == 105 * fact["bytes"]
    assert kind.bits_per_weight == Fraction(str(fact["bits_per_weight"]))


def test_all_gguf_types_are_covered() -> None:
    assert {kind.ggml_type for kind in formats().values() if kind.family == "gguf"} <= {f["number"] for f in GGUF}


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        # bits + (16 + bits)/g: https://dev.to/multigrid/group-size-in-gptq-and-awq-quantization-1525
        ("awq", "4.15625"), ("awq-g64", "4.3125"), ("awq-g32", "4.625"), ("gptq", "4.15625"),
        # bitsandbytes-foundation/bitsandbytes@95f9af309d4d:bitsandbytes/functional.py
        ("nf4", "4.5"), ("bnb-fp4", "4.5"), ("nf4-dq", "4.126953125"),
        # deepseek-ai/DeepSeek-V3@9b4e9788e4a3:README_WEIGHTS.md
        ("fp8-block", "8.001953125"),
        # openai/gpt-oss@7b583341fe16, pytorch/torchtitan@b5bcd76c66d0 mxfp8.md, NeMo nvfp4 (0.5625 bytes)
        ("mxfp4", "4.25"), ("mxfp8", "8.25"), ("nvfp4", "4.5"), ("ct-nvfp4", "4.5"),
        # mobiusml/hqq@e0b1d00e0956:Readme.md; MLX quantize
        ("hqq", "4.5"), ("hqq-2bit", "2.5"), ("mlx", "4.5"),
    ],
)  # fmt: skip
def test_bits_a_weight_are_as_published(name: str, bits: str) -> None:
    assert find_format(name).bits_per_weight == Fraction(bits)


def test_double_quantization_saves_what_is_said() -> None:
    # Lightning-AI/litgpt@26857050fe3f:tutorials/quantize.md#L69: about 0.37 bits a parameter
    saved = find_format("nf4").bits_per_weight - find_format("nf4-dq").bits_per_weight
    assert round(float(saved), 2) == 0.37


@pytest.mark.parametrize(("out", "columns"), [(4096, 4096), (14336, 4096), (96, 160), (33, 70), (1, 1)])
def test_checkpoint_layouts_to_the_byte(out: int, columns: int) -> None:
    """Each tensor of the layout as its repository declares it: shape times width."""
    shape = (out, columns)
    groups = ceil(columns / 128)
    word = ceil(out * 4 / 32) * 4
    qweight = ceil(columns * 4 / 32) * 4 * out
    assert find_format("gptq").breakdown(shape) == {
        "qweight": qweight, "qzeros": groups * word, "scales": 2 * groups * out, "g_idx": 4 * columns,
    }  # fmt: skip
    assert find_format("awq").bytes_of(shape) == columns * word + groups * word + 2 * groups * out
    assert find_format("w4a16").bytes_of(shape) == qweight + 2 * groups * out + 16
    blocks = ceil(out * columns / 64)
    assert find_format("nf4").bytes_of(shape) == ceil(out * columns / 2) + 4 * blocks + 64
    nested = blocks + 4 * ceil(blocks / 256) + 64 + 1024 + 4
    assert find_format("nf4-dq").bytes_of(shape) == ceil(out * columns / 2) + nested
    assert find_format("fp8-block").bytes_of(shape) == out * columns + 4 * ceil(out / 128) * ceil(columns / 128)
    assert find_format("fp8-tensor").bytes_of(shape) == out * columns + 4
    for name in ("fp8-channel", "w8a8", "llm.int8"):
        assert find_format(name).bytes_of(shape) == out * columns + 4 * out
    packed_rows = ceil(ceil(out * columns / 64) / 10)
    assert find_format("hqq-3bit").breakdown(shape)["W_q"] == packed_rows * 64 * 4


def test_nvfp4_and_mxfp4_rows() -> None:
    # 16 values take 8 + 1 bytes, and 4 a tensor: https://nvidia.github.io/cuda-rust/cutile/latest/tutorials/11-nvfp4-inference.html
    assert find_format("nvfp4").bytes_of((1, 16)) == 9 + 4
    assert find_format("ct-nvfp4").breakdown((2560, 2560))["weight_scale"] == 2560 * 160
    assert find_format("mxfp4").bytes_of((32, 5760, 2880)) == 32 * 5760 * (1440 + 90)


def test_group_of_a_whole_row() -> None:
    assert find_format("gptq").but({"group": -1}).breakdown((64, 256))["scales"] == 2 * 64


@pytest.mark.parametrize(("name", "gib"), [("q8_0", 7.95), ("f16", 14.96)])
def test_whole_files_of_llama_3_1_8b(name: str, gib: float) -> None:
    # ggml-org/llama.cpp@311c2c9f0ebd:tools/quantize/README.md; norms are F32, the rest of the file is its vocabulary
    total = find_format(name).bytes_of((LLAMA_8B_MATRICES // 4096, 4096)) + 4 * 65 * 4096
    assert 0 <= gib * 2**30 - total < 15 * 10**6


def test_q4_k_of_every_matrix_of_llama_3_1_8b() -> None:
    assert find_format("q4_k").bytes_of((LLAMA_8B_MATRICES // 4096, 4096)) + 4 * 65 * 4096 == 4_517_937_152


@pytest.mark.parametrize("spelling", ["bf16", "BF16", "bfloat16", "torch.bfloat16"])
def test_dtypes_by_every_spelling(spelling: str) -> None:
    assert find_format(spelling).name == "bf16"


@pytest.mark.parametrize("spelling", ["f16", "float16", "half", "fp16", "F16"])
def test_half_by_every_spelling(spelling: str) -> None:
    assert find_format(spelling).bytes_of((3, 5)) == 30


def test_four_bits_round_up_to_bytes() -> None:
    assert find_format("int4").bytes_of((3, 5)) == 8


@pytest.mark.parametrize("shape", [(), (0, 4), (4, 0), (0, 2, 2)])
def test_scalars_and_empty_tensors(shape: tuple[int, ...]) -> None:
    assert find_format("fp32").bytes_of(shape) == (0 if 0 in shape else 4)


def test_the_same_name_in_a_gguf_file() -> None:
    assert (find_format("MXFP4").name, find_format("MXFP4", family="gguf").name) == ("mxfp4", "ggml_mxfp4")
    assert find_format("NVFP4", family="gguf").bytes_of((1, 64)) == 36


def test_variants_by_name() -> None:
    assert (find_format("GPTQ-Int4").bits, find_format("gptq-3bit-g32").bits) == (4, 3)
    assert (find_format("gptq-3bit-32g").group, find_format("mlx-8bit").bits) == (32, 8)
    with pytest.raises(UsageError, match="awq has no bits 3"):
        find_format("awq-3bit")


@pytest.mark.parametrize("name", ["q4_k_m", "Q5_K_S", "IQ2_M", "Q3_K_L", "IQ3_XS"])
def test_a_mix_is_not_a_format(name: str) -> None:
    assert is_mix(name)
    with pytest.raises(UsageError, match="mix") as caught:
        find_format(name)
    assert find_format(caught.value.problems[0].hint.rsplit(" ", 1)[1]).family == "gguf"


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        find_format("q4_q")
    assert "q4_k" in caught.value.problems[0].hint


def test_rows_that_do_not_divide_are_refused() -> None:
    kind = find_format("q4_k")
    assert not kind.fits((4, 100))
    with pytest.raises(UsageError, match="blocks of 256"):
        kind.bytes_of((4, 100))


def test_every_format_has_a_source() -> None:
    assert all(kind.source.startswith("http") or "@" in kind.source for kind in formats().values())
    assert all(kind.bytes_of((256, 256)) > 0 for kind in formats().values())
