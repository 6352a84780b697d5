"""vLLM's pages. Logs of whole models are in tests/evidence; here are the rules one by one, worked out by hand."""

import pytest

from paramcalc.errors import UsageError
from paramcalc.estimates.runtimes import Runtime, vllm
from paramcalc.estimates.runtimes.vllm import Options
from paramcalc.measures.cache import Mixer, Serving, cache_type, types
from paramcalc.tree import State

TYPES = types("bf16")


def attention(layers, width, window=None, chunk=None):
    """Keys and values of `width` bytes a token together, in bf16."""
    key = State("k", (1, width // 4), ("kv_heads", "head_dim"), window=window, chunk=chunk)
    return Mixer((key, key._replace(name="v")), layers)


def recurrent(layers, values, conv=0):
    """A state of so many values, and a convolution of kernel 4."""
    states = (State("ssm", (values,), ("heads",), "sequence", dtype="float32", kind="state"),)
    more = (State("conv", (conv, 4), ("heads", "kernel"), "sequence", kind="state"),) if conv else ()
    return Mixer((*more, *states), layers)


@pytest.mark.parametrize(("kinds", "options", "blocks", "page", "group"), [
    ([attention(32, 4096)], Options(), (16,), 65_536, 32),
    # 12 sliding to 12 full: one group each; 10 full to 52 sliding: groups of 10, the last one padded
    ([attention(12, 2048), attention(12, 2048, 128)], Options(), (16, 16), 32_768, 12),
    ([attention(10, 4096), attention(52, 4096, 1024)], Options(), (16, 16), 65_536, 10),
    ([attention(13, 2048), attention(12, 2048, 128)], Options(), (16, 16), 32_768, 13),  # less than half as many more
    ([attention(8, 2048), attention(40, 8192, 1024)], Options(), (64, 16), 131_072, 8),  # the narrow gets longer blocks
    ([attention(61, 1152), attention(61, 256)], Options(), (16,), 61 * 1408 * 16, 1),  # all full: one group
    # a state of 1,085,440 bytes against 2,048 a token: 34 times 16 tokens, 1,114,112 bytes
    ([attention(10, 2048), recurrent(30, 542_720)], Options(), (544, 544), 1_114_112, 10),
    ([recurrent(64, 1000)], Options(), (16,), 2000, 64),
])
def test_layout(kinds, options, blocks, page, group):
    layout = vllm.pool(kinds, TYPES, options)
    assert (layout.blocks, layout.page, layout.group) == (blocks, page, group)


@pytest.mark.parametrize(("kinds", "context", "options", "needed"), [
    ([attention(32, 4096)], 100, Options(), 7),
    # full: 4,096 / 16; two groups of a window: (127 + 1,024) / 16 rounded up, and one more, each
    ([attention(12, 2048), attention(24, 2048, 128)], 4096, Options(batched_tokens=1024), 256 + 2 * 73),
    ([attention(12, 2048), attention(24, 2048, 128)], 100, Options(batched_tokens=1024), 7 + 2 * 8),
    ([attention(12, 2048), attention(36, 2048, chunk=64)], 4096, Options(batched_tokens=1024), 256 + 3 * 68),
    ([attention(10, 2048), recurrent(30, 542_720)], 544, Options(), 1 + 3 * 2),
    ([attention(10, 2048), recurrent(30, 542_720)], 545, Options(prefix_caching=False), 2 + 3),
    ([attention(10, 2048), recurrent(30, 542_720)], 544, Options(speculative=3), 1 + 3 * 5),
])
def test_blocks_of_a_request(kinds, context, options, needed):
    assert vllm.pool(kinds, TYPES, options).request_blocks(context, context, options) == needed


@pytest.mark.parametrize(("setting", "size"), [(None, 2), ("float32", 4)])
def test_states_are_in_the_models_type_unless_its_config_asks(setting, size):
    cache_types = TYPES._replace(recurrent=cache_type(setting) if setting else None)
    (kind,) = vllm.pool([recurrent(1, 1000, conv=10)], cache_types, Options()).kinds
    assert kind.state_bytes == 1000 * size + 3 * 10 * 2


@pytest.mark.parametrize(("kv_dtype", "latent"), [("bf16", 1152), ("fp8", 576), ("fp8_ds_mla", 656)])
def test_deepseek_sparse_attention(kv_dtype, latent):
    """576 values and an index key of 128, which is 132 bytes in any case (vllm: DeepseekV32IndexerCache)."""
    rows = Mixer((State("latent", (512,), ("latent",)), State("rotary_key", (64,), ("rope",))), 61)
    index = Mixer((State("index_key", (128,), ("index_key",)),), 61)
    assert vllm.pool([rows, index], types("bf16", kv_dtype), Options()).page == 61 * (latent + 132) * 16


def test_a_convolution_keeps_an_input_for_each_drafted_token():
    (kind,) = vllm.pool([recurrent(1, 1000, conv=10)], TYPES, Options(speculative=2)).kinds
    assert kind.state_bytes == 2000 + 5 * 10 * 2


def test_the_cache_is_whole_blocks():
    runtime = Runtime("vllm")
    blocks = runtime.cache([attention(32, 4096)], Serving(100, 3), TYPES)
    assert blocks.bytes == 3 * 7 * 16 * 4096 * 32
    assert blocks.per_token == 32 * 4096


def test_pages_that_cannot_be_made_equal_are_refused():
    with pytest.raises(UsageError, match="3072 bytes a token do not fill a page of 65536"):
        vllm.pool([attention(4, 3072), attention(4, 4096, 128)], TYPES, Options())


def test_nothing_kept_is_no_pool():
    assert vllm.pool([], TYPES, Options()) is None
