"""Bytes of a small model by each method, against arithmetic from what the methods' libraries store."""

import pytest

from paramcalc.readers.config.read import read_config
from paramcalc.spec.caveats import level_of
from tests.readers.small_model import (
    CONFIG,
    SHAPES,
    TABLE,
    a_row,
    awq,
    block,
    gptq,
    hqq,
    in_fp8,
    nf4,
    packed,
    plain,
    read,
    scaled,
    size,
    total,
    up,
    words,
)


def scheme(targets, layout="", **weights):
    act = weights.pop("act", None)
    return {"targets": targets, "weights": weights, "input_activations": act} | ({"format": layout} if layout else {})


INT4 = {"num_bits": 4, "type": "int", "symmetric": True, "strategy": "group", "group_size": 128}
BYTE = {"num_bits": 8, "type": "float", "symmetric": True, "strategy": "channel"}
FP4 = {"num_bits": 4, "type": "float", "symmetric": True, "strategy": "tensor_group", "group_size": 16,
       "act": {"num_bits": 4}}


def compressed(layout, groups, ignore=("lm_head",), **others):
    config = {f"group_{number}": group for number, group in enumerate(groups)}
    return {"quant_method": "compressed-tensors", "format": layout, "config_groups": config,
            "ignore": list(ignore), **others}


