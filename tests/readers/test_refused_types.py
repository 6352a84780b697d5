"""Types nobody wrote: refused with the reason and the nearest that are known."""

import pytest

from paramcalc.errors import UnknownArchitectureError
from paramcalc.readers.config.defaults import library_version, model_types
from paramcalc.readers.config.neutral import NEUTRAL, NEUTRAL_PREFIXES
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families import family_of
from paramcalc.readers.families.nearest import FEW, _candidates, nearest
from paramcalc.readers.families.refused import KINDS, reason


def test_remote_code_of_an_unknown_type_is_refused():
    with pytest.raises(UnknownArchitectureError):
        read_config({"model_type": "my_own", "auto_map": {"AutoModel": "modeling.Model"}})


@pytest.mark.parametrize(("model_type", "architecture", "first"), [
    ("phi-microsoft", "PhiForCausalLM", "phi"),
    ("my_own", "MistralForCausalLM", "mistral"),
    ("Llama", "Unheard", "llama"),
    ("lamma", 'a"b', "llama"),
])  # fmt: skip
def test_a_refusal_names_the_nearest_type(model_type, architecture, first):
    """A type whose class has the name of a known one is still refused: that class may be another repository's."""
    with pytest.raises(UnknownArchitectureError) as caught:
        read_config({"model_type": model_type, "architectures": [architecture]})
    assert caught.value.problems[0].hint.startswith(f"nearest known: {first}")


PLAIN = dict.fromkeys(("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"), 8)


@pytest.mark.parametrize(("model_type", "keys", "first"), [
    ("orion9", PLAIN, "llama"),
    ("somebodys_moe", PLAIN | {"num_experts": 8, "moe_intermediate_size": 8, "decoder_sparse_step": 1}, "qwen3_moe"),
    ("ssm9000", {"state_size": 8, "conv_kernel": 8, "time_step_rank": 8, "hidden_size": 8, "expand": 2}, "mamba"),
    ("deepseek_inhouse", PLAIN | {"q_lora_rank": 8, "compress_ratios": [], "o_groups": 8}, "deepseek_v4"),
    ("somebodys_chat", {"llm_config": {"model_type": "x"}, "vision_config": {}, "downsample_ratio": 0.5}, "internvl"),
])  # fmt: skip
def test_a_hint_goes_by_what_the_config_holds(model_type, keys, first):
    with pytest.raises(UnknownArchitectureError) as caught:
        read_config({"model_type": model_type, **keys})
    assert caught.value.problems[0].hint.partition(": ")[2].split(", ")[0] == first


@pytest.mark.parametrize(("model_type", "why"), [
    ("vitpose", "models that estimate depth, poses or matching points, or restore pictures are not described here"),
    ("sam_mask_decoder", "as a part of sam, whose config can be counted"),
    ("dinat", "but its class is not described here"),
    ("sam_hq_mask_decoder", r"as a part of sam_hq\nhint"),
    ("deepseek_ocr2_encoder", "as a part of deepseek_ocr2, whose config can be counted"),
])
def test_a_type_of_the_library_is_refused_with_the_reason(model_type, why):
    with pytest.raises(UnknownArchitectureError, match=why) as caught:
        read_config({"model_type": model_type})
    assert library_version() in str(caught.value)


@pytest.mark.parametrize(("model_type", "why"), [
    ("ovis", "this config has no text model under llm_config"),
    ("kimi_k3", "this config has no text model under text_config"),
    ("internvl_chat", r"its class is published with its own code \(OpenGVLab"),
])
def test_a_type_of_its_own_code_is_refused_without_the_library(model_type, why):
    with pytest.raises(UnknownArchitectureError, match=why) as caught:
        read_config({"model_type": model_type})
    assert "transformers" not in str(caught.value)


def test_a_part_is_refused_with_the_model_that_holds_it_first():
    config = {"model_type": "t5gemma2_encoder", "text_config": {"model_type": "t5gemma2_text"}}
    with pytest.raises(UnknownArchitectureError, match="nearest known: t5gemma2, "):
        read_config(config)


def test_a_type_the_library_has_not_is_refused_without_one():
    with pytest.raises(UnknownArchitectureError, match=r"unknown model_type 'frobnicator'\nhint"):
        read_config({"model_type": "frobnicator"})


def test_every_type_of_the_library_is_counted_or_has_a_reason():
    assert {name for name in model_types() if family_of(name).builder is None and not reason(name)} == set()
    assert all(family_of(name).data for types in KINDS.values() for name in types.split())


def test_a_refusal_names_a_type_that_shares_the_most_keys():
    """Of every type of the library that is refused, with all keys of its class."""
    refused = 0
    spellings = {name: data.spellings for name in _candidates() if (data := family_of(name).data) is not None}
    for model_type in model_types():
        data = family_of(model_type).data
        config = {key: value for key, value in data.defaults.items() if not isinstance(value, dict)}
        keys = {key for key in config if key not in NEUTRAL and not key.startswith(NEUTRAL_PREFIXES)}
        most = max(len(keys & own) for own in spellings.values())
        if most < FEW or model_type in spellings:
            continue
        refused += 1
        assert most in {len(keys & spellings.get(name, set())) for name in nearest(model_type, config)}, model_type
    assert refused > 20
