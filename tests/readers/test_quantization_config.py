"""What configs say of their weights: which matrices, in which format, by each loader's own rule for names.

Deltas are bytes of Llama-3.1-8B with one setting changed, against the same method without it: down_proj has 58,720,256
weights in each of 32 layers, a layer's linear layers 218,103,808, the head 525,336,576; 4 bits in groups of 128 with
16-bit scales take 4.15625 bits in GPTQ and AWQ. Rules: the sources named in `paramcalc/readers/config/quantization`.
"""

import pytest

from paramcalc.build import build
from paramcalc.errors import SpecError
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.config.read import read_config
from paramcalc.spec.caveats import level_of
from paramcalc.transforms.formats import in_formats

LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    "tie_word_embeddings": False,
}
DOWN, LAYER, HEAD = 58_720_256, 218_103_808, 525_336_576
GPTQ = {"quant_method": "gptq", "bits": 4, "group_size": 128}
AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128}
W4A16 = {"quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["lm_head"], "config_groups": {
    "group_0": {"targets": ["Linear"], "weights": {"num_bits": 4, "type": "int", "symmetric": True,
                                                   "strategy": "group", "group_size": 128}}}}
NF4 = {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
FP8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}
MODELOPT = {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]}
HQQ = {"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64}}}
MLX = {"bits": 4, "group_size": 64}


def read(key="quantization_config", **settings):
    return read_config(LLAMA | {key: settings}).spec


def size(spec):
    return weight_bytes(in_formats(build(spec)).tree).total


def sixteen(weights, bits):
    """What weights take more in 16 bits than in so many."""
    return int(weights * (16 - bits) / 8)


ALL_DOWN, ELEVEN = 32 * DOWN, 11 * LAYER


@pytest.mark.parametrize(("base", "setting", "weights", "bits"), [
    (GPTQ, {"dynamic": {"-:.*down_proj": {}}}, ALL_DOWN, 4),
    (GPTQ, {"dynamic": {r"-:model\.layers\.1": {}}}, ELEVEN, 4),
    (GPTQ, {"dynamic": {r"-:layers\.1": {}}}, 0, 4),
    (GPTQ, {"dynamic": {"-:.*gate.*": {}}}, ALL_DOWN, 4),
    (GPTQ, {"lm_head": True}, -HEAD, 4),
    (W4A16, {"ignore": []}, -HEAD, 4),
    (W4A16, {"ignore": ["lm_head", "down_proj"]}, 0, 4),
    (W4A16, {"ignore": ["lm_head", "re:.*down_proj"]}, ALL_DOWN, 4),
    (W4A16, {"ignore": ["lm_head", r"re:.*down_proj$"]}, ALL_DOWN, 4),
    (W4A16, {"ignore": ["lm_head", r"re:layers\.0"]}, 0, 4),
    (W4A16, {"ignore": ["lm_head", r"re:model\.layers\.1"]}, ELEVEN, 4),
    (W4A16, {"ignore": ["lm_head", "model.layers.1.mlp.down_proj"]}, DOWN, 4),
    (AWQ, {"modules_to_not_convert": ["down_proj"]}, ALL_DOWN, 4),
    (AWQ, {"modules_to_not_convert": ["gate"]}, ALL_DOWN, 4),
    (NF4, {"llm_int8_skip_modules": ["down_proj"]}, ALL_DOWN - HEAD, 4.5),
    (NF4, {"llm_int8_skip_modules": ["model.layers.1"]}, ELEVEN - HEAD, 4.5),
    (NF4, {"llm_int8_skip_modules": ["layers.1"]}, -HEAD, 4.5),
    (NF4, {"llm_int8_skip_modules": ["proj"]}, 32 * LAYER - HEAD, 4.5),
    (NF4, {"llm_int8_skip_modules": ["visual"]}, -HEAD, 4.5),
    (FP8, {"modules_to_not_convert": ["down_proj"]}, ALL_DOWN, 8),
    (FP8, {"ignored_layers": ["down_proj"]}, 0, 8),
    (FP8, {"ignored_layers": ["model.layers.1.mlp.down_proj"]}, DOWN, 8),
    (MODELOPT, {"ignore": ["lm_head", "*down_proj*"]}, ALL_DOWN, 4.5),
    (MODELOPT, {"ignore": ["lm_head", "model.layers.1.*"]}, LAYER, 4.5),
    (MODELOPT, {"ignore": ["lm_head", "model.layers.1"]}, ELEVEN, 4.5),
    (HQQ, {"skip_modules": ["lm_head", "mlp.down"]}, ALL_DOWN, 4.5),
    (MLX, {"model.embed_tokens": False}, HEAD, 4.5),
    (MLX, {"lm_head": False}, HEAD, 4.5),
])  # fmt: skip
def test_a_setting_takes_the_matrices_its_loader_would(base, setting, weights, bits):
    key = "quantization" if base is MLX else "quantization_config"
    delta = size(read(key, **base | setting)) - size(read(key, **base))
    assert delta == pytest.approx(sixteen(weights, bits), rel=0.03)
    assert (delta == 0) is (weights == 0)


def test_the_first_override_of_gptq_that_fits_counts():
    both = {".*mlp.*": {"bits": 8}, "-:.*gate.*": {}}
    turned = dict(reversed(both.items()))
    delta = size(read(**GPTQ | {"dynamic": turned})) - size(read(**GPTQ | {"dynamic": both}))
    assert delta == pytest.approx(ALL_DOWN, rel=0.03)


def test_gptq_dynamic_of_the_published_sample():
    """TinyLlama with layers 10 to 21 in 8 bits (vllm-project/vllm PR 7086)."""
    tiny = LLAMA | {"hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22, "vocab_size": 32000,
                    "num_key_value_heads": 4}
    dynamic = {r"+:.*\.(?:1[0-5])\..*": {"bits": 8}, r"+:.*\.(?:1[6-9]|20|21)\..*": {"bits": 8, "group_size": 64}}
    plain = size(read_config(tiny | {"quantization_config": GPTQ}).spec)
    assert plain == 767_270_912
    assert size(read_config(tiny | {"quantization_config": GPTQ | {"dynamic": dynamic}}).spec) == 1_039_769_600


@pytest.mark.parametrize(("settings", "bits"), [
    ({"mode": "mxfp4", "group_size": 32, "bits": 4}, 4.25),
    ({"mode": "nvfp4", "group_size": 16, "bits": 4}, 4.5),
    ({"mode": "mxfp8", "group_size": 32, "bits": 8}, 8.25),
    ({"bits": 3, "group_size": 64}, 3.5),
])  # fmt: skip
def test_modes_of_mlx(settings, bits):
    matrices = 32 * LAYER + 2 * HEAD
    assert size(read("quantization", **settings)) == matrices * bits / 8 + 2 * 65 * 4096


def test_one_matrix_of_mlx_in_eight_bits():
    other = {"model.layers.3.mlp.down_proj": {"bits": 8, "group_size": 64}}
    assert size(read("quantization", **MLX | other)) - size(read("quantization", **MLX)) == DOWN // 2


def test_a_group_of_minus_one_is_one_a_row():
    """12,687,769,600 weights of a 13B in 8 bits without groups: a published file of 13,361,903,336 bytes holds
    biases of zeros and a header besides (Barksdale27/1@303b3ab77b42)."""
    config = LLAMA | {"hidden_size": 5120, "intermediate_size": 13824, "num_hidden_layers": 40, "vocab_size": 32000,
                      "num_attention_heads": 40, "num_key_value_heads": 40}
    spec = read_config(config | {"quantization_config": {"quant_method": "gptq", "bits": 8, "group_size": -1}}).spec
    assert size(spec) == 13_361_735_680 - 4_259_840


@pytest.mark.parametrize(("settings", "total"), [
    # 6,979,321,856 weights of linear layers, 2,101,878,784 bytes besides; llm-compressor#1215 prints both totals
    (W4A16, 5_700_595_200),
    (W4A16 | {"format": "int-quantized"}, 9_190_252_544),
])  # fmt: skip
def test_bytes_follow_the_format_not_the_bits(settings, total):
    assert size(read(**settings)) == pytest.approx(total, abs=4096)


@pytest.mark.parametrize(("inside", "certainty"), [({}, "exact"), ({"quant_zero": True}, "bound"),
                                                  ({"axis": 1, "round_zero": True}, "exact"), ({"novel": 3}, "bound")])
def test_a_setting_inside_that_nobody_reads_bounds_the_weights(inside, certainty):
    spec = read(quant_method="hqq", quant_config={"weight_quant_params": {"nbits": 4, "group_size": 64} | inside})
    assert level_of(spec.caveats, "weights") == certainty
    assert all("weight_quant_params" in caveat.reason for caveat in spec.caveats)


@pytest.mark.parametrize("settings", [
    {"quant_method": "quanto", "weights": "int4"}, {"quant_method": "eetq", "weights": "int8"},
    {"quant_method": "bitnet"}, {"quant_method": "exl3", "bits": 3, "head_bits": 6},
    {"quant_method": "higgs", "bits": 4},
    {"quant_method": "aqlm", "num_codebooks": 1, "nbits_per_codebook": 16, "in_group_size": 8},
    {"quant_method": "torchao", "quant_type": "int4_weight_only", "quant_type_kwargs": {"group_size": 64}},
    {"quant_method": "torchao", "quant_type": {"default": {"_type": "Int8WeightOnlyConfig", "_data": {}}}},
    {"quant_method": "intel/auto-round", "bits": 4, "group_size": 128, "packing_format": "auto_round:auto_awq"},
    {"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp8_e4m3", "qscheme": "per_tensor"}},
     "exclude": ["lm_head"]},
    {"quant_method": "fp_quant", "forward_dtype": "mxfp4"},
    {"quant_method": "fbgemm_fp8"}, {"quant_algo": "FP8", "producer": {"name": "modelopt"}, "config_groups": {}},
    {"quant_method": "fp8", "weight_block_size": [1, 32]},
    {"quant_method": "compressed-tensors", "format": "marlin-24", "config_groups": {"g": {"targets": ["Linear"],
     "weights": {"num_bits": 4, "group_size": 128, "strategy": "group"}}}, "ignore": ["lm_head"]},
    {"quant_method": "compressed-tensors", "config_groups": {}, "format": "dense", "sparsity_config": {
        "format": "sparse-24-bitmask", "targets": ["Linear"], "sparsity_structure": "2:4"}},
])  # fmt: skip
def test_methods_that_are_known_are_exact(settings):
    spec = read(**settings)
    assert level_of(spec.caveats, "weights") == "exact"
    assert size(spec) < 0.66 * 2 * 8_030_261_248


