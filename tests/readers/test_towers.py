"""Whole models and encoders, default and random small configs: totals, buffers, names and shapes as files have them."""

import json
import math
from collections import Counter
from pathlib import Path

import pytest
import test_oracle

from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.certainty import size_certainty
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config
from paramcalc.spec.caveats import level_of

DATA = Path(__file__).parent.parent / "data"
CASES = [json.loads(line) for path in (*sorted((DATA / "towers").glob("*.jsonl")), DATA / "variants.jsonl")
         for line in path.read_text(encoding="utf-8").splitlines()]

NAMES_APART = {
    "altclip", "altclip_text_model", "cohere_asr", "colqwen2", "cosmos3_edge", "dots3_note", "ernie4_5_vl_moe", "esm",
    "hunyuan_vl_vision", "hy_v4_vl",
    "inkling2", "inkling2_loop", "inkling2_loop_text",
    "inkling_mm_model", "kimi_k25", "minimax_m3_vl", "mistral_large4", "molmo2",
    "nemo_speechlm", "nemotron_h_omni",
    "qianfan_ocr", "qwen4_exp", "shieldgemma2", "step3p7", "tipsv2", "tipsv2_text_model", "videomae",
    "vit_mae", "vit_msn",
}
"""Types whose files the library renames on saving as it does not on loading, or whose text model it respells too: of
these the shapes are compared, not the names."""
BUFFERS_APART = {"esm", "florence2", "nemotron_h_omni", "phi4_multimodal"}
"""Types with a table that is computed, which the class saves beside its parameters."""
HEAD_PADDED = {"inkling2", "inkling2_loop", "inkling2_loop_text"}
"""Types whose files pad the head, which the class drops on loading: counted as files are, and said."""


@pytest.mark.parametrize("record", CASES, ids=lambda record: record["id"])
def test_counts_what_the_class_holds(record):
    spec = read_config(record["config"]).spec
    counts = count(build(spec).tree)
    assert size_certainty(spec) == "exact"  # nothing a class writes itself is unknown, and nothing is left out
    model_type = record["config"]["model_type"]
    if model_type in HEAD_PADDED:
        assert counts.total == values(test_oracle.measured_rows(record)) >= record["total"]
        assert ("rows that pad it" in "".join(spec.notes)) == (counts.total > record["total"])
    else:
        assert counts.total == record["total"]
    if model_type not in BUFFERS_APART:
        assert counts.buffers == record["buffers"]
    ours = sorted((row.name, row.shape, row.copies) for row in rows(build(spec).tree) if not row.buffer)
    measured = [row for row in test_oracle.measured_rows(record) if math.prod(row[1])]
    if model_type in NAMES_APART:
        assert values(ours) == values(measured)
    else:
        assert ours == measured


@pytest.mark.parametrize(("record", "changes", "total"), [
    ("draw1__esm__EsmForMaskedLM", {"tie_word_embeddings": False}, 141_161),
    ("draw1__llava_next_video__LlavaNextVideoForConditionalGeneration",
     {"text_config": {"tie_word_embeddings": True}}, 541_216),
    ("draw1__muse_glimmer__MuseGlimmerForConditionalGeneration", {"text_config": {"tie_word_embeddings": True}},
     791_928),
    ("draw1__omniasr__OmniASRForConditionalGeneration", {"tie_word_embeddings": True}, 5_063_384),
    ("draw1__pix2struct__Pix2StructForConditionalGeneration", {"tie_word_embeddings": True}, 127_248),
    ("draw1__pix2struct__Pix2StructForConditionalGeneration", {"text_config": {"tie_word_embeddings": True}}, 130_576),
    ("draw1__pp_formulanet__PPFormulaNetForConditionalGeneration", {"tie_word_embeddings": True}, 9_137_312),
    ("draw1__qwen2_5_omni__Qwen2_5OmniForConditionalGeneration", {"tie_word_embeddings": True}, 117_936_392),
    ("draw1__voxtral__VoxtralForConditionalGeneration", {"tie_word_embeddings": True}, 370_360),
    ("draw2__lxmert__LxmertForPreTraining", {"tie_word_embeddings": False}, 717_346),
    ("draw2__muse_spark__MuseSparkForConditionalGeneration", {"text_config": {"tie_word_embeddings": True}},
     103_219_096),
    ("draw2__unlimited_ocr__UnlimitedOcrForConditionalGeneration", {"text_config": {"head_dim": 80}}, 12_364_168),
    ("draw2__unlimited_ocr__UnlimitedOcrForConditionalGeneration", {"text_config": {"num_attention_heads": 4}},
     12_338_568),
])
def test_what_a_class_makes_of_a_config_that_asks_otherwise(record, changes, total):
    """Totals of the classes on the meta device, from the record's config with the change."""
    config = next(case["config"] for case in CASES if case["id"] == record)
    merged = {key: config.get(key, {}) | value if isinstance(value, dict) else value for key, value in changes.items()}
    assert count(build(read_config(config | merged).spec).tree).total == total


