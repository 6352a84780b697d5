"""Formats of a config's `quantization_config`: a rule, or a note where the method or its format is not known."""

import pytest

from paramcalc.errors import SpecError
from paramcalc.readers.config.read import read_config

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}


def read(**settings):
    return read_config(LLAMA | {"quantization_config": settings}).spec


@pytest.mark.parametrize(("settings", "format_"), [
    ({"quant_method": "gptq", "bits": 3, "group_size": 64}, "gptq-3bit-g64"),
    ({"quant_method": "gptq", "bits": 4, "group_size": -1}, "gptq-4bit"),
    ({"quant_method": "awq", "w_bit": 4, "q_group_size": 128, "modules_to_not_convert": None}, "awq-4bit-g128"),
    ({"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4",
      "bnb_4bit_use_double_quant": True}, "bnb_nf4_dq"),
    ({"quant_method": "fp8", "weight_block_size": [128, 128]}, "fp8_block"),
    ({"quant_method": "fbgemm_fp8", "modules_to_not_convert": ["lm_head"]}, "fp8_channel"),
    ({"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]}, "nvfp4"),
])  # fmt: skip
def test_a_known_format_is_a_rule(settings, format_):
    spec = read(**settings)
    assert (spec.quantize[-1].match, spec.quantize[-1].format, spec.notes) == ("*", format_, ())


@pytest.mark.parametrize(("settings", "note"), [
    ({"quant_method": "quanto"}, "method 'quanto' is not known"),
    ({"quant_method": "modelopt", "quant_algo": "MIXED_PRECISION"}, "quant_algo: 'MIXED_PRECISION' is not known"),
    ({"quant_method": "fp8", "weight_block_size": [1, 32]}, "weight_block_size: only blocks of [128, 128] are known"),
])  # fmt: skip
def test_an_unknown_format_is_said_and_the_model_still_counted(settings, note):
    spec = read(**settings)
    assert (spec.quantize, len(spec.notes)) == ((), 1)
    assert note in spec.notes[0]
    assert spec.notes[0].endswith("; weights are in their dtype")


def test_wrong_settings_are_refused():
    with pytest.raises(SpecError, match="expected a small integer"):
        read(quant_method="gptq", bits="four")