@pytest.mark.parametrize(("settings", "bytes_"), [
    (compressed("pack-quantized", [scheme(["Linear"], **INT4)]), total(packed(128))),
    (compressed("pack-quantized", [scheme(["Linear"], **INT4 | {"symmetric": False, "actorder": "group"})]),
     total(packed(128, zeros=True, order=True))),
    (compressed("pack-quantized", [scheme(["Linear"], **INT4)], ["lm_head", r"re:.*layers\.0\..*", "re:.*v_proj"]),
     total(packed(128), v=plain) + sum(plain(*s) - packed(128)(*s) for n, s in SHAPES.items() if n != "v")),
    (compressed("int-quantized", [scheme(["Linear"], **BYTE | {"type": "int"})]), total(a_row(2))),
    (compressed("int-quantized", [scheme(["Linear"], **BYTE | {"type": "int", "strategy": "tensor"})]),
     total(lambda rows, columns: rows * columns + 2)),
    (compressed("float-quantized", [scheme(["Linear"], **BYTE)]), total(a_row(2))),
    (compressed("float-quantized", [scheme(["Linear"], **BYTE | {"strategy": "block", "block_structure": [128, 128]})]),
     total(lambda rows, columns: rows * columns + 2 * up(rows, 128) * up(columns, 128))),
    (compressed("float-quantized", [scheme(["Linear"], **BYTE | {"strategy": "block", "block_structure": "64x128"})]),
     total(lambda rows, columns: rows * columns + 2 * up(rows, 64) * up(columns, 128))),
    (compressed("nvfp4-pack-quantized", [scheme(["Linear"], **FP4)]), total(scaled(4, 16, 8))),
    (compressed("nvfp4-pack-quantized", [scheme(["Linear"], **FP4 | {"act": None})]), total(scaled(4, 16, 4))),
    (compressed("mxfp4-pack-quantized", [scheme(["Linear"], **FP4 | {"group_size": 32})]), total(scaled(4, 32))),
    (compressed("mixed-precision", [scheme([r"re:.*mlp\.(gate|up|down)_proj$"], "nvfp4-pack-quantized", **FP4),
                                    scheme([r"re:.*self_attn\..*_proj$"], "float-quantized", **BYTE)]),
     total(a_row(2), gate=scaled(4, 16, 8), up=scaled(4, 16, 8), down=scaled(4, 16, 8))),
    (compressed("pack-quantized", [scheme(["Linear"], **INT4), scheme(["Embedding"], **INT4)], []),
     total(packed(128), packed(128), packed(128))),
    (compressed("float-quantized", [scheme(["Linear"], **BYTE)], sparsity_config={"format": "sparse-24-bitmask"}),
     total(lambda rows, columns: rows * columns // 2 + rows * columns // 8 + 2 * rows)),
    (compressed("dense", [], [], sparsity_config={"format": "sparse-24-bitmask", "ignore": ["lm_head"]}),
     total(lambda rows, columns: rows * columns + rows * columns // 8)),
    (compressed("dense", [], [], sparsity_config={"format": "dense"}), total(plain)),
    (compressed("pack-quantized", [{"targets": ["Linear"], "weights": None}]), total(plain)),
])  # fmt: skip
def test_compressed_tensors(settings, bytes_):
    spec = read(**settings)
    assert size(spec) == bytes_
    assert level_of(spec.caveats, "weights") == "exact"


def in_bytes(group, each=0):
    """Codes of four bits, an FP32 scale a group, `each` bytes an input."""
    return lambda rows, columns: rows * columns // 2 + columns // group * rows * 4 + each * columns


def rows_of(bits):
    """Codes, an FP32 scale a row, one of the input and one of the output."""
    return lambda rows, columns: rows * columns * bits // 8 + 4 * rows + 8


@pytest.mark.parametrize(("settings", "bytes_"), [
    # unsloth's dynamic files list the modules that stay in 16 bits
    ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant":
      True, "llm_int8_skip_modules": ["lm_head", "multi_modal_projector", "model.layers.1.mlp",
                                      "model.layers.3.self_attn.o_proj"]},
     total(nf4) + sum(plain(*SHAPES[n]) - nf4(*SHAPES[n]) for n in ("gate", "up", "down", "o"))),
    ({"quant_method": "bitsandbytes", "load_in_8bit": True}, total(a_row(4))),
    ({"quant_method": "bitsandbytes", "load_in_4bit": False}, total(plain)),
    ({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True, "version": "gemm",
      "modules_to_not_convert": ["self_attn.k_proj", "v_proj"]}, total(awq(128), k=plain, v=plain)),
    ({"quant_method": "gptq", "bits": 4, "group_size": 128, "desc_act": False, "sym": True, "lm_head": True,
      "dynamic": {r"+:.*mlp\.down_proj": {"bits": 8, "group_size": 32}, r"-:.*k_proj": {}, r".*o_proj": {"bits": 16}}},
     total(gptq(4, 128), gptq(4, 128), down=gptq(8, 32), k=plain, o=plain)),
    ({"quant_method": "gptq", "bits": 3, "group_size": -1,
      "modules_in_block_to_quantize": [["self_attn.q_proj"], ["mlp.down_proj"]]},
     total(plain, q=gptq(3, -1), down=gptq(3, -1))),
    ({"quant_method": "hqq", "quant_config": {
      "self_attn.q_proj": {"weight_quant_params": {"nbits": 2, "group_size": 64}},
      "mlp.down_proj": {"weight_quant_params": {"nbits": 8, "group_size": 128}}}},
     total(plain, q=hqq(2, 64), down=hqq(8, 128))),
    ({"quant_method": "quanto", "weights": "int4", "modules_to_not_convert": ["lm_head"]},
     total(lambda rows, columns: rows * columns // 2 + rows * columns // 128 * 4)),
    ({"quant_method": "quanto", "weights": "qint2"},
     total(lambda rows, columns: rows * columns // 4 + rows * columns // 128 * 4)),
    ({"quant_method": "eetq", "modules_to_not_convert": ["down_proj"]}, total(a_row(2), a_row(2), down=plain)),
    ({"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online"}, total(plain)),
    ({"quant_method": "bitnet"}, total(lambda rows, columns: rows // 4 * columns + 2)),
    ({"quant_method": "metal", "bits": 4, "group_size": 64},
     total(lambda rows, columns: rows * columns // 2 + rows * columns // 64 * 8)),
    ({"quant_method": "gemma", "num_bits": 4, "modules_to_not_convert": ["lm_head"], "module_quant_configs":
      {"down_proj": {"num_bits": 8}, r"self_attn\.": {"num_bits": 2}}},
     total(rows_of(4), down=rows_of(8), **dict.fromkeys("qkvo", rows_of(2)))),
    ({"quant_method": "mxfp8", "modules_to_not_convert": ["lm_head"]}, total(scaled(8, 32))),
    ({"quant_method": "exl3", "bits": 4.0, "head_bits": 6},
     total(lambda rows, columns: rows * columns // 2 + 2 * (rows + columns),
           lambda rows, columns: rows * columns * 6 // 8 + 2 * (rows + columns))),
    ({"quant_method": "fbgemm_fp8", "activation_scale_ub": 1200.0, "modules_to_not_convert": ["model.layers.0"]},
     total(a_row(4), a_row(4)) + sum(plain(*s) - a_row(4)(*s) for s in SHAPES.values())),
    ({"quant_method": "fp_quant", "forward_dtype": "mxfp4", "modules_to_not_convert": ["lm_head"]},
     total(scaled(4, 32, 2 * 4 + 2 * 2 * 32 * 32))),
    ({"quant_method": "fp_quant", "forward_dtype": "nvfp4", "modules_to_not_convert": ["o_proj"]},
     total(scaled(4, 16, 8 + 4 * 16 * 16), scaled(4, 16, 8 + 4 * 16 * 16), o=plain)),
    ({"quant_method": "fp_quant"}, total(scaled(4, 16, 8 + 4 * 16 * 16))),
    ({"quant_method": "fp_quant", "pseudoquantization": True}, total(plain)),
])  # fmt: skip
def test_other_libraries(settings, bytes_):
    spec = read(**settings)
    assert size(spec) == bytes_
    assert level_of(spec.caveats, "weights") == "exact"


@pytest.mark.parametrize(("settings", "bytes_"), [
    ({"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert": ["down_proj"]},
     total(block, down=plain)),
    ({"quant_method": "fp8", "weight_per_channel": True}, total(a_row(4))),
    ({"quant_method": "fp8", "ignored_layers": [f"model.layers.{n}.mlp.up_proj" for n in range(4)]},
     total(in_fp8, up=plain)),
    ({"quant_method": "fp8", "weight_block_size": [128, 128], "modules_to_convert": ["lm_head"]}, total(block, in_fp8)),
    ({"quant_method": "modelopt", "quant_algo": "FP8", "ignore": ["lm_head"]}, total(in_fp8)),
    ({"quant_method": "modelopt", "quantization": {"quant_algo": "INT8_SQ", "exclude_modules": ["lm_head"]}},
     total(a_row(4))),
    ({"quant_method": "modelopt", "quantization": {"quant_algo": "W4A16_AWQ", "group_size": 64}},
     total(in_bytes(64), o=in_bytes(64, 2), down=in_bytes(64, 2))),
    ({"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head", "model.layers.0*", "*k_proj"]},
     total(scaled(4, 16, 4), k=plain) + sum(plain(*s) - scaled(4, 16, 4)(*s) for n, s in SHAPES.items() if n != "k")),
    ({"quant_method": "modelopt", "quant_algo": None, "config_groups": {"group_0": {"weights": {
        "num_bits": 8, "type": "float"}, "targets": ["Linear"]}}}, total(in_fp8)),
    ({"quant_method": "modelopt", "quant_algo": None, "config_groups": {"group_0": {"weights": {
        "num_bits": 4, "type": "float"}, "targets": ["Linear"]}}}, total(scaled(4, 16, 4))),
    ({"quant_method": "modelopt", "quantization": {"quant_algo": None, "kv_cache_quant_algo": "FP8"}}, total(plain)),
    ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers":
      {f"layers.{n}.mlp.down_proj": {"quant_algo": "W4A16_NVFP4", "group_size": 16} for n in range(4)}},
     total(plain, down=scaled(4, 16, 4))),
    ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp8_e4m3", "qscheme": "per_tensor"}},
      "exclude": ["lm_head", "re:.*k_proj"]}, total(in_fp8, k=plain)),
    ({"quant_method": "quark", "global_quant_config": {"weight": [{"dtype": "fp4", "qscheme": "per_group",
      "group_size": 32}]}, "exclude": ["lm_head"],
      "layer_quant_config": {"*self_attn*": {"weight": {"dtype": "fp8_e4m3", "qscheme": "per_channel"}},
                             "model.layers.3.mlp.up_proj": {"weight": None}}},
     total(scaled(4, 32), q=a_row(4), k=a_row(4), v=a_row(4), o=a_row(4)) + plain(2816, 1024)
     - scaled(4, 32)(2816, 1024)),
    ({"quant_method": "quark", "layer_type_quant_config": {"nn.Linear": {"weight": {"dtype": "int8",
      "qscheme": "per_channel"}}}, "exclude": ["lm_head"]}, total(a_row(2))),
    ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "uint4", "qscheme": "per_group",
      "group_size": 128, "symmetric": False}}, "exclude": ["lm_head"]}, total(packed(128, zeros=True))),
    ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "bfloat16"}}}, total(plain)),
])  # fmt: skip
def test_eight_and_four_bit_floats(settings, bytes_):
    assert size(read(**settings)) == bytes_


