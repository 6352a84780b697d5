"""What a GGUF file's metadata says of its layers: the same as the model's own specification says of them.

The numbers are those of the models' published configurations, under the names and in the form llama.cpp's converter
writes them (ggml-org/llama.cpp, convert_hf_to_gguf.py); how they work together is compared with our presets, which are
held to the library's classes and to llama.cpp's logs.
"""

from contextlib import suppress
from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paramcalc.build import build
from paramcalc.errors import InputError, PCError, UsageError
from paramcalc.estimates.inference import Prepared, Setup
from paramcalc.estimates.runtimes import Runtime
from paramcalc.measures.cache import Serving, mixers, types
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.parameters import count
from paramcalc.readers.headers.checkpoint import checkpoint_spec, read_header
from paramcalc.readers.headers.gguf_layers import UnknownLayersError, gguf_layers
from paramcalc.readers.headers.header import Header, StoredTensor
from paramcalc.readers.sources import spec_of
from tests.processor import within
from tests.yaml_files import read_yaml

RECORDED = read_yaml(Path(__file__).parents[1] / "data/evidence/models.yaml")
GEMMA_3N = {"architectures": ["Gemma3nForCausalLM"], "model_type": "gemma3n_text", "num_hidden_layers": 30,
            "num_kv_shared_layers": 10, "hidden_size": 2048, "head_dim": 256, "num_attention_heads": 8,
            "num_key_value_heads": 2, "sliding_window": 512, "intermediate_size": 8192}
SPECS = {"gemma-3n-e2b": lambda: spec_of(GEMMA_3N), "trinity-nano": lambda: spec_of(RECORDED["trinity-nano"]["spec"]),
         **{name: lambda name=name: spec_of(RECORDED[name]["config"]) for name in ("gemma-4-12b", "qwen3.5-9b")}}
"""Models that are no preset of ours."""
MLA = {"attention.head_count_kv": 1, "attention.key_length": 576, "attention.value_length": 512,
       "attention.key_length_mla": 192, "attention.value_length_mla": 128, "attention.kv_lora_rank": 512,
       "rope.dimension_count": 64}
