"""What is kept between tokens. Bytes are counted by hand; whole models are held to records in tests/evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.estimates.runtimes import Runtime
from paramcalc.measures.cache import Serving, cache_type, describe, entries_of, exact, mixers, types
from paramcalc.spec.model import ModelSpec
from paramcalc.tree import State

SHORT = {"vocab_size": 1000, "hidden_size": 64, "num_layers": 4, "num_heads": 8, "num_kv_heads": 2, "head_dim": 16,
         "intermediate_size": 96}
MLA = {"kind": "latent_attention", "num_heads": 8, "kv_lora_rank": 32, "qk_nope_head_dim": 16, "qk_rope_head_dim": 8,
       "v_head_dim": 16}
SSM = {"kind": "mamba2", "num_heads": 8, "head_dim": 4, "state_size": 16, "groups": 2}
FALCON = {"kind": "attention", "num_heads": 8, "num_kv_heads": 2, "head_dim": 16, "cache_heads": 8}
PROMPTED = {"kind": "attention", "num_heads": 2, "head_dim": 16, "prompt": 7}
UNKEPT = {"kind": "attention", "num_heads": 2, "head_dim": 16, "cache_heads": 0}
UNWINDOWED = {"kind": "attention", "num_heads": 2, "head_dim": 16, "window": 10, "cache_whole": True}
KV = 2 * 2 * 16 * 2  # key and value, two heads of 16, two bytes


def kinds(**more):
    return mixers(build(ModelSpec.model_validate(SHORT | more)).tree)


@pytest.mark.parametrize(("fields", "context", "batch", "kv", "state", "growth"), [
    ({}, 100, 3, 4 * 300 * KV, 0, 4 * KV),
    ({"window": 10}, 5, 1, 4 * 5 * KV, 0, 4 * KV),
    ({"window": 10}, 100, 2, 4 * 2 * 9 * KV, 0, 0),  # the next token sees nine and itself
    ({"chunk": 8}, 100, 1, 4 * 7 * KV, 0, 0),
    ({"mixer": MLA}, 100, 1, 4 * 100 * 80, 0, 4 * 80),
    # three inputs of 32 + 2·2·16 channels in bf16, eight 4×16 matrices in fp32
    ({"mixer": SSM}, 100, 2, 0, 2 * 4 * (3 * 96 * 2 + 8 * 64 * 4), 0),
    ({"blocks": {"a": {"window": 10}, "b": {}}, "layers": ["a", "a", "a", "b"]}, 100, 1, (3 * 9 + 100) * KV, 0, KV),
    ({"mixer": FALCON}, 100, 1, 4 * 100 * KV, 0, 4 * KV),
    ({"mixer": PROMPTED}, 100, 2, 4 * 2 * 107 * KV, 0, 4 * KV),
])
def test_exact(fields, context, batch, kv, state, growth):
    needed = exact(kinds(**fields), Serving(context, batch), types("bf16"))
    assert (needed.kv_bytes, needed.state_bytes, needed.per_token) == (kv, state, growth)
    assert needed.bytes == kv + state


def test_lines_say_in_how_many_layers_and_how_many_entries():
    blocks = {"blocks": {"a": {"window": 10}, "b": {}}, "layers": ["a", "a", "a", "b"]}
    needed = exact(kinds(**blocks), Serving(100, 2), types("bf16"))
    assert {(line.layers, line.cells, line.bytes) for line in needed.lines} == {
        (3, 2 * 9, 3 * 2 * 9 * KV), (1, 2 * 100, 2 * 100 * KV)}


@pytest.mark.parametrize(("state", "words"), [
    (State("k", (2, 16), ("kv_heads", "head_dim"), window=1024), "keys and values, window 1,024"),
    (State("v", (2, 16), ("kv_heads", "head_dim"), chunk=8192), "keys and values, chunks of 8,192"),
    (State("k", (2, 16), ("kv_heads", "head_dim"), "source"), "keys and values of the source"),
    (State("last_token", (16,), ("hidden",), "sequence"), "last token"),
])
def test_a_state_is_called_what_people_call_it(state, words):
    assert describe(state) == words


@pytest.mark.parametrize(("context", "entries"), [(3, 0), (4, 1), (11, 2), (1000, 250)])
def test_entries_for_each_stride_are_those_it_filled(context, entries):
    state = State("k", (2, 16), ("kv_heads", "head_dim"), stride=4)
    assert entries_of(state, context, 0) == entries


@pytest.mark.parametrize(("fields", "context", "expected"), [
    ({"window": 10}, 100, 4 * 9 * KV),
    ({"mixer": FALCON}, 100, 4 * 100 * 4 * KV),  # expanded heads
    ({"mixer": PROMPTED}, 100, 4 * 107 * KV),
    ({"mixer": UNKEPT}, 100, 0),  # a class without a cache
    ({"mixer": UNWINDOWED}, 100, 4 * 100 * KV),  # a window the class does not use
    ({"mixer": SSM}, 100, 4 * (4 * 96 * 2 + 8 * 64 * 4)),  # four columns, not three
])
def test_transformers(fields, context, expected):
    assert Runtime("transformers").cache(kinds(**fields), Serving(context), types("bf16")).bytes == expected


SPLIT = {"blocks": {"a": {"window": 10}, "b": {}}, "layers": ["a", "a", "a", "b"]}


@pytest.mark.parametrize(("fields", "context", "batch", "settings", "cells"), [
    ({}, 100, 1, (), 256), ({}, 257, 2, (), 1024), ({}, 8192, 1, ("unified=true",), 8192),
    (SPLIT, 8192, 1, (), 768),  # 10 + 512, padded to 256
    (SPLIT, 8192, 4, (), 4 * 768), (SPLIT, 8192, 4, ("unified=true",), 768),  # 4 · 10 + 512
    (SPLIT, 8192, 1, ("ubatch=2048",), 2304), (SPLIT, 300, 1, (), 512), (SPLIT, 8192, 1, ("swa_full=true",), 8192),
    ({"mixer": PROMPTED}, 250, 1, (), 512), ({"mixer": UNKEPT}, 100, 1, (), 256),
    ({"window": 10}, 8192, 1, (), 8192),  # no full layers beside the windows: windows are not used
])
def test_llama_cpp_cells(fields, context, batch, settings, cells):
    allocated = Runtime("llama.cpp", settings).cache(kinds(**fields), Serving(context, batch), types("fp16"))
    assert allocated.lines[0].cells == cells


def test_llama_cpp_states_are_f32_a_slot_and_snapshot():
    allocated = Runtime("llama.cpp", ["rollback=2"]).cache(kinds(mixer=SSM), Serving(100, 5), types("fp16"))
    assert allocated.bytes == 5 * 3 * 4 * (3 * 96 + 8 * 64) * 4


def test_transformers_static_cache_allocates_the_window_whole():
    allocated = Runtime("transformers", ["static=true"]).cache(kinds(window=10), Serving(100), types("bf16"))
    assert allocated.bytes == 4 * 10 * KV


@pytest.mark.parametrize(("name", "shape", "size"), [
    ("bf16", (2, 16), 64), ("fp8", (2, 16), 32), ("q8_0", (2, 16), 34), ("q4_0", (2, 32), 36),
    ("fp8_per_token_head", (2, 16), 40), ("int8_per_token_head", (4, 128), 528), ("nvfp4", (2, 128), 144),
    ("fp8_per_token_head", (1, 16), 20), ("fp8_per_token_head", (64,), 68),  # a latent is one head
    ("fp8_ds_mla", (512,), 528), ("fp8_ds_mla", (100 * 128,), 100 * 132),  # four bytes of scale for each 128 values
])
def test_rows(name, shape, size):
    assert cache_type(name).row(shape) == size


def test_a_row_that_blocks_do_not_fill_is_refused():
    with pytest.raises(UsageError, match="q8_0 holds blocks of 32, and a row of the cache has 24"):
        cache_type("q8_0").row((2, 12))


def test_a_latent_of_flash_mla_is_in_blocks():
    with pytest.raises(UsageError, match="fp8_ds_mla holds blocks of 128, and a row of the cache has 64"):
        cache_type("fp8_ds_mla").row((64,))


@pytest.mark.parametrize(("source", "tokens"), [(None, 100), (7, 7), (0, 0)])
def test_an_encoder_reads_what_is_given_or_as_much_as_the_context(source, tokens):
    assert Serving(100, source=source).encoder == tokens


def test_keys_and_values_may_differ():
    needed = exact(kinds(head_dim=32), Serving(10), types("bf16", "q8_0,q4_0"))
    assert needed.bytes == 4 * 10 * (2 * 34 + 2 * 18)


def test_keys_and_values_take_their_own_type():
    both = types("bf16", "fp8,fp32")
    key, value = kinds()[0].states
    assert (both.row(key), both.row(value)) == (2 * 16, 2 * 16 * 4)
    assert types("q4_0").compute.name == "bf16"
    assert types("fp16").compute.name == "fp16"


def test_states_do_not_follow_the_cache_dtype():
    assert exact(kinds(mixer=SSM), Serving(1), types("bf16", "fp8")).bytes == 4 * (3 * 96 * 2 + 8 * 64 * 4)


MEASURED = json.loads((Path(__file__).parent.parent / "data" / "cache" / "transformers.json").read_text("utf-8"))


@pytest.mark.parametrize("case", MEASURED, ids=lambda case: case["model"])
def test_transformers_classes(case):
    kinds_of_model = mixers(build(ModelSpec.model_validate(case["spec"])).tree)
    for tokens, size in case["runs"]:
        allocated = Runtime("transformers").cache(kinds_of_model, Serving(tokens, case["batch"]), types("bf16"))
        assert (allocated.state_bytes if case.get("states_only") else allocated.bytes) == size