@pytest.mark.parametrize(("settings", "bytes_"), [
    ({"bits": 4, "group_size": 128, "packing_format": "auto_round:auto_gptq"}, total(gptq(4, 128))),
    ({"bits": 4, "group_size": 128, "packing_format": "auto_round:auto_awq", "modules_to_not_convert": ["k_proj"]},
     total(awq(128), k=plain)),
    ({"bits": 4, "group_size": 128, "packing_format": "auto_round:llm_compressor"}, total(packed(128))),
    ({"bits": 2, "group_size": 64, "extra_config": {"model.layers.0.mlp.down_proj": {"bits": 8, "group_size": 32},
      r".*\.k_proj": {"bits": 16}}}, total(gptq(2, 64), k=plain) + gptq(8, 32)(1024, 2816) - gptq(2, 64)(1024, 2816)),
    ({"bits": 4, "group_size": 128, "block_name_to_quantize": "model.layers"}, total(gptq(4, 128))),
    ({"bits": 4, "group_size": 128, "block_name_to_quantize": "model.visual, model.layers.2"},
     total(plain) + sum(gptq(4, 128)(*s) - plain(*s) for s in SHAPES.values())),
    ({"bits": 4, "group_size": 32, "data_type": "mx_fp"}, total(scaled(4, 32))),
    ({"bits": 8, "group_size": 32, "data_type": "mx_fp"}, total(scaled(8, 32))),
    ({"bits": 4, "group_size": 16, "data_type": "nv_fp4_with_static_gs"}, total(scaled(4, 16, 8))),
    ({"bits": 8, "group_size": -1, "data_type": "fp8"}, total(a_row(4))),
])  # fmt: skip
def test_auto_round(settings, bytes_):
    spec = read(quant_method="auto-round", **settings)
    assert size(spec) == bytes_
    assert level_of(spec.caveats, "weights") == "exact"