MODELS = {
    "llama-3.1-8b": ("llama", 32, 4096, 32, {"attention.head_count_kv": 8}),
    "llama-7b": ("llama", 32, 4096, 32, {}),
    "qwen3-30b-a3b": ("qwen3moe", 48, 2048, 32, {"attention.head_count_kv": 4, "attention.key_length": 128,
                                                 "attention.value_length": 128}),
    "phi-3-mini": ("phi3", 32, 3072, 32, {"attention.head_count_kv": 32, "attention.sliding_window": 2047}),
    "gemma-2-2b": ("gemma2", 26, 2304, 8, {"attention.head_count_kv": 4, "attention.key_length": 256,
                                           "attention.value_length": 256, "attention.sliding_window": 4096}),
    "gemma-3-1b": ("gemma3", 26, 1152, 4, {"attention.head_count_kv": 1, "attention.key_length": 256,
                                           "attention.value_length": 256, "attention.sliding_window": 512}),
    "command-r7b": ("cohere2", 32, 4096, 32, {"attention.head_count_kv": 8, "attention.sliding_window": 4096}),
    "gpt-oss-20b": ("gpt-oss", 24, 2880, 64, {"attention.head_count_kv": 8, "attention.key_length": 64,
                                              "attention.value_length": 64, "attention.sliding_window": 128}),
    "llama-4-scout": ("llama4", 48, 5120, 40, {"attention.head_count_kv": 8}),
    "glm-4.5-air": ("glm4moe", 47, 4096, 96, {"attention.head_count_kv": 8, "attention.key_length": 128,
                                              "attention.value_length": 128, "nextn_predict_layers": 1}),
    "deepseek-v3": ("deepseek2", 61, 7168, 128, MLA),
    "deepseek-v2-lite": ("deepseek2", 27, 2048, 16, MLA),
    "mamba-2.8b": ("mamba", 64, 2560, 0, {"ssm.inner_size": 5120, "ssm.state_size": 16, "ssm.conv_kernel": 4,
                                          "ssm.time_step_rank": 160}),
    "mamba2-2.7b": ("mamba2", 64, 2560, 0, {"ssm.inner_size": 5120, "ssm.state_size": 128, "ssm.conv_kernel": 4,
                                            "ssm.time_step_rank": 80, "ssm.group_count": 1}),
    "jamba-v0.1": ("jamba", 32, 4096, 32, {"attention.head_count_kv": [0, 0, 0, 0, 8, 0, 0, 0] * 4,
                                           "ssm.inner_size": 8192, "ssm.state_size": 16, "ssm.conv_kernel": 4,
                                           "ssm.time_step_rank": 256}),
    "granite-4.0-h-tiny": ("granitehybrid", 40, 1536, 12, {
        "attention.head_count_kv": [4 if place in (5, 15, 25, 35) else 0 for place in range(40)],
        "ssm.inner_size": 3072, "ssm.state_size": 128, "ssm.conv_kernel": 4, "ssm.time_step_rank": 48,
        "ssm.group_count": 1}),
    "qwen3-next-80b-a3b": ("qwen3next", 48, 2048, 16, {
        "attention.head_count_kv": 2, "attention.key_length": 256, "attention.value_length": 256,
        "ssm.inner_size": 4096, "ssm.state_size": 128, "ssm.conv_kernel": 4, "ssm.time_step_rank": 32,
        "ssm.group_count": 16}),
    "lfm2-8b-a1b": ("lfm2moe", 24, 2048, 32, {
        "attention.head_count_kv": [8 if place in (2, 6, 10, 14, 18, 21) else 0 for place in range(24)],
        "shortconv.l_cache": 3}),
    "nemotron-3-nano-30b-a3b": ("nemotron_h_moe", 52, 2688, 32, {
        "attention.head_count_kv": [2 if kind == "*" else 0 for kind in
                                    "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME"],
        "feed_forward_length": [1856 if kind == "E" else 0 for kind in
                                "MEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEM*EMEMEMEM*EMEMEMEME"],
        "attention.key_length": 128, "attention.value_length": 128, "ssm.inner_size": 4096, "ssm.state_size": 128,
        "ssm.conv_kernel": 4, "ssm.time_step_rank": 64, "ssm.group_count": 8}),
    "gemma-3n-e2b": ("gemma3n", 30, 2048, 8, {"attention.head_count_kv": 2, "attention.key_length": 256,
                                              "attention.value_length": 256, "attention.sliding_window": 512}),
    "gemma-4-12b": ("gemma4", 48, 3840, 16, {
        "attention.head_count_kv": [8, 8, 8, 8, 8, 1] * 8, "attention.sliding_window": 1024,
        "attention.sliding_window_pattern": [True, True, True, True, True, False] * 8,
        "attention.shared_kv_layers": 0, "attention.key_length": 512, "attention.value_length": 512,
        "attention.key_length_swa": 256, "attention.value_length_swa": 256}),
    "trinity-nano": ("afmoe", 56, 1024, 8, {"attention.head_count_kv": 2, "attention.key_length": 128,
                                            "attention.value_length": 128, "attention.sliding_window": 2048}),
    "qwen3.5-9b": ("qwen35", 33, 4096, 16, {
        "attention.head_count_kv": 4, "attention.key_length": 256, "attention.value_length": 256,
        "nextn_predict_layers": 1, "full_attention_interval": 4, "ssm.inner_size": 4096, "ssm.state_size": 128,
        "ssm.conv_kernel": 4, "ssm.time_step_rank": 32, "ssm.group_count": 16}),
}


def metadata(architecture, layers, width, heads, more):
    keys_of_file = {"block_count": layers, "embedding_length": width, "attention.head_count": heads} | more
    named = {f"{architecture}.{key}": value for key, value in keys_of_file.items()}
    return {"gguf.version": 3, "general.architecture": architecture} | named


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("runtime", ["exact", "transformers", "vllm", "llama.cpp"])
def test_keeps_what_the_model_keeps(name, runtime):
    file = build(checkpoint_spec(Header("m.gguf", (), metadata(*MODELS[name])))).tree
    model = build(SPECS[name]() if name in SPECS else spec_of(name)).tree
    for serving in (Serving(300), Serving(9000, 3)):
        both = [Runtime(runtime).cache(mixers(tree), serving, types("fp16")) for tree in (file, model)]
        assert both[0].bytes == both[1].bytes > 0
        assert both[0].per_token == both[1].per_token


