"""The matrix of which a prompt takes a copy."""

import pytest

from paramcalc.build import build
from paramcalc.estimates.inference import Prepared, Setup, memory
from paramcalc.estimates.runtimes import Runtime
from paramcalc.measures.cache import Serving
from paramcalc.measures.weights import most_unpacked
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.formats import in_formats

SPEC = {"vocab_size": 1024, "hidden_size": 256, "num_layers": 2, "num_heads": 4, "intermediate_size": 640,
        "tie_embeddings": False}
MODEL = build(ModelSpec.model_validate(SPEC))


@pytest.mark.parametrize(("quant", "most"), [
    ("nf4", 640 * 256), ("bnb_nf4_dq", 640 * 256), ("bnb_fp4", 640 * 256), ("hqq-4bit", 640 * 256),
    ("hqq-3bit", 640 * 256),
    ("gptq", 0), ("bnb_int8", 0), ("none", 0)])
def test_the_largest_matrix_in_a_format_without_products_of_its_own(quant, most):
    assert most_unpacked(in_formats(MODEL, quant).tree) == most


def test_of_a_stack_of_experts_one_matrix():
    experts = {"kind": "moe", "experts": 8, "top_k": 2, "intermediate_size": 640, "layout": "stacked"}
    spec = {key: value for key, value in SPEC.items() if key != "intermediate_size"}
    model = build(ModelSpec.model_validate(spec | {"ffn": experts}))
    assert most_unpacked(in_formats(model, "nf4").tree) == 640 * 256


def activations(quant, runtime, context):
    need = memory(Prepared(MODEL, Runtime(runtime), Setup(quant=quant)), Serving(context, 1))
    return need.stages[0].activations


def test_a_prompt_takes_a_copy_and_a_single_token_does_not():
    """bitsandbytes multiplies one token by the packed matrix (gemv_4bit)."""
    assert activations("nf4", "transformers", 64) - activations("gptq", "transformers", 64) == 2 * 640 * 256
    assert activations("nf4", "transformers", 1) == activations("gptq", "transformers", 1)
    assert activations("nf4", "exact", 64) == activations("gptq", "exact", 64)
