"""Types of single tensors in llama.cpp's mixes, by the rules of its quantizer.

ggml-org/llama.cpp@007dbbf3fd17:src/llama-quant.cpp: `llama_tensor_get_type_impl` for the exceptions,
`tensor_type_fallback` for rows that blocks do not divide. Layers are numbered from 0.
"""

import pytest

from paramcalc.build import build
from paramcalc.spec.model import ModelSpec
from paramcalc.transforms.formats import in_formats
from paramcalc.tree import Tensor

LLAMA = {"vocab_size": 32000, "hidden_size": 4096, "num_layers": 32, "num_heads": 32, "num_kv_heads": 32,
         "intermediate_size": 11008}
GQA = LLAMA | {"num_kv_heads": 8}
MIXTRAL = {key: value for key, value in GQA.items() if key != "intermediate_size"} | {
    "moe": {"kind": "moe", "experts": 8, "top_k": 2, "intermediate_size": 14336}}
FALCON = LLAMA | {"family": "falcon", "hidden_size": 4608, "num_heads": 72, "num_kv_heads": 1, "fused_qkv": True,
                  "gated": False, "intermediate_size": 18432}
TIED = GQA | {"tie_embeddings": True}
ODD = GQA | {"hidden_size": 4112, "num_heads": 1, "num_kv_heads": 1}


def chosen(fields, mix, word, **more):
    """Formats of the tensors whose name has the word, in layers that have it."""
    model = in_formats(build(ModelSpec.model_validate(fields)), mix, **more, gguf=True)
    return {leaf.format.name for path, node, stored, _ in model.tree.walk() for leaf in node.tensors
            if isinstance(leaf, Tensor) and word in f"{path}.{leaf.name}" and leaf.stored and leaf.format}


CASES = [
    # everything of one dimension, tables of positions and the router stay whole
    (MIXTRAL, "q4_k_m", "norm", {"fp32"}), (MIXTRAL, "q4_k_m", "mlp.router", {"fp32"}),
    (GQA | {"position": "learned", "max_position_embeddings": 64}, "q4_k_m", "embed_positions", {"fp32"}),
    # eight experts: keys and values of 8 bits, the output of 5
    (MIXTRAL, "q4_k_m", "v_proj", {"q8_0"}), (MIXTRAL, "q4_k_m", "k_proj", {"q8_0"}),
    (MIXTRAL, "q4_k_m", "o_proj", {"q5_k"}), (MIXTRAL, "q5_k_m", "o_proj", {"q5_k"}),
    (MIXTRAL, "q6_k", "o_proj", {"q6_k"}), (MIXTRAL, "iq2_xs", "k_proj", {"q4_k"}),
    (MIXTRAL, "iq2_xs", "o_proj", {"q5_k"}), (MIXTRAL, "iq2_xs", "v_proj", {"q4_k"}),
    # MXFP4 for experts, 8 bits for the rest
    (MIXTRAL, "mxfp4_moe", "experts", {"ggml_mxfp4"}), (MIXTRAL, "mxfp4_moe", "q_proj", {"q8_0"}),
    (MIXTRAL, "mxfp4_moe", "lm_head", {"q8_0"}),
    # heads: 6 bits, 5 for the smallest mixes, 8 where all is of 8; of a tied table too
    (LLAMA, "q4_k_m", "lm_head", {"q6_k"}), (LLAMA, "q8_0", "lm_head", {"q8_0"}), (LLAMA, "iq2_s", "lm_head", {"q5_k"}),
    (LLAMA, "iq3_xxs", "lm_head", {"q5_k"}), (TIED, "q4_k_m", "embed_tokens", {"q6_k"}),
    (LLAMA, "q4_k_m", "embed_tokens", {"q4_k"}), (LLAMA, "iq1_s", "embed_tokens", {"q2_k"}),
    (LLAMA, "iq2_m", "embed_tokens", {"iq3_s"}), (LLAMA, "tq1_0", "embed_tokens", {"q4_k"}),
    # the smallest mixes
    (LLAMA, "iq2_xxs", "v_proj", {"q2_k"}), (GQA, "iq2_xxs", "v_proj", {"q4_k"}), (LLAMA, "iq2_m", "v_proj", {"iq3_s"}),
    (LLAMA, "iq2_xxs", "q_proj", {"iq2_xxs"}), (LLAMA, "iq2_xxs", "down_proj", {"iq2_xxs", "q2_k"}),
    (LLAMA, "iq1_s", "o_proj", {"iq2_xxs"}), (LLAMA, "iq2_m", "o_proj", {"iq3_s"}),
    (LLAMA, "iq2_xs", "o_proj", {"iq2_xs"}),
    # Falcon: the head of 8 bits, the last projection of attention as the rest but in one mix, its own for the last
    (FALCON, "q4_k_m", "lm_head", {"q8_0"}), (FALCON, "q4_k_m", "o_proj", {"q4_k"}),
    (FALCON, "q3_k_l", "o_proj", {"q4_k"}), (FALCON, "q3_k_l", "down_proj", {"q4_k"}),
    (FALCON, "q4_k_m", "down_proj", {"q6_k", "q5_k", "q4_k"}), (LLAMA, "q4_k_m", "down_proj", {"q6_k", "q4_k"}),
    # 4,112 columns are no whole blocks of 256: of 4 bits to 5, of 2 to 4; nor of 32: to 16 bits
    (ODD, "q4_k_m", "gate_proj", {"fp16"}), (GQA | {"hidden_size": 4128, "num_heads": 1, "num_kv_heads": 1}, "q2_k",
                                            "gate_proj", {"q4_0"}),
    (ODD, "q4_k_m", "lm_head", {"fp16"}), (GQA, "f16", "q_proj", {"fp16"}), (GQA, "bf16", "lm_head", {"bf16"}),
    # what is in no category of the quantizer is of the default type
    (GQA | {"mixer": {"kind": "mamba2", "num_heads": 64, "head_dim": 64, "state_size": 128}}, "q4_k_m", "in_proj",
     {"q4_k"}),
]


@pytest.mark.parametrize(("fields", "mix", "word", "formats"), CASES,
                         ids=[f"{place}-{case[1]}-{case[2]}" for place, case in enumerate(CASES)])
def test_by_the_quantizers_rules(fields, mix, word, formats):
    assert chosen(fields, mix, word) == formats


def test_an_importance_matrix_makes_the_first_layers_better():
    assert chosen(LLAMA, "q4_0", "down_proj", imatrix=True) == {"q4_0", "q4_1"}
    assert chosen(LLAMA, "q4_0", "down_proj") == {"q4_0"}