@pytest.mark.parametrize("record", [case for case in CASES if case["config"]["model_type"] == "tipsv2"],
                         ids=lambda record: record["id"])
def test_shapes_are_those_of_a_class_whose_files_have_other_names(record):
    ours = sorted((row.shape, row.copies) for row in rows(build(read_config(record["config"]).spec).tree))
    assert by_shape(ours) == by_shape((tuple(shape), copies) for _, shape, copies, _ in record["tensors"])


@pytest.mark.parametrize(("model_type", "architecture", "total"), [
    ("dots3_note", "Dots3NoteForConditionalGeneration", 287_309_195_008),
    ("dots3_note", "Dots3NoteModel", 286_530_627_328),
    ("dots3_note_vision_encoder", "Dots3NoteVisionModel", 6_871_277_312),
    ("granite_docling", "GraniteDoclingForConditionalGeneration", 543_428_352),
    ("granite_docling_vision", "GraniteDoclingVisionModel", 156_797_696),
    ("tipsv2", "Tipsv2VisionBackbone", 86_316_288),
    ("udop", "UdopEncoderModel", 338_924_032),
    ("udop", "UdopForConditionalGeneration", 742_440_960),
    ("udop", "UdopModel", 742_441_984),
    ("vibevoice", "VibeVoiceForConditionalGeneration", 13_612_734_435),
    ("vibevoice", "VibeVoiceModel", 12_990_404_579),
])
def test_a_config_that_says_nothing_is_filled_in_as_the_class_does(model_type, architecture, total):
    """Totals of the classes of transformers 5.24.0, each built of its default config."""
    spec = read_config({"model_type": model_type, "architectures": [architecture]}).spec
    assert (count(build(spec).tree).total, spec.uncounted) == (total, ())


FOUR_LAYERS = {"model_type": "dots3_note_vision_encoder", "num_hidden_layers": 4}


@pytest.mark.parametrize(("values", "total"), [
    ({"pyramid_num_routed": [-1, 4, 8, 8]}, 322_026_496),
    ({"mlp_layer_types": ["dense", "sparse", "sparse", "sparse"]}, 1_996_211_200),
    ({"mlp_layer_types": ["dense", "sparse", "sparse", "sparse"], "per_layer_config": {"1": {"num_local_experts": 4}}},
     1_412_193_280),
    ({"num_hidden_layers": 30, "per_layer_config": {"28": {"num_local_experts": 4}}}, 3_370_688_768),
])
def test_experts_of_a_layer_of_dots3_are_those_its_class_builds(values, total):
    """Totals of Dots3NoteVisionModel of transformers 5.24.0."""
    assert count(build(read_config(FOUR_LAYERS | values).spec).tree).total == total


def test_layers_of_dots3_without_experts_of_their_own_are_refused():
    with pytest.raises(PCError, match="expected 42 layers where mlp_layer_types is not given, found 4"):
        read_config(FOUR_LAYERS)


def by_shape(pairs):
    """How many tensors there are of each shape."""
    sums = Counter()
    for shape, copies in pairs:
        sums[shape] += copies
    return sums


def values(listed):
    """How many values there are of each size of a tensor; of fused matrices the sum."""
    return sum(math.prod(shape) * copies for _, shape, copies in listed)


@pytest.mark.parametrize(("config", "message"), [
    ({"model_type": "imagegpt", "add_cross_attention": True}, "cross-attention of this model is not described"),
    ({"model_type": "kosmos-2", "text_config": {"add_cross_attention": True}},
     "cross-attention of this text model is not described"),
    ({"model_type": "layoutlmv3", "text_embed": False}, "a model without tables of words is not described"),
    ({"model_type": "visual_bert", "bypass_transformer": True}, "regions that pass the layers by are not described"),
    ({"model_type": "convnext", "num_stages": 2}, "2 stages of 4 hidden_sizes"),
])
def test_what_is_not_described_is_refused_by_its_key(config, message):
    with pytest.raises(PCError, match=message) as refusal:
        read_config(config)
    assert refusal.value.problems[0].path[-1] in ("add_cross_attention", "bypass_transformer", "text_embed",
                                                   "num_stages")


