"""What counts as which component: measured parameters by their names and classes, ours by the same rules."""

import importlib.util
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.parameters import count
from paramcalc.readers.config.read import read_config

spec = importlib.util.spec_from_file_location("buckets", Path(__file__).parent.parent / "oracle" / "buckets.py")
buckets = importlib.util.module_from_spec(spec)
spec.loader.exec_module(buckets)


@pytest.mark.parametrize(("owner", "name", "classes", "component"), [
    ("CLIPModel", "visual_projection.weight", ["Linear"], "vision"),
    ("FlavaForPreTraining", "flava.image_projection.weight", ["FlavaModel", "Linear"], "projector"),
    ("Blip2ForConditionalGeneration", "qformer.encoder.layer.*.attention.output.dense.weight", ["Linear"], "projector"),
    ("T5Gemma2ForConditionalGeneration", "model.encoder.vision_tower.encoder.layers.*.mlp.fc1.weight", [], "ffn"),
    ("LightOnOcrForConditionalGeneration", "model.vision_encoder.ln_pre.weight", ["PixtralRMSNorm"], "vision"),
    ("Phi4MultimodalForCausalLM", "model.embed_tokens_extend.audio_embed.encoder.embed.out.weight", [], "audio"),
    ("ResNetForImageClassification", "resnet.embedder.embedder.normalization.weight", ["BatchNorm2d"], "norm"),
    ("ConvNextForImageClassification", "convnext.encoder.stages.*.downsampling_layer.*.weight",
     ["Sequential", "ConvNextLayerNorm"], "norm"),
    ("InklingForCausalLM", "model.embed_tokens.weight", ["InklingNormedEmbedding"], "token_embedding"),
    ("BertForMaskedLM", "cls.predictions.transform.LayerNorm.weight", ["LayerNorm"], "lm_head"),
    ("BlipForConditionalGeneration", "text_decoder.cls.predictions.transform.dense.weight", ["Linear"], "lm_head"),
    ("ViTForImageClassification", "vit.embeddings.cls_token", ["ViTModel", "ViTEmbeddings"], "other_embedding"),
    ("CLIPTextModel", "embeddings.position_embedding.weight", ["Embedding"], "position_embedding"),
    ("GraniteSpeechForConditionalGeneration", "model.encoder.layers.*.ff1.up_proj.weight",
     ["GraniteSpeechConformerFeedForward", "Linear"], "ffn"),
    ("PerceiverForMaskedLM", "perceiver.encoder.cross_attention.mlp.dense1.weight", ["Linear"], "ffn"),
    ("Glm5NextForConditionalGeneration", "model.language_model.layers.*.self_attn.q_proj.weight",
     ["Glm5NextTextLinearAttention", "Linear"], "state_mixer"),
    ("MistralLarge4ForCausalLM", "lerope.alpha", ["MistralLarge4RotaryEmbedding"], "other"),
])
def test_a_measured_parameter_counts_by_the_rules_of_the_records(owner, name, classes, component):
    assert buckets.classify(owner, [name], classes) == component


def components(**config):
    return {name: values for name, (values, *_) in count(build(read_config(config).spec).tree).components.items()}


def test_what_a_class_names_as_a_tower_counts_as_one():
    with_projection = components(model_type="clip_vision_model", architectures=["CLIPVisionModelWithProjection"])
    assert with_projection == {"vision": 87_456_000 + 512 * 768}
    assert components(model_type="sam")["vision"] == 89_670_912  # of SamModel's `vision_encoder`, transformers 5.24.0


def test_a_separator_between_views_belongs_to_no_tower():
    parts = components(model_type="deepseek_ocr2", text_config={"num_experts_per_tok": 6})
    width = 4096
    assert (parts["other"], parts["projector"]) == (width, width * (width + 1))


def test_a_layer_as_wide_inside_as_outside_is_a_feed_forward():
    sizes = {"hidden_size": 64, "intermediate_size": 64, "num_attention_heads": 4, "num_hidden_layers": 3}
    wide, narrow = 64 * 64 + 64, 16 * 16 + 16  # the layout's quarter
    assert components(model_type="lilt", **sizes)["ffn"] == 3 * 2 * (wide + narrow)


def test_tables_of_relative_positions_are_positions():
    sizes = {"model_type": "beit", "architectures": ["BeitModel"], "use_relative_position_bias": True}
    plain = components(**sizes | {"use_relative_position_bias": False})
    with_tables = components(**sizes)
    assert with_tables["attention"] == plain["attention"]
    assert with_tables["position_embedding"] == 12 * (27 * 27 + 3) * 12
