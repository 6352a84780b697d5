"""A checkpoint's header as MODEL: what it says is exact, what it does not say is called unknown."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file

from paramcalc.cli.main import run as guarded


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"model.embed_tokens.weight": np.zeros((32, 8), np.float16),
               "model.layers.0.self_attn.q_proj.weight": np.zeros((8, 8), np.float16),
               "model.norm.weight": np.zeros(8, np.float32)}, path)
    return str(path)


def test_weights_are_exact_and_the_cache_is_unknown(file, capsys):
    assert guarded(["memory", file, "--json"]) == 0
    memory = json.loads(capsys.readouterr().out)
    assert memory["weights"]["bytes"] == 2 * (32 * 8 + 8 * 8) + 4 * 8
    assert (memory["assumptions"]["exact"], memory["assumptions"]["unknown"]) == (["weights"], ["cache"])
    assert guarded(["memory", file]) == 0
    assert "a checkpoint's header does not say" in capsys.readouterr().out


def test_what_would_need_the_cache_is_refused(file, capsys):
    assert guarded(["fit", file, "--gpu", "h100"]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert "a checkpoint's header does not say what is kept between tokens" in output.err


def test_the_page_calls_nothing_exact_that_is_not(file, capsys):
    assert guarded(["estimate", file]) == 0
    output = capsys.readouterr().out
    assert "the weights' part" in output
    assert output.count("exact") == 1  # the bytes of the weights
