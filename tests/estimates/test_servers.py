"""SGLang's share of a device and its pool, TensorRT-LLM's blocks, expert kernels of vLLM: against logs and rules."""

import pytest

from paramcalc.build import build
from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.errors import UsageError
from paramcalc.estimates.inference import Prepared, Setup, memory
from paramcalc.estimates.machine import Machine
from paramcalc.estimates.runtimes import Runtime, sglang
from paramcalc.measures.cache import Serving
from paramcalc.readers.config.read import read_config
from tests.evidence.records import model

MIB = 2**20


def prepared(name, runtime, *settings, **setup):
    return Prepared(model(name), Runtime(runtime, settings), Setup(**setup))


@pytest.mark.parametrize(("settings", "gib"), [
    ((), 64.38),  # a log of gpt-oss-120b on an H100; its files hold 60.80
    (("mxfp4=none",), 60.80), (("mxfp4=flashinfer",), 68.61), (("mxfp4=marlin",), 65.92),
])  # fmt: skip
def test_experts_as_vllm_holds_them(settings, gib):
    assert prepared("gpt-oss-120b", "vllm", *settings).parts(Serving(4096))[0].weights / 2**30 == pytest.approx(
        gib, abs=0.006 if gib == 64.38 else 0.04)


@pytest.mark.parametrize(("mib", "devices", "settings", "thousandths"), [
    # (294896 - 512 - 1.5 x 16384 - 128 - 2 x 512) / 294896 of a log (sglang PR 18263, MI355X)
    (294_896, 1, ("version=0.5.8",), 911),
    # 0.4.8 to 0.5.2: (M - (9.5 + p / 2) GiB) / M below 90 GiB
    (81_559, 1, ("version=0.4",), 874), (81_559, 4, ("version=0.4",), 856),
    # 0.5.3: 512 + 1.5 x 8192 + 2 x 256 + 128
    (81_559, 1, ("version=0.5.3",), 835), (24_576, 1, ("version=0.5.3",), 847),
])  # fmt: skip
def test_the_static_share_of_sglang(mib, devices, settings, thousandths):
    assert Runtime("sglang", settings).utilization(mib * MIB, devices) == (thousandths, 1000)


def test_the_pool_of_sglang():
    """Tokens are what is left of the share over the bytes of a token."""
    engine = prepared("llama-3.1-8b", "sglang", "version=0.5.8")
    machine = Machine(find_accelerator("h100"), engine.runtime)
    need = memory(engine, Serving(8192))
    pool = machine.pool(need)
    assert pool.tokens == (machine.share - 352 * MIB - need.stages[0].weights) // 131_072
    windows = prepared("gpt-oss-20b", "sglang", "version=0.5.8")
    pool = Machine(find_accelerator("h100"), windows.runtime).pool(memory(windows, Serving(8192)))
    assert pool.tokens == pool.bytes * 100 // (180 * 12 * 2048)
    states = prepared("qwen3.5-27b", "sglang")
    assert Machine(find_accelerator("h100"), states.runtime).pool(memory(states, Serving(8192))) is None


def test_more_is_kept_free_with_graphs_and_drafts():
    def reserved(*settings):
        return sglang.reserve(81_559, 1, Runtime("sglang", settings).options)

    plain = reserved("version=0.5.8")
    assert reserved("version=0.5.8", "speculative=4") == plain + 2048
    assert reserved("version=0.5.10") > plain
    assert reserved("version=0.5.10", "prefill_graphs=false") == plain
    assert reserved("version=0.5.14", "speculative=4") == reserved("version=0.5.14")
    assert reserved("version=0.5.8", "chunk=32768") == plain + 3 * (32768 - 8192) // 2


def test_blocks_of_tensorrt_llm():
    engine = prepared("llama-3.1-8b", "tensorrt-llm")
    assert memory(engine, Serving(8190)).cache.bytes == memory(engine, Serving(8192)).cache.bytes == 8192 * 131_072
    windows = prepared("gpt-oss-20b", "tensorrt-llm")
    assert memory(windows, Serving(8192)).cache.bytes == 12 * 2048 * (8192 + 160)


def test_what_is_not_modelled_says_so():
    flash = build(read_config({"model_type": "deepseek_v4", "architectures": ["DeepseekV4ForCausalLM"]}).spec)
    with pytest.raises(UsageError, match="is not modelled here"):
        memory(Prepared(flash, Runtime("vllm"), Setup()), Serving(4096))
