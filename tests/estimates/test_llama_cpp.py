"""What llama.cpp's reserve pass asks for beside the caches; whole buffers are held to logs in tests/evidence."""

import pytest

from paramcalc.build import build
from paramcalc.errors import UsageError
from paramcalc.estimates.inference import Prepared, Setup
from paramcalc.estimates.prefill import Mask, Widths, peak
from paramcalc.estimates.runtimes import Runtime
from paramcalc.measures.cache import Serving, mixers
from paramcalc.readers.models import load
from paramcalc.spec.model import ModelSpec
from tests.evidence.records import model

SHORT = {"vocab_size": 1000, "hidden_size": 64, "num_layers": 4, "num_heads": 8, "num_kv_heads": 2, "head_dim": 16,
         "intermediate_size": 96}
SPLIT = {"blocks": {"a": {"window": 10}, "b": {}}, "layers": ["a", "a", "a", "b"]}
STATE = {"mixer": {"kind": "mamba2", "num_heads": 8, "head_dim": 4, "state_size": 16}}


@pytest.mark.parametrize(("fields", "batch", "settings", "cells", "source", "columns"), [
    ({}, 1, (), 8192, 2, 2), ({}, 1, ("mask_f32=true",), 8192, 6, 2), ({}, 1, ("flash=false",), 8192, 4, 4),
    ({}, 3, (), 8192, 2, 2), ({}, 3, ("unified=true",), 3 * 8192, 2, 2),  # its own stream, or the one buffer
    (SPLIT, 1, (), 8192 + 768, 2, 2), (SPLIT, 1, ("swa_full=true",), 2 * 8192, 2, 2),  # a mask for each reach
    ({"window": 10}, 1, (), 8192, 2, 2), (STATE, 1, (), 0, 2, 2),
])
def test_masks(fields, batch, settings, cells, source, columns):
    kinds = mixers(build(ModelSpec.model_validate(SHORT | fields)).tree)
    assert Runtime("llama.cpp", settings).mask(kinds, Serving(8192, batch)) == Mask(columns * cells, source * cells)


@pytest.mark.parametrize(("settings", "rows"), [
    ((), 1), (("version=2026-05",), 512), (("version=2026-05", "ubatch=2048"), 512), (("outputs=1",), 1),
    (("ubatch=2048", "outputs=2048"), 2048), (("version=2026-05", "ubatch=64"), 64), (("outputs=0",), 1),
])
def test_rows_of_logits(settings, rows):
    assert Runtime("llama.cpp", settings).logit_rows(Serving(8192)) == rows


@pytest.mark.parametrize(("settings", "expected"), [
    ((), 0), (("flash=false",), 8192), (("flash=false", "unified=true"), 3 * 8192),
])
def test_scores(settings, expected):
    assert Runtime("llama.cpp", settings).score_keys(Serving(8192, 3)) == expected


def test_masks_are_gone_when_logits_are_made():
    width = Widths(hidden=64, widest=300, logits=1000, attention=200)
    assert peak(width, 512, 512, 4, mask=Mask(100, 100)) == 512 * (2 * 64 + 1000) * 4
    assert peak(width, 512, 512, 4, mask=Mask(5000, 5000)) == 512 * ((2 * 64 + 300) * 4 + 5000)
    assert peak(width, 512, 512, 4, mask=Mask(5000, 9000)) == 512 * ((2 * 64 + 200) * 4 + 9000)


@pytest.mark.parametrize(("version", "times"), [("2026-06", 1), ("2026-05", 1), ("2026-04", 3)])
def test_masks_of_a_version(version, times):
    kinds = mixers(build(load("llama-3.1-8b").spec).tree)
    mask = Runtime("llama.cpp", (f"version={version}",)).mask(kinds, Serving(8192))
    assert mask.first == times * mask.buffer


def test_ollama_27b_at_24k():
    """Its log says a compute buffer of 146 MiB (Ollama 0.30.4, Q3_K_M)."""
    prepared = Prepared(model("qwen3.5-27b"), Runtime("llama.cpp"), Setup(quant="q3_k_m"))
    assert round(prepared.parts(Serving(24576))[0].activations / 2**20, 1) == 146.0


def test_a_version_nobody_knows_is_refused():
    with pytest.raises(UsageError, match="version='2020' is not known"):
        Runtime("llama.cpp", ("version=2020",))
