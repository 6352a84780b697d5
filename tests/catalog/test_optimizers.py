from __future__ import annotations

import pytest

from paramcalc.catalog.optimizers import find_optimizer, optimizers
from paramcalc.errors import UsageError

BIG = (4096, 14336)
COUNT = 4096 * 14336


@pytest.mark.parametrize(
    ("name", "bytes_per_parameter"),
    [
        # stas00/ml-engineering@744d01e18b79:training/performance/README.md#L249-251,L553-555
        ("adamw", 8), ("adamw_bf16", 4), ("momentum", 4), ("lion", 4), ("sgd", 0), ("paged_adamw", 8),
        # bitsandbytes-foundation/bitsandbytes@95f9af309d4d:bitsandbytes/optim/optimizer.py
        ("adamw_8bit", 2.03125), ("paged_adamw_8bit", 2.03125), ("lion_8bit", 1.015625),
        # KellerJordan/Muon@857d1adc159e:muon.py
        ("muon", 4),
    ],
)  # fmt: skip
def test_bytes_a_parameter_of_a_matrix(name: str, bytes_per_parameter: float) -> None:
    assert find_optimizer(name).state_bytes(BIG, "matmul") == COUNT * bytes_per_parameter


def test_states_follow_the_tensor_that_is_updated() -> None:
    assert find_optimizer("lion").state_bytes(BIG, "matmul", 2) == 2 * COUNT
    assert find_optimizer("adamw").state_bytes(BIG, "matmul", 2) == 8 * COUNT


def test_small_tensors_keep_fp32_states() -> None:
    optimizer = find_optimizer("adamw8bit")
    assert optimizer.state_bytes((4095,), "vector") == 8 * 4095
    assert optimizer.state_bytes((4096,), "vector") == 2 * (4096 + 4 * 16)
    assert optimizer.state_bytes((4097,), "vector") == 2 * (4097 + 4 * 17)
    assert optimizer.but(lookup_fp32=True).state_bytes((1000, 64), "lookup") == 8 * 64000


def test_muon_leaves_tables_head_and_vectors_to_adamw() -> None:
    muon = find_optimizer("muon")
    assert muon.state_bytes((64, 32), "lookup", 4, "token_embedding") == 8 * 2048
    assert muon.state_bytes((64, 32), "matmul", 4, "lm_head") == 8 * 2048
    assert muon.state_bytes((64,), "vector") == 8 * 64
    assert muon.state_bytes((64, 8, 4), "conv") == 4 * 2048


def test_adafactor_keeps_rows_and_columns() -> None:
    # pytorch/pytorch@051d6a09bb15:torch/optim/_adafactor.py
    adafactor = find_optimizer("adafactor")
    assert adafactor.state_bytes(BIG, "matmul") == 4 * (4096 + 14336)
    assert adafactor.state_bytes((8, 64, 32), "matmul", 2) == 2 * 8 * (64 + 32)
    assert adafactor.state_bytes((64,), "vector") == 4 * 64
    assert adafactor.but(momentum=True).state_bytes(BIG, "matmul") == 4 * (4096 + 14336 + COUNT)


@pytest.mark.parametrize("shape", [(4096, 1024), (1024, 4096)])
def test_galore_projects_along_the_shorter_side(shape: tuple[int, int]) -> None:
    # jiaweizzhao/GaLore@2cc66f88cce1:galore_torch/galore_projector.py: 2·r·max + r·min numbers
    galore = find_optimizer("galore")
    assert galore.state_bytes(shape, "matmul") == 4 * (2 * 128 * 4096 + 128 * 1024)
    assert galore.but(rank=5000).state_bytes(shape, "matmul") == 4 * (2 * 1024 * 4096 + 1024**2)
    assert galore.state_bytes((3, *shape), "matmul") == 3 * galore.state_bytes(shape, "matmul")
    assert galore.state_bytes(shape, "lookup") == 8 * 4096 * 1024


