"""What explain says is what the measures count: amounts add up, and formulas with their numbers put in give them."""

import re

import pytest

import paramcalc
from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.explain import explain, explain_cache, explain_flops, explain_weights, layer_ranges
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.parameters import count
from paramcalc.measures.weights import weight_bytes
from paramcalc.transforms.formats import in_formats

MODELS = ("llama-3.1-8b", "deepseek-v3", "gemma-3-4b", "jamba-v0.1", "flan-t5-small", "gpt-oss-20b", "falcon-7b",
          "rwkv-4-169m", "zamba2-1.2b", "whisper-tiny", "albert-base-v2", "qwen3-next-80b-a3b")
COPIES = re.compile(r"([\d,]+) [a-z_]+")


def evaluated(values: str) -> int:
    """The number a line's values stand for, read as people do."""
    text = COPIES.sub(r"\1", values.replace("×", "*").replace("·", "*").replace("/", "//")).replace(",", "")
    assert re.fullmatch(r"[\d *+()/-]+", text), values
    return int(eval(text))  # noqa: S307 - digits and signs only


@pytest.mark.parametrize("name", MODELS)
def test_amounts_add_up_to_what_is_counted(name):
    spec = paramcalc.read(name)
    remembering, plain = build(spec, explain=True), build(spec)
    serving, held = Serving(5000, 3, 700), types("fp16", "q8_0,fp8" if name == "llama-3.1-8b" else None)
    loads = [Workload(3, 5000, 0, 700), Workload(1, 600, 4000, 700, "causal")]
    for lines, total in (
        (explain(remembering.tree), count(plain.tree).total),
        (explain_weights(remembering.tree, "fp16"), weight_bytes(plain.tree, "fp16").total),
        (explain_weights(in_formats(remembering, "nf4").tree), weight_bytes(in_formats(plain, "nf4").tree).total),
        (explain_cache(remembering.tree, serving, held), exact(mixers(plain.tree), serving, held).bytes),
        *((explain_flops(remembering.tree, load), flops(plain.tree, load).forward) for load in loads),
    ):
        assert sum(line.amount for line in lines) == total


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("of", ["parameters", "weights", "cache", "flops", "optimizer"])
def test_the_numbers_put_in_give_the_amount(name, of):
    settings = {"context": 3000, "batch": 2} if of in ("cache", "flops") else {}
    try:
        lines = paramcalc.explain(name, of=of, **settings)
    except UsageError as error:
        assert "to explain" in str(error)  # noqa: PT017 - encoders keep nothing
        return
    for line in lines:
        if line.amount and " in " not in line.values:  # blocks and scales are listed, not multiplied
            assert evaluated(line.values) == line.amount


def test_values_stand_where_names_stand():
    (line,) = paramcalc.explain("falcon-7b", "*query_key_value*")
    assert line.formula == "(num_heads·head_dim + num_kv_heads·head_dim + num_kv_heads·head_dim) × hidden_size"
    assert line.values == "(71·64 + 1·64 + 1·64) × 4,544 × 32 layers"
    assert line.layers == "0 to 31"


def test_a_cache_by_hand():
    lines = paramcalc.explain("gemma-2-9b", of="cache", context=8192, kv_dtype="fp8")
    assert [(line.layers, line.formula, line.values) for line in lines if line.name == "k"] == [
        ("0 to 40, every 2nd", "num_kv_heads × head_dim × (window - 1) × bytes of fp8",
         "8 × 256 × (4,096 - 1) × 1 bytes × 21 layers"),
        ("1 to 41, every 2nd", "num_kv_heads × head_dim × tokens × bytes of fp8",
         "8 × 256 × 8,192 × 1 bytes × 21 layers")]


def test_scores_of_a_causal_model_by_hand():
    (scores,) = [line for line in paramcalc.explain("gpt2", of="flops", context=1024, convention="causal")
                 if line.name == "scores"]
    assert scores.formula == "2 × num_heads × (head_dim + head_dim) × tokens·(tokens + 1)/2"
    assert scores.amount == 2 * 12 * 128 * (1024 * 1025 // 2) * 12


def test_optimizer_states_by_hand():
    table = paramcalc.explain("gpt2", "transformer.wte.weight", of="optimizer", optimizer="adafactor")[0]
    assert (table.formula, table.amount) == ("4·(vocab_size + hidden_size) bytes", 4 * (50257 + 768))
    states = paramcalc.explain("gpt2", of="optimizer")
    assert sum(line.amount for line in states) == paramcalc.train("gpt2").per_device[0].optimizer


def test_layers_by_range():
    assert {line.layers for line in paramcalc.explain("deepseek-v3", "*mlp*")} == {"0 to 2", "3 to 60"}
    assert layer_ranges([0]) == "0"
    assert layer_ranges([0, 1, 2, 4]) == "0 to 2, 4"
    assert layer_ranges([5, 11, 17, 23]) == "5 to 23, every 6th"
    assert layer_ranges([0, 2, 3, 6, 8, 9, 12, 14, 16, 18, 20, 21, 30]).endswith("8 to 9, …, 30")


def test_keys_that_move_the_count_and_hyperparameters():
    config = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 1000, "hidden_size": 64,
              "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128,
              "attention_dropout": 0.1, "rope_theta": 10000.0, "rms_norm_eps": 1e-5, "attention_bias": False,
              "initializer_range": 0.02, "tie_word_embeddings": False, "hidden_act": "silu"}
    effects = {effect.key: effect for effect in paramcalc.explain(config, of="keys").keys}
    assert {key for key, effect in effects.items() if "parameters" in effect.moves} == {
        "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads",
        "intermediate_size", "attention_bias", "tie_word_embeddings"}
    for key in ("attention_dropout", "rope_theta", "rms_norm_eps", "initializer_range"):
        assert effects[key].moves == ()
        assert effects[key].tried
    total = paramcalc.count(config).total
    assert effects["vocab_size"].doubled == pytest.approx((total + 2 * 1000 * 64) / total, abs=1e-4)
    assert effects["hidden_act"].tried == ()


def test_a_window_moves_the_cache_only():
    config = {"model_type": "mistral", "architectures": ["MistralForCausalLM"], "vocab_size": 1000, "hidden_size": 64,
              "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 128,
              "sliding_window": 256}
    effects = {effect.key: effect.moves for effect in paramcalc.explain(config, of="keys").keys}
    assert effects["sliding_window"] == ("cache", "flops")
