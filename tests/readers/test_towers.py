"""Whole models and encoders, default and random small configs: totals, buffers, names and shapes as files have them."""

import json
import math
from pathlib import Path

import pytest
import test_oracle

from paramcalc.build import build
from paramcalc.errors import PCError
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.parameters import count, rows
from paramcalc.readers.config.read import read_config

DATA = Path(__file__).parent.parent / "data"
CASES = [json.loads(line) for path in (*sorted((DATA / "towers").glob("*.jsonl")), DATA / "variants.jsonl")
         for line in path.read_text(encoding="utf-8").splitlines()]

NAMES_APART = {
    "altclip", "cohere_asr", "colqwen2", "cosmos3_edge", "dots3_note", "ernie4_5_vl_moe", "esm", "hy_v4_vl",
    "inkling2",
    "inkling_mm_model", "kimi_k25", "minimax_m3_vl", "mistral_large4", "molmo2",
    "nemo_speechlm", "nemotron_h_omni",
    "qianfan_ocr", "qwen4_exp", "shieldgemma2", "step3p7", "tipsv2", "tipsv2_text_model", "videomae",
    "vit_mae", "vit_msn",
}
"""Types whose files the library renames on saving as it does not on loading, or whose text model it respells too: of
these the shapes are compared, not the names."""
BUFFERS_APART = {"esm", "florence2", "nemotron_h_omni", "phi4_multimodal"}
"""Types with a table that is computed, which the class saves beside its parameters."""
HEAD_PADDED = {"inkling2"}
"""Types whose files pad the head, which the class drops on loading: counted as files are, and said."""


@pytest.mark.parametrize("record", CASES, ids=lambda record: record["id"])
def test_counts_what_the_class_holds(record):
    spec = read_config(record["config"]).spec
    counts = count(build(spec).tree)
    assert spec.uncounted == ()
    model_type = record["config"]["model_type"]
    if model_type in HEAD_PADDED:
        assert counts.total == values(test_oracle.measured_rows(record)) > record["total"]
        assert "rows that pad it" in "".join(spec.notes)
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


def test_actions_keep_no_cache_and_a_class_of_no_head_has_nothing_around_them():
    whole, bare, other = ({"model_type": "pi0", "architectures": [f"PI0{word}"]}
                          for word in ("ForConditionalGeneration", "Model", "ForCausalLM"))
    told = read_config(whole).spec
    kept = exact(mixers(build(told).tree), Serving(1), types("bf16"))
    assert kept.per_token == 18 * 2 * 256 * 2  # bytes of the model that reads alone
    assert any("in no FLOPs" in note for note in told.notes)
    heads = count(build(told).tree).total - count(build(read_config(bare).spec).tree).total
    assert heads == 2 * (32 * 1024 + 1024) + (2048 * 1024 + 1024) + (1024 * 1024 + 1024) + (1024 * 32 + 32)
    with pytest.raises(PCError, match="PI0ForCausalLM"):
        read_config(other)
    with pytest.raises(PCError, match="expected a mapping with model_type"):
        read_config(whole | {"vlm_config": {"model_type": 3}})
