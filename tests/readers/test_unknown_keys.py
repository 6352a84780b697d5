"""Keys of a config: known, usual at the value they have, or said to be unknown."""

import json
from pathlib import Path

import pytest
import test_oracle

import paramcalc
from paramcalc.errors import SpecError
from paramcalc.measures.certainty import size_certainty
from paramcalc.readers.config.read import read_config

LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
PUBLISHED = Path(__file__).parent.parent / "data" / "published_configs.jsonl"


@pytest.mark.parametrize(("key", "value", "is_read"), [
    ("hidden_size", 64, True),
    ("torch_dtype", "bfloat16", True),
    ("auto_map", {"AutoModel": "modeling.Model"}, True),
    ("rope_scaling", {"type": "linear", "factor": 4.0}, True),
    ("rope_scaling", {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192}, True),
    ("rope_parameters", {"full_attention": {"rope_type": "default", "rope_theta": 1e6}}, True),
    ("quantization_config", {"quant_method": "gptq", "bits": 4, "group_size": 128}, True),
    ("_name_or_path", "somewhere", True),
    ("qkv_bias", False, True),
    ("qkv_bias", True, False),
    ("qkv_bias", 0, True),
    ("use_qk_norm", True, False),
    ("num_experts", 8, False),
    ("num_experts", 0, True),
    ("block_configs", [{"no_op": True}], False),
    ("for_our_trainer", True, True),
    ("our_trainer", {"steps": 8}, False),
    ("pruned_heads", {"1": [0]}, False),
    ("experts_per_token", 2, False),
    ("n_shared_experts", 2, False),
    ("hidden_sizes", 4096, True),
    ("draft_vocab_size", 64, False),
    ("use_gate", True, False),
    ("hc_mult", 4, False),
    ("num_registers", 4, False),
    ("codebooks", 8, False),
    ("hybrid_pattern", "M*-", False),
    ("temperature_start", 4, True),
    ("use_value_residual", True, False), ("lightning_indexer", True, False), ("use_mla", True, False),
    ("num_meta_tokens", 128, False), ("n_future_tokens", 4, False), ("add_cross_attention", True, False),
    ("post_ln", True, False), ("weight_tying", True, False), ("linear_attention", True, False),
    ("attn_output_gate", True, False), ("act_type", "SwiGLU", False), ("canon_set", "ABCD", False),
    ("use_mhc", True, False), ("num_key_value", 4, False), ("learned_pos", True, False),
    ("act_type", "gelu", True), ("num_train_tokens", 10**12, True), ("image_token_index", 5, True),
    ("norm_epsilon", 1e-5, True), ("embed_dropout", 0.1, True), ("tensor_model_parallel_size", 8, True),
    ("use_fused_rms_norm", True, True), ("moe_aux_loss_coeff", 0.01, True), ("kv_cache_dtype", "fp8", True),
    ("sentence_transformers", {"version": "4.1.0", "activation_fn": "torch.nn.Identity"}, True),
    ("dual_chunk_attention_config", {"chunk_size": 262144, "local_size": 8192}, True),
])  # fmt: skip
def test_a_key_is_known_or_said_to_be_unknown(key, value, is_read):
    unknown = [problem.path for problem in read_config(LLAMA | {key: value}).unknown]
    assert unknown == ([] if is_read else [(key,)])


@pytest.mark.parametrize(("model_type", "key", "value", "is_read"), [
    ("llama", "max_sequence_length", 1024, True),
    ("bert", "max_sequence_length", 1024, True),
    ("gpt_oss", "experts_per_token", 4, True),
    ("minimax_m2", "attn_type_list", [1, 1], True),
    ("minimax_m2", "attn_type_list", [1, 0], False),
    ("llama", "bias", False, True),
    ("llama", "bias", True, False),
    ("qwen3_moe", "use_qk_norm", True, True),
    ("qwen3_moe", "use_qk_norm", False, True),
    ("qwen3_5_text", "attn_output_gate", True, True),
    ("marian", "static_position_embeddings", True, True), ("pegasus", "normalize_before", True, True),
    ("mbart", "add_final_layer_norm", True, True), ("blenderbot", "layernorm_variant", "prelayernorm", True),
    ("trocr", "add_cross_attention", True, True), ("llama", "add_cross_attention", True, False),
    ("bloom", "skip_bias_add", True, True), ("xlnet", "untie_r", True, True), ("xlnet", "untie_r", False, True),
    ("wav2vec2", "mask_channel_length", 10, True), ("gemma2", "sliding_window_size", 4096, True),
    ("gemma2", "sliding_window_size", 512, False),
    ("llama", "use_qk_norm", True, False),
    ("t5", "n_positions", 512, True),
    ("t5", "is_gated_act", False, True),
    ("t5", "is_gated_act", True, True),
    ("gemma2", "unsloth_version", "2024.9", True),
    ("starcoder2", "mlp_type", "gated", False),
    ("bert", "head_dim", 64, True),  # 768 / 12, as the class computes it
    ("bert", "head_dim", 128, False),
    ("gpt2", "num_key_value_heads", 12, True),
    ("gpt2", "num_key_value_heads", 4, False),
    ("deepseek_v3", "mlp_layer_types", ["dense"] * 61, False),
    ("granitemoe", "shared_intermediate_size", 1024, False),
    ("granitemoeshared", "shared_intermediate_size", 1024, True),
    ("blip_vision_model", "num_channels", 3, True),
    ("qwen2", "head_dim", 256, True),  # its attention asks for it
    ("gpt2", "n_head", 6, True),
])  # fmt: skip
def test_what_a_key_says_depends_on_the_class(model_type, key, value, is_read):
    unknown = [problem.path for problem in read_config({"model_type": model_type, key: value}).unknown]
    assert unknown == ([] if is_read else [(key,)])


