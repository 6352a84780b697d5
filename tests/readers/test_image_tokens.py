"""Tokens of pictures as the processors themselves count them: portrait, landscape, small, square, beyond all bounds."""

import json
from pathlib import Path

import pytest

import paramcalc
from paramcalc import UsageError, cut_images, flops
from paramcalc.build import build
from paramcalc.cli.main import run
from paramcalc.measures.flops import Workload
from paramcalc.measures.flops import flops as counted
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import family_data
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families.towers.pictures import RULES, image_rule
from paramcalc.readers.families.towers.processors import Beside
from paramcalc.spec.audio import KINDS as AUDIO_KINDS
from paramcalc.spec.images import KINDS
from paramcalc.spec.media import Media, MediaItem
from paramcalc.spec.model import AUDIO_RULE, IMAGE_RULE

CASES = [json.loads(line) for line in
         (Path(__file__).parent.parent / "data" / "images.jsonl").read_text(encoding="utf-8").splitlines()]


DATA = Path(__file__).parent.parent / "data"
PROCESSED = [json.loads(line) for line in (DATA / "processed_images.jsonl").read_text("utf-8").splitlines()]


@pytest.mark.parametrize("case", PROCESSED, ids=lambda case: f"{case['config']['model_type']}-{case['preprocessor']}")
def test_as_many_tokens_as_the_processor_puts_into_the_text(case):
    model_type = case["config"]["model_type"]
    rule = image_rule(Config(case["config"], family_data(model_type), model_type), Beside(case["preprocessor"]))
    cuts = [rule.cut(*size) for size in case["sizes"]]
    assert [item.tokens or item.source for item in cuts] == case["tokens"]


UNREAD = [
    ({"model_type": "qwen2_vl"}, {"do_resize": False}, "do_resize false"),
    ({"model_type": "glm4v"}, {"do_center_crop": True}, "do_center_crop true"),
    ({"model_type": "llava"}, {"do_center_crop": False, "size": {"shortest_edge": 336}}, "do_center_crop false"),
    ({"model_type": "vit"}, {"size": {"height": 384, "width": 384}}, "384 × 384 pixels where its tower"),
    ({"model_type": "llama4"}, {"size": {"height": 672, "width": 672}}, "tiles of another size than 448 × 448"),
    ({"model_type": "aria"}, {"split_image": True}, "split_image"),
    ({"model_type": "minicpm_ocr"}, {"small_image_upsize": "adaptive"}, "small_image_upsize 'adaptive'"),
    ({"model_type": "internvl"}, {"size": {"height": 448, "width": 336}}, "another height than width"),
]


@pytest.mark.parametrize(("config", "file", "words"), UNREAD, ids=lambda value: str(value)[:40])
def test_a_setting_no_rule_describes_is_refused_by_name(tmp_path, config, file, words):
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(file))
    paramcalc.count(tmp_path)
    with pytest.raises(UsageError, match=f"the processor of {config['model_type']} with .*{words}"):
        cut_images(tmp_path, [(640, 480)])


def test_a_model_that_reads_points_beside_a_picture_is_refused_by_name():
    with pytest.raises(UsageError, match="the processor of sam with points and boxes"):
        flops({"model_type": "sam"}, image=["640x480"])


def test_a_processor_nobody_described_is_named():
    with pytest.raises(UsageError, match="the processor of deepseek_vl_hybrid cuts a picture"):
        cut_images({"model_type": "deepseek_vl_hybrid"}, [(640, 480)])


def test_a_narrow_picture_that_is_not_cut_makes_more_tokens_than_bounds_say():
    """What Lfm2VlProcessor puts into the text for two such pictures, with the tokens around them."""
    assert [item.tokens for item in cut_images({"model_type": "lfm2_vl"}, [(1830, 1), (1688, 1)])] == [345, 331]


def test_a_picture_of_the_default_size_of_its_class_has_as_many_cells():
    """224 pixels of CLIPImageProcessor in cells of 32, and their mean."""
    assert cut_images({"model_type": "florence2"}, [(640, 480)])[0].source == 7**2 + 1


