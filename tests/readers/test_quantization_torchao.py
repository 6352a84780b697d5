"""torchao's configurations: bytes of a small model, and of the tensors that the library itself makes."""

import pytest

from paramcalc.catalog.formats import find_format
from paramcalc.errors import SpecError
from paramcalc.spec.caveats import level_of
from tests.readers.small_model import a_row, block, in_fp8, plain, read, scaled, size, total, up


def config(name, version=2, **fields):
    return {"_type": f"{name}Config", "_version": version, "_data": fields}


def per(name, **fields):
    return {"_type": f"Per{name}", "_version": 1, "_data": fields}


def filled(group):
    """Tiles of tensor cores: outputs filled up to 8, inputs to 1,024; a 16-bit scale and zero a group."""
    return lambda rows, columns: up(rows, 8) * 8 * up(columns, 1024) * 1024 * (group + 8) // (2 * group)


def intx(group):
    return lambda rows, columns: rows * columns + rows * (columns // group) * 3


AO_INT8 = a_row(5)
INT4_DTYPE = {"_type": "torch.dtype", "_data": "int4"}


@pytest.mark.parametrize(("value", "bytes_"), [
    ("int4_weight_only", total(filled(128))),
    (config("Int4WeightOnly", group_size=64, int4_packing_format={"_type": "Int4PackingFormat", "_data": "PLAIN"}),
     total(lambda rows, columns: rows * columns // 2 + rows * columns // 64 * 4)),
    (config("Int4WeightOnly", group_size=64, int4_packing_format={"_type": "Int4PackingFormat",
                                                                  "_data": "TILE_PACKED_TO_4D"}), total(filled(64))),
    (config("Int8DynamicActivationIntxWeight", weight_dtype=INT4_DTYPE, weight_granularity=per("Group", group_size=64),
            intx_packing_format={"_type": "IntxPackingFormat", "_data": "UNPACKED_TO_INT8"}), total(intx(64))),
    (config("Int8DynamicActivationIntxWeight", weight_dtype=INT4_DTYPE), total(intx(32))),
    (config("IntxWeightOnly", weight_dtype=INT4_DTYPE, granularity=per("Axis", axis=0)), total(a_row(3))),
    (config("Int8WeightOnly", granularity=per("Row", dim=-1)), total(AO_INT8)),
    (config("Int8DynamicActivationInt8Weight", granularity=[per("Tensor"), per("Row")]), total(AO_INT8)),
    ("int8_weight_only", total(a_row(10))),
    (config("Float8WeightOnly", weight_dtype={"_type": "torch.dtype", "_data": "float8_e4m3fn"}), total(a_row(4))),
    (config("Float8DynamicActivationFloat8Weight", granularity=[per("Row", dim=-1)] * 2), total(a_row(4))),
    (config("Float8DynamicActivationFloat8Weight", granularity=[per("Block", block_size=[1, 128]),
                                                                per("Block", block_size=[128, 128])]), total(block)),
    (config("Float8DynamicActivationFloat8Weight"), total(in_fp8)),
    (config("FPX", 1, ebits=3, mbits=2), total(lambda rows, columns: rows * columns * 6 // 8 + 2 * rows)),
    (config("UIntXWeightOnly", 1, dtype={"_type": "torch.dtype", "_data": "uint3"}, group_size=64),
     total(lambda rows, columns: rows * columns * 3 // 8 + rows * columns // 64 * 4)),
    (config("NVFP4WeightOnly", 1), total(scaled(4, 16, 4))),
    (config("MXDynamicActivationMXWeight", 1, block_size=32, weight_dtype={"_type": "torch.dtype",
                                                                           "_data": "float8_e4m3fn"}),
     total(scaled(8, 32))),
])  # fmt: skip
def test_torchao(value, bytes_):
    kind = {"default": value} if isinstance(value, dict) else value
    spec = read(quant_method="torchao", quant_type=kind)
    assert size(spec) == bytes_
    assert level_of(spec.caveats, "weights") == "exact"


def test_torchao_by_name():
    """Whole names before expressions, which cover the name; the default takes linear layers; null leaves one alone."""
    table = {"_default": config("Int8DynamicActivationIntxWeight", weight_dtype=INT4_DTYPE),
             r"re:model\.layers\.\d+\.self_attn\.q_proj": config("Int8WeightOnly"),
             "re:q_proj": config("Float8WeightOnly"), "model.layers.0.self_attn.q_proj": None,
             "lm_head": config("Int8WeightOnly"),
             "model.embed_tokens": config("IntxWeightOnly", weight_dtype={"_type": "torch.dtype", "_data": "int8"},
                                          granularity=per("Axis", axis=0))}
    for name, key in (("FqnTo", "fqn_to_config"), ("ModuleFqnTo", "module_fqn_to_config")):
        spec = read(quant_method="torchao", quant_type={"default": config(name, 1, **{key: table})})
        assert size(spec) == total(intx(32), AO_INT8, a_row(3), q=AO_INT8) + plain(1024, 1024) - AO_INT8(1024, 1024)
        assert level_of(spec.caveats, "weights") == "exact"


def test_torchao_includes_both_tables():
    spec = read(quant_method="torchao", quant_type="int8_weight_only", include_input_output_embeddings=True)
    assert size(spec) == total(a_row(10), a_row(10), a_row(10))


def test_the_real_tensors_of_torchao():
    """A Linear of 512 × 1,536 in bf16, quantized by torchao 0.18."""
    for name, bytes_ in (("torchao_intx-g32", 860_160), ("torchao_intx-channel", 787_968), ("torchao_int8_v2", 788_992),
                         ("fp8_channel", 788_480)):
        assert find_format(name).bytes_of((512, 1536)) == bytes_


@pytest.mark.parametrize(("value", "level", "key"), [
    (config("Int8WeightOnly", novel=3), "bound", "novel"),
    (config("Int8WeightOnly", 1, group_size=64), "bound",
     "group_size"),
    (config("Int8WeightOnly", granularity=per("Group")), "bound", "granularity"),
    (config("Int4WeightOnly", int4_packing_format="preshuffled"),
     "estimate", "int4_packing_format"),
    (config("IntxWeightOnly", weight_scale_dtype="float32"),
     "bound", "weight_scale_dtype"),
    (config("IntxWeightOnly", weight_dtype=INT4_DTYPE,
      intx_packing_format={"_data": "OPAQUE_ATEN_KLEIDIAI"}), "bound", "intx_packing_format"),
    (config("Float8DynamicActivationFloat8Weight",
      packing_format={"_data": "SPARSE_1D"}), "bound", "packing_format"),
    (config("FPX", ebits=2, mbits=2), "bound", "ebits"),
    (config("MXDynamicActivationMXWeight", block_size=16), "bound",
     "block_size"),
])  # fmt: skip
def test_what_is_not_understood_is_named(value, level, key):
    spec = read(quant_method="torchao", quant_type={"default": value})
    assert level_of(spec.caveats, "weights") == level
    assert any(key in caveat.reason for caveat in spec.caveats)


def test_names_that_are_no_mapping_are_refused():
    with pytest.raises(SpecError, match="mapping of names"):
        read(quant_method="torchao", quant_type={"default": config("FqnTo", fqn_to_config=[1])})
