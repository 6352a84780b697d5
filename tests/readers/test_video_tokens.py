"""Tokens of videos as the processors themselves count them (tests/oracle/videos.py)."""

import json
from pathlib import Path

import pytest

import paramcalc
from paramcalc.cli.main import run
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import family_data
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families.towers.filmed import RULES, video_rule
from paramcalc.readers.families.towers.processors import Beside

CASES = [json.loads(line) for line in
         (Path(__file__).parent.parent / "data" / "videos.jsonl").read_text(encoding="utf-8").splitlines()]
QWEN3 = {"model_type": "qwen3_vl", "architectures": ["Qwen3VLForConditionalGeneration"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['config']['model_type']}-{case['processor']}")
def test_as_many_tokens_as_the_processor_makes(case):
    model_type = case["config"]["model_type"]
    rule = video_rule(Config(case["config"], family_data(model_type), model_type), Beside(video=case["preprocessor"]))
    assert [rule.cut(*size).tokens for size in case["sizes"]] == case["tokens"]


def test_every_processor_of_the_table_was_run():
    assert {processor for _, processor in RULES.values() if processor} <= {case["processor"] for case in CASES}
    assert {case["config"]["model_type"] for case in CASES} <= set(RULES)


def test_frames_attend_to_themselves():
    """Of Qwen 2.5 VL: 31 frames are 16 pairs, each a sequence; windows are cut in each."""
    item = read_config({"model_type": "qwen2_5_vl"}).spec.videos.cut(280, 280, 31)
    one = read_config({"model_type": "qwen2_5_vl"}).spec.videos.cut(280, 280, 2)
    assert len(item.sequences) == 16
    assert set(item.sequences) == set(one.sequences)
    assert item.windows == tuple((patches, 16 * count) for patches, count in one.windows)


def test_a_video_beside_a_picture(tmp_path):
    settings = {"seq": 100, "video": "640x480x8"}
    film, picture, both = (paramcalc.flops(QWEN3, **settings | more) for more in (
        {}, {"video": (), "image": "640x480"}, {"image": "640x480"}))
    assert film.assumptions["videos"][0]["tokens"] + picture.assumptions["images"][0]["tokens"] + 100 == (
        both.assumptions["seq"])
    assert both.components["vision"] == film.components["vision"] + picture.components["vision"]
    assert any("defaults of Qwen3VLVideoProcessor" in warning for warning in film.warnings)


def test_settings_of_the_file_beside_a_config(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(QWEN3))
    (tmp_path / "preprocessor_config.json").write_text('{"size": {"longest_edge": 65536, "shortest_edge": 4096}}')
    small = paramcalc.flops(tmp_path, video=(640, 480, 8))
    (tmp_path / "video_preprocessor_config.json").write_text(json.dumps(CASES[3]["preprocessor"]))
    large = paramcalc.flops(tmp_path, video=[(640, 480, 8)])
    assert small.assumptions["videos"][0]["tokens"] < large.assumptions["videos"][0]["tokens"] == 4 * 20 * 15
    assert not [warning for warning in (*small.warnings, *large.warnings) if "defaults" in warning]
    (tmp_path / "video_preprocessor_config.json").write_text('{"cap_pixels_per_frame": true}')
    with pytest.raises(paramcalc.UsageError, match="cuts videos is not known"):
        paramcalc.flops(tmp_path, video="640x480x8")


@pytest.mark.parametrize(("video", "message"), [
    ("640x480", "error: --video: expected WIDTHxHEIGHTxFRAMES such as 1280x720x32, found '640x480'"),
    ("640x480x0", "a video of 0 frames"), ("640x480x1", "a video of 1 frames"), ("0x480x8", "a picture of 0 × 480"),
])
def test_what_is_no_video(video, message, tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(QWEN3))
    assert run(["memory", str(tmp_path), f"--video={video}"]) == 2
    assert message in capsys.readouterr().err


def test_a_model_without_a_rule_says_so():
    with pytest.raises(paramcalc.UsageError, match="cuts videos is not known"):
        paramcalc.flops({"model_type": "gemma3"}, video="640x480x8")