@pytest.mark.parametrize(("model_type", "cells"), [("resnet", 49), ("mobilenet_v1", 49), ("convnext", 49)])
def test_a_net_by_itself_has_the_cells_of_its_last_stage(model_type, cells):
    assert cut_images({"model_type": model_type}, [(640, 480)])[0].tokens == cells


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['config']['model_type']}-{case['processor']}")
def test_as_many_tokens_as_the_processor_makes(case):
    model_type = case["config"]["model_type"]
    rule = image_rule(Config(case["config"], family_data(model_type), model_type), Beside(case["preprocessor"]))
    cuts = [rule.cut(*size) for size in case["sizes"]]
    assert [item.tokens for item in cuts] == case["tokens"]
    assert [item.patches for item in cuts] == case.get("patches", [item.patches for item in cuts])


def test_every_rule_with_settings_of_its_own_was_run_against_its_processor():
    same = {"qwen2_5_omni_thinker": "qwen2_5_omni", "qwen3_omni_moe_thinker": "qwen3_omni_moe", "phi4mm":
            "phi4_multimodal", "qwen3_vl_moe": "qwen3_vl", "qwen3_5": "qwen3_vl", "qwen3_5_moe": "qwen3_vl",
            "glm4v_moe": "glm4v", "glm_ocr": "glm46v", "glmga": "glm46v", "cosmos3_omni": "qwen3_vl",
            "colmodernvbert": "modernvbert", "mistral_large4": "mistral3", "pp_chart2table": "got_ocr2",
            "dinov2_with_registers": "dinov2", "muse_spark": "muse_glimmer", "inkling2_loop": "inkling2"}
    ran = {case["config"]["model_type"] for case in (*CASES, *PROCESSED)}
    assert {same.get(name, name) for name, (_, processor) in RULES.items() if processor} <= ran


def test_the_schema_names_every_kind_of_rule():
    assert schema_of(IMAGE_RULE) == set(KINDS)
    assert schema_of(AUDIO_RULE) == set(AUDIO_KINDS)


def schema_of(rule):
    return set(rule["properties"]["kind"]["enum"])


def test_tiles_are_attended_to_beside_the_prompt():
    """Llama 3.2 Vision: four tiles of 1,600 patches and a class token, whatever the picture; 8 of 40 layers attend to
    them with 8 heads of 128 for keys and for values, of two bytes."""
    config = {"model_type": "mllama", "vision_config": {"image_size": 560, "patch_size": 14}}
    with_picture = paramcalc.memory(config, 100, image=["640x480"])
    for_words = paramcalc.memory(config, 101)
    assert with_picture.cache.bytes - for_words.cache.bytes == 4 * 1601 * 8 * 2 * 8 * 128 * 2
    assert paramcalc.flops(config, 100).components["attention"] < paramcalc.flops(config, 100, image=["640x480"])\
        .components["attention"]


def test_pictures_beside_the_text_take_no_tokens_of_it():
    config = {"model_type": "clip", "architectures": ["CLIPModel"]}
    alone, beside = paramcalc.flops(config, 77), paramcalc.flops(config, 77, image=["640x480"])
    assert {key: value for key, value in beside.components.items() if key != "vision"} == alone.components
    assert beside.components["vision"] > 0


def test_a_model_whose_tower_is_not_counted_is_refused_pictures():
    config = {"model_type": "gemma4", "vision_config": None}
    with pytest.raises(UsageError, match="not known"):
        cut_images(config, [(640, 480)])


@pytest.mark.parametrize(("config", "size"), [
    ({"model_type": "phi4_multimodal"}, (16000, 4)), ({"model_type": "kimi_k25"}, (0, 5))])
def test_a_picture_too_narrow_is_refused(config, size):
    with pytest.raises(UsageError, match="a picture of"):
        cut_images(config, [size])


LLAVA = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"]}


def test_a_file_beside_the_config_goes_before_the_class(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "qwen2_vl"}')
    assert cut_images(tmp_path, [(5000, 3000)])[0].tokens == 1242
    (tmp_path / "preprocessor_config.json").write_text('{"min_pixels": 3136, "max_pixels": 12845056}')
    assert cut_images(tmp_path, [(5000, 3000)])[0].tokens == 16335


