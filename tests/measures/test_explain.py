"""What explain says is what the measures count: amounts add up, and formulas with their numbers put in give them."""

import re

import pytest

import paramcalc
from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.explain import explain, explain_cache, explain_flops, explain_weights, layer_ranges, places
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.parameters import count
from paramcalc.measures.weights import weight_bytes
from paramcalc.spec.model import ModelSpec
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
    serving, cache_types = Serving(5000, 3, 700), types("fp16", "q8_0,fp8" if name == "llama-3.1-8b" else None)
    loads = [Workload(3, 5000, 0, 700), Workload(1, 600, 4000, 700, "causal")]
    for lines, total in (
        (explain(remembering.tree), count(plain.tree).total),
        (explain_weights(remembering.tree, "fp16"), weight_bytes(plain.tree, "fp16").total),
        (explain_weights(in_formats(remembering, "nf4").tree), weight_bytes(in_formats(plain, "nf4").tree).total),
        (explain_cache(remembering.tree, serving, cache_types), exact(mixers(plain.tree), serving, cache_types).bytes),
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


@pytest.mark.parametrize(("step", "ordinal"), [
    (2, "2nd"), (3, "3rd"), (4, "4th"), (9, "9th"), (10, "10th"), (11, "11th"), (12, "12th"), (13, "13th"),
    (14, "14th"), (20, "20th"), (21, "21st"), (22, "22nd"), (23, "23rd"), (101, "101st"), (111, "111th"),
    (112, "112th"), (113, "113th"), (121, "121st"), (211, "211th")])
def test_every_so_many_in_english(step, ordinal):
    assert layer_ranges([0, step, 2 * step]) == f"0 to {2 * step}, every {ordinal}"


def test_few_and_many_ranges():
    assert layer_ranges([3, 9]) == "3, 9"  # two are no pattern
    assert layer_ranges([0, 1]) == "0 to 1"
    assert layer_ranges([0, 2, 4, 5, 8, 10, 12, 14, 16]) == "0, 2, 4 to 5, 8, 10, 12, 14, 16"  # eight
    assert layer_ranges([0, 2, 4, 5, 8, 10, 12, 14, 16, 18]) == "0, 2, 4 to 5, 8, …, 18"


def remembering(name):
    return build(paramcalc.read(name), explain=True)


def test_each_parameter_of_a_model_by_hand():
    """Llama 3.1 8B: 32 layers, 32 heads and 8 of keys of 128, 4,096 wide, 14,336 inside, 128,256 tokens."""
    lines = explain(remembering("llama-3.1-8b").tree)
    layer = "model.layers.*"
    assert [(line.path, line.name, line.values, line.copies, line.amount, line.component) for line in lines] == [
        ("model.embed_tokens", "weight", "128,256 × 4,096", 1, 128256 * 4096, "token_embedding"),
        ("positions", "", "", 1, 0, "other"),
        (f"{layer}.input_layernorm", "weight", "4,096 × 32 layers", 32, 4096 * 32, "norm"),
        (f"{layer}.self_attn", "q_proj.weight", "32·128 × 4,096 × 32 layers", 32, 4096**2 * 32, "attention"),
        (f"{layer}.self_attn", "k_proj.weight", "8·128 × 4,096 × 32 layers", 32, 1024 * 4096 * 32, "attention"),
        (f"{layer}.self_attn", "v_proj.weight", "8·128 × 4,096 × 32 layers", 32, 1024 * 4096 * 32, "attention"),
        (f"{layer}.self_attn", "o_proj.weight", "4,096 × 32·128 × 32 layers", 32, 4096**2 * 32, "attention"),
        (f"{layer}.post_attention_layernorm", "weight", "4,096 × 32 layers", 32, 4096 * 32, "norm"),
        *((f"{layer}.mlp", f"{name}_proj.weight", f"{sides} × 32 layers", 32, 14336 * 4096 * 32, "ffn")
          for name, sides in (("gate", "14,336 × 4,096"), ("up", "14,336 × 4,096"), ("down", "4,096 × 14,336"))),
        ("model.norm", "weight", "4,096", 1, 4096, "norm"),
        ("lm_head", "weight", "128,256 × 4,096", 1, 128256 * 4096, "lm_head")]
    assert sum(line.amount for line in lines) == 8_030_261_248
    assert {line.layers for line in lines} == {"", "0 to 31"}
    assert lines[1].formula == "rotary: no parameters"
    assert lines[1].source.startswith("rotary: arXiv:2104.09864")
    assert lines[0].source == "torch.nn.Embedding"
    assert not any(line.buffer for line in lines)


def test_places_without_a_component_have_no_source():
    assert next(places(remembering("llama-3.1-8b").tree)).source == ""


@pytest.mark.parametrize(("name", "glob", "expected"), [
    # of one value: a multiplication of nothing
    ("apertus-8b", "*act_fn.alpha_p", ("1", "1 × 32 layers", 32, 32, False)),
    ("qwen3-0.6b", "lm_head*", ("vocab_size × hidden_size", "151,936 × 1,024: tied, counted where it is stored", 0, 0,
                                False)),
    # of 61 layers the first three are dense
    ("deepseek-v3", "*e_score_correction_bias", ("experts", "256 × 58 layers", 58, 0, True)),
    # of shape (1, 1, 768): dimensions of one say nothing
    ("rwkv-4-169m", "rwkv.blocks.*.attention.time_mix_key", ("hidden_size", "768", 1, 768, False)),
])
def test_a_parameter_that_is_special(name, glob, expected):
    line = explain(remembering(name).tree, glob)[0]
    assert (line.formula, line.values, line.copies, line.amount, line.buffer) == expected


def test_two_experts_are_two_copies():
    spec = {"vocab_size": 10, "hidden_size": 8, "num_layers": 1, "num_heads": 2,
            "ffn": {"kind": "moe", "experts": 2, "top_k": 1, "intermediate_size": 16}}
    line = explain(build(ModelSpec.model_validate(spec), explain=True).tree, "*experts*down_proj*")[0]
    assert (line.values, line.copies, line.amount, line.layers) == ("8 × 16 × 2 experts", 2, 256, "0")


def test_bytes_of_a_quantized_matrix_by_hand():
    """NF4: half a byte a value, an absolute maximum of 4 bytes for each 64 values, 16 values of a table in fp32."""
    line, = explain_weights(in_formats(remembering("llama-3.1-8b"), "nf4").tree, glob="*k_proj*")
    values, scales = 1024 * 4096 // 2, 1024 * 4096 // 64 * 4
    assert line.formula == "num_kv_heads·head_dim × hidden_size in bnb_nf4"
    assert line.values == (f"8·128 × 4,096 in bnb_nf4: {values:,} (weight) + {scales:,} (absmax) + 64 (quant_map) bytes"
                           " × 32 layers")
    assert line.amount == 32 * (values + scales + 64)
    plain, = explain_weights(remembering("llama-3.1-8b").tree, "fp32", "*k_proj*")
    assert (plain.formula, plain.values) == ("num_kv_heads·head_dim × hidden_size × bytes of fp32",
                                             "8·128 × 4,096 × 4 bytes × 32 layers")


@pytest.mark.parametrize(("name", "batch", "kv", "expected"), [
    # blocks of 32 values in 34 bytes
    ("llama-3.1-8b", 2, "q8_0", ("num_kv_heads × head_dim × tokens × bytes of q8_0",
                                 "8 × 128 × 100 in q8_0: 1,088 bytes an entry × 32 layers × 2 sequences",
                                 2 * 32 * 100 * 1024 // 32 * 34)),
    ("llama-3.1-8b", 1, "bf16", ("num_kv_heads × head_dim × tokens × bytes of bf16",
                                 "8 × 128 × 100 × 2 bytes × 32 layers", 32 * 100 * 1024 * 2)),
    # one of each sequence, whatever its length
    ("mamba-130m", 2, "bf16", ("inner_size × (conv_kernel - 1) × bytes of bf16",
                               "1,536 × (4 - 1) × 2 bytes × 24 layers × 2 sequences", 2 * 24 * 1536 * 3 * 2)),
    # two mixers in each layer
    ("longcat-flash", 1, "bf16", ("kv_lora_rank × tokens × bytes of bf16",
                                  "512 × 100 × 2 bytes × 28 layers × 2 copies", 56 * 512 * 100 * 2)),
])
def test_a_line_of_the_cache_by_hand(name, batch, kv, expected):
    line = explain_cache(remembering(name).tree, Serving(100, batch, 0), types("bf16", kv))[0]
    assert (line.formula, line.values, line.amount) == expected


def test_rows_of_a_sequence_are_a_factor():
    """DeepSeek-V4 keeps up to `rate - 1` tokens that are not compressed yet, keys and gates beside each other."""
    lines = explain_cache(remembering("deepseek-v4-flash").tree, Serving(5000, 1, 0), types("bf16"))
    pending = next(line for line in lines if line.name.startswith("pending"))
    assert evaluated(pending.values) == pending.amount
    assert pending.formula.count("×") > 1
    assert pending.amount > pending.copies * 2


def test_products_of_weights_by_hand():
    line, = explain_flops(remembering("llama-3.1-8b").tree, Workload(2, 100), "*k_proj*")
    assert (line.formula, line.values, line.amount) == (
        "2 × num_kv_heads·head_dim × hidden_size × sequences·tokens", "2 × 8·128 × 4,096 × 2·100 × 32 layers",
        2 * 1024 * 4096 * 200 * 32)
    line, = explain_flops(remembering("llama-3.1-8b").tree, Workload(1, 100), "*k_proj*")
    assert line.values == "2 × 8·128 × 4,096 × 100 × 32 layers"
    # Whisper's first convolution runs over twice the positions of its encoder
    line, = explain_flops(remembering("whisper-tiny").tree, Workload(1, 100, 0, 50), "*conv1.weight")
    assert (line.values, line.amount) == ("2 × 384 × 80 × 3 × 50 × 2 copies", 2 * 384 * 80 * 3 * 50 * 2)


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