@pytest.mark.parametrize("name", ["gemma-4-12b", "jamba-v0.1"])
def test_reads_what_the_gguf_package_writes(tmp_path, name):
    gguf = pytest.importorskip("gguf")
    architecture, *keys = MODELS[name]
    writer = gguf.GGUFWriter(tmp_path / "m.gguf", architecture)
    for key, value in list(metadata(architecture, *keys).items())[2:]:
        writer.add_array(key, value) if isinstance(value, list) else writer.add_uint32(key, value)
    for write in (writer.write_header_to_file, writer.write_kv_data_to_file, writer.write_tensors_to_file):
        write()
    writer.close()
    read = read_header(tmp_path / "m.gguf")
    assert gguf_layers(read.metadata, "m.gguf") == gguf_layers(metadata(architecture, *keys), "m.gguf")


def layer(number, kind="fp16", extra=()):
    return [StoredTensor(f"blk.{number}.attn_q.weight", (64, 64), kind, 8192),
            StoredTensor(f"blk.{number}.ffn_up.weight", (96, 64), "fp16", 96 * 64 * 2), *extra]


def header(more=None, tensors=(), **keys):
    keys_of_file = metadata("llama", 4, 64, 4, {"attention.head_count_kv": 2} | keys)
    table = StoredTensor("token_embd.weight", (128, 64), "fp16", 16384)
    return Header("m.gguf", (table, *tensors), keys_of_file | (more or {}))


def test_tensors_stand_in_their_layers():
    tensors = [each for number in range(4) for each in layer(number, "q6_k" if number == 2 else "fp16")]
    far = StoredTensor("blk.9.nextn.weight", (64, 64), "fp16", 8192)
    model = build(checkpoint_spec(header(tensors=(*tensors, far))))
    stack = next(child for child in model.tree.children if child.order)
    assert (stack.order, [child.stored for child in stack.children]) == ((0, 0, 1, 0), [3, 1])
    assert model.spec.max_position_embeddings is None


def test_stages_share_the_layers_and_hold_the_tied_head():
    spec = checkpoint_spec(header(tensors=[each for number in range(4) for each in layer(number)]))
    first, last = Prepared(build(spec), Runtime("llama.cpp"), Setup("bf16", pp=2)).stages
    assert first.weights == last.weights == 2 * (8192 + 96 * 64 * 2) + 16384
    assert first.kinds == last.kinds


def test_attention_and_the_tied_head_are_computed():
    tree = build(checkpoint_spec(header())).tree
    forward = flops(tree, Workload(seq=10, batch=1))
    assert forward.forward == 2 * 10 * 128 * 64 + 4 * 2 * 2 * 4 * 16 * 100  # 4 layers of q·k and p·v, 4 heads of 16


SPEC = {"vocab_size": 128, "hidden_size": 64, "num_layers": 4, "num_heads": 4, "num_kv_heads": 2,
         "intermediate_size": 96, "max_position_embeddings": 512}
SHAPES = {"attn_norm": (64,), "attn_q": (64, 64), "attn_k": (32, 64), "attn_v": (32, 64), "attn_output": (64, 64),
          "ffn_norm": (64,), "ffn_gate": (96, 64), "ffn_up": (96, 64), "ffn_down": (64, 96)}


@pytest.mark.parametrize("runtime", ["exact", "transformers", "vllm", "llama.cpp"])
def test_a_whole_file_costs_what_its_model_does(runtime):
    inside = [StoredTensor(f"blk.{number}.{name}.weight", shape, "fp16", 2 * prod(shape))
              for number in range(4) for name, shape in SHAPES.items()]
    ends = [StoredTensor("output_norm.weight", (64,), "fp16", 128),
            StoredTensor("output.weight", (128, 64), "fp16", 16384)]
    keys = {"llama.context_length": 512, "llama.rope.dimension_count": 16}
    specs = [checkpoint_spec(header(keys, (*inside, *ends))), spec_of(SPEC)]
    parts = [Prepared(build(spec), Runtime(runtime), Setup("fp16")).parts(Serving(300, 2)) for spec in specs]
    assert parts[0] == parts[1]
    assert len({flops(build(spec).tree, Workload(seq=50)).forward for spec in specs}) == 1


MAMBA = {"attn_norm.weight": (768,), "ssm_in.weight": (3072, 768), "ssm_conv1d.weight": (1536, 4),
         "ssm_conv1d.bias": (1536,), "ssm_x.weight": (80, 1536), "ssm_dt.weight": (1536, 48), "ssm_dt.bias": (1536,),
         "ssm_a": (1536, 16), "ssm_d": (1536,), "ssm_out.weight": (768, 1536)}


