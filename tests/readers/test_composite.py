"""Composite configs: the text model's tensors, spelled and shaped as files hold them, and what is left out."""

import json
from pathlib import Path

import pytest

import paramcalc
from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config

RECORDS = [json.loads(line) for line in
           (Path(__file__).parent.parent / "data" / "composites.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_counts_the_text_model_as_files_spell_it(record):
    spec = read_config(record["config"]).spec
    text = spec.model_copy(update={"towers": {}})
    ours = sorted((r.name, r.shape, r.copies, r.component) for r in rows(build(text).tree) if not r.buffer)
    measured = sorted((name, tuple(shape), copies, component) for name, shape, copies, component
                      in record["text_tensors"])
    assert [r for r in ours if r not in measured] == [], [r for r in measured if r not in ours]
    assert ours == measured
    assert spec.towers or spec.uncounted


@pytest.mark.parametrize(("outer", "top", "text", "tied"), [
    ("mistral3", None, None, True),
    ("mistral3", False, None, False),
    ("mistral3", None, False, False),
    ("mistral3", True, False, True),
    ("llava", None, None, False),
    ("llava", None, True, True),
    ("llava", False, True, True),  # its class looks for the text model's word too
    ("internvl", False, True, False),
    ("voxtral", True, True, False),  # its class ties nothing
    ("qwen2_5_omni", True, None, False),  # the thinker's class does not see it
    ("blip-2", False, True, True),
])  # fmt: skip
def test_who_says_whether_the_head_is_tied(outer, top, text, tied):
    inner = {"model_type": "mistral"} | ({} if text is None else {"tie_word_embeddings": text})
    data = {"model_type": outer, "text_config": inner} | ({} if top is None else {"tie_word_embeddings": top})
    assert read_config(data).spec.tie_embeddings is tied


@pytest.mark.parametrize(("data", "text", "tied"), [
    ({"model_type": "internvl", "tie_word_embeddings": False}, {"model_type": "qwen2", "tie_word_embeddings": True},
     True),
    # mistralai/Mistral-Small-3.1-24B-Instruct-2503: no key, and a head in its file
    ({"model_type": "mistral3"}, {"model_type": "mistral"}, False),
])
def test_older_files_ask_the_text_model(data, text, tied):
    older = read_config({**data, "text_config": text, "transformers_version": "4.50.0"}).spec
    newer = read_config({**data, "text_config": text, "transformers_version": "5.0.0"}).spec
    assert (older.tie_embeddings, newer.tie_embeddings) == (tied, not tied)
    for spec in (older, newer):
        assert any("a file's tensors say which" in note for note in spec.notes)


@pytest.mark.parametrize(("release", "tied"), [(None, False), ("4.50.0", False), ("5.24.0", True)])
def test_a_newer_file_leaves_out_what_its_class_has_anyway(release, tied):
    spec = read_config({"model_type": "mistral3", "transformers_version": release,
                        "text_config": {"model_type": "mistral", "tie_word_embeddings": False}}).spec
    assert spec.tie_embeddings is tied


@pytest.mark.parametrize("release", [None, "4.50.0", "5.24.0"])
def test_a_class_that_asks_both_configs_leaves_no_doubt(release):
    # llava-hf/llava-onevision-qwen2-0.5b-ov-hf: its file holds no head (huggingface/transformers PR 43617)
    spec = read_config({"model_type": "llava_onevision", "tie_word_embeddings": False, "transformers_version": release,
                        "text_config": {"model_type": "qwen2", "tie_word_embeddings": True}}).spec
    assert spec.tie_embeddings
    assert not any("tie_word_embeddings" in note for note in spec.notes)


def test_text_keys_at_the_top_are_the_text_model():
    # https://huggingface.co/Qwen/Qwen2-VL-2B-Instruct: no text_config in its file.
    spec = read_config({"model_type": "qwen2_vl", "hidden_size": 1536, "num_attention_heads": 12,
                        "num_key_value_heads": 2, "num_hidden_layers": 28, "intermediate_size": 8960,
                        "vocab_size": 151936, "tie_word_embeddings": True, "vision_config": {"depth": 32}}).spec
    # 2,208,985,600 values in the file, 665,271,296 of them in the vision tower, whose config gives more than its depth
    assert count(build(spec.model_copy(update={"towers": {}})).tree).total == 1_543_714_304
    assert spec.uncounted == ()


def test_a_tower_of_no_known_type_is_named_and_so_is_what_joins_it():
    read = read_config({"model_type": "llava", "vision_config": {"model_type": "my_tower", "hidden_size": 64}})
    assert read.spec.uncounted == ("vision_config (my_tower)",)
    assert "projector" in read.spec.towers
    strange = read_config({"model_type": "my_model", "text_config": {"model_type": "llama"},
                           "vision_config": {"model_type": "clip_vision_model"}})
    assert strange.spec.uncounted == ("what joins vision_config to the text model (my_model)",)
    assert count(build(strange.spec).tree).components["vision"][0] == 87_456_000


def test_a_head_inside_keeps_its_own_name():
    """OpenGVLab/InternVL2-2B model.safetensors: language_model.output.weight, InternLM 2's own word."""
    data = {"model_type": "internvl_chat", "architectures": ["InternVLChatModel"], "downsample_ratio": 0.5,
            "vision_config": {"model_type": "intern_vit_6b", "hidden_size": 32, "intermediate_size": 64,
                              "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 28},
            "llm_config": {"model_type": "internlm2", "hidden_size": 32, "num_hidden_layers": 1, "vocab_size": 50,
                           "num_attention_heads": 2, "num_key_value_heads": 2, "intermediate_size": 64, "bias": False}}
    names = {row.name for row in rows(build(read_config(data).spec).tree)}
    assert {"language_model.output.weight", "language_model.model.tok_embeddings.weight"} <= names


def test_text_keys_at_the_top_that_the_class_does_not_read_there_are_said_with_what_it_would_build():
    data = {"model_type": "step3p7", "hidden_size": 4096, "num_hidden_layers": 45, "vocab_size": 128896}
    spec = read_config(data).spec
    assert spec.vocab_size == 128896
    assert "reads only text_config and would build its defaults: vocab_size 128,815" in "".join(spec.notes)
    assert not any("would build" in note for note in read_config(data | {"vocab_size": 128815}).spec.notes)
    inside = {"model_type": "qwen2_vl", "hidden_size": 1536, "num_hidden_layers": 28, "vocab_size": 151936}
    assert not any("would build" in note for note in read_config(inside).spec.notes)


def test_an_encoder_and_a_decoder_in_a_class_without_a_head_are_both_counted():
    config = {"model_type": "florence2", "architectures": ["Florence2Model"]}
    assert count(build(read_config(config).spec).tree).total == 497_761_280  # transformers 5.24.0 on the meta device


@pytest.mark.parametrize(("model_type", "name"), [("jev", "JevForDecision"), ("qwen2_5_vl", "Qwen2_5_VLForRewardModel"),
                                                  ("bros", "BrosForSequenceClassification")])
def test_a_class_made_for_something_else_is_refused_by_name(model_type, name):
    with pytest.raises(PCError, match=name):
        read_config({"model_type": model_type, "architectures": [name]})


TEXT = {"model_type": "qwen2", "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "vocab_size": 99,
        "num_attention_heads": 4, "num_key_value_heads": 2, "tie_word_embeddings": True}
EYES = {"model_type": "siglip_vision_model", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
        "intermediate_size": 48, "image_size": 32, "patch_size": 8}
EYES_ALONE = 29_232
"""Of SiglipVisionModel of transformers 5.24.0 with these sizes."""


@pytest.mark.parametrize(("config", "counted", "uncounted"), [
    ({"llm_config": TEXT, "vision_config": EYES}, True, ("what joins vision_config to the text model (nebula)",)),
    ({"language_config": TEXT, "vision_config": {"model_type": "nebula_eye"}, "projector_config": {"depth": 2}}, False,
     ("vision_config (nebula_eye)", "projector_config (no model_type)",
      "what joins vision_config, projector_config to the text model (nebula)")),
    ({"thinker_config": {"text_config": TEXT, "vision_config": EYES, "audio_config": {"model_type": "nebula_ear"}},
      "talker_config": {"width": 8}}, True,
     ("thinker_config.audio_config (nebula_ear)", "talker_config (no model_type)",
      "what joins thinker_config.vision_config, thinker_config.audio_config, talker_config to the text model "
      "(nebula)")),
    ({"thinker_config": TEXT, "vision_config": EYES}, True, ("what joins vision_config to the text model (nebula)",)),
    ({"text_config": TEXT, "visual": {"width": 8}, "vision_tower": "somebody/clip"}, False,
     ("visual (no model_type)", "vision_tower (somebody/clip)",
      "what joins visual, vision_tower to the text model (nebula)")),
])
def test_the_text_model_within_a_strange_type_is_read_and_all_beside_it_is_counted_or_named(config, counted, uncounted):
    text = count(build(read_config(TEXT).spec).tree).total
    spec = read_config({"model_type": "nebula", "architectures": ["NebulaForConditionalGeneration"], **config}).spec
    parts = count(build(spec).tree)
    assert parts.total == text + EYES_ALONE * counted
    assert spec.uncounted == uncounted
    assert not spec.unread


def test_a_strange_class_has_the_head_of_its_text_model_and_is_said_not_to_be_known():
    read = read_config({"model_type": "nebula", "architectures": ["NebulaChatModel"], "mm_hidden_size": 32,
                        "llm_config": TEXT | {"tie_word_embeddings": False}})
    assert count(build(read.spec).tree).components["lm_head"][0] == 64 * 99
    assert "class 'NebulaChatModel' is not known: counted as the causal model of qwen2" in read.spec.notes
    assert read.spec.unread == ("mm_hidden_size",)


def test_a_text_model_the_file_leaves_out_is_that_of_the_composite_class():
    """Qwen3ASRForTokenClassification of transformers 5.24.0, all defaults but the labels."""
    spec = read_config({"model_type": "qwen3_asr", "architectures": ["Qwen3ASRForTokenClassification"],
                        "num_labels": 5}).spec
    assert count(build(spec).tree).total == 2_039_637_120


@pytest.mark.parametrize(("values", "architecture", "total"), [
    ({"model_type": "voxtral", "text_config": {}}, "VoxtralForConditionalGeneration", 4_676_271_104),
    ({"model_type": "voxtral", "text_config": {"num_hidden_layers": 4}}, "VoxtralModel", 1_492_634_624),
    ({"model_type": "voxtral", "text_config": {"model_type": "mistral", "num_hidden_layers": 4}},
     "VoxtralForConditionalGeneration", 1_895_287_808),
    ({"model_type": "voxtral_realtime", "text_config": {"num_hidden_layers": 4}},
     "VoxtralRealtimeForConditionalGeneration", 1_864_596_224),
    ({"model_type": "glmasr", "text_config": {"num_hidden_layers": 4}}, "GlmAsrForConditionalGeneration", 978_744_320),
    ({"model_type": "cohere_asr", "encoder_config": {"num_hidden_layers": 4}}, "CohereAsrForConditionalGeneration",
     333_188_352),
])
def test_what_a_nested_config_leaves_out_is_filled_in_by_the_class_around_it(values, architecture, total):
    """Totals of transformers 5.24.0. Most classes fill in a nested config that is missing; these a part of one too."""
    assert count(build(read_config(values | {"architectures": [architecture]}).spec).tree).total == total


@pytest.mark.parametrize(("encoder", "decoder", "total"), [
    ({"model_type": "donut-swin", "image_size": [2560, 1920], "depths": [2, 2, 14, 2], "num_heads": [4, 8, 16, 32],
      "window_size": 10, "embed_dim": 128, "path_norm": True},
     {"model_type": "mbart", "decoder_layers": 4, "d_model": 1024, "vocab_size": 57525, "add_final_layer_norm": True,
      "max_position_embeddings": 1536}, 201_852_024),
    ({"model_type": "vit"}, {"model_type": "roberta"}, 239_452_761),
    ({"model_type": "swin"}, {"model_type": "bart"}, 282_390_906),
])
def test_a_decoder_is_the_causal_class_of_its_type(encoder, decoder, total):
    """Totals of VisionEncoderDecoderModel of transformers 5.24, built on torch's meta device."""
    answer = paramcalc.count({
        "model_type": "vision-encoder-decoder", "architectures": ["VisionEncoderDecoderModel"], "encoder": encoder,
        "decoder": decoder | {"is_decoder": True, "add_cross_attention": True}})
    assert (answer.total, answer.parameters.known) == (total, "exact")