def test_pictures_lengthen_the_prompt_and_run_through_the_tower(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAVA))
    alone, with_picture = flops(tmp_path, 424), flops(tmp_path, 424, images=[(640, 480)])
    assert "vision" not in alone.components
    longer = flops(tmp_path, 1000)
    assert {key: with_picture.components[key] for key in longer.components} == longer.components
    assert with_picture.components["projector"] == 2 * 576 * (1024 * 4096 + 4096 * 4096)


def test_a_model_without_a_rule_is_refused_pictures(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UsageError, match="not known"):
        cut_images(tmp_path, [(640, 480)])


def test_the_command_line_takes_pictures(capsys):
    assert run(["flops", "gemma-3-4b", "--seq", "512", "--image", "1366x980", "--image", "64x64", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["assumptions"]["seq"] == 512 + 2 * 256
    assert document["assumptions"]["images"] == [{"tokens": 256, "patches": 4096}] * 2
    assert [part["component"] for part in document["components"]][-2:] == ["vision", "projector"]


@pytest.mark.parametrize("size", ["13", "1x", "0x5", "5X5", "-1x4"])
def test_no_size_is_refused_on_the_command_line(size, capsys):
    assert run(["flops", "gemma-3-4b", f"--image={size}"]) == 2
    assert "pixels" in capsys.readouterr().err


@pytest.mark.parametrize("size", [(0, 10), (10, 70_000), (1, 300)])
def test_no_picture_at_all_is_refused(tmp_path, size):
    (tmp_path / "config.json").write_text('{"model_type": "qwen2_vl"}')
    with pytest.raises(UsageError, match="a picture of"):
        cut_images(tmp_path, [size])


def test_a_tower_does_what_the_counter_says():
    """CLIPModel, batch 2: 77 tokens and 49 patches with a class token, by torch's FlopCounterMode, which sees the
    products of both texts with both pictures too."""
    lines = (Path(__file__).parent.parent / "data" / "oracle_flops.jsonl").read_text(encoding="utf-8").splitlines()
    record = next(record for record in map(json.loads, lines) if record["id"] == "clip-vit-base-patch32")
    tree = build(read_config(record["config"]).spec).tree
    item = MediaItem(0, 0, (49,), extra=1)
    totals = counted(tree, Workload(2, 77, media=Media((item,))))
    products = 2 * 2 * 2 * record["config"]["projection_dim"]
    assert totals.forward + products == record["runs"]["forward_seq128"]["total"]


def test_kimi_vl_fills_pictures_up_to_whole_merged_patches(tmp_path):
    """What `rescale` of image_processing_kimi_vl.py (moonshotai/Kimi-VL-A3B-Instruct) gives of nine sizes."""
    sizes = [(600, 900), (1366, 768), (64, 48), (512, 512), (5000, 3000), (333, 1111), (1921, 1079), (7, 9), (7100, 13)]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "kimi_vl", "text_config": {
        "model_type": "deepseek_v3"}, "vision_config": {"model_type": "moonvit"}}))
    assert [item.tokens for item in cut_images(tmp_path, sizes)] == [726, 1100, 6, 361, 1050, 480, 1032, 1, 254]
    (tmp_path / "preprocessor_config.json").write_text('{"in_token_limit": 16384, "pad_input": true}')
    assert [item.tokens for item in cut_images(tmp_path, sizes)] == [726, 1372, 6, 361, 4150, 480, 2691, 1, 254]
    with pytest.raises(UsageError, match="more than 511 patches"):
        cut_images(tmp_path, [(7200, 13)])


def test_the_tower_of_lighton_ocr_runs_over_patches_that_no_token_is_made_of():
    """PixtralImageProcessor makes 1 × 145 patches of 14 pixels wide of the last picture: 29 rows of 5."""
    cuts = cut_images({"model_type": "lighton_ocr"}, [(640, 481), (57, 401)])
    assert [(item.tokens, item.patches) for item in cuts] == [(23 * 17, 46 * 35), (14 * 2, 29 * 5)]