@pytest.mark.parametrize(("settings", "level", "key"), [
    ({"quant_method": "frobnicate"}, "unknown", "quant_method"),
    ({"quant_method": "frobnicate", "bits": 4}, "bound", "quant_method"),
    ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}, "unknown", "quant_algo"),
    ({"quant_method": "modelopt", "quant_algo": "W3A3"}, "bound", "quant_algo"),
    ({"quant_method": "torchao", "quant_type": "new_format"}, "unknown", "quant_type"),
    (GPTQ | {"second_pass_bits": 2}, "bound", "second_pass_bits"),
    (FP8 | {"expert_dtype": "int3"}, "bound", "expert_dtype"),
    ({"quant_method": "exl2", "bits": 4.65}, "estimate", "bits"),
    (AWQ | {"version": "gemv"}, "estimate", "version"),
])  # fmt: skip
def test_what_is_not_understood_is_never_exact(settings, level, key):
    spec = read(**settings)
    assert level_of(spec.caveats, "weights") == level
    assert any(key in caveat.reason for caveat in spec.caveats)


@pytest.mark.parametrize(("settings", "notes"), [
    *((base | {key: ["lm_head", "zork", "lm_haed"]},
       [f"quantization_config.{key} names no module of the model: 'zork', 'lm_haed'"])
      for base, key in ((AWQ, "modules_to_not_convert"), (FP8, "modules_to_not_convert"), (FP8, "ignored_layers"),
                        (NF4, "llm_int8_skip_modules"), (W4A16, "ignore"), (MODELOPT, "ignore"))),
    (W4A16 | {"ignore": [r"re:.*zork\.\d+"]}, [r"quantization_config.ignore names no module of the model: "
                                               r"'re:.*zork\\.\\d+'"]),
    ({"quant_method": "modelopt", "quantization": {"quant_algo": "FP8", "exclude_modules": [f"zork{'k' * n}" for n in
                                                                                            range(7)]}},
     ["quantization_config.quantization.exclude_modules names no module of the model: 'zork', 'zorkk', 'zorkkk', "
      "'zorkkkk', 'zorkkkkk' and 2 more"]),
    (AWQ | {"modules_to_not_convert": [
        "lm_head", "visual", "vision_tower", "multi_modal_projector", "gate", "mtp", "eh_proj",
        "e_score_correction_bias", "model.layers.61.shared_head", "mlp.gate", "linear_attn",
        "audio_tower", "classifier", "o_proj", "proj", "*"]}, []),
    (W4A16 | {"ignore": ["re:.*lm_head.*", r"re:model\.layers\.\d+\.self_attn", "re:.*", "Linear"]}, []),
])  # fmt: skip
def test_modules_of_no_model_are_noted(settings, notes):
    assert [note for note in read(**settings).notes if "no module" in note] == notes


