"""What towers keep for backward, against what torch packed for small models (tests/oracle/tower_runs.py)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import paramcalc
from paramcalc.activations.class_rows import MEASURED_TOWERS
from paramcalc.activations.fold import Tokens, activations
from paramcalc.activations.policy import Policy
from paramcalc.build import build
from paramcalc.readers.config.read import read_config
from paramcalc.spec.media import Media, MediaItem
from paramcalc.transforms.freeze import freeze

RECORDS = {record["model_type"]: record for record in map(json.loads, (
    Path(__file__).parents[1] / "data/tower_runs.jsonl").read_text("utf-8").splitlines()) if record["of"]}
OFF = {"qwen3_vl": 9, "glm4v": 11, "llava": 24, "gemma3": 38, "aya_vision": 9, "audioflamingo3": 2, "glmasr": 1,
       "qwen2_5_vl": 1, "qwen2_5_omni_thinker": 25, "qwen3_omni_moe_thinker": 22, "idefics3": 2,
       "granite_speech": 251, "exaone4_5": 6, "kimi_k25": 82, "paddleocr_vl": 24, "video_llama_3": 14,
       "minimax_m3_vl": 44, "idefics2": 107, "blip-2": 48, "siglip2": 65, "gemma4": 5}
"""Thousandths that models of two layers are off with eager attention: what merges or pools keeps is not described; of
Idefics 3 it is the places of the patches, of Granite Speech the noise of dropout and distances in float32."""


def tower_bytes(record, how, frozen=()):
    spec_model = freeze(build(read_config(record["config"]).spec), frozen)
    item = MediaItem(**{"tokens": 0, "projected": 0} | record["cut"] | {
        key: tuple(record["cut"].get(key, ())) for key in ("sequences", "stages")})
    if record["model_type"] == "qwen2_5_vl":
        item = item._replace(windows=((64, 2),))
    media = Media(images=(item,)) if record["of"] == "image" else Media(audio=(item,))
    with_tower, alone = (activations(spec_model, Tokens(1, 8, 8, media=each), Policy(how)) for each in (media, Media()))
    return with_tower.model - alone.model


@pytest.mark.parametrize("name", RECORDS)
def test_bytes_are_those_torch_packed(name):
    """`OFF` are measured, not right."""
    record = RECORDS[name]
    measured = record["kept"]["eager"]
    assert -(-abs(tower_bytes(record, "eager") - measured) * 1000 // measured) == OFF.get(name, 0)


@pytest.mark.parametrize("name", ["paligemma", "mistral3", "internvl", "voxtral"])
def test_a_fused_kernel_keeps_no_squares(name):
    """Beside what torch's kernel for CPUs keeps: 24 bytes a layer of a random state."""
    record = RECORDS[name]
    assert tower_bytes(record, "flash") - record["kept"]["flash"] == 2 * 24


FROZEN_OFF = {"llava": 23, "gemma3": 348, "mistral3": 766, "aya_vision": 129, "audioflamingo3": 4, "glmasr": 2}
"""Thousandths of what is left, which is what merges or pools keeps; those of `OFF` are among them."""


@pytest.mark.parametrize("name", [name for name, record in RECORDS.items() if "frozen" in record["kept"]
                                  and name != "granite_speech"])
def test_of_a_frozen_tower_nothing_is_kept_but_what_joins_it_reads(name):
    record = RECORDS[name]
    measured = record["kept"]["frozen"]
    ours = tower_bytes(record, "eager", ("vision" if record["of"] == "image" else "audio",))
    assert -(-abs(ours - measured) * 1000 // max(measured, 1)) == FROZEN_OFF.get(name, 0)


def test_towers_called_measured_are_those_that_agree():
    within = [record for name, record in RECORDS.items() if OFF.get(name, 0) <= 40]
    assert {tower.family for record in within for tower in read_config(record["config"]).spec.towers.values()
            if tower.stream == record["of"] and tower.family} == MEASURED_TOWERS


def test_a_tower_nobody_measured_is_said():
    config = RECORDS["granite_speech"]["config"]
    assert "parameter" in activations(build(read_config(config).spec), Tokens(1, 8, 8, media=Media(
        audio=(MediaItem(3, 3, (15,)),))), Policy()).unknown
    answer = paramcalc.train({"model_type": "qwen2_audio"}, audio="30s")
    assert any("qwen2_audio_encoder" in doubt for doubt in answer.warnings)
