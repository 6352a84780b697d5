"""What documents of runtimes say, against examples of their own, and the line that starts each server."""

import pytest

import paramcalc
from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.runtimes import format_class, server
from paramcalc.estimates.runtimes import BOUND
from paramcalc.estimates.serving import SERVERS


@pytest.mark.parametrize(("quant", "kind"), [
    (None, "plain"), ("none", "plain"), ("bf16", "plain"), ("q4_k_m", "gguf"), ("iq2_xs", "gguf"), ("q8_0", "gguf"),
    ("awq", "awq"), ("gptq", "gptq"), ("fp8", "fp8"), ("fp8_block", "fp8"), ("nf4", "bitsandbytes"), ("mxfp4", "mxfp4"),
    ("nvfp4", "nvfp4"), ("hqq", "other")])
def test_formats_have_the_class_runtimes_name(quant, kind):
    assert format_class(quant) == kind


@pytest.mark.parametrize(("runtime", "quant", "gpu", "why"), [
    ("vllm", None, "m4-max", "does not run on devices of apple"),
    ("vllm", "awq", "mi300x", "does not read awq on devices of amd"), ("vllm", "awq", "h100", ""),
    ("sglang", "awq", "mi300x", ""), ("sglang", "nvfp4", "h100", "needs fp4 arithmetic for nvfp4"),
    ("sglang", "nvfp4", "b200", ""), ("tensorrt-llm", None, "t4", "needs bf16 arithmetic"),
    ("tensorrt-llm", "fp8", "a100", "needs fp8 arithmetic"), ("tensorrt-llm", "fp8", "h100", ""),
    ("tensorrt-llm", None, "mi300x", "does not run on devices of amd"), ("tensorrt-llm", "nf4", "h100", "list no bits"),
    ("llama.cpp", "fp8", "h100", "GGUF files do not hold fp8"), ("llama.cpp", "q4_k_m", "m4-max", ""),
    ("llama.cpp", "q4_k_m", "tpu-v5e", "does not run on devices of google"),
    ("transformers", "nf4", "h100", ""), ("vllm", "q4_k_m", "h100", "is a format of GGUF files")])
def test_a_runtime_serves_what_its_documents_say(runtime, quant, gpu, why):
    why_not = server(runtime).why_not(quant, find_accelerator(gpu))
    assert (why in why_not) if why else why_not == ""


@pytest.mark.parametrize(("runtime", "quant", "gpu", "least"), [
    ("vllm", None, "v100-32gb", "7.5"), ("vllm", "fp8", "v100-32gb", "7.5"), ("vllm", "awq", "v100-32gb", "7.5"),
    ("vllm", "gptq", "p100", "7.5"), ("vllm", None, "gtx-1080-ti", "7.5"), ("vllm", None, "t4", ""),
    ("vllm", "fp8", "t4", ""), ("vllm", "awq", "t4", ""), ("vllm", "gptq", "t4", ""), ("vllm", "nvfp4", "t4", ""),
    ("vllm", "mxfp4", "t4", "8.0 or higher for mxfp4"), ("vllm", "mxfp4", "a100", ""), ("vllm", "mxfp4", "gb10", ""),
    ("vllm", "fp8", "b100", ""), ("vllm", "fp8", "16GiB", ""), ("vllm", "fp8", "mi300x", ""),
    ("sglang", None, "v100s", "7.5"), ("sglang", None, "p40", "7.5"), ("sglang", "awq", "t4", ""),
    ("sglang", "fp8", "rtx-2080-ti", "8.0 or higher for fp8"), ("sglang", "gptq", "t4", "8.0 or higher for gptq"),
    ("sglang", "pack_quantized", "t4", "8.0 or higher for compressed-tensors"), ("sglang", "gptq", "a10", ""),
    ("llama.cpp", "q4_k_m", "p40", ""), ("transformers", "fp8", "v100-32gb", "")])
def test_a_release_starts_on_devices_of_a_compute_capability(runtime, quant, gpu, least):
    """A device whose own is unknown, or of another vendor, is not judged by it."""
    why_not = server(runtime).why_not(quant, find_accelerator(gpu))
    assert (f"needs compute capability {least}" in why_not) if least else why_not == ""


@pytest.mark.parametrize(("release", "refused"), [("0.33.0", True), ("0.34", True), ("0.8", False), ("", True)])
def test_older_releases_are_not_held_to_what_a_newer_one_starts_on(release, refused):
    assert bool(server("vllm").why_not("gptq", find_accelerator("v100"), release)) is refused


@pytest.mark.parametrize("runtime", SERVERS)
def test_each_fact_has_a_source(runtime):
    assert all(source for source in server(runtime).sources)


