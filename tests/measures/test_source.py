"""What an encoder's input, or pictures beside the text, are where nobody says: one rule for every command."""

import pytest

import paramcalc

MLLAMA = {
    "model_type": "mllama", "architectures": ["MllamaForConditionalGeneration"],
    "text_config": {"model_type": "mllama_text_model", "vocab_size": 1000, "hidden_size": 64, "num_hidden_layers": 5,
                    "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96,
                    "cross_attention_layers": [1, 3], "max_position_embeddings": 512, "pad_token_id": 0},
    "vision_config": {"model_type": "mllama_vision_model", "hidden_size": 32, "num_hidden_layers": 2,
                      "num_global_layers": 1, "attention_heads": 2, "intermediate_size": 48, "image_size": 56,
                      "patch_size": 14, "intermediate_layers_indices": [0], "vision_output_dim": 64,
                      "supported_aspect_ratios": [[1, 1]], "max_num_tiles": 1},
}


def test_layers_that_attend_to_pictures_are_passed_by_without_any() -> None:
    """10,780,672 is what torch's FlopCounterMode counts of 32 tokens, eager attention, transformers 5.24.0."""
    assert paramcalc.count(MLLAMA).total == 329_913
    assert paramcalc.flops(MLLAMA, seq=32).forward == 10_780_672
    assert paramcalc.memory(MLLAMA, context=32).cache.bytes == 3 * 2 * 2 * 16 * 32 * 2


def test_a_picture_is_attended_to_and_projected_whole() -> None:
    """torch's counter has 16,741,504 for 32 tokens, one of them the picture's; 1,152 of them make the mask of tiles."""
    assert paramcalc.flops(MLLAMA, seq=31, image="56x56").forward == 16_741_504 - 1_152


@pytest.mark.parametrize("name", ["llama-3.2-11b-vision", "blip2-opt-2.7b", "whisper-tiny", "t5-small", "gemma-3-4b",
                                  "deepseek-v2-lite", "qwen2.5-vl-7b", "bart-base"])
def test_commands_mean_the_same_source(name: str) -> None:
    page = paramcalc.estimate(name)
    context = page.context
    assert page.cache.bytes == paramcalc.memory(name, context=context).cache.bytes
    assert page.cache.bytes == paramcalc.explain(name, of="cache", context=context).total
    assert paramcalc.explain(name, of="flops", context=64).total == paramcalc.flops(name, seq=64).forward


@pytest.mark.parametrize(("model_type", "architecture", "positions"), [
    ("clip", "CLIPModel", 77), ("siglip", "SiglipModel", 64), ("blip", "BlipModel", 512),
    ("chinese_clip", "ChineseCLIPModel", 512), ("owlvit", "OwlViTModel", 16),
])
def test_the_positions_of_a_text_beside_towers_cap_the_default(model_type: str, architecture: str, positions: int,
                                                               ) -> None:
    """The defaults of the classes of the text configs, in which files keep them."""
    config = {"model_type": model_type, "architectures": [architecture]}
    assert paramcalc.read(config).max_position_embeddings == positions
    assert paramcalc.flops(config).assumptions["seq"] == positions


@pytest.mark.parametrize(("name", "turned"), [("whisper-tiny", False), ("bart-base", False), ("gpt2", False),
                                              ("llama-3.2-1b", True), ("qwen2.5-vl-3b", True)])
def test_only_models_with_rotary_positions_have_their_tables(name: str, turned: bool) -> None:
    assert bool(paramcalc.memory(name, runtime="vllm", context=64).weights.rotary_table) == turned