def test_apollo_ranks() -> None:
    # zhuhanqing/APOLLO@76b34725abcb:README.md: a quarter of the dimension, and 1
    assert find_optimizer("apollo").state_bytes((1024, 4096), "matmul") == 4 * (2 * 256 * 4096 + 256 * 1024)
    assert find_optimizer("apollo-mini").state_bytes((1024, 4096), "matmul") == 4 * (2 * 4096 + 1024)
    bare = find_optimizer("apollo").but(stores_projector=False)
    assert bare.state_bytes((1024, 4096), "matmul") * 4 == find_optimizer("adamw").state_bytes((1024, 4096), "matmul")


def test_soap_leaves_long_sides_alone() -> None:
    # nikhilvyas/SOAP@a1e553530fde:soap.py
    soap = find_optimizer("soap")
    assert soap.state_bytes((64, 32), "matmul") == 4 * (2 * 64 * 32 + 2 * 64**2 + 2 * 32**2)
    assert soap.state_bytes((20_000, 32), "matmul") == 4 * (2 * 20_000 * 32 + 2 * 32**2)
    assert soap.state_bytes((64,), "vector") == 4 * 2 * 64
    assert soap.but(precondition_vectors=True).state_bytes((64,), "vector") == 4 * (2 * 64 + 2 * 64**2)


def test_shampoo_factors_every_block() -> None:
    plain = find_optimizer("shampoo").but(max_preconditioner_dim=8, symmetric_packing=False, grafting=False)
    # blocks of 20 × 12 at 8: sides 8, 8, 4 and 8, 4, each pair of them a block with two factors
    factors = sum(2 * (a * a + b * b) for a in (8, 8, 4) for b in (8, 4))
    assert plain.state_bytes((20, 12), "matmul") == 4 * (factors + 240)
    packed = sum(2 * (a * (a + 1) // 2 + b * (b + 1) // 2) for a in (8, 8, 4) for b in (8, 4))
    assert plain.but(symmetric_packing=True).state_bytes((20, 12), "matmul") == 4 * (packed + 240)
    assert plain.but(grafting=True).state_bytes((20, 12), "matmul", 2) == 4 * factors + 2 * 2 * 240


def test_shampoo_merges_small_sides() -> None:
    # (32, 3, 64, 64) at 8192 is (96, 4096), says
    # facebookresearch/optimizers@f60660661194:distributed_shampoo/utils/shampoo_utils.py
    optimizer = find_optimizer("shampoo").but(max_preconditioner_dim=8192, symmetric_packing=False, grafting=False)
    count = 32 * 3 * 64 * 64
    assert optimizer.state_bytes((32, 3, 64, 64), "conv") == 4 * (2 * (96**2 + 4096**2) + count)
    assert optimizer.but(max_preconditioner_dim=10).state_bytes((1, 2, 5, 1), "conv") == 4 * (2 * 100 + 10)


def test_paging_is_for_large_tensors() -> None:
    paged = find_optimizer("paged-adamw-8bit")
    assert (paged.pageable((100_000,)), paged.pageable((99_999,))) == (True, False)
    assert not find_optimizer("adamw").pageable(BIG)


def test_names_are_forgiving_and_wrong_ones_get_the_nearest() -> None:
    assert find_optimizer("AdamW_8bit") is find_optimizer("adamw8bit")
    with pytest.raises(UsageError) as caught:
        find_optimizer("adamx")
    assert "adamw" in caught.value.problems[0].hint


@pytest.mark.parametrize("optimizer", optimizers().values(), ids=lambda o: o.name)
def test_every_row_counts_and_cites(optimizer) -> None:
    assert all("@" in part for part in optimizer.source.split("; "))
    for shape, role in (
        ((8, 4), "matmul"),
        ((8, 4), "lookup"),
        ((8,), "vector"),
        ((8, 2, 2), "conv"),
        ((2, 8, 4), "matmul"),
    ):
        size = optimizer.state_bytes(shape, role)
        assert isinstance(size, int)
        assert size >= 0
