"""Whether the cache of a checkpoint is known: a header tells tensors, a GGUF file of a known kind its layers too."""

import pytest

from paramcalc.build import build
from paramcalc.measures.header_certainty import cache_unknown, has_formats, weights_only
from paramcalc.readers.config.read import read_config
from paramcalc.readers.headers.checkpoint import checkpoint_spec
from paramcalc.readers.headers.header import Header, StoredTensor
from paramcalc.readers.models import load

TENSORS = tuple(StoredTensor(name, shape, "fp16", 2 * shape[0] * shape[1]) for name, shape in (
    ("token_embd.weight", (96, 64)), ("blk.0.attn_q.weight", (64, 64))))
KEYS = {"llama.block_count": 1, "llama.embedding_length": 64, "llama.attention.head_count": 4,
        "llama.attention.head_count_kv": 2}


def checkpoint(form, architecture="", **keys):
    metadata = {"general.architecture": architecture, "gguf.version": 3} | keys if architecture else keys
    return build(checkpoint_spec(Header(form, TENSORS, metadata)))


def test_a_config_says_all():
    model = build(load("gpt2").spec)
    assert (weights_only(model), has_formats(model), cache_unknown(model)) == (False, False, "")


def test_a_config_with_rules_has_formats():
    settings = {"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}
    model = build(read_config({"model_type": "llama", "architectures": ["LlamaForCausalLM"], **settings}).spec)
    assert (weights_only(model), has_formats(model), cache_unknown(model)) == (False, True, "")


def test_safetensors_tell_tensors_alone():
    model = checkpoint("safetensors")
    assert (weights_only(model), has_formats(model)) == (True, True)
    assert cache_unknown(model) == "a checkpoint's header does not say"


def test_a_gguf_file_of_a_known_kind_says_what_is_kept():
    model = checkpoint("gguf", "llama", **KEYS)
    assert weights_only(model)
    assert cache_unknown(model) == ""


@pytest.mark.parametrize("kind", ["frobnicate", "fro\x1bbnicate"])
def test_a_gguf_file_of_another_kind_does_not(kind):
    reason = cache_unknown(checkpoint("gguf", kind))
    assert "does not say" in reason
    assert "nicate" in reason
    assert "\x1b" not in reason