MIXTRAL = {"architectures": ["MixtralForCausalLM"], "model_type": "mixtral", "hidden_size": 1024, "intermediate_size":
           2816, "num_hidden_layers": 2, "num_attention_heads": 16, "num_key_value_heads": 4, "vocab_size": 32000,
           "num_local_experts": 8, "num_experts_per_tok": 2}
EXPERTS = 2 * 8 * 3
"""Matrices of 2,816 × 1,024 or turned round."""


@pytest.mark.parametrize(("settings", "attention", "experts", "router"), [
    ({"quant_method": "fp8", "weight_block_size": [128, 128], "moe_quant_algo": "NVFP4",
      "modules_to_not_convert": ["gate"]}, block, scaled(4, 16, 4), plain),
    ({"quant_method": "fp8", "weight_block_size": [128, 128], "quant_algo": "MIXED_PRECISION", "modules_to_not_convert":
      ["gate"], "quantized_layers": {f"model.layers.{n}.block_sparse_moe.experts": {"quant_algo": "NVFP4"}
                                     for n in range(2)}}, block, scaled(4, 16, 4), plain),
    ({"quant_method": "fp8", "expert_dtype": "fp8", "weight_block_size": [128, 128], "modules_to_not_convert":
      ["gate"]}, block, block, plain),
    ({"quant_method": "fp8", "expert_dtype": "nvfp4", "weight_block_size": [128, 128], "modules_to_not_convert":
      ["gate"]}, block, scaled(4, 16, 4), plain),
    ({"quant_method": "mxfp4", "modules_to_not_convert": ["model.layers.*.self_attn", "lm_head"]},
     plain, scaled(4, 32), plain),
])  # fmt: skip
def test_experts_in_a_format_of_their_own(settings, attention, experts, router):
    projections = 2 * sum(attention(*SHAPES[name]) for name in "qkvo")
    expected = projections + EXPERTS * experts(2816, 1024) + 2 * router(8, 1024) + 2 * (2 * TABLE + 5 * 1024)
    assert size(read_config(MIXTRAL | {"quantization_config": settings}).spec) == expected


