"""Names as people type them: repositories answered by presets, prefixes, sizes in place of devices."""

import json

import pytest

import paramcalc
from paramcalc.readers import models
from paramcalc.readers.names import near_presets, repository


@pytest.mark.parametrize(("model", "name"), [
    ("meta-llama/Llama-3.1-8B", "meta-llama/Llama-3.1-8B"), ("hf://a/b", "a/b"), ("hf://a/b@main", ""),
    ("https://huggingface.co/a/b", "a/b"), ("https://huggingface.co/a/b/tree/main", "a/b"), ("llama-3.1-8b", ""),
    ("tests/data", ""), ("tests/nothing", ""), ("a/b.yaml", ""), ("a/b/c", ""), ("./a", ""),
    ("https://example.org/a/b", ""),
])
def test_what_a_repository_is(model, name):
    assert repository(model) == name


@pytest.mark.parametrize("model", ["meta-llama/Llama-3.1-8B", "https://huggingface.co/meta-llama/Llama-3.1-8B",
                                   "hf://meta-llama/Llama-3.1-8B"])
def test_a_preset_answers_for_its_repository(model, monkeypatch):
    monkeypatch.setattr(models, "_read", lambda name, tell: models._preset(name))
    answer = paramcalc.count(model)
    assert answer.total == 8_030_261_248
    assert any("the hub was not contacted" in warning for warning in answer.warnings)


def test_a_beginning_is_near():
    assert near_presets("qwen3-30b")[0] == "qwen3-30b-a3b"
    assert near_presets("bartowski/Qwen2.5-7B-Instruct-GGUF")[0] == "qwen2.5-7b"
    assert "e5-mistral-7b-instruct" not in near_presets("moonshotai/Kimi-VL-A3B-Instruct")


def test_quant_offers_the_mix_people_mean(capsys):
    with pytest.raises(paramcalc.UsageError, match="q4_k_m"):
        paramcalc.memory("gpt2", quant="q4")


@pytest.mark.parametrize(("size", "capacity"), [("24GiB", 24 * 2**30), ("24G", 24 * 2**30), ("24GB", 24 * 10**9),
                                                ("23028 MiB", 23028 * 2**20)])
def test_a_size_is_a_device(size, capacity):
    fit = paramcalc.fit("gpt2", size, runtime="llama.cpp")
    assert fit.fits
    assert fit.capacity == capacity


def test_lists_are_narrowed_and_have_every_name_of_quant():
    from paramcalc.answers.listing import listing

    names = {item.name for item in listing("formats").items}
    assert {"q4_k_m", "iq2_m", "bnb_nf4", "gptq"} <= names
    listed = listing("models", "qwen").to_dict()["items"]
    assert listed
    assert all("qwen" in json.dumps(item).lower() for item in listed)