@pytest.mark.parametrize(("settings", "message"), [
    ({"quant_method": "gptq", "bits": "four"}, "expected an integer from -1 to 131,072, found the string 'four'"),
    *(({"quant_method": "gptq", "bits": bits}, f"gptq has no bits {bits}") for bits in (1, 5, 6, 7)),
    *(({"quant_method": method, "bits": bits}, "expected bits of a code, at least 1, found the number")
      for method in ("gptq", "awq", "hqq", "mlx", "auto-round", "higgs") for bits in (0, -1)),
    *(({"quant_method": method, "bits": 4, "group_size": 0}, "group") for method in ("gptq", "hqq", "mlx", "higgs",
                                                                                      "auto-round")),
    ({"quant_method": "awq", "modules_to_not_convert": [1]}, "expected a list of module names, found the list"),
    ({"quant_method": "gptq", "dynamic": {"(a+)+": {}}}, "cannot be a pattern"),
    ({"quant_method": "fp8", "weight_block_size": [128]}, "expected two sizes of a block, found the list"),
])  # fmt: skip
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        read(**settings)


def test_experts_in_another_format():
    config = {
        "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "num_hidden_layers": 4,
        "first_k_dense_replace": 1, "n_routed_experts": 8, "num_experts_per_tok": 2, "expert_dtype": "fp4",
    }
    settings = {"quant_method": "fp8", "weight_block_size": [128, 128], "scale_fmt": "ue8m0"}
    experts = 3 * 8 * 3 * 7168 * 2048
    narrow = size(read_config(config | {"quantization_config": settings}).spec)
    wide = size(read_config(config | {"quantization_config": settings, "expert_dtype": None}).spec)
    assert wide - narrow == experts + experts // 128**2 - int(experts * 4.25 / 8)
    alone = read_config(config).spec
    assert level_of(alone.caveats, "weights") == "unknown"