@pytest.mark.parametrize(("runtime", "settings", "line"), [
    ("vllm", {"gpus": 2, "kv_dtype": "fp8"}, "vllm serve openai-community/gpt2 --max-model-len 1024 --max-num-seqs 4 "
     "--tensor-parallel-size 2 --kv-cache-dtype fp8"),
    ("sglang", {"gpus": 2, "quant": "fp8"}, "python -m sglang.launch_server --model-path openai-community/gpt2 "
     "--context-length 1024 --max-running-requests 4 --tp-size 2 --quantization fp8"),
    ("tensorrt-llm", {}, "trtllm-serve openai-community/gpt2 --max_seq_len 1024 --max_batch_size 4"),
    ("transformers", {"dtype": "fp16"}, "transformers serve openai-community/gpt2 --continuous-batching "
     "--dtype float16"),
    ("llama.cpp", {"quant": "q8_0"}, "llama-server -m gpt2-q8_0.gguf -ngl 999 -c 4096 -np 4"),
    ("vllm", {"dtype": "fp32"}, "vllm serve openai-community/gpt2 --max-model-len 1024 --max-num-seqs 4 "
     "--dtype float32"),
    ("sglang", {"kv_dtype": "fp8", "loras": 2, "draft": "gpt2", "draft_tokens": 3},
     "python -m sglang.launch_server --model-path openai-community/gpt2 --context-length 1024 --max-running-requests 4 "
     "--enable-lora --max-loras-per-batch 2 --max-lora-rank 16 --kv-cache-dtype fp8_e4m3 --speculative-algorithm "
     "STANDALONE --speculative-draft-model-path openai-community/gpt2 --speculative-num-steps 3 "
     "--speculative-eagle-topk 1 --speculative-num-draft-tokens 4"),
    ("vllm", {"draft": "gpt2"}, "vllm serve openai-community/gpt2 --max-model-len 1024 --max-num-seqs 4 "
     """--speculative-config '{"model": "openai-community/gpt2", "num_speculative_tokens": 1}'"""),
    ("vllm", {"gpu_memory_utilization": "80%"}, "vllm serve openai-community/gpt2 --max-model-len 1024 "
     "--max-num-seqs 4 --gpu-memory-utilization 0.8"),
    ("sglang", {"gpu_memory_utilization": 0.75}, "python -m sglang.launch_server --model-path openai-community/gpt2 "
     "--context-length 1024 --max-running-requests 4 --mem-fraction-static 0.75"),
    ("vllm", {"kv_dtype": "bf16"}, "vllm serve openai-community/gpt2 --max-model-len 1024 --max-num-seqs 4 "
     "--kv-cache-dtype auto"),
    ("sglang", {"dp": 2}, "python -m sglang.launch_server --model-path openai-community/gpt2 --context-length 1024 "
     "--max-running-requests 4 --dp-size 2"),
    ("llama.cpp", {"loras": 2, "draft": "gpt2"}, "llama-server -m gpt2-bf16.gguf -ngl 999 -c 4096 -np 4 "
     "-md gpt2-bf16.gguf --lora adapter-1.gguf --lora adapter-2.gguf"),
    ("tensorrt-llm", {"loras": 2}, ""), ("tensorrt-llm", {"dp": 2}, ""), ("transformers", {"gpus": 2}, ""),
    ("exact", {}, "")])
def test_the_line_that_serves_it(runtime, settings, line):
    assert paramcalc.fit("gpt2", "h100", batch=4, runtime=runtime, **settings).serve == line


@pytest.mark.parametrize(("model", "gpu", "settings", "words"), [
    ("gpt2", "t4", {"runtime": "vllm"}, "--dtype half"), ("gpt2", "t4", {"runtime": "sglang", "dtype": "bf16"}, "half"),
    ("gpt2", "t4", {"runtime": "transformers"}, "--dtype float16"),
    ("gpt-oss-120b", "h100", {"runtime": "llama.cpp"}, "-m gpt-oss-120b-mxfp4.gguf"),
    ("gpt2", "h100", {"runtime": "llama.cpp"}, "-m gpt2-bf16.gguf"),
    ("deepseek-v3", "h100", {"runtime": "llama.cpp", "gpus": 32}, "-m deepseek-v3-bf16.gguf")])
def test_the_line_says_what_the_device_and_the_file_demand(model, gpu, settings, words):
    """Servers refuse bf16 where there are no units for it; GGUF files hold MXFP4 as published, and no FP8."""
    assert words in paramcalc.fit(model, gpu, **settings).serve


@pytest.mark.parametrize(("quant", "batch"), [(None, 1), (None, 8), ("q4_k_m", 1)])
@pytest.mark.parametrize(("model", "gpus"), [("gpt2", 1), ("llama-3.1-8b", 1), ("gemma-3-4b", 1), ("qwen3-30b-a3b", 2),
                                             ("deepseek-v3", 8), ("falcon-mamba-7b", 1)])
def test_the_bound_is_below_every_runtime(model, gpus, quant, batch):
    """A lower bound that a runtime undercuts is none."""
    rows = paramcalc.fit(model, "h200", gpus=gpus, quant=quant, batch=batch).runtimes
    totals = {row.runtime: row.total for row in rows if row.total is not None}
    assert totals.get(BOUND, 0) <= min(totals.values()), totals


def test_a_bound_that_cannot_be_divided_so_is_no_obstacle():
    """By tensors 8 devices share no rows of 32 values here; llama.cpp gives each whole layers."""
    answer = paramcalc.fit("gemma-3-4b", "h200", gpus=8, quant="q4_k_m")
    assert (answer.fits, answer.runtime) == (True, "llama.cpp")


@pytest.mark.parametrize(("runtime", "words"), [
    ("sglang", "--tp-size 8 --dp-size 8 --enable-dp-attention"), ("vllm", "--data-parallel-size 8"),
    ("tensorrt-llm", "")])
def test_experts_of_data_parallel_attention_are_divided_among_all(runtime, words):
    """SGLang's --dp-size alone would start eight whole models; trtllm-serve has no option for it."""
    line = paramcalc.fit("deepseek-v3", "h200", runtime=runtime, dp=8).serve
    assert line.endswith(words) if words else line == ""
