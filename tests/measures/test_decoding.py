"""Which models give one token after another."""

import pytest

import paramcalc
from paramcalc.build import build
from paramcalc.measures.decoding import gives_no_tokens
from paramcalc.readers.headers.checkpoint import checkpoint_spec
from paramcalc.readers.headers.header import Header, StoredTensor
from paramcalc.spec.model import ModelSpec
from paramcalc.tree import Node, Tensor

HEADLESS = "it has no head that predicts tokens"
AT_ONCE = "it keeps nothing between tokens: it reads a whole sequence at once"
SIZES = {"vocab_size": 100, "hidden_size": 16, "num_layers": 1, "num_heads": 2, "intermediate_size": 32}


@pytest.mark.parametrize(("model", "why"), [
    ("llama-3.1-8b", ""), ("qwen3-0.6b", ""), ("mamba-130m", ""), ("flan-t5-small", ""), ("whisper-tiny", ""),
    ("bert-base-uncased", AT_ONCE),
    ("clip-vit-base-patch32", HEADLESS),
])
def test_published_models(model, why):
    assert gives_no_tokens(build(paramcalc.read(model))) == why


def test_decoders_without_a_head_and_with():
    config = {"model_type": "llama", "vocab_size": 100, "hidden_size": 16, "num_hidden_layers": 1,
              "num_attention_heads": 2, "intermediate_size": 32, "tie_word_embeddings": False}
    assert gives_no_tokens(build(paramcalc.read(config | {"architectures": ["LlamaForCausalLM"]}))) == ""
    assert gives_no_tokens(build(paramcalc.read(config | {"architectures": ["LlamaModel"]}))) == HEADLESS


def test_a_head_that_is_a_plain_tensor():
    model = build(ModelSpec.model_validate(SIZES | {"head": False}))
    assert gives_no_tokens(model) == HEADLESS
    for component, why in (("lm_head", ""), ("ffn", HEADLESS)):
        matrix = Node("out", (Tensor("weight", (100, 16), ("vocab", "hidden"), "matmul", component),))
        tree = model.tree.replace(children=(*model.tree.children, matrix))
        assert gives_no_tokens(model._replace(tree=tree)) == why


def test_tensors_alone_give_no_reason():
    """A checkpoint's header tells tensors: whether they give tokens is not known, so nothing is refused."""
    matrix = StoredTensor("model.layers.0.mlp.up_proj.weight", (96, 64), "fp16", 2 * 96 * 64)
    assert gives_no_tokens(build(checkpoint_spec(Header("safetensors", (matrix,), {})))) == ""
