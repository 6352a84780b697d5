"""What single mixers keep between tokens and multiply without weights, counted by hand from their papers.

Of a width of 64. Whole models are held to what the library's classes keep and multiply in `test_states.py` and
`tests/measures`; here stand the kinds, and the sizes that are equal in published models, that no record tells apart.
"""

from math import prod

import pytest

from paramcalc.axes import runs
from paramcalc.components import parse_component
from paramcalc.tree import Context

RECURRENT = {"kind": "rg_lru", "lru_width": 48, "num_heads": 4, "conv_kernel": 4}
RWKV_7 = {"kind": "rwkv_matrix_mix", "version": 7, "num_heads": 4, "head_dim": 8}
RWKV_6 = RWKV_7 | {"version": 6, "mix_rank": 12, "decay_rank": 10}
RWKV_5 = RWKV_7 | {"version": 5}
PLAMO = {"kind": "selective_mamba2", "num_heads": 4, "head_dim": 8, "state_size": 16, "dt_rank": 6, "conv_kernel": 4}
XLSTM = {"kind": "mlstm", "num_heads": 4, "qk_size": 32, "v_size": 64}
MAMBA2 = {"kind": "mamba2", "num_heads": 4, "head_dim": 8, "state_size": 16, "groups": 2, "conv_kernel": 4}
DELTA = {"kind": "gated_delta", "key_heads": 2, "value_heads": 4, "key_dim": 8, "value_dim": 16, "conv_kernel": 4}
KIMI = {"kind": "kimi_delta", "num_heads": 2, "head_dim": 8, "gate_rank": 4, "conv_kernel": 4}
ZAYA = {"kind": "convolved_attention", "num_heads": 4, "num_kv_heads": 2, "head_dim": 8, "depthwise_kernel": 3,
        "grouped_kernel": 2}
COMPRESSED = {"kind": "compressed_attention", "num_heads": 4, "head_dim": 16, "q_lora_rank": 24, "o_groups": 2,
              "o_lora_rank": 8, "window": 8, "rate": 4}
INDEXED = COMPRESSED | {"top_k": 5, "index_heads": 2, "index_head_dim": 8}
INDEXER = {"kind": "indexer", "num_heads": 2, "head_dim": 8}

