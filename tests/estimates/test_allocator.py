"""What torch's caching allocator counts, by its rules; whole models are held to what vLLM printed in tests/evidence."""

import pytest

from paramcalc.build import build
from paramcalc.estimates.allocator import Pool, allocated_bytes
from paramcalc.measures.weights import MOST_ARRAYS, arrays, weight_bytes
from paramcalc.spec.model import ModelSpec

MIB = 2**20


@pytest.mark.parametrize(("sizes", "counted"), [
    ([1, 513], 512 + 1024),  # whole grains of 512
    ([MIB, MIB], 2 * MIB),  # small ones share a segment
    ([3 * MIB], 3 * MIB), ([19 * MIB + 1], 20 * MIB),  # a rest of 1 MiB or less goes with the block
    ([19 * MIB - 512], 19 * MIB - 512), ([9 * MIB] * 2, 18 * MIB),
    ([9 * MIB + 512 * 1024] * 2, 9 * MIB + 512 * 1024 + 10 * MIB + 512 * 1024),  # the second gets all that is left
    ([95 * MIB], 96 * MIB), ([95 * MIB - 512], 95 * MIB - 512),  # segments of 2 MiB; a larger rest is split off
    ([94 * MIB - 512 * 1024, MIB + 512], 94 * MIB + MIB + 512),
])
def test_blocks(sizes, counted):
    pool = Pool()
    for size in sizes:
        pool.take(size)
    assert pool.allocated == counted


def test_free_neighbours_become_one_block():
    pool = Pool()
    blocks = [pool.take(4 * MIB) for _ in range(4)]
    for block in (blocks[0], blocks[2], blocks[1]):
        pool.give(block)
    block_of_both = pool.take(9 * MIB)
    assert (block_of_both.segment, block_of_both.start, pool.allocated) == (blocks[0].segment, 0, 13 * MIB)


def test_tables_are_made_of_larger_ones_that_are_given_back():
    assert allocated_bytes([30 * MIB], [4 * MIB], 0) == 34 * MIB
    # angles, cosines and sines fill a segment but for what joins them; the table then splits what they leave
    assert allocated_bytes([2 * MIB, 8 * MIB], [4 * MIB], 1) == 14 * MIB


SHORT = {"vocab_size": 1000, "hidden_size": 64, "num_layers": 3, "num_heads": 4, "num_kv_heads": 2,
         "intermediate_size": 96, "tie_embeddings": True}


def test_arrays_join_what_reads_one_input():
    joined = arrays(build(ModelSpec.model_validate(SHORT)).tree)
    layer = [2 * 64, 2 * 64 * (64 + 32 + 32), 2 * 64 * 64, 2 * 64, 2 * 2 * 64 * 96, 2 * 64 * 96]
    assert joined == ([2 * 64000, *layer * 3, 2 * 64], 4)


def test_experts_are_two_arrays():
    moe = {"experts": 4, "top_k": 2, "intermediate_size": 40}
    tree = build(ModelSpec.model_validate(SHORT | {"moe": moe})).tree
    sizes = arrays(tree).sizes
    assert sum(sizes) == weight_bytes(tree).total
    assert [sizes.count(size) for size in (2 * 4 * 2 * 40 * 64, 2 * 4 * 40 * 64)] == [3, 3]


def test_layers_are_taken_in_their_order():
    blocks = {"a": {"intermediate_size": 96}, "b": {"intermediate_size": 128}}
    tree = build(ModelSpec.model_validate(SHORT | {"blocks": blocks, "layers": ["b", "a", "b"]})).tree
    ups = [size for size in arrays(tree).sizes if size in (4 * 64 * 96, 4 * 64 * 128)]
    assert ups == [4 * 64 * 128, 4 * 64 * 96, 4 * 64 * 128]


def test_a_model_of_too_many_arrays_has_none():
    part = {"kind": "parameter", "shape": [1], "copies": 2**16}
    tree = build(ModelSpec.model_validate({"hidden_size": 4, "modules": {"a": part, "b": part}})).tree
    assert arrays(tree) == ([], 0)
    assert MOST_ARRAYS < 2 * 2**16