def test_a_file_of_scans_computes_what_its_model_does():
    tensors = [StoredTensor(f"blk.{number}.{name}", shape, "fp16", 2 * prod(shape))
               for number in range(24) for name, shape in MAMBA.items()]
    ends = [StoredTensor("token_embd.weight", (50280, 768), "fp16", 2 * 50280 * 768),
            StoredTensor("output_norm.weight", (768,), "fp16", 1536)]
    keys = metadata("mamba", 24, 768, 0, {"ssm.inner_size": 1536, "ssm.state_size": 16, "ssm.conv_kernel": 4,
                                          "ssm.time_step_rank": 48})
    trees = [build(spec).tree for spec in (checkpoint_spec(Header("m.gguf", (*tensors, *ends), keys)),
                                           spec_of("mamba-130m"))]
    for load in (Workload(seq=128), Workload(seq=1, past=127)):
        assert flops(trees[0], load).forward == flops(trees[1], load).forward
    assert count(trees[0]).total == count(trees[1]).total == 129_135_360


def test_biases_of_experts_are_added_by_the_chosen():
    biases = StoredTensor("blk.0.ffn_up_exps.bias", (8, 96), "fp16", 1536)
    tree = build(checkpoint_spec(header({"llama.expert_used_count": 2}, (biases,)))).tree
    counts = count(tree)
    assert counts.total - counts.active == 6 * 96
    assert flops(tree, Workload(seq=1)).forward == flops(build(checkpoint_spec(header())).tree, Workload(seq=1)).forward


def test_devices_cannot_share_what_a_header_does_not_tell():
    with pytest.raises(UsageError, match="which dimensions can be split is not known"):
        Prepared(build(checkpoint_spec(header(tensors=layer(0)))), Runtime("vllm"), Setup("fp16", tp=2))


def test_encoders_keep_nothing():
    tree = build(checkpoint_spec(Header("m.gguf", (), metadata("bert", 12, 768, 12, {})))).tree
    assert mixers(tree) == ()


@pytest.mark.parametrize(("keys", "message"), [
    ({}, "does not say general.architecture"),
    ({"general.architecture": "plm"}, "architecture 'plm'"),
    ({"general.architecture": "llama"}, "does not say llama.block_count"),
    ({"general.architecture": "mamba", "mamba.block_count": 2}, "does not say mamba.ssm.inner_size"),
])
def test_what_a_file_does_not_say_is_unknown(keys, message):
    with pytest.raises(UnknownLayersError, match=message):
        gguf_layers(keys, "m.gguf")
    assert message in checkpoint_spec(Header("m.gguf", (), keys | {"gguf.version": 3})).notes[1]


@pytest.mark.parametrize(("key", "value", "message"), [
    ("block_count", 0, "block_count: expected at least 1, found 0"), ("block_count", 2**20, "layers, found 1,048,576"),
    ("block_count", "4", "expected an integer .* found '4'"), ("block_count", 2.0, "expected an integer"),
    ("attention.head_count", -1, "expected an integer"), ("attention.head_count", 2**31, "expected an integer"),
    ("attention.head_count_kv", [2, 2], "expected 4 values, one a layer, found 2"),
    ("attention.head_count_kv", None, "expected an integer"), ("attention.key_length", 2**25, "head_dim"),
    ("embedding_length", 0, "embedding_length: expected at least 1, found 0"),
    ("nextn_predict_layers", 4, "layers, found 0"),
])
def test_damaged_counts_are_refused(key, value, message):
    with pytest.raises(InputError, match=message):
        checkpoint_spec(header({f"llama.{key}": value}))


KEYS = sorted({key for _, _, _, _, more in MODELS.values() for key in more} | {
    "block_count", "embedding_length", "attention.head_count", "context_length", "expert_used_count"})
VALUES = st.one_of(st.integers(-1, 2**26), st.sampled_from([2**63, 1.5, "x", None, True]),
                   st.lists(st.one_of(st.integers(-1, 300), st.booleans(), st.none()), max_size=60))


@pytest.mark.fuzz
@given(st.sampled_from(sorted(MODELS)), st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3))
def test_any_metadata_is_read_or_refused(name, changed):
    architecture, *metadata_keys = MODELS[name]
    keys = metadata(architecture, *metadata_keys) | {f"{architecture}.{key}": value for key, value in changed.items()}
    with suppress(PCError):
        assert within(10, cache_bytes, Header("m.gguf", (), keys)) >= 0


def cache_bytes(header):
    model = build(checkpoint_spec(header))
    return Prepared(model, Runtime("llama.cpp"), Setup("bf16")).parts(Serving(300))[0].cache
