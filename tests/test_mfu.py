"""FLOPs a token for a training loop: from anything that describes a model, without loading the terminal's libraries."""

import subprocess
import sys
from types import SimpleNamespace

import pytest

from paramcalc.errors import InputError, PCError
from paramcalc.mfu import flops_per_token
from paramcalc.spec.model import ModelSpec

pytestmark = pytest.mark.smoke

SHORT = {"vocab_size": 128256, "hidden_size": 4096, "num_layers": 32, "num_heads": 32, "num_kv_heads": 8,
         "intermediate_size": 14336}
CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 128256, "hidden_size": 4096,
          "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "intermediate_size": 14336,
          "tie_word_embeddings": False}
MATRICES = 8030261248 - 128256 * 4096 - 65 * 4096
"""All of Llama 3.1 8B but the table that is looked up and the norms."""
SQUARE = 32 * 32 * 2 * 128
"""Multiply-adds of one pair: layers, heads, queries with keys and weights with values."""


@pytest.mark.parametrize(
    "model",
    [SHORT, CONFIG, ModelSpec.model_validate(SHORT), SimpleNamespace(to_dict=lambda: CONFIG), "llama-3.1-8b"],
    ids=["spec dict", "config dict", "spec", "config object", "preset"],
)
def test_the_same_from_anything(model):
    assert flops_per_token(model, 8192) == 3 * 2 * (MATRICES + SQUARE * 8192)


def test_causal_counts_the_pairs_a_query_may_see():
    assert flops_per_token(SHORT, 1001, convention="causal") == 3 * 2 * (MATRICES + SQUARE * 501)


def test_forward_alone_is_a_third():
    assert 3 * flops_per_token(SHORT, 4096, training=False) == flops_per_token(SHORT, 4096)


def test_what_is_no_model_is_refused():
    with pytest.raises(InputError, match="found int"):
        flops_per_token(7, 128)
    with pytest.raises(PCError, match="hidden_size: required key is missing"):
        flops_per_token({"vocab_size": 7}, 128)


def test_loads_nothing_but_the_core():
    code = (f"import sys; from paramcalc.mfu import flops_per_token; flops_per_token({CONFIG!r}, 128); "
            "print(sorted({'typer', 'rich', 'click', 'torch', 'transformers', 'numpy'} & set(sys.modules)))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
