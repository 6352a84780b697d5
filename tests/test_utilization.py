"""FLOPs a token for a training loop: from anything that describes a model, without loading the terminal's libraries."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from paramcalc.errors import InputError, PCError, UsageError
from paramcalc.spec.model import ModelSpec
from paramcalc.utilization import flops_per_token, hfu, mfu

pytestmark = pytest.mark.smoke

SHORT = {"vocab_size": 128256, "hidden_size": 4096, "num_layers": 32, "num_heads": 32, "num_kv_heads": 8,
         "intermediate_size": 14336}
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128256, "hidden_size": 4096,
          "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336,
          "tie_word_embeddings": False}
MATRICES = 8030261248 - 128256 * 4096 - 65 * 4096
"""All of Llama 3.1 8B but the table that is looked up and the norms."""
SQUARE = 32 * 32 * 2 * 128
"""Multiply-adds of one pair: layers, heads, queries with keys and weights with values."""


@pytest.mark.parametrize(
    "model",
    [SHORT, CONFIG, ModelSpec.model_validate(SHORT), SimpleNamespace(to_dict=lambda: CONFIG), "llama-3.1-8b"],
    ids=["spec dict", "config dict", "spec", "config object", "preset"],
)
def test_the_same_from_anything(model):
    assert flops_per_token(model, 8192) == 3 * 2 * (MATRICES + SQUARE * 8192)


def test_causal_counts_the_pairs_a_query_may_see():
    assert flops_per_token(SHORT, 1001, convention="causal") == 3 * 2 * (MATRICES + SQUARE * 501)


def test_forward_alone_is_a_third():
    assert 3 * flops_per_token(SHORT, 4096, training=False) == flops_per_token(SHORT, 4096)


def test_what_is_no_model_is_refused():
    with pytest.raises(InputError, match="found int"):
        flops_per_token(7, 128)
    with pytest.raises(PCError, match="hidden_size: required key is missing"):
        flops_per_token({"vocab_size": 7}, 128)


def test_loads_nothing_but_the_core():
    code = (f"import sys; from paramcalc.utilization import flops_per_token; flops_per_token({CONFIG!r}, 128); "
            "print(sorted({'typer', 'rich', 'click', 'torch', 'transformers', 'numpy'} & set(sys.modules)))")
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout == "[]\n"


@pytest.mark.parametrize("share", [mfu, hfu])
def test_more_than_all_of_the_peak_is_said(share):
    with pytest.warns(UserWarning, match=r"(325.3|427.1)% of the peak cannot be used") as warned:
        assert share("llama-3.1-8b", 500_000, "h100", 8) > 3
    assert warned[0].filename == __file__


def test_mfu_of_frameworks_by_their_convention():
    """8 H100s at 5,762 tokens/s each print 33 % (torchtitan, benchmarks/llama3_h100_202412_torchtitan.md)."""
    printed = mfu("llama-3.1-8b", 5762 * 8, "h100", 8, seq=8192, convention="torchtitan")
    assert printed == pytest.approx(0.337, abs=0.002)
    full, causal = (mfu("llama-3.1-8b", 5762, "h100", seq=8192, convention=name) for name in ("full", "causal"))
    assert causal < full == mfu("llama-3.1-8b", 5762, "h100", seq=8192, convention="PaLM")
    assert causal == mfu("llama-3.1-8b", 5762, 989e12, seq=8192, convention="megatron-core")


def test_heads_of_multi_token_prediction_are_trained_too():
    """DeepSeek-V3, 6,288 tokens/s and 1,635 TFLOP/s of each GB300: NVIDIA-NeMo/Megatron-Bridge@067f987df03b,
    docs/performance-summary.md."""
    with_heads = mfu("deepseek-v3", 6288, 1635e12, seq=4096, convention="megatron-core", mtp=True)
    assert with_heads == pytest.approx(1, rel=0.005)
    assert mfu("deepseek-v3", 6288, 1635e12, seq=4096, convention="megatron-core") < 0.98
    with pytest.raises(UsageError, match="has no heads of multi-token prediction"):
        mfu("gpt2", 1000, "h100", mtp=True)


def test_megatron_does_not_count_what_routes_tokens_to_experts():
    """Of Kimi K2 60 matrices of 7,168 by 384."""
    every = flops_per_token("kimi-k2", 4096, convention="causal")
    assert every - flops_per_token("kimi-k2", 4096, convention="megatron-core") == 3 * 2 * 60 * 7168 * 384
    forward = flops_per_token("kimi-k2", 4096, convention="causal", training=False)
    assert forward - flops_per_token("kimi-k2", 4096, convention="megatron-core", training=False) == 2 * 60 * 7168 * 384
    again = [hfu("kimi-k2", 1e6, 1e18, seq=4096, convention=name) for name in ("causal", "megatron-core")]
    assert again[0] - again[1] == pytest.approx(1e6 * 4 * 2 * 60 * 7168 * 384 / 1e18)


def test_hardware_flops_count_what_is_computed_again():
    base = mfu("llama-3.1-8b", 4000, "a100-80gb", seq=2048)
    printed = hfu("llama-3.1-8b", 4000, "a100-80gb", seq=2048, convention="llm-foundry")
    assert printed == pytest.approx(base * 4 / 3)  # of its benchmarks: 53.69 of HFU, 40.27 of MFU
    head = 2 * 128_256 * 4_096 * 4_000 / 312e12
    assert hfu("llama-3.1-8b", 4000, "a100-80gb", seq=2048) == pytest.approx(printed - head)
    assert hfu("llama-3.1-8b", 4000, "a100-80gb", seq=2048, recompute="none") == base
    assert base < hfu("llama-3.1-8b", 4000, "a100-80gb", seq=2048, recompute="selective") < base * 1.1


def test_scans_count_on_demand():
    assert flops_per_token("mamba-2.8b", 2048, scans=True) > flops_per_token("mamba-2.8b", 2048)


@pytest.mark.parametrize(("options", "message"), [
    ({"convention": "tpu"}, "convention 'tpu' is not known"), ({"gpu": -1.0}, "cannot be"), ({"gpus": 0}, "gpus: '0'"),
    ({"gpu": "m2-ultra", "dtype": "fp8"}, "no arithmetic of .* is known for fp8")])
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        mfu("gpt2", 1000, **{"gpu": "h100"} | options)


def test_recomputation_that_nobody_has_is_refused():
    with pytest.raises(UsageError, match="recompute 'some' is not known"):
        hfu("gpt2", 1000, "h100", recompute="some")


@pytest.mark.parametrize("ask", [
    lambda: flops_per_token("gpt2", 0), lambda: flops_per_token("gpt2", -8),
    lambda: flops_per_token("gpt2", 2.5), lambda: flops_per_token("gpt2", 2**50),
    lambda: mfu("gpt2", 1.0, "h100", seq=0), lambda: mfu("gpt2", float("nan"), "h100"),
    lambda: mfu("gpt2", float("inf"), "h100"), lambda: mfu("gpt2", 1.0, float("nan")),
    lambda: mfu("gpt2", 1.0, "h100", 0), lambda: hfu("gpt2", 1.0, float("inf")),
])
def test_lengths_and_rates_that_cannot_be_are_refused(ask):
    with pytest.raises(PCError):
        ask()