STATES = [
    # the convolution's last three inputs; a value a channel
    (RECURRENT, {"conv": (48, 3), "recurrent": (48,)}),
    ({"kind": "rwkv_time_mix", "attention_size": 48},
     {"shift": (64,), "numerator": (48,), "denominator": (48,), "maximum": (48,)}),
    ({"kind": "rwkv_channel_mix", "intermediate_size": 96}, {"shift": (64,)}),
    (RWKV_7, {"shift": (64,), "matrix": (4, 8, 8)}),
    (RWKV_6, {"shift": (64,), "matrix": (4, 8, 8)}),
    (PLAMO, {"conv": (32, 4), "ssm": (4, 8, 16)}),
    # each head's memory of 32/4 keys by 64/4 values
    (XLSTM, {"memory": (4, 8, 16), "normalizer": (4, 8), "stabilizer": (4, 1)}),
    ({"kind": "lightning_attention", "num_heads": 4, "head_dim": 16}, {"linear": (4, 16, 16)}),
    ({"kind": "mamba", "inner_size": 96, "state_size": 16, "dt_rank": 4}, {"conv": (96, 4), "ssm": (96, 16)}),
    # x of 4·8 channels, B and C of 2·16 each
    (MAMBA2, {"conv": (32 + 2 * 32, 4), "ssm": (4, 8, 16)}),
    # q and k of 2·8 channels each, v of 4·16
    (DELTA, {"conv": (2 * 16 + 64, 4), "delta": (4, 8, 16)}),
    (KIMI, {"conv": (3 * 16, 4), "delta": (2, 8, 8)}),
    ({"kind": "short_conv", "conv_kernel": 3}, {"conv": (64, 3)}),
    # two convolutions one after the other reach 2 + 1 columns back; half of the values come a token late
    (ZAYA, {"k": (2, 8), "v": (2, 8), "conv": (6 * 8, 3), "delayed_v": (2 * 8 // 2,)}),
    # of a group that is not full, each token's value and gate
    (COMPRESSED, {"kv": (16,), "compressed_kv": (16,), "pending_kv": (2, 16)}),
    # entries that overlap are made of two halves, and half of the last group stays
    (INDEXED, {"kv": (16,), "compressed_kv": (16,), "pending_kv": (2, 2 * 16), "overlap_kv": (2, 4, 16),
               "compressed_index": (8,), "pending_index": (2, 2 * 8), "overlap_index": (2, 4, 8)}),
    (INDEXER, {"index_key": (8,)}),
    # the pooled key's gate, and whether it is valid
    (INDEXER | {"pool": 4}, {"index_key": (2 * 8 + 1,)}),
]


@pytest.mark.parametrize(("fields", "shapes"), STATES, ids=[fields["kind"] for fields, _ in STATES])
def test_states(fields, shapes):
    states = parse_component(fields).states(Context(64))
    assert {state.name: state.shape for state in states} == shapes


@pytest.mark.parametrize("fields", [fields for fields, _ in STATES], ids=[fields["kind"] for fields, _ in STATES])
def test_runs_make_up_their_dimension(fields):
    part = parse_component(fields)
    for leaf in (*part.tensors(Context(64)), *part.states(Context(64)), *part.work(Context(64))):
        for name, size in zip(leaf.axes, leaf.shape, strict=True):
            assert sum(run.units * run.size for run in runs(name, size)) == size, (leaf.name, name)


PROJECTIONS = 3 * 32 * 64 + 64 * 32
"""Receptance, key and value to 4·8 channels; the output back."""


@pytest.mark.parametrize(("fields", "parameters"), [
    # mixing weights of key, value, receptance and gate; decay, bonus; the gate's projection; a norm with bias
    (RWKV_5, 4 * 64 + 2 * 32 + PROJECTIONS + 32 * 64 + 2 * 32),
    # six mixing weights and their five pairs of rank 12; the decay with its pair of rank 10; bonus, gate, norm
    (RWKV_6, 6 * 64 + 2 * 5 * 12 * 64 + 32 + 10 * (64 + 32) + 32 + PROJECTIONS + 32 * 64 + 2 * 32),
    # six mixing weights; three vectors of keys; pairs of rank 10, 9 and 11 with biases but the gate's; a norm
    (RWKV_7 | {"decay_rank": 10, "rate_rank": 9, "gate_rank": 11},
     6 * 64 + 3 * 32 + PROJECTIONS + (10 + 9 + 11) * (64 + 32) + 2 * 32 + 2 * 32),
    (RWKV_7 | {"decay_rank": 10, "rate_rank": 9, "gate_rank": 11, "value_rank": 7},
     6 * 64 + 3 * 32 + PROJECTIONS + (10 + 9 + 11 + 7) * (64 + 32) + 3 * 32 + 2 * 32),
    # decay, skip, dt's bias; convolution; gate and input; dt, B and C with a norm each; dt up again; the output
    (PLAMO, 3 * 4 + 4 * 32 + 2 * 32 * 64 + (6 + 2 * 16) * 32 + (6 + 2 * 16) + 4 * 6 + 64 * 32),
    # B, C and x; a kernel of three; the output: no biases
    ({"kind": "short_conv", "conv_kernel": 3}, 3 * 64 * 64 + 64 * 3 + 64 * 64),
    # queries, keys and two halves of values; a kernel a channel, then one over a head's, both with bias; temperatures
    (ZAYA, (32 + 16 + 2 * 8) * 64 + 48 * (3 + 1) + 48 * (2 * 8 + 1) + 2 + 64 * 32),
    # the router reads the whole width, experts 16 of it: down and up without biases
    ({"kind": "moe", "experts": 8, "top_k": 2, "intermediate_size": 32, "latent_size": 16},
     8 * 64 + 2 * 16 * 64 + 8 * 3 * 32 * 16),
], ids=["rwkv 5", "rwkv 6", "rwkv 7, first layer", "rwkv 7", "plamo 2", "short_conv", "zaya", "latent experts"])
def test_parameters(fields, parameters):
    assert sum(tensor.stored * tensor.numel for tensor in parse_component(fields).tensors(Context(64))) == parameters


def test_a_group_that_is_not_full_is_one_token_shorter_than_a_full_one():
    pending = [state for state in parse_component(INDEXED).states(Context(64)) if state.name.startswith("pending")]
    assert [state.entries for state in pending] == [4 - 1, 4 - 1]


WORK = [
    # a_t · h and the input's share: two multiply-adds a channel (arXiv:2402.19427, equation 4)
    (RECURRENT, {("scan", ""): (2 * 48, "token")}),
    # numerator and denominator, each decayed and added to (arXiv:2305.13048, section 3.1)
    ({"kind": "rwkv_time_mix", "attention_size": 48}, {("scan", ""): (4 * 48, "token")}),
    (RWKV_5, {("scan", ""): (3 * 4 * 8 * 8, "token")}),
    (RWKV_7, {("scan", ""): (5 * 4 * 8 * 8, "token")}),
    # as Mamba-2 with a group
    (PLAMO, {("within", "prompt"): (4 * (16 + 8), "block_pair"), ("carried", "prompt"): (4 * 8 * 16, "block_square"),
             ("in_and_out", "prompt"): (2 * 4 * 8 * 16, "block_token"),
             ("scan", "cached"): (2 * 4 * 8 * 16, "token"), ("read_out", "cached"): (4 * 8 * 16, "token")}),
    (XLSTM, {("scan", ""): (3 * 4 * 8 * 16, "token")}),
    ({"kind": "lightning_attention", "num_heads": 4, "head_dim": 16},
     {("within", "prompt"): (4 * 2 * 16, "block_pair"), ("in_and_out", "prompt"): (2 * 4 * 16 * 16, "block_token"),
      ("in_and_out", "cached"): (2 * 4 * 16 * 16, "token"), ("decay", ""): (4 * 16 * 16, "token")}),
    ({"kind": "mamba", "inner_size": 96, "state_size": 16, "dt_rank": 4},
     {("scan", ""): (2 * 96 * 16, "token"), ("read_out", ""): (96 * 16, "token")}),
    # C·B and its product with x; B·x and C·state (arXiv:2405.21060, section 6)
    (MAMBA2, {("within", "prompt"): (4 * (16 + 8), "block_pair"), ("carried", "prompt"): (4 * 8 * 16, "block_square"),
              ("in_and_out", "prompt"): (2 * 4 * 8 * 16, "block_token"),
              ("scan", "cached"): (2 * 4 * 8 * 16, "token"), ("read_out", "cached"): (4 * 8 * 16, "token")}),
    # k·k, q·k and weights·v; the triangular system for keys and values (arXiv:2406.06484, section 3)
    (DELTA, {("within", "prompt"): (4 * (2 * 8 + 16), "block_pair"),
             ("corrections", "prompt"): (4 * (8 + 16), "block_pair"),
             ("in_and_out", "prompt"): (3 * 4 * 8 * 16, "block_token"), ("scan", "cached"): (4 * 4 * 8 * 16, "token")}),
    (ZAYA, {("scores", ""): (4 * 2 * 8, "pair")}),
    ({"kind": "attention", "num_heads": 4, "num_kv_heads": 2, "head_dim": 16, "v_head_dim": 8},
     {("scores", ""): (4 * (16 + 8), "pair")}),
    # each of two experts has as many heads as there are keys
    ({"kind": "moe_attention", "experts": 8, "top_k": 2, "num_kv_heads": 3, "head_dim": 8},
     {("scores", ""): (2 * 3 * 2 * 8, "pair")}),
    (INDEXED, {("scores", ""): (4 * 2 * 16, "pair"), ("compressed_scores", ""): (4 * 2 * 16, "pair"),
               ("index_scores", ""): (2 * 8, "pair")}),
    # a head's score and its part of their sum
    (INDEXER, {("index_scores", ""): (2 * (8 + 1), "pair")}),
    (INDEXER | {"head_weights": False}, {("index_scores", ""): (2 * 8, "pair")}),
    # every stream is predicted from all
    ({"kind": "altup", "streams": 4}, {("predict", ""): (4 * 4 * 64, "token")}),
]


@pytest.mark.parametrize(("fields", "figures"), WORK, ids=[fields["kind"] for fields, _ in WORK])
def test_work(fields, figures):
    work = list(parse_component(fields).work(Context(64)))
    assert {(item.name, item.when): (prod(item.shape), item.per) for item in work} == figures


def test_compressed_entries_are_met_by_stride_and_the_index_meets_all_of_them():
    window, entries, index = parse_component(INDEXED).work(Context(64))
    assert (window.window, window.stride, window.top_k) == (8, 1, None)
    assert (entries.window, entries.stride, entries.top_k) == (None, 4, 5)
    assert (index.window, index.stride, index.top_k) == (None, 4, None)