def test_a_file_beside_the_config():
    beside = {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8",
                                                                  "exclude_modules": ["lm_head"]}}
    spec = read_config(LLAMA, "", beside).spec
    assert size(spec) == pytest.approx(32 * LAYER + 2 * (2 * HEAD + 65 * 4096), abs=1000)
    assert any("--kv-dtype" in note for note in spec.notes)
    both = read_config(LLAMA | {"quantization_config": GPTQ}, "", beside).spec
    assert size(both) == size(read(**GPTQ))


def test_layers_with_an_algorithm_each():
    layers = {f"model.layers.{n}.mlp.down_proj": {"quant_algo": "NVFP4", "group_size": 16} for n in range(32)}
    layers |= {f"model.layers.{n}.self_attn.q_proj": {"quant_algo": "FP8"} for n in range(32)}
    spec = read(quant_method="modelopt", quant_algo="MIXED_PRECISION", quantized_layers=layers)
    plain = size(read_config(LLAMA).spec)
    assert plain - size(spec) == pytest.approx(sixteen(ALL_DOWN, 4.5) + sixteen(32 * 4096 * 4096, 8), rel=1e-4)
    assert level_of(spec.caveats, "weights") == "exact"


def test_names_of_every_expert_are_one_rule():
    config = {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "num_hidden_layers": 2,
              "num_experts": 16}
    names = {f"model.layers.{n}.mlp.experts.{e}.{p}_proj": {"quant_algo": "NVFP4"} for n in range(2)
             for e in range(16) for p in ("gate", "up", "down")}
    settings = {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": names}
    spec = read_config(config | {"quantization_config": settings}).spec
    formats = weight_bytes(in_formats(build(spec)).tree).formats
    assert formats["nvfp4"] == 96 * (2048 * 768 * 4.5 / 8 + 4)


def test_names_of_no_matrix_are_said():
    layers = {f"model.layers.0.mlp.{part}_proj": {"quant_algo": "FP8"} for part in ("down", "side")}
    spec = read(quant_method="modelopt", quant_algo="MIXED_PRECISION", quantized_layers=layers)
    quantized = in_formats(build(spec)).spec
    assert level_of(quantized.caveats, "weights") == "unknown"
    assert "side_proj" in quantized.caveats[-1].reason


def test_names_of_matrices_that_classes_join():
    config = {"architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "num_hidden_layers": 2}
    names = {f"model.layers.{n}.mlp.{part}_proj": {"quant_algo": "FP8"} for n in range(2) for part in ("gate", "up")}
    settings = {"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": names}
    quantized = in_formats(build(read_config(config | {"quantization_config": settings}).spec))
    assert weight_bytes(quantized.tree).formats["fp8_tensor"] == 2 * (2 * 8192 * 3072 + 4)
    assert level_of(quantized.spec.caveats, "weights") == "exact"