def aqlm(rows, columns):
    """Two codebooks of 256 vectors of 8 in 16 bits, two bytes a vector, a 16-bit scale a row."""
    return rows * columns // 8 * 2 + 2 * 256 * 8 * 2 + 2 * rows


def vptq(rows, columns):
    """24 bits a vector of 8 outputs, in words of 32 along the inputs; two tables; scale, shift and place an input."""
    return rows // 8 * words(columns, 24) + 2 * 8 * (65536 + 256) + 6 * columns


VPTQ = {"vector_lens": [-1, 8], "num_centroids": [-1, 65536], "num_res_centroids": [-1, 256]}


@pytest.mark.parametrize(("settings", "bytes_"), [
    ({"quant_method": "aqlm", "num_codebooks": 2, "nbits_per_codebook": 8, "in_group_size": 8, "out_group_size": 1,
      "linear_weights_not_to_quantize": ["lm_head.weight", "model.layers.0.mlp.up_proj.weight"]},
     total(aqlm) + plain(2816, 1024) - aqlm(2816, 1024)),
    ({"quant_method": "vptq", "config_for_layers": {f"model.layers.{n}.mlp.down_proj": VPTQ for n in range(4)}},
     total(plain, down=vptq)),
    ({"quant_method": "vptq", "shared_layer_config": {"*.mlp.*_proj": VPTQ}, "modules_to_not_convert": ["up_proj"]},
     total(plain, down=vptq, gate=vptq)),
    ({"quant_method": "higgs", "bits": 4, "p": 2, "group_size": 256, "modules_to_not_convert": ["lm_head"]},
     total(lambda rows, columns: rows * columns // 2 + rows * columns // 256 * 2 + 2 * 16 + 2 * 2 * 16 * 16)),
    ({"quant_method": "spqr", "shapes": {
        f"model.layers.{n}.mlp.down_proj.{part}.shape": count for n in range(4)
        for part, count in (("dense_weights", 1000), ("row_offsets", 10), ("col_vals", 20), ("in_perm", 30))}},
     total(plain, down=lambda rows, columns: 8 * 1000 + 4 * (10 + 20 + 30))),
])  # fmt: skip
def test_codebooks(settings, bytes_):
    spec = read(**settings)
    assert size(spec) == bytes_
    assert level_of(spec.caveats, "weights") == "exact"


def test_a_group_said_only_beside_the_config():
    settings = {"quant_method": "modelopt", "quant_algo": "W4A16_AWQ", "ignore": ["lm_head"]}
    beside = {"quantization": {"quant_algo": "W4A16_AWQ", "group_size": 64}}
    spec = read_config(CONFIG | {"quantization_config": settings}, "m", beside).spec
    assert size(spec) == total(in_bytes(64), o=in_bytes(64, 2), down=in_bytes(64, 2))


def test_a_table_of_gemma_has_no_scales_of_activations():
    settings = {"quant_method": "gemma", "num_bits": 2, "quantize_embeddings": True, "modules_to_not_convert": []}
    assert size(read(**settings)) == total(rows_of(2), rows_of(2), lambda rows, columns: rows_of(2)(rows, columns) - 8)
