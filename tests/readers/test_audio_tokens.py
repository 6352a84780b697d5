"""Tokens of recordings as the processors themselves count them: short, whole windows, and beyond all bounds."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

import paramcalc
from paramcalc import UsageError, cut_audio, flops, memory
from paramcalc.cli.main import run
from paramcalc.estimates.media import parse_durations
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import family_data
from paramcalc.readers.families.towers.processors import Beside
from paramcalc.readers.families.towers.recordings import RULES, audio_rule

CASES = [json.loads(line) for line in
         (Path(__file__).parent.parent / "data" / "recordings.jsonl").read_text(encoding="utf-8").splitlines()]


def rule_of(case):
    model_type = case["config"]["model_type"]
    return audio_rule(Config(case["config"], family_data(model_type), model_type), Beside.of(case["files"]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['config']['model_type']}-{case['processor']}")
def test_as_many_tokens_as_the_processor_makes(case):
    rule = rule_of(case)
    cuts = [rule.cut(seconds) for seconds in parse_durations(case["durations"])]
    assert [item.tokens or item.source for item in cuts] == case["tokens"]


def test_every_rule_was_run_against_its_processor():
    same = {"qwen2_5_omni_thinker": "qwen2_5_omni", "qwen3_omni_moe_thinker": "qwen3_omni_moe",
            "granite_speech_plus": "granite_speech", **dict.fromkeys((
                "hubert", "wavlm", "unispeech", "unispeech-sat", "data2vec-audio", "wav2vec2-conformer"), "wav2vec2")}
    assert {same.get(name, name) for name in RULES} == {same.get(case["config"]["model_type"],
                                                                 case["config"]["model_type"]) for case in CASES}


QWEN = {"model_type": "qwen2_audio", "architectures": ["Qwen2AudioForConditionalGeneration"]}


def test_a_file_beside_the_config_goes_before_the_class(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "qwen2_5_omni"}')
    assert cut_audio(tmp_path, "75.3s")[0].tokens == 750
    (tmp_path / "preprocessor_config.json").write_text('{"chunk_length": 300}')
    assert cut_audio(tmp_path, "75.3s")[0].tokens == 1882
    (tmp_path / "processor_config.json").write_text('{"feature_extractor": {"chunk_length": 60}}')
    assert cut_audio(tmp_path, "75.3s")[0].tokens == 1500


def test_recordings_lengthen_the_prompt_and_run_through_the_tower():
    alone, heard = flops(QWEN, 1000), flops(QWEN, 500, audio=["10s", "10s"])
    assert {key: heard.components[key] for key in alone.components} == alone.components
    assert heard.components["projector"] == 2 * 2 * 750 * 1280 * 4096  # of the whole window, padding included
    assert memory(QWEN, 500, audio=["10s", "10s"]).cache.bytes == memory(QWEN, 1000).cache.bytes


def test_what_is_cut_off_and_what_is_a_default_is_said(capsys):
    answer = memory(QWEN, 500, audio="75s")
    assert "recordings are cut off after 30 seconds" in answer.warnings
    assert any("defaults of WhisperFeatureExtractor" in warning for warning in answer.warnings)


@pytest.mark.parametrize(("text", "seconds"), [
    ("30s", 30), ("30", 30), ("1m30s", 90), ("1.5m", 90), ("2min", 120), ("1h2m3.5s", Fraction(7447, 2)), (0.5, 0.5)])
def test_lengths_are_said_in_hours_minutes_and_seconds(text, seconds):
    assert parse_durations(text) == (seconds,)


@pytest.mark.parametrize("text", ["", "s", "-3s", "3x", "1e9", "nan", "30 s 5", True])
def test_no_length_is_refused(text):
    with pytest.raises(ValueError, match="expected a duration such as 30s"):
        parse_durations(text)


@pytest.mark.parametrize("text", ["0s", "0.01s", "25h"])
def test_a_recording_that_cannot_be_is_refused(text, capsys):
    config = {"model_type": "phi4_multimodal"}
    with pytest.raises(UsageError, match="recording"):
        cut_audio(config, text)


def test_frames_are_capped_before_they_are_made(tmp_path):
    (tmp_path / "config.json").write_text('{"model_type": "qwen3_omni_moe"}')
    (tmp_path / "preprocessor_config.json").write_text('{"sampling_rate": 16000000, "hop_length": 1}')
    with pytest.raises(UsageError, match="frames"):
        cut_audio(tmp_path, "60s")


@pytest.mark.parametrize("command", [["memory"], ["fit", "--gpu=h100"], ["train"], ["flops"], ["compare"],
                                     ["speed", "--gpu=h100"], ["estimate"]], ids=lambda words: words[0])
def test_every_command_takes_recordings(command, tmp_path, capsys):
    (tmp_path / "config.json").write_text(json.dumps(QWEN))
    assert run([*command, str(tmp_path), "--audio=30s", "--audio=1m", "--json"]) in (0, 1)
    document = json.loads(capsys.readouterr().out)
    assert "error" not in document
    if command[0] != "compare":
        assert document["assumptions"]["audio"] == [{"tokens": 750, "frames": 1500}] * 2


def test_a_rule_is_written_and_read_again():
    spec = paramcalc.convert({"model_type": "granite_speech"})
    assert "kind: queried" in spec
    assert "defaults: true" in spec


def test_a_recording_is_the_input_of_the_encoder_of_whisper():
    """Whatever its length, a window of 30 seconds: 3,000 frames, halved once."""
    for command in (flops, memory):
        heard, counted = command("whisper-tiny", 100, audio="12s"), command("whisper-tiny", 100, source=1500)
        assert (heard.assumptions["audio"], "audio" in counted.assumptions) == ([{"tokens": 0, "frames": 1500}], False)
    assert flops("whisper-tiny", 100, audio="12s").forward == flops("whisper-tiny", 100, source=1500).forward
    assert memory("whisper-tiny", 100, audio="12s").cache.bytes == memory("whisper-tiny", 100, source=1500).cache.bytes


def test_an_encoder_of_recordings_has_no_prompt(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"model_type": "wav2vec2", "architectures": ["Wav2Vec2Model"]}')
    assert run(["flops", str(tmp_path), "--audio=1s", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["assumptions"]["seq"], answer["known"]["forward"]) == (49, "exact")
    assert run(["flops", str(tmp_path), "--audio=1s", "--seq=100"]) == 2
    assert "--seq has no effect with --audio" in capsys.readouterr().err