@pytest.mark.parametrize(("model_type", "key", "value", "changes"), [
    ("bert", "head_dim", 128, False), ("opt", "head_dim", 128, False), ("gpt2", "num_key_value_heads", 4, False),
    ("modernbert", "num_key_value_heads", 4, False), ("olmo2", "head_dim", 64, True),
    ("llama", "num_key_value_heads", 4, True), ("recurrent_gemma", "head_dim", 128, True),
    ("mobilebert", "true_hidden_size", 64, False), ("nomic_bert", "tie_word_embeddings", None, True),
    ("blt", "patch_in_forward", None, True)])
def test_a_size_changes_only_what_the_class_takes_from_the_file(model_type, key, value, changes):
    """Which of the classes do was measured: tests/oracle/class_defaults.py has the keys of each."""
    plain, other = (paramcalc.count({"model_type": model_type, **more}) for more in ({}, {key: value}))
    assert (plain.total != other.total) is changes
    assert other.parameters.known == ("exact" if changes else "bound")


@pytest.mark.parametrize(("record", "key", "words"), [
    ("draw1__longcat_flash__LongcatFlashForCausalLM", "qk_head_dim", "must be qk_nope_head_dim"),
    ("draw1__xlstm__xLSTMForCausalLM", "hidden_size", "embedding_dim: must be hidden_size")])
def test_a_width_that_fits_nothing_beside_it_is_refused(record, key, words):
    """The class would be built with it, and could compute nothing."""
    config = next(case["config"] for case in test_oracle.CASES if case["id"] == record)
    with pytest.raises(SpecError, match=words):
        read_config(config | {key: 2 * config[key]})


@pytest.mark.parametrize(("vocab_size", "is_read"), [(32064, True), (32000, False)])
def test_what_is_said_again_around_a_text_model_is_known(vocab_size, is_read):
    text = LLAMA | {"vocab_size": 32064}
    config = {"model_type": "llava", "text_config": text, "vision_config": {"model_type": "clip_vision_model"}}
    unknown = [problem.path for problem in read_config(config | {"vocab_size": vocab_size}).unknown]
    assert unknown == ([] if is_read else [("vocab_size",)])


@pytest.mark.parametrize(("key", "name"), [
    ("hidden_dim", "hidden_size"), ("d_model", "hidden_size"), ("n_embd", "hidden_size"), ("dim", "hidden_size"),
    ("n_layers", "num_hidden_layers"), ("num_layers", "num_hidden_layers"), ("num_hiden_layers", "num_hidden_layers"),
    ("n_heads", "num_attention_heads"), ("ffn_dim", "intermediate_size"), ("d_ff", "intermediate_size"),
    ("ffn_hidden_size", "intermediate_size"), ("n_vocab", "vocab_size"), ("padded_vocab_size", "vocab_size"),
    ("num_tokens", "vocab_size"), ("num_embeddings", "vocab_size"), ("n_words", "vocab_size"), ("units", "hidden_size"),
    ("nlayers", "num_hidden_layers"), ("num_decoder_layers", "num_hidden_layers"), ("nheads", "num_attention_heads"),
    ("embedding_dim", "hidden_size"), ("feed_forward_size", "intermediate_size"),
])  # fmt: skip
def test_a_default_beside_a_key_that_looks_like_it_is_refused(key, name):
    with pytest.raises(SpecError) as caught:
        read_config(LLAMA | {key: 7})
    problem, = caught.value.problems
    assert problem.path == (key,)
    assert f"looks like {name}, which is not given" in problem.message
    assert read_config(LLAMA | {key: 7, name: 64}).unknown  # both are there: unread, but nothing is invented