@pytest.mark.parametrize(("config", "key"), [
    ({"model_type": "beit", "architectures": ["BeitForSemanticSegmentation"], "out_indices": [1]}, "out_indices"),
    ({"model_type": "mobilevit", "architectures": ["MobileViTForSemanticSegmentation"], "atrous_rates": [6]},
     "atrous_rates"),
    ({"model_type": "clipseg", "architectures": ["CLIPSegForImageSegmentation"], "vision_config": {"patch_size": 2},
      "use_complex_transposed_convolution": True}, "use_complex_transposed_convolution"),
])
def test_a_head_of_pixels_that_the_class_would_not_build_is_refused(config, key):
    with pytest.raises(PCError) as refusal:
        read_config(config)
    assert refusal.value.problems[0].path == (key,)


def test_actions_keep_no_cache_and_a_class_of_no_head_has_nothing_around_them():
    with_head, bare, other = ({"model_type": "pi0", "architectures": [f"PI0{word}"]}
                          for word in ("ForConditionalGeneration", "Model", "ForCausalLM"))
    full_spec = read_config(with_head).spec
    cache = exact(mixers(build(full_spec).tree), Serving(1), types("bf16"))
    assert cache.per_token == 18 * 2 * 256 * 2  # bytes of the model that reads alone
    assert level_of(full_spec.caveats, "flops") == "bound"
    heads = count(build(full_spec).tree).total - count(build(read_config(bare).spec).tree).total
    assert heads == 2 * (32 * 1024 + 1024) + (2048 * 1024 + 1024) + (1024 * 1024 + 1024) + (1024 * 32 + 32)
    with pytest.raises(PCError, match="PI0ForCausalLM"):
        read_config(other)
    with pytest.raises(PCError, match="expected a mapping with model_type"):
        read_config(with_head | {"vlm_config": {"model_type": 3}})


@pytest.mark.parametrize(("model_type", "heads", "total"), [
    ("parakeet_ctc", {"num_key_value_heads": 1}, 395_032), ("parakeet_tdt", {"num_key_value_heads": 1}, 532_893),
    ("lasr_ctc", {"num_key_value_heads": 1}, 576_064), ("nemotron_asr_streaming", {"num_key_value_heads": 1}, 940_920),
])  # totals of the classes, built on the meta device
def test_a_fast_conformer_has_the_keys_a_file_says(model_type, heads, total):
    lines = (DATA / "towers" / f"{model_type}.jsonl").read_text(encoding="utf-8").splitlines()
    config = json.loads(lines[-1])["config"]
    config["encoder_config"] |= heads
    changed = read_config(config)
    assert count(build(changed.spec).tree).total == total
    assert not changed.unknown


@pytest.mark.parametrize("shared", [1, 3])
def test_an_assistant_shares_the_keys_of_all_layers(shared):
    config = json.loads((DATA / "towers" / "gemma4_assistant.jsonl").read_text(encoding="utf-8"))["config"]
    config["text_config"] |= {"num_kv_shared_layers": shared}
    with pytest.raises(PCError, match=f"an assistant shares all 4 layers, found {shared}"):
        read_config(config)


def total(**config):
    return count(build(read_config(config).spec).tree).total


def test_a_backbone_norms_the_stages_it_gives_and_may_make_a_pyramid_of_one_scale():
    swin = {"model_type": "swin", "architectures": ["SwinBackbone"]}
    widths, bare = [96, 96, 192, 384, 768], total(model_type="swin", architectures=["SwinModel"])
    assert total(**swin) == bare + 2 * 768
    assert total(**swin, out_features=["stem", "stage3"]) == bare + 2 * (96 + 384)
    assert total(**swin, out_indices=[0, 2, -1]) == bare + 2 * (widths[0] + widths[2] + widths[-1])
    with pytest.raises(PCError, match="unknown stage 'stage5'"):
        total(**swin, out_features=["stage5"])
    assert total(**swin, out_indices=[]) == bare
    for outside in (5, -6):
        with pytest.raises(PCError, match="there is no stage"):
            total(**swin, out_indices=[outside])
    with pytest.raises(PCError, match="BeitBackbones"):
        total(model_type="beit", architectures=["BeitBackbones"])
    beit = {"model_type": "beit", "architectures": ["BeitBackbone"], "hidden_size": 48, "num_attention_heads": 4}
    up = 48 * 48 * 2 * 2 + 48
    assert total(**beit, add_fpn=True) - total(**beit) == 3 * up + 2 * 48
    masked = total(model_type="swin", architectures=["SwinForMaskedImageModeling"])
    assert masked == bare + 96 + (768 + 1) * 32 * 32 * 3


