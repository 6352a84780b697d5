"""Tokens of pictures as the processors themselves count them: portrait, landscape, small, square, beyond all bounds."""

import json
from pathlib import Path

import pytest

from paramcalc import UsageError, cut_images, flops
from paramcalc.build import build
from paramcalc.cli.main import run
from paramcalc.measures.flops import Workload
from paramcalc.measures.flops import flops as counted
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import family_data
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families.towers.pictures import image_rule
from paramcalc.readers.families.towers.processors import Beside
from paramcalc.spec.media import Cut, Media

CASES = [json.loads(line) for line in
         (Path(__file__).parent.parent / "data" / "images.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['config']['model_type']}-{case['processor']}")
def test_as_many_tokens_as_the_processor_makes(case):
    model_type = case["config"]["model_type"]
    rule = image_rule(Config(case["config"], family_data(model_type), model_type), Beside(case["preprocessor"]))
    assert [rule.cut(*size).tokens for size in case["sizes"]] == case["tokens"]


LLAVA = {"model_type": "llava", "architectures": ["LlavaForConditionalGeneration"]}


def test_a_file_beside_the_config_goes_before_the_class(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "qwen2_vl"}')
    assert cut_images(tmp_path, [(5000, 3000)])[0].tokens == 1242
    (tmp_path / "preprocessor_config.json").write_text('{"min_pixels": 3136, "max_pixels": 12845056}')
    assert cut_images(tmp_path, [(5000, 3000)])[0].tokens == 16335


def test_pictures_lengthen_the_prompt_and_run_through_the_tower(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAVA))
    alone, seen = flops(tmp_path, 424), flops(tmp_path, 424, images=[(640, 480)])
    assert "vision" not in alone.components
    longer = flops(tmp_path, 1000)
    assert {key: seen.components[key] for key in longer.components} == longer.components
    assert seen.components["projector"] == 2 * 576 * (1024 * 4096 + 4096 * 4096)


def test_a_model_without_a_rule_is_refused_pictures(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UsageError, match="not known"):
        cut_images(tmp_path, [(640, 480)])


def test_the_command_line_takes_pictures(capsys):
    assert run(["flops", "gemma-3-4b", "--seq", "512", "--image", "1366x980", "--image", "64x64", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["assumptions"]["seq"] == 512 + 2 * 256
    assert said["assumptions"]["images"] == [{"tokens": 256, "patches": 4096}] * 2
    assert [part["component"] for part in said["components"]][-2:] == ["vision", "projector"]


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
    cut = Cut(0, 0, (49,), extra=1)
    seen = counted(tree, Workload(2, 77, media=Media((cut,))))
    products = 2 * 2 * 2 * record["config"]["projection_dim"]
    assert seen.forward + products == record["runs"]["forward_seq128"]["total"]