def test_sizes_from_the_class_are_listed():
    spec = read_config(LLAMA | {"hidden_size": 64, "num_attention_heads": 4}).spec
    assert spec.defaults == {"vocab_size": 32000, "num_hidden_layers": 32, "intermediate_size": 11008}
    inside = {"model_type": "llava", "text_config": {"model_type": "llama", "hidden_size": 64}}
    assert "text_config.num_attention_heads" in read_config(inside).spec.defaults


def test_nothing_is_listed_that_the_file_says_in_another_word():
    config = {"model_type": "gpt2", "n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 100, "n_positions": 32}
    assert read_config(config).spec.defaults == {}


@pytest.mark.parametrize(("model_type", "architecture"), [
    ("qwen3", "DSparkTargetModel"), ("llama", "HydraLlamaForCausalLM"), ("llama", "RecurrentDrafterModel"),
    ("llama", "SoupModel"), ("llama", "FooBarModel"), ("llama", "Qwen2ForCausalLM"),
    ("mixtral", "LlamaForCausalLM"),
    ("bart", "BartPretrainedModel"), ("fsmt", "PretrainedFSMTModel"),
    ("bert", "JinaBertForMaskedLM"), ("llava", "LlavaLlamaForCausalLM"), ("gemma3", "Gemma2ForCausalLM"),
])  # fmt: skip
def test_a_class_of_another_name_is_not_the_family(model_type, architecture):
    with pytest.raises(SpecError, match=f"class '{architecture}' of {model_type} is not known"):
        read_config({"model_type": model_type, "architectures": [architecture], "text_config": {"hidden_size": 64}})


@pytest.mark.parametrize(("model_type", "architecture"), [
    ("mpt", "MPTForCausalLM"), ("phimoe", "PhiMoEForCausalLM"), ("llama", "LLaMAForCausalLM"),
    ("step3p5", "Step3p5ForCausalLM"), ("gemma3", "Gemma3ForCausalLM"), ("llama", "LlamaModel"),
])  # fmt: skip
def test_published_names_of_a_class_are_known(model_type, architecture):
    assert read_config({"model_type": model_type, "architectures": [architecture]}).spec.family


def test_a_tower_of_a_text_model_is_uncounted():
    towers = {"vision_config": {"model_type": "siglip_vision_model"}, "audio_config": {"layers": 2}}
    spec = read_config(LLAMA | towers).spec
    assert spec.uncounted == ("vision_config (siglip_vision_model)", "audio_config (no model_type)")
    assert spec.unread == ()


@pytest.mark.parametrize(("key", "value", "level"), [
    ("vision_encoder", "google/siglip-so400m", "bound"), ("speech_encoder", "whisper", "bound"),
    ("use_vision", True, "bound"), ("mm_vision_tower", "openai/clip-vit-large-patch14", "bound"),
    ("vocoder", "hifigan", "bound"), ("image_token", "<image>", "exact"), ("audio_start_token", "<a>", "exact"),
    ("vision_encoder", False, "exact"), ("vision_encoder", None, "exact"), ("audio_tokenizer", "mimi", "bound"),
    ("speech_tokenizer", "somebody/codec", "bound"), ("image_placeholder", "<|image|>", "exact"),
])  # fmt: skip
def test_a_tower_that_is_named_by_where_it_comes_from_is_uncounted(key, value, level):
    answer = paramcalc.count(LLAMA | {key: value})
    assert answer.parameters.known == level
    assert any(key in part for part in answer.uncounted) == (level == "bound")


@pytest.mark.parametrize(("more", "uncounted"), [
    ({"audio_encoder": "openai/whisper"}, ("audio_encoder (openai/whisper)",)),
    ({"speech_tokenizer": "somebody/codec"}, ("speech_tokenizer (somebody/codec)",)),
    ({"text_config": LLAMA | {"audio_encoder": "openai/whisper"}}, ("text_config.audio_encoder (openai/whisper)",)),
    ({"vision_config": {"model_type": "clip_vision_model", "depth_encoder": "a/b"}},
     ("vision_config.depth_encoder (a/b)",)),
    ({"image_aspect_ratio": "pad", "use_vision": True, "image_placeholder": "</image>", "audio_encoder": ""}, ()),
])  # fmt: skip
def test_a_tower_that_is_named_within_a_composite_is_uncounted(more, uncounted):
    spec = read_config({"model_type": "llava", "text_config": LLAMA} | more).spec
    assert spec.uncounted == uncounted
    assert spec.unread == ()


@pytest.mark.parametrize(("model_type", "place", "key"), [
    ("molmo", (), "image_pooling_2d"), ("molmo", (), "image_projector"),
    ("kimi_k25", ("vision_config",), "mm_projector_type"), ("kimi_k25", ("vision_config",), "pos_emb_type"),
    ("kimi_k3", ("vision_config",), "mlp_type")])
def test_another_kind_of_part_than_the_class_is_described_with_is_refused(model_type, place, key):
    configs = [json.loads(line)["config"] for line in PUBLISHED.read_text("utf-8").splitlines()]
    config = next(config for config in configs if config["model_type"] == model_type)
    inside = {**config["vision_config"], key: "other"} if place else "other"
    with pytest.raises(SpecError, match=f"{key}: unknown value 'other'"):
        read_config(config | ({place[0]: inside} if place else {key: inside}))


def test_how_a_figure_is_known():
    read_fully, bound = read_config(LLAMA).spec, read_config(LLAMA | {"use_qk_norm": True}).spec
    assert (size_certainty(read_fully), size_certainty(bound)) == ("exact", "bound")
    assert bound.unread == ("use_qk_norm",)
    assert size_certainty(read_config(LLAMA | {"vision_config": {"model_type": "x"}}).spec) == "bound"


PLAIN = dict.fromkeys(("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size"), 8)
LLAVA = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"],
         "text_config": {"model_type": "llama", **PLAIN, "vocab_size": 100},
         "vision_config": {"model_type": "clip_vision_model", "hidden_size": 64, "intermediate_size": 128,
                           "num_attention_heads": 4, "num_hidden_layers": 2, "image_size": 56, "patch_size": 14}}