def test_a_value_that_a_release_of_the_library_moved_is_counted_as_the_release_that_wrote_the_file_has_it():
    large = json.loads((DATA / "towers" / "mistral_large4.jsonl").read_text(encoding="utf-8").splitlines()[0])["config"]
    older, newer = (count(build(read_config(large | {"transformers_version": version}).spec).tree)
                    for version in ("5.23.0", "5.24.0"))
    moved = newer.total - older.total
    assert (moved, older.buffers - newer.buffers) == (large["text_config"]["qk_rope_head_dim"] // 2,) * 2
    reformer = {"model_type": "reformer", "architectures": ["ReformerForMaskedLM"], "vocab_size": 320}
    assert total(**reformer, transformers_version="5.24.1") - total(**reformer, transformers_version="4.40") == 320
    assert total(**reformer, transformers_version=5) == total(**reformer)


def test_a_text_model_by_itself_holds_the_experts_that_only_images_reach():
    sizes = {"hidden_size": 32, "num_hidden_layers": 3, "moe_num_experts": 4, "moe_k": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "moe_intermediate_size": [16, 8], "intermediate_size": 64, "vocab_size": 100}
    text = {"model_type": "ernie4_5_vl_moe_text", "architectures": ["Ernie4_5_VLMoeTextModel"], **sizes}
    more = total(**text) - total(**text | {"mlp_layer_types": ["dense"] * 3})
    routed = 4 * 3 * 32 * (16 + 8) + 2 * 4 * (32 + 1)  # two sets of experts, their routers and biases
    shared = 3 * 32 * 16 * 2
    assert more == 2 * (routed + shared - 3 * 32 * 64)


def components(record):
    """What each component holds."""
    return {name: values for name, (values, *_) in count(build(read_config(record).spec).tree).components.items()}


def test_the_head_that_pools_patches_is_the_models_only_where_the_tower_is_the_model():
    alone = components({"model_type": "siglip_vision_model"})
    pooled = 768 + 4 * 768 * (768 + 1) + 2 * 768  # a query, four projections, a norm
    assert alone["lm_head"] == pooled + 2 * 768 * 3072 + 3072 + 768
    within = components({"model_type": "t5gemma2"})
    assert "lm_head" not in within  # its own head is tied


def test_each_norm_is_a_norm_wherever_a_head_has_it():
    config = {"model_type": "beit", "architectures": ["BeitForSemanticSegmentation"], "hidden_size": 48,
              "num_attention_heads": 4}
    norms = [row for row in rows(build(read_config(config).spec).tree)
             if row.name.startswith(("decode_head", "auxiliary_head")) and len(row.shape) == 1
             and not row.name.endswith("classifier.bias")]
    assert norms
    assert {row.component for row in norms} == {"norm"}


def test_what_leads_to_the_width_experts_work_in_counts_as_the_class_has_it():
    spark = {"model_type": "muse_spark", "text_config": {"num_hidden_layers": 4, "num_local_experts": 8}}
    sizes = components(spark)
    assert sizes["ffn"] == 4 * 2 * 4096 * 8192
    assert "other" not in sizes


@pytest.mark.parametrize(("setting", "message"), [
    ({"MODEL.RESNETS.DEPTH": 34}, "MODEL.RESNETS.DEPTH: a net of detectron2 with 34 is not described"),
    ({"MODEL.BACKBONE.NAME": "build_swin_fpn_backbone"}, "build_swin_fpn_backbone is not described"),
    ({"MODEL.RESNETS.NUM_GROUPS": 0}, "MODEL.RESNETS.NUM_GROUPS must be a positive integer"),
    ({"MODEL.FPN.OUT_CHANNELS": 128}, "the pyramid gives 128 channels"),
])
def test_a_net_of_detectron2_that_is_not_described_is_refused_by_its_setting(setting, message):
    records = (DATA / "towers" / "layoutlmv2.jsonl").read_text(encoding="utf-8").splitlines()
    config = json.loads(records[0])["config"]
    usual = config["detectron2_config_args"]
    with pytest.raises(PCError, match=message):
        read_config(config | {"detectron2_config_args": usual | setting})
