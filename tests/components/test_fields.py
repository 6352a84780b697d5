"""Fields and kinds that no recorded class sets: what they hold, keep and do, counted by hand from the papers named.

A width of 64. `states` are values of one token and of one sequence; `work` is multiply-adds by what there is one of.
"""

from collections import Counter
from math import prod

import pytest

from paramcalc.components import parse_component
from paramcalc.tree import Context

pytestmark = pytest.mark.smoke

LATENT = {"kind": "latent_attention", "num_heads": 4, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
          "v_head_dim": 16}
INDEXER = {"kind": "indexer", "num_heads": 4, "head_dim": 16}
SPARSE = {"kind": "compressed_attention", "num_heads": 4, "head_dim": 16, "q_lora_rank": 8, "o_groups": 2,
          "o_lora_rank": 8, "window": 16}
KIMI = {"kind": "kimi_delta", "num_heads": 4, "head_dim": 16, "block_size": 8}
MLSTM = {"kind": "mlstm", "num_heads": 4, "qk_size": 32, "v_size": 64}
RWKV = {"kind": "rwkv_time_mix", "attention_size": 48}


def part(fields):
    return parse_component(fields)


CONTEXT = Context(64)
PROJECTIONS = 64 * 40 + 32 * 4 * 32 + 64 * 64  # to latent and rotary key, up to keys and values, output

PARAMETERS = [
    # arXiv:2405.04434 section 2.1 without the norms, with queries direct or through a latent of 12
    (LATENT | {"norms": False}, PROJECTIONS + 64 * 4 * 24),
    (LATENT, PROJECTIONS + 64 * 4 * 24 + 32),
    (LATENT | {"norms": False, "q_lora_rank": 12}, PROJECTIONS + 64 * 12 + 12 * 4 * 24),
    (LATENT | {"q_lora_rank": 12}, PROJECTIONS + 64 * 12 + 12 * 4 * 24 + 32 + 12),
    # a query and a key projection, a weight for each head, a key norm with shift (arXiv:2512.02556 section 2)
    (INDEXER, 64 * 64 + 64 * 16 + 64 * 4 + 2 * 16),
    (INDEXER | {"key_norm": "rmsnorm", "query_size": 24}, 24 * 64 + 64 * 16 + 64 * 4 + 16),
    (INDEXER | {"key_norm": "none", "query_norm": True, "head_weights": False}, 64 * 64 + 64 * 16 + 16),
    # a position for each of 4 pooled keys and a gate for the key
    (INDEXER | {"pool": 4}, 64 * 64 + 64 * 16 + 64 * 4 + 2 * 16 + 4 * 16 + 64 * 16),
    # queries through a latent with its norm, one key that is the value with its norm, the output by groups, sinks
    (SPARSE, 64 * 8 + 8 + 8 * 64 + 64 * 16 + 16 + 2 * 8 * 32 + 64 * 16 + 4),
    # q, k, v of 64 and their convolutions of 4, decay and its bias, both gates whole, beta, the norm of a head, output
    (KIMI, 3 * (64 * 64 + 64 * 4) + 4 + 64 + 2 * 64 * 64 + 64 * 4 + 16 + 64 * 64),
    (KIMI | {"gate_rank": 8}, 3 * (64 * 64 + 64 * 4) + 4 + 64 + 2 * (64 * 8 + 8 * 64) + 64 * 4 + 16 + 64 * 64),
    # arXiv:2503.13427: q, k, v, output gate, input and forget gates with bias, a norm, output; fused or not
    (MLSTM, 64 * (2 * 32 + 2 * 64) + 2 * (64 * 4 + 4) + 64 + 64 * 64),
    (MLSTM | {"layout": "fused"}, 64 * (2 * 32 + 2 * 64) + 2 * (64 * 4 + 4) + 64 + 64 * 64),
    # arXiv:2305.13048 section 3.1: decay and bonus of the inner width, three mixes, three projections, output
    (RWKV, 2 * 48 + 3 * 64 + 4 * 48 * 64),
]


@pytest.mark.parametrize(("fields", "parameters"), PARAMETERS, ids=[str(case[0]) for case in PARAMETERS])
def test_parameters(fields, parameters):
    assert sum(tensor.stored * tensor.numel for tensor in part(fields).tensors(CONTEXT)) == parameters


STATES = [
    (LATENT, {"token": 32 + 8}),
    (INDEXER, {"token": 16}),
    (INDEXER | {"pool": 4}, {"token": 2 * 16 + 1}),
    (SPARSE, {"token": 16}),
    (KIMI, {"sequence": 4 * 16 * 16 + 4 * 3 * 64}),
    # memory, normalizer and stabilizer of each head
    (MLSTM, {"sequence": 4 * 8 * 16 + 4 * 8 + 4}),
    (RWKV, {"sequence": 64 + 3 * 48}),
]


@pytest.mark.parametrize(("fields", "values"), STATES, ids=[str(case[0]) for case in STATES])
def test_states(fields, values):
    counts = Counter()
    for state in part(fields).states(CONTEXT):
        counts[state.per] += state.used * prod(state.shape)
    assert dict(counts) == values


WORK = [
    # decayed, read, corrected, read out: four for each value of the state (arXiv:2510.26692 equation 1); a prompt by
    # blocks: keys with keys, queries with keys, weights with values, and three products with the state
    (KIMI, {"token cached": 4 * 4 * 16 * 16, "block_pair prompt": 4 * 48 + 4 * 32, "block_token prompt": 3 * 4 * 256}),
    # C = f·C + i·v·kᵀ and C·q (arXiv:2405.04517 equation 19)
    (MLSTM, {"token ": 3 * 4 * 8 * 16}),
    # both sums decayed and added to (arXiv:2305.13048 equation 16)
    (RWKV, {"token ": 4 * 48}),
    # as keys of 24 and values of 16, or as the latent itself, scored with the rotary key and summed up
    (LATENT, {"pair expanded": 4 * (24 + 16), "pair absorbed": 4 * (32 + 8 + 32)}),
    # a score of 16 for each head and its weighted sum
    (INDEXER, {"pair ": 4 * 17}),
    (INDEXER | {"head_weights": False}, {"pair ": 4 * 16}),
    # scores with a key of 16 that is the value too
    (SPARSE, {"pair ": 4 * 32}),
]


@pytest.mark.parametrize(("fields", "values"), WORK, ids=[str(case[0]) for case in WORK])
def test_work(fields, values):
    counts = Counter()
    for work in part(fields).work(CONTEXT):
        counts[f"{work.per} {work.when}"] += work.used * prod(work.shape)
    assert dict(counts) == values


def test_the_window_alone_is_what_an_uncompressed_layer_sees():
    (state,), (work,) = part(SPARSE).states(CONTEXT), part(SPARSE).work(CONTEXT)
    assert state.window == work.window == 16
