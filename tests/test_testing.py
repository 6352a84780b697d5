"""`budget`: what a Python project asserts of its model in its own tests."""

from pathlib import Path

import pytest

from paramcalc.errors import PCError
from paramcalc.readers.models import load
from paramcalc.testing import budget

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128256, "hidden_size": 4096,
          "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336,
          "tie_word_embeddings": False}
LLAMA = 8_030_261_248  # https://huggingface.co/meta-llama/Llama-3.1-8B, model.safetensors.index.json: total_size / 2


class Config:
    def to_dict(self):
        return CONFIG


PRESET = Path(__file__).parents[1] / "configs" / "llama" / "llama-3.1-8b.yaml"


@pytest.mark.parametrize("model", [CONFIG, Config(), PRESET, str(PRESET), "llama-3.1-8b", load(str(PRESET)).spec],
                         ids=lambda model: type(model).__name__)
def test_a_budget_that_is_kept(model):
    budget(model, total="<= 8.1B", active=LLAMA, fits="h100@32k", weights={"bf16": 2 * LLAMA})
    plan = {"parameters": 32 * 16 * 2 * 4096, "rank": 16, "targets": ["q_proj"]}
    budget(model, fits=["h100@32k", "2xh100@128k"], trainable=plan)
    with pytest.raises(AssertionError, match="trainable"):
        budget(model, trainable=plan | {"parameters": plan["parameters"] + 1})


def test_all_that_is_broken_is_said_at_once():
    with pytest.raises(AssertionError) as caught:
        budget(CONFIG, total="<= 8B", components={"ffn": 1}, fits="rtx-4090@128k")
    message = str(caught.value)
    assert "expect.total: <= 8B is the bound, 8,030,261,248 counted" in message
    assert "expect.components.ffn: 1 is promised" in message
    assert "expect.fits[0]: does not fit on rtx-4090 at 131,072 tokens" in message


@pytest.mark.parametrize("promise", [{"total": "many"}, {"totl": 7}, {"fits": "h100"}, {"fits": "no-such-gpu@4k"}])
def test_a_promise_nobody_can_read_is_no_broken_one(promise):
    with pytest.raises((PCError, AssertionError)) as caught:
        budget(CONFIG, **promise)
    assert isinstance(caught.value, PCError) or "no-such-gpu" in str(caught.value)


def test_a_model_nobody_can_read():
    with pytest.raises(PCError):
        budget({"model_type": "no-such-model"}, total=1)
    with pytest.raises(PCError):
        budget(7, total=1)
