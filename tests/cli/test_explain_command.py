"""`paramcalc explain` from outside."""

import json

import pytest

import paramcalc


@pytest.mark.parametrize(("arguments", "message"), [
    (("--kv-dtype", "fp8"), "--kv-dtype has no effect with --of parameters"),
    (("--of", "optimizer", "--context", "8k"), "--context has no effect with --of optimizer"),
    (("*attn*", "--of", "keys"), "a PATH-GLOB has no effect with --of keys"),
    (("--of", "cache", "--what-if", "num_layers=2x"), "--of has no effect with --what-if"),
    (("--of", "cach"), "did you mean"),
])
def test_what_is_typed_wrong(call, arguments, message):
    code, out, error = call("explain", "gpt2", *arguments)
    assert (code, out) == (2, "")
    assert message in error


def test_formulas_in_json(call):
    answer = json.loads(call("explain", "deepseek-v3", "*q_a_proj*", "--of", "weights", "--quant", "nf4", "--json")[1])
    assert (answer["of"], answer["known"], answer["assumptions"]["quant"]) == ("weights", {"formulas": "exact"}, "nf4")
    dense, sparse = answer["formulas"]
    assert (dense["layers"], sparse["layers"]) == ("0 to 2", "3 to 60")
    assert answer["total"] == dense["bytes"] + sparse["bytes"]
    assert "parameters" not in dense


def test_keys_in_a_table(call):
    _, out, _ = call("explain", "llama-3.1-8b", "--of", "keys")
    (vocabulary,) = [line for line in out.splitlines() if line.startswith("vocab_size")]
    assert "parameters, active, weights, flops" in vocabulary
    assert "max_position_embeddings" in out
    assert "nothing: a hyperparameter" in out


@pytest.mark.parametrize("settings", [{}, {"source": 700}])
@pytest.mark.parametrize("name", ["whisper-tiny", "t5-small"])
def test_an_encoder_reads_what_the_other_commands_say(name, settings):
    """A recording that is filled up to half a minute where nobody says how much is read."""
    cache = paramcalc.explain(name, of="cache", context=400, **settings)
    assert sum(each.amount for each in cache) == paramcalc.memory(name, context=400, **settings).cache.bytes
    products = paramcalc.explain(name, of="flops", context=400, **settings)
    assert sum(each.amount for each in products) == paramcalc.flops(name, seq=400, **settings).forward
