"""What single components keep for backward where no recorded class shows it; counted by hand from what operations keep.

Values for each token, each pair and each sequence, of a width of 64, four query heads and two key heads of 16. Whole
models are held to what torch packed in `test_classes.py`.
"""

from collections import Counter
from math import prod

import pytest

from paramcalc.activations import saves
from paramcalc.activations.class_facts import ClassFacts
from paramcalc.activations.fold import Tokens, activations
from paramcalc.activations.forward import Forward, UnknownActivationsError
from paramcalc.activations.policy import Policy
from paramcalc.axes import runs
from paramcalc.build import build
from paramcalc.components import parse_component
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.lora import Lora, adapt
from paramcalc.transforms.shard import Sharding, shard
from paramcalc.tree import Context

HEADS = {"kind": "attention", "num_heads": 4, "num_kv_heads": 2, "head_dim": 16}
LATENT = {"kind": "latent_attention", "num_heads": 4, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
          "v_head_dim": 16}
MAMBA = {"kind": "mamba", "inner_size": 64, "state_size": 16, "dt_rank": 4}
MAMBA2 = {"kind": "mamba2", "num_heads": 4, "head_dim": 16, "state_size": 8}
DELTA = {"kind": "gated_delta", "key_heads": 2, "value_heads": 4, "key_dim": 8, "value_dim": 16}
MOE = {"kind": "moe", "experts": 8, "top_k": 2, "intermediate_size": 32}
EAGER, FLASH, MEGATRON = Policy("eager"), Policy("flash"), Policy("sdpa", library="megatron")
USUAL = ClassFacts()


def saved(fields, policy, facts=USUAL, *, rotary=False):
    part = parse_component(fields)
    save = saves(part.kind)
    return save(part, Forward(Context(64), policy, facts, rotary=rotary)) if save else []


def values_saved(fields, policy, facts=USUAL, *, rotary=False):
    """Values kept, by what there is one of."""
    leaves = saved(fields, policy, facts, rotary=rotary)
    counts = Counter()
    for leaf in {leaf.shared or number: leaf for number, leaf in enumerate(leaves)}.values():
        counts[leaf.per] += leaf.used * prod(leaf.shape)
    return dict(counts)


FLASH_MORE = {"once": 24}  # the random state