@pytest.mark.parametrize(("key", "value", "level"), [
    ("extra_adapter_dim", 99, "bound"), ("vocab_size", 32000, "exact"), ("num_labels", 7, "exact"),
    ("extra_adapter_dim", None, "exact"), ("temperature_of_colours", 0.5, "exact")])
def test_keys_of_a_tower_are_accounted_for_too(key, value, level):
    answer = paramcalc.count(LLAVA | {"vision_config": LLAVA["vision_config"] | {key: value}})
    assert answer.parameters.known == level
    assert any(f"vision_config.{key}" in warning for warning in answer.warnings) == (level == "bound")


def test_a_tower_inside_a_text_model_is_not_the_one_around_it():
    answer = paramcalc.count(LLAVA | {"text_config": {**LLAVA["text_config"], "vision_config": {"hidden_size": 8}}})
    assert answer.parameters.known == "bound"


def test_sizes_a_tower_takes_from_its_class_are_listed():
    tower = {key: value for key, value in LLAVA["vision_config"].items() if key != "num_hidden_layers"}
    answer = paramcalc.count(LLAVA | {"vision_config": tower})
    assert answer.assumptions["defaults"]["vision_config.num_hidden_layers"] == 12


def test_a_key_of_a_tower_that_looks_like_a_default_is_refused():
    tower = {key: value for key, value in LLAVA["vision_config"].items() if key != "hidden_size"}
    with pytest.raises(SpecError, match="looks like hidden_size"):
        read_config(LLAVA | {"vision_config": tower | {"hidden_dim": 64}})


def test_published_spellings_of_a_tower_are_read():
    """moonshotai/Kimi-K2.5 writes vt_hidden_size where the library's class has hidden_size."""
    config = {"model_type": "kimi_k25", "text_config": {"model_type": "deepseek_v3"},
              "vision_config": {"vt_hidden_size": 64, "vt_num_attention_heads": 4, "vt_num_hidden_layers": 2,
                                "vt_intermediate_size": 128, "init_pos_emb_height": 8, "init_pos_emb_width": 8}}
    tower = read_config(config).spec.towers["vision"]
    assert tower.hidden_size == 64


@pytest.mark.parametrize(("config", "place"), [
    ({"model_type": "llama", "hidden_act": "xielu"}, "hidden_act"),
    ({"model_type": "clip", "vision_config": {"hidden_act": "prelu"}}, "vision_config.hidden_act"),
    ({"model_type": "apertus", "hidden_act": "prelu"}, "hidden_act"),
    ({"model_type": "llava", "text_config": {"model_type": "llama"},
      "vision_config": {"model_type": "clip_vision_model", "hidden_act": "prelu"}}, "vision_config.hidden_act"),
])
def test_a_function_with_values_of_its_own_makes_sizes_bounds(config, place):
    caveats = read_config(config).spec.caveats
    assert {(caveat.figure, caveat.known) for caveat in caveats} == {("parameters", "bound"), ("weights", "bound")}
    assert f"that {place} names" in caveats[0].reason
    assert not read_config({"model_type": "apertus"}).spec.caveats  # whose class is described with its function


def test_labels_that_are_none_are_no_head():
    with pytest.raises(SpecError, match="id2label: names no label"):
        read_config({"model_type": "bert", "architectures": ["BertForSequenceClassification"], "id2label": {}})
