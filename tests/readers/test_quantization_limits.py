"""What of a quantized config is named as not understood, refused, or left exact."""

import pytest

from paramcalc.errors import SpecError
from paramcalc.readers.config.read import read_config
from paramcalc.spec.caveats import level_of
from tests.readers.small_model import read, size, total
from tests.readers.test_quantization_methods import BYTE, FP4, INT4, VPTQ, compressed, scheme


def transforms(place):
    return {"config_groups": {"R1": {"type": "hadamard", "apply": [{"targets": ["Linear"], "location": place}]}}}


@pytest.mark.parametrize(("settings", "level", "key"), [
    (compressed("nvfp4_e2m1_ue8m0", [scheme(["Linear"], **FP4)]), "bound", "quantization_config.format"),
    (compressed("", [scheme(["Linear"], "of-my-own", **FP4)]), "bound", "group_0.format"),
    (compressed("float-quantized", [scheme(["Linear"], **BYTE | {"num_bits": 4})]), "bound", "num_bits"),
    (compressed("pack-quantized", [scheme(["Linear"], **INT4)], transform_config=transforms("input")), "bound",
     "transform_config"),
    ({"quant_method": "auto-round", "bits": 4, "group_size": 128, "packing_format": "auto_round:new"}, "bound",
     "packing_format"),
    ({"quant_method": "modelopt"}, "unknown", "quant_algo"),
    *(({"quant_method": "auto-round", "bits": bits, "group_size": 128}, "bound", "bits") for bits in (5, 6, 7)),
    ({"quant_method": "bitsandbytes"}, "unknown", "load_in_4bit"),
    ({"quant_method": "mxfp4"}, "unknown", "quant_method"),
    ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp4", "group_size": 16}}}, "estimate",
     "group_size"),
    ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp4", "group_size": 32,
                                                                  "scale_format": "e4m3"}}}, "bound", "scale_format"),
    ({"quant_method": "aqlm", "out_group_size": 2}, "estimate", "out_group_size"),
    ({"quant_method": "vptq", "shared_layer_config": {"*_proj": VPTQ | {"outlier_size": 4}}}, "bound", "outlier_size"),
    ({"quant_method": "spqr", "bits": 3}, "unknown", "shapes"),
    ({"quant_method": "squeezellm", "wbits": 4}, "bound", "wbits"),
    ({"quant_method": "quanto", "weights": "int3"}, "unknown", "weights"),
    ({"quant_method": "fp_quant", "forward_dtype": "int3"}, "unknown", "forward_dtype"),
    ({"quant_method": "fp_quant", "store_master_weights": True}, "bound", "store_master_weights"),
    ({"quant_method": "quark"}, "unknown", "global_quant_config"),
    ({"quant_method": "quark", "global_quant_config": {"weight": [{"dtype": "fp4"}, {"dtype": "fp8"}]}}, "bound",
     "weight"),
    ({"quant_method": "quark", "global_quant_config": {"weight": {"dtype": "fp3"}}}, "bound", "weight"),
    (compressed("int-quantized", [scheme(["Linear"], num_bits=16, type="int")]), "bound", "num_bits"),
    (compressed("dense", [], sparsity_config={"format": "sparse-bitmask", "global_sparsity": 0.5}), "estimate",
     "global_sparsity"),
    (compressed("dense", [], sparsity_config={"format": "new"}), "bound", "format"),
    ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION", "quantized_layers": {"model.layers.0.mlp.up_proj": {
        "quant_algo": "W5A5"}}}, "bound", "quantized_layers"),
    ({"quant_method": "modelopt", "quant_algo": "W4A3"}, "bound", "quant_algo"),
    ({"quant_method": "exl2"}, "unknown", "bits"),
])  # fmt: skip
def test_what_is_not_understood_is_named(settings, level, key):
    spec = read(**settings)
    assert level_of(spec.caveats, "weights") == level
    assert any(key in caveat.reason for caveat in spec.caveats)


LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
CODED, TOWER = {"bits": 4, "group_size": 64}, {"model_type": "clip_vision_model"}


