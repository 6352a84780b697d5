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
