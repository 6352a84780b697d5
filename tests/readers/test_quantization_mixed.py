"""Checkpoints of several algorithms, as their writers list them, and those that hold no codes at all."""

from __future__ import annotations

import pytest

from paramcalc.build import build
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.config.read import read_config
from paramcalc.spec.caveats import level_of
from paramcalc.transforms.formats import in_formats

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "num_hidden_layers": 2, "hidden_size": 1024,
         "intermediate_size": 2816, "num_attention_heads": 8, "vocab_size": 512}
DOWN = [f"model.layers.{n}.mlp.down_proj" for n in range(2)]
KEYS = [f"model.layers.{n}.self_attn.k_proj" for n in range(2)]


def read(**settings):
    spec = read_config(LLAMA | {"quantization_config": settings}).spec
    return spec, weight_bytes(in_formats(build(spec)).tree).formats


def mixed(**more):
    return read(quant_method="modelopt", quant_algo="MIXED_PRECISION", **more)


def test_groups_with_their_targets_are_read_as_layers_with_their_algorithms():
    """As config.json of ModelOpt has them (modelopt/torch/export/convert_hf_config.py)."""
    widths = {"group_0": {"num_bits": 8, "type": "float"},
              "group_1": {"num_bits": 4, "type": "float", "group_size": 16}}
    targets = {"group_0": KEYS, "group_1": DOWN}
    groups = {name: {"weights": {"dynamic": False, **weights}, "input_activations": None, "targets": targets[name]}
              for name, weights in widths.items()}
    layers = {name: {"quant_algo": "FP8"} for name in KEYS} | {name: {"quant_algo": "NVFP4"} for name in DOWN}
    spec, formats = mixed(config_groups=groups)
    assert formats == mixed(quantized_layers=layers)[1]
    assert formats["fp8_tensor"] == 2 * (1024 * 1024 + 4)
    assert level_of(spec.caveats, "weights") == "exact"


def test_what_is_unquantized_stays_in_its_dtype():
    layers = {name: {"quant_algo": "NVFP4"} for name in DOWN} | {name: {"quant_algo": "UNQUANTIZED"} for name in KEYS}
    spec, formats = mixed(quantized_layers=layers)
    assert formats == mixed(quantized_layers={name: {"quant_algo": "NVFP4"} for name in DOWN})[1]
    assert level_of(spec.caveats, "weights") == "exact"


@pytest.mark.parametrize("group", [
    {"weights": {"num_bits": 8, "type": "float"}}, {"weights": {"num_bits": 8, "type": "int"}, "targets": ["lm_head"]},
    {"targets": ["lm_head"]}])
def test_groups_that_say_too_little_are_named(group):
    spec, _ = mixed(config_groups={"group_0": group})
    assert level_of(spec.caveats, "weights") == "unknown"
    assert "config_groups" in spec.caveats[0].reason


def test_weights_that_were_rounded_and_kept_in_their_dtype():
    """Quark's `fake_quantized` (quark/torch/export/config/config.py, weight_format)."""
    weight = {"dtype": "fp4", "qscheme": "per_group", "group_size": 32}
    spec, formats = read(quant_method="quark", global_quant_config={"weight": weight},
                         export={"weight_format": "fake_quantized"})
    assert formats == read(quant_method="quark", global_quant_config={"weight": {"dtype": "bfloat16"}})[1]
    assert level_of(spec.caveats, "weights") == "bound"