CASES = [
    # input; q, k, v; context, and four logarithms of sums
    ("flash", HEADS, FLASH, {"token": 64 + (64 + 32 + 32) + 64 + 4} | FLASH_MORE),
    # the joint storage of q, k and v once; no gate
    ("joint", HEADS | {"fused": "qkv"}, FLASH, {"token": 64 + 128 + 64 + 4} | FLASH_MORE),
    # k and v as one storage of 64
    ("kv", HEADS | {"fused": "kv"}, FLASH, {"token": 64 + 64 + 64 + 64 + 4} | FLASH_MORE),
    # the gate is part of the joint storage of 4·(16 + 16) + 2·32; its sigmoid, the context and their product
    ("gqkv", HEADS | {"fused": "gqkv", "output_gate": "full"}, FLASH, {"token": 64 + 192 + 3 * 64 + 4} | FLASH_MORE),
    # one more value a head is the sigmoid of the gate
    ("gate of a head", HEADS | {"output_gate": "head"}, FLASH, {"token": 64 + 128 + 64 + 4 + 4 + 64} | FLASH_MORE),
    # q and its gate are one storage of 128; the gate's sigmoid and the product are of 64
    ("gate with q", HEADS | {"output_gate": "query"}, FLASH, {"token": 64 + 128 + 64 + 3 * 64 + 4} | FLASH_MORE),
    # no output projection, but the kernel keeps its output
    ("no output", HEADS | {"output": False}, FLASH, {"token": 64 + 128 + 64 + 4} | FLASH_MORE),
    # keys and values of another layer are expanded to all heads again: copies
    ("shared keys", HEADS | {"shares_kv": True}, EAGER, {"token": 64 + 3 * 64 + 64, "pair": 2 * 4}),
    # the library of formulas keeps neither logarithms nor random states
    ("megatron", HEADS, MEGATRON, {"token": 64 + 128 + 64 + 64}),
    # input, latent and rotary key of 40 whose part is the norm's input, copy and product, ...
    ("latent head gate", LATENT | {"norms": False, "output_gate": "head"}, FLASH,
     # input, latent, q, k of 4·24, values of 4·32, context as the kernel lays it out (heads apart, as queries joined
     # of two parts are), as it is gated, and gated; logarithms, gate
     {"token": 64 + 40 + 96 + 96 + 128 + 64 + 64 + 4 + 4 + 64} | FLASH_MORE),
    ("latent full gate", LATENT | {"norms": False, "output_gate": "full"}, FLASH,
     {"token": 64 + 40 + 96 + 96 + 128 + 64 + 64 + 4 + 64 + 64} | FLASH_MORE),
    # mamba_ssm MambaInnerFn: input, both projected halves, dt with B and C, these two apart, output; exp A, A, D and
    # the bias of dt as float32; a state, as two values, each 2048 tokens
    ("mamba kernel", MAMBA, FLASH, {"token": 64 + 128 + 36 + 2 * 16 + 64, "block": 64 * 32, "once": 2 * 64 * 16 + 128}),
    # SelectiveScanFn alone: convolution's input and what it gave, normed dt, B and C each with copy, scale and result;
    # dt, gate, x, B, C and the scan's output as the kernel reads them; the output projection's input
    ("mamba with norms", MAMBA | {"dt_norms": True}, FLASH,
     {"token": 64 + 128 + 64 + (2 * 36 + 3 + 4) + 3 * 64 + 2 * 16 + 64 + 64, "block": 64 * 32,
      "once": 2 * 64 * 16 + 128}),
    # MambaSplitConv1dScanCombinedFn: gate, x, B, C and dt in one, the scan's output, a scale
    ("mamba 2 kernel", MAMBA2, FLASH, {"token": 64 + (64 + 64 + 16 + 4) + 64 + 1, "once": 8}),
    # ChunkGatedDeltaRuleFunction: q and k of 16 with two norms, v, the decays' sum, a row of 64 a head; before it the
    # convolution's input, the strength, softplus; behind it a gated norm of five tensors and a scale
    ("delta kernel", DELTA, FLASH,
     {"token": 64 + 96 + 4 + 8 + (2 * 18 + 64 + 4 + 256) + (5 * 64 + 4) + 64, "once": 8}),
    # ChunkKDAFunction: decays and their sums a channel in place of one a head, two triangles; before it the decay's
    # latent, three tensors and a mask, behind it the gate's latent, a norm of four tensors, a scale and the weight
    ("channel delta kernel", {"kind": "kimi_delta", "num_heads": 2, "head_dim": 8, "gate_rank": 4}, FLASH,
     {"token": 64 + 48 + 4 + 4 * 16 + 2 + (2 * 18 + 2 * 128 + 16 + 2 * 16) + 4 + (4 * 16 + 2) + 16, "once": 4 + 8}),
    # RwkvLinearAttention: key, value and output; around it input and shifted, what three projections read, receptance
    ("rwkv kernel", {"kind": "rwkv_time_mix"}, FLASH, {"token": 10 * 64, "once": 5 * 64}),
    # the input, B, C and x, the convolution's input and output, what the last projection reads
    ("short convolution", {"kind": "short_conv", "conv_kernel": 3}, FLASH, {"token": (1 + 3 + 3) * 64}),
    # what a table of biases looks up is an index for each pair of positions
    ("lookup", {"kind": "parameter", "shape": [32, 4], "role": "lookup"}, EAGER, {"position_pair": 1}),
    ("added", {"kind": "parameter", "shape": [64], "added": True}, EAGER, {}),
    ("buffer", {"kind": "parameter", "shape": [64], "buffer": True}, EAGER, {}),
    ("frozen", {"kind": "parameter", "shape": [64], "frozen": True}, EAGER, {}),
    ("rotary", {"kind": "rotary"}, EAGER, {}),
    # a copy in float32 and the inverse root of its mean square
    ("norm without scale", {"kind": "rmsnorm", "scale": False}, EAGER, {"token": 64 + 1}),
]


