"""Work by blocks and by sequences, against counting the blocks one by one; what a convolution computes."""

import itertools

import pytest

from paramcalc.components import parse_component
from paramcalc.measures.flops import Workload, blocks, flops
from paramcalc.tree import Context, Node, Work

SHAPES = list(itertools.product((1, 3, 4, 8, 13), (1, 2, 4, 16)))


def work(per, block, *, padded=True):
    return Work("within", (1,), ("one",), "state_mixer", per, block=block, padded=padded)


@pytest.mark.parametrize(("positions", "block"), SHAPES)
def test_blocks_one_by_one(positions, block):
    tokens = [range(start, min(start + block, positions)) for start in range(0, positions, block)]
    seen = sum(k <= q for own in tokens for q in own for k in own)
    assert blocks(positions, work("block_pair", block), "causal") == seen
    assert blocks(positions, work("block_pair", block), "full") == sum(block**2 for _ in tokens)
    assert blocks(positions, work("block_pair", block, padded=False), "full") == sum(len(own) ** 2 for own in tokens)
    assert blocks(positions, work("block_token", block), "full") == sum(block for _ in tokens)
    assert blocks(positions, work("block_token", block, padded=False), "full") == positions
    assert blocks(positions, work("block_token", block), "causal") == positions
    edges = range(len(tokens) + 1)  # of the blocks, and where the sequence begins
    assert blocks(positions, work("block_square", block), "full") == len(edges) ** 2
    assert blocks(positions, work("block_square", block), "causal") == sum(i <= j for i in edges for j in edges)


def node(**fields):
    part, context = parse_component(fields), Context(8)
    return Node("", tuple(part.tensors(context)), part=part, context=context)


@pytest.mark.parametrize(("fields", "load", "forward"), [
    # three channels' worth in, one out, and a kernel of 3 over each channel: at every position
    ({"kind": "short_conv", "conv_kernel": 3}, Workload(2, 5, convention="causal"), 2 * 2 * 5 * (4 * 64 + 8 * 3)),
    # both ends padded by two: two positions more for the kernel
    ({"kind": "short_conv", "conv_kernel": 3}, Workload(2, 5), 2 * 2 * (5 * 4 * 64 + 7 * 8 * 3)),
    # one column too many in the cache: the position before is computed again
    ({"kind": "short_conv", "conv_kernel": 3}, Workload(2, 1, 9), 2 * 2 * (4 * 64 + 2 * 8 * 3)),
    ({"kind": "short_conv", "conv_kernel": 1}, Workload(2, 5), 2 * 2 * 5 * (4 * 64 + 8)),
    # once a sequence, whatever its length
    ({"kind": "work", "sizes": [3, 5], "per": "sequence"}, Workload(2, 7), 2 * 2 * 15),
    ({"kind": "work", "sizes": [3, 5], "per": "source"}, Workload(2, 7, source=11), 2 * 2 * 15 * 11),
    ({"kind": "work", "sizes": [3, 5], "per": "token"}, Workload(2, 7, source=11), 2 * 2 * 15 * 7),
    ({"kind": "work", "sizes": [3, 5], "per": "source_pair"}, Workload(2, 7, source=11), 2 * 2 * 15 * 77),
    # logits of the last position only; what a sequence has one of
    ({"kind": "head", "rows": 9}, Workload(2, 7, head="last"), 2 * 2 * 72),
    ({"kind": "head", "rows": 9}, Workload(2, 7), 2 * 2 * 7 * 72),
    ({"kind": "linear", "out_features": 9, "per": "sequence"}, Workload(2, 7), 2 * 2 * 72),
    # of the encoder's output, made before any token is cached
    ({"kind": "linear", "out_features": 9, "per": "source"}, Workload(2, 7, source=11), 2 * 2 * 11 * 72),
    ({"kind": "linear", "out_features": 9, "per": "source"}, Workload(2, 1, 7, source=11), 0),
])
def test_forward(fields, load, forward):
    assert flops(node(**fields), load).forward == forward


@pytest.mark.parametrize(("kind", "fused"), [("rwkv_time_mix", 2 * 3 * 4 * 8)])
def test_scans_count_where_asked(kind, fused):
    tree = node(kind=kind)
    assert flops(tree, Workload(1, 3), fused=True).forward - flops(tree, Workload(1, 3)).forward == fused