@pytest.mark.parametrize(("keys", "level", "named"), [
    ({"quantization": CODED, "quantization_config": CODED}, "exact", ""),
    ({"quantization": CODED, "quantization_config": CODED | {"bits": 8}}, "unknown", "quantization: settings of their"),
    ({"quantization_config": {"quant_method": "fp8"}, "compression_config": {"quant_method": "gptq"}}, "unknown",
     "compression_config"),
    ({"load_in_4bit": True}, "unknown", "load_in_4bit"), ({"weight_dtype": "fp8"}, "unknown", "weight_dtype"),
    ({"quantize_config": {"bits": 4}}, "unknown", "quantize_config"), ({"w_bit": 4}, "unknown", "w_bit"),
    ({"kv_cache_quant": True}, "exact", ""), ({"num_quantizers": 8}, "exact", ""),
    ({"load_in_4bit": False}, "exact", ""),
])  # fmt: skip
def test_settings_beside_those_that_are_read_are_named(keys, level, named):
    spec = read_config(LLAMA | keys).spec
    assert level_of(spec.caveats, "weights") == level
    assert any(named in caveat.reason for caveat in spec.caveats) or not named


@pytest.mark.parametrize(("settings", "level"), [({"quant_method": "fp8"}, "unknown"), (None, "exact"), ({}, "exact")])
def test_settings_of_a_tower_are_named(settings, level):
    spec = read_config({"model_type": "llava", "text_config": LLAMA,
                        "vision_config": TOWER | {"quantization_config": settings}}).spec
    assert level_of(spec.caveats, "weights") == level


@pytest.mark.parametrize(("settings", "message"), [
    (compressed("float-quantized", [scheme(["Linear"], **BYTE | {"strategy": "block", "block_structure": [0, 128]})]),
     "two sizes of a block"),
    ({"quant_method": "bitsandbytes", "load_in_4bit": "true"}, "expected true or false, found the string 'true'"),
    ({"quant_method": "vptq", "shared_layer_config": {"*": {"vector_lens": 8}}}, "expected two numbers"),
])  # fmt: skip
def test_what_cannot_be_is_refused(settings, message):
    with pytest.raises(SpecError, match=message):
        read(**settings)


@pytest.mark.parametrize("settings", [
    compressed("pack-quantized", [scheme(["Linear"], **INT4)], transform_config=transforms("weight_output")),
    {"quant_method": "bitsandbytes", "load_in_4bit": False, "load_in_8bit": False},
    {"quant_method": "modelopt", "quant_algo": None, "kv_cache_quant_algo": "FP8"},
    {"quant_method": "quark", "global_quant_config": {"weight": {
        "dtype": "fp4", "qscheme": "per_group", "group_size": 32, "scale_format": "e8m0", "ch_axis": -1,
        "is_dynamic": False, "observer_cls": "PerBlockMXObserver", "round_method": "half_even"}}},
    {"quant_method": "auto-round", "bits": 4, "group_size": 64, "packing_format": "mlx"},
])
def test_what_moves_no_bytes_leaves_them_exact(settings):
    assert level_of(read(**settings).caveats, "weights") == "exact"


def test_auto_round_packs_as_mlx_does():
    """ml-explore/mlx: codes, and a 16-bit scale and bias for each group."""
    spec = read(quant_method="auto-round", bits=4, group_size=64, packing_format="mlx")
    assert size(spec) == total(lambda rows, columns: rows * columns // 2 + 4 * rows * (columns // 64))


def test_a_head_of_unsaid_bits_is_an_estimate():
    with_bits, unsaid = (read(quant_method="exl3", bits=4.0, **more) for more in ({"head_bits": 6}, {}))
    assert size(with_bits) == size(unsaid)
    assert [level_of(spec.caveats, "weights") for spec in (with_bits, unsaid)] == ["exact", "estimate"]


def test_words_of_unsaid_bits_are_an_estimate():
    with_bits, unsaid = (read(quant_method="gptq", group_size=128, **more) for more in ({"bits": 4}, {}))
    assert size(with_bits) == size(unsaid)
    assert [level_of(spec.caveats, "weights") for spec in (with_bits, unsaid)] == ["exact", "estimate"]


@pytest.mark.parametrize("settings", [
    {"quant_method": "awq", "bits": 4, "group_size": 0}, {"quant_method": "gptq", "bits": 4, "group_size": 0},
    {"quant_method": "bitsandbytes", "load_in_4bit": True, "load_in_8bit": True}])
def test_settings_no_loader_takes_are_refused(settings):
    with pytest.raises(SpecError, match=r"expected a size of groups|both true"):
        read(**settings)


def test_a_config_of_vptq_that_names_no_layer_says_nothing():
    spec = read(quant_method="vptq", config_for_layers={}, shared_layer_config={})
    assert level_of(spec.caveats, "weights") != "exact"
    assert "config_for_layers" in spec.caveats[0].reason
