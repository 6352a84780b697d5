"""FLOPs of towers, and of encoders alone, against torch's counter (tests/oracle/tower_runs.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import paramcalc
from paramcalc.build import build
from paramcalc.cli.main import run
from paramcalc.measures.certainty import COUNTED_TOWERS
from paramcalc.measures.flops import Workload, flops
from paramcalc.readers.config.read import read_config
from paramcalc.spec.media import STREAMS, Media, MediaItem

RECORDS = [json.loads(line) for line in (Path(__file__).parents[1] / "data/tower_runs.jsonl").read_text(
    "utf-8").splitlines()]
TOWERS = [record for record in RECORDS if record["of"]]
ALONE = [record for record in RECORDS if not record["of"]]
HEARD = ("wav2vec2", "hubert", "wavlm", "data2vec-audio")
STRETCHED = ("dinov2", "dinov3_vit")
"""Encoders of pictures of any size, which their processors make larger than what was measured."""
OFF = {"granite_speech": 1.003, "resnet": None}
"""How far off what is not counted exactly is: the class runs the queries of Granite Speech through the first layer's
attention to themselves once, not for each window; no rule says the positions of the last one here."""


def media_item(record):
    values = record["cut"] | {"sequences": tuple(record["cut"]["sequences"]),
                              "stages": tuple(map(tuple, record["cut"].get("stages", ())))}
    return MediaItem(**{"tokens": 0, "projected": 0} | values)


def media(record):
    return Media(images=(media_item(record),)) if record["of"] == "image" else Media(audio=(media_item(record),))


@pytest.mark.parametrize("record", TOWERS, ids=lambda record: record["model_type"])
def test_towers_and_what_joins_them_do_what_the_counter_says(record):
    tree = build(read_config(record["config"]).spec).tree
    towers = tree.replace(children=tuple(child for child in tree.children if child.stream in STREAMS))
    off = OFF.get(record["model_type"], 1)
    assert round(flops(towers, Workload(media=media(record))).forward / record["flops"], 3) == off
    if off == 1:
        assert flops(towers, Workload(media=media(record))).forward == record["flops"]


@pytest.mark.parametrize("record", [r for r in ALONE if OFF.get(r["model_type"], 1)], ids=lambda r: r["model_type"])
def test_encoders_alone_do_what_the_counter_says(record):
    what = {"audio": ["1s"]} if record["model_type"] in HEARD else {"image": ["100x100"]}
    if record["model_type"] in STRETCHED:
        tree = build(read_config(record["config"]).spec).tree
        assert flops(tree, Workload(media=media(record | {"of": "image"})._replace(main="image"))).forward \
            == record["flops"]
        return
    assert paramcalc.flops(record["config"], **what).forward == record["flops"]


def test_positions_of_a_net_are_the_cells_of_its_last_stage():
    record = next(record for record in ALONE if record["model_type"] == "resnet")
    assert paramcalc.flops(record["config"], 4).forward == record["flops"]


def test_towers_called_counted_are_those_that_agree():
    exact = [record for record in RECORDS if OFF.get(record["model_type"], 1) == 1]
    families = {tower.family for record in exact for tower in read_config(record["config"]).spec.towers.values()
                if tower.stream == record["of"] and tower.family} | {
                    record["model_type"] for record in exact if not record["of"]}
    assert families == COUNTED_TOWERS


def test_a_tower_nobody_measured_is_an_estimate(capsys):
    for config, level in (({"model_type": "qwen2_audio"}, "estimate"), ({"model_type": "voxtral"}, "exact")):
        answer = paramcalc.estimate(config, audio="30s")
        assert answer["flops"]["known"] == level


def test_an_encoder_alone_has_no_prompt(tmp_path, capsys):
    (tmp_path / "config.json").write_text('{"model_type": "vit", "architectures": ["ViTModel"]}')
    assert run(["flops", str(tmp_path), "--image=640x480", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["assumptions"]["seq"] == 197
    assert run(["flops", str(tmp_path), "--image=640x480", "--seq=100"]) == 2
    assert "--seq has no effect with --image" in capsys.readouterr().err


def test_windows_at_the_edge_are_smaller():
    config = {"model_type": "qwen2_5_vl"}
    item = paramcalc.cut_images(config, [(28 * 12, 28 * 6)])[0]
    assert item.windows == ((64, 3), (32, 3))
    assert sum(size * count for size, count in item.windows) == item.patches == 288


def test_a_decoder_reads_a_picture_in_place_of_a_source():
    """Torch's counter, of the class at its defaults with 100 tokens (torch 2.13.0, transformers 5.24.0, eager)."""
    answer = paramcalc.flops({"model_type": "pp_formulanet"}, 100, image=["800x400"])
    assert answer.forward == 240_297_181_184


def test_the_convolutions_of_whisper_run_over_the_recording():
    """Torch's counter, of a small class with 13 tokens (torch 2.13.0, transformers 5.24.0, eager): 3,000 frames
    through the first, every other position of them through the second."""
    config = {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "d_model": 48,
              "encoder_layers": 2, "decoder_layers": 1, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
              "encoder_ffn_dim": 96, "decoder_ffn_dim": 96, "num_mel_bins": 20, "vocab_size": 99}
    assert paramcalc.flops(config, 13, audio="3.1s").forward == 1_030_931_040