@pytest.mark.parametrize(("fields", "policy", "values"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_by_hand(fields, policy, values):
    assert values_saved(fields, policy) == values


def test_rotation_keeps_tables_and_a_rotated_copy():
    for fields in (HEADS, LATENT):
        tables = 2 * (16 if fields is HEADS else 8)
        more = values_saved(fields, FLASH, rotary=True)
        assert more == values_saved(fields, FLASH) | {"position": tables}
        assert values_saved(fields, MEGATRON, rotary=True) == values_saved(fields, MEGATRON)


def test_a_layer_that_shares_keys_rotates_its_queries_alone():
    shared = HEADS | {"shares_kv": True}
    assert values_saved(shared, EAGER, rotary=True) == values_saved(shared, EAGER) | {"position": 2 * 16}


def test_a_written_norm_keeps_the_centred_input_twice():
    written = ClassFacts(layer_norm="written")
    assert values_saved({"kind": "layernorm", "scale": False}, EAGER, written) == {"token": 2 * 64 + 1}
    # the result before it is scaled, and the weight in float32
    assert values_saved({"kind": "layernorm"}, EAGER, written) == {"token": 3 * 64 + 1, "once": 64}


def test_experts_in_a_narrower_width():
    full_width, narrow = values_saved(MOE, EAGER), values_saved(MOE | {"latent_size": 16}, EAGER)
    # two copies of the input and two outputs are of 16 where they were of 64; what goes up again is one of 16 more
    assert full_width["token"] - narrow["token"] == 2 * 2 * (64 - 16) - 16


def test_experts_chosen_elsewhere_have_no_router():
    own, apart = values_saved(MOE, MEGATRON), values_saved(MOE | {"router": False}, MEGATRON)
    assert own["token"] - apart["token"] == 64  # its input; experts have copies of it


def test_a_router_in_float_keeps_copies_of_its_input_and_weight():
    wide = ClassFacts(router_float=True)
    plain, wider = values_saved(MOE, EAGER), values_saved(MOE, EAGER, wide)
    assert wider["once"] - plain["once"] == 8 * 64
    assert wider["token"] == plain["token"]  # the copy takes the input's place
    (copy,) = [leaf for leaf in saved(MOE, EAGER, wide) if leaf.name == "router input"]
    assert copy.dtype == "float32"


@pytest.mark.parametrize("fields", [MAMBA, MAMBA2, DELTA], ids=lambda fields: fields["kind"])
def test_formulas_of_megatron_know_no_scans(fields):
    with pytest.raises(UnknownActivationsError, match=fields["kind"]):
        values_saved(fields, MEGATRON)


@pytest.mark.parametrize("fields", [
    {"kind": "rmsnorm", "gate_rank": 4}, {"kind": "parameter", "shape": [4]},
], ids=lambda fields: fields["kind"])
def test_what_nobody_described_is_refused(fields):
    with pytest.raises(UnknownActivationsError, match=fields["kind"]):
        values_saved(fields, EAGER)


def test_a_router_that_norms_its_input():
    plain, normed = values_saved(MOE, EAGER), values_saved(MOE, EAGER, ClassFacts(router_normed=True))
    # the norm's copy of the input, its factor and its result; two weights before and after their factors; what the
    # router reads then takes the input's place
    assert normed["token"] - plain["token"] == 64 + 1 + 64 + 2 * 2


def test_experts_that_all_read_every_token_and_one_that_is_shared():
    every = ClassFacts(every_expert=True)
    alone, shared = values_saved(MOE, EAGER, every), values_saved(MOE | {"shared_size": 32}, EAGER, every)
    assert shared["token"] - alone["token"] == 4 * 32  # gate, its activation, up, and their product


def test_a_corrected_stream_that_is_scaled_is_kept():
    plain, scaled = (values_saved({"kind": "altup", "streams": 4, "scaled": scaled}, EAGER) for scaled in (False, True))
    assert scaled["token"] - plain["token"] == 64


def test_differential_attention_under_formulas():
    # input; q and k; twice v and the context; both contexts; the output's input
    assert values_saved(HEADS | {"kind": "differential_attention"}, MEGATRON) == {
        "token": 64 + (64 + 32) + 2 * (32 + 64) + 128 + 64}


def test_fused_scans_copy_nothing_that_is_float_already():
    narrow, wide = values_saved(MAMBA, FLASH), values_saved(MAMBA, Policy("flash", dtype="fp32"))
    assert narrow["once"] - wide["once"] == 2 * 64  # D and dt's bias


def test_a_fused_scan_without_a_norm_keeps_no_factor():
    normed, plain = values_saved(MAMBA2, FLASH), values_saved(MAMBA2 | {"gated_norm": False}, FLASH)
    assert normed["token"] - plain["token"] == 1


def test_of_layers_computed_again_by_operations_every_other_product_stays_and_what_attention_gives():
    """Llama's: q, v, the output of attention and its logarithms, gate and down of q, k, v, o, gate, up, down."""
    spec = ModelSpec.model_validate({"vocab_size": 100, "hidden_size": 64, "num_layers": 3, "num_heads": 4,
                                     "num_kv_heads": 2, "intermediate_size": 96})
    plain, again = (activations(build(spec), Tokens(1, 8), Policy("flash", how)) for how in ("full", "per-op"))
    assert again.model - plain.model == 8 * 3 * (2 * (64 + 32 + 64 + 96 + 64) + 4 * 4)
    eager = activations(build(spec), Tokens(1, 8), Policy("eager", "per-op"))  # whose products are of no kernel's
    assert eager.model - plain.model == 8 * 3 * 2 * (64 + 32 + 96 + 64)


def test_products_of_all_experts_are_one_operation_that_is_computed_again():
    spec = ModelSpec.model_validate({"vocab_size": 100, "hidden_size": 64, "num_layers": 1, "num_heads": 4,
                                     "moe": MOE | {"shared_size": 32}})
    plain, again = (activations(build(spec), Tokens(1, 8), Policy("eager", how)) for how in ("full", "per-op"))
    # of q, k, v, o, router, and the shared gate, up, down: q, v, router, up
    assert again.model - plain.model == 8 * 2 * (64 + 64 + 8 + 32)


def test_what_an_adapter_reads_is_a_copy_with_a_mask_where_it_is_dropped():
    spec = build(ModelSpec.model_validate({"vocab_size": 100, "hidden_size": 64, "num_layers": 1, "num_heads": 4,
                                           "intermediate_size": 96}))
    plain, dropped = (activations(adapt(spec, Lora(4, ("q_proj", "down_proj"), dropout=rate)), Tokens(1, 8),
                                  Policy("flash")).model for rate in (0.0, 0.1))
    # a mask of each; without dropout the adapters' float32 copies are as many as with it
    assert dropped - plain == 8 * (64 + 96)


@pytest.mark.parametrize(("dtype", "values"), [("bf16", 4 * 16), ("fp32", 4 * (2 * 8 + 2 * 16))])
def test_a_gate_in_float_stays_a_part_of_what_made_it(dtype, values):
    """Of each of four heads q, k, v and the gate come of one product; in bf16 the gate alone is copied."""
    fields = DELTA | {"key_heads": 4, "layout": "qkvz"}
    (gate,) = [leaf for leaf in saved(fields, Policy("eager", dtype=dtype)) if leaf.name == "gate input"]
    assert prod(gate.shape) == values
    assert sum(run.units * run.size for run in runs(gate.axes[0], gate.shape[0])) == gate.shape[0]


def products(fields, facts=USUAL):
    """Values of what projections give, in their order, where layers are computed again operation by operation."""
    part = parse_component(fields)
    run = Forward(Context(64), Policy("flash", "per-op"), facts, layer=True)
    return [(prod(leaf.shape), str(leaf.axes[-1])) for leaf in saves(part.kind)(part, run) if leaf.op == "product"]


GATED = HEADS | {"output_gate": "full"}


@pytest.mark.parametrize(("fields", "values"), [
    (HEADS, [(64, "heads"), (32, "kv_heads"), (32, "kv_heads"), (64, "hidden")]),
    # a gate of its own, of all values or one a head; of the query's matrix; of the joint one
    (GATED, [(64, "heads"), (32, "kv_heads"), (32, "kv_heads"), (64, "heads"), (64, "hidden")]),
    (HEADS | {"output_gate": "head"},
     [(64, "heads"), (32, "kv_heads"), (32, "kv_heads"), (4, "heads"), (64, "hidden")]),
    (HEADS | {"output_gate": "query"}, [(128, "heads"), (32, "kv_heads"), (32, "kv_heads"), (64, "hidden")]),
    (GATED | {"fused": "gqkv"}, [(192, "heads"), (64, "hidden")]),
    ({"kind": "rwkv_channel_mix", "intermediate_size": 96}, [(96, "ffn"), (64, "out"), (64, "hidden")]),
    ({"kind": "rwkv_time_mix", "attention_size": 48},
     [(48, "inner"), (48, "inner"), (48, "inner"), (64, "hidden")]),
    # the latents, then what they expand to: 4·(16 + 8) queries, 4·(16 + 16) keys and values
    (LATENT | {"q_lora_rank": 24}, [(24, "latent"), (96, "heads"), (40, "latent"), (128, "heads"), (64, "hidden")]),
])
def test_what_each_projection_gives(fields, values):
    assert products(fields) == values


@pytest.mark.parametrize("fields", [HEADS, LATENT], ids=["heads", "latent"])
def test_layers_with_a_window_have_tables_of_their_own(fields):
    """Two tables of cosines and sines for each position, where windows rotate otherwise than the whole context."""
    def tables(window):
        facts = ClassFacts(rotary_by_window=True)
        leaves = saved(fields | window, FLASH, facts, rotary=True)
        return {leaf.shared for leaf in leaves if leaf.per == "position"}

    assert tables({}) == {"cosines", "sines"}
    assert tables({"window": 8}) == {"windowed cosines", "windowed sines"}


@pytest.mark.parametrize("tp", [1, 4])
def test_every_device_routes_among_all_groups(tp):
    """Of each token the best two of eight groups and the four chosen, as int64; a mask of the 32 experts left out."""
    fields = {"vocab_size": 100, "hidden_size": 64, "num_layers": 1, "num_heads": 8, "family": "deepseek_v3",
              "moe": MOE | {"experts": 32}}
    models = [build(ModelSpec.model_validate(fields | {"routing": routing}))
              for routing in ({}, {"n_group": 8, "topk_group": 4})]
    plain, grouped = (activations(model._replace(tree=shard(model.tree, Sharding(tp))), Tokens(1, 8), EAGER).model
                      for model in models)
    assert grouped - plain == 8 * ((8 * 2 + 4) * 8 + 32)
