"""What people see on a terminal: words, plurals, columns, and figures only where there are any."""

import re

import pytest

from paramcalc.cli.main import run
from paramcalc.reports.layout import lines
from paramcalc.reports.table import Column, Table

ENCODERS = ["bert-base-uncased", "vit-base-patch16-224", "clip-vit-base-patch32", "dream-7b", "bge-m3"]


def printed(capsys, *words):
    run(list(words))
    return capsys.readouterr().out


@pytest.mark.parametrize("model", ENCODERS)
def test_what_gives_no_tokens_has_no_time_a_token(model, capsys):
    assert run(["speed", model, "--gpu", "h100"]) == 2
    assert "generates no tokens" in capsys.readouterr().err
    assert "decoded token" not in printed(capsys, "flops", model)
    assert "tokens_per_second" not in printed(capsys, "compare", model, "--gpu", "h100", "--runtime", "vllm")


@pytest.mark.parametrize("model", ["gpt2", "t5-small", "whisper-tiny", "mamba-130m", "rwkv-4-169m", "qwen2.5-vl-3b"])
def test_what_gives_tokens_has_one(model, capsys):
    assert "decoded token" in printed(capsys, "flops", model)


@pytest.mark.parametrize(("model", "latent"), [("deepseek-v3", True), ("gpt2", False)])
def test_latents_are_absorbed_where_there_are_any(model, latent, capsys):
    assert ("latents absorbed" in printed(capsys, "flops", model)) is latent


def test_no_limit_is_no_number(capsys):
    table = printed(capsys, "fit", "bert-base-uncased", "--gpu", "h100")
    assert "no limit" in table
    assert "1,073,741,824" not in table
    assert "1,048,576" not in table


def test_headroom_is_of_each_device(capsys):
    """Beside bytes of each device: 8 of them do not have 8 times as much left."""
    table = printed(capsys, "fit", "llama-3.1-8b", "--gpu", "h100", "--gpus", "8", "--runtime", "vllm")
    assert "by runtime, per device" not in table  # one runtime is no table
    table = printed(capsys, "fit", "llama-3.1-8b", "--gpu", "h100", "--gpus", "8")
    row = next(line for line in table.splitlines() if line.startswith("exact  "))
    assert float(row.split("GiB")[1]) < 80


@pytest.mark.parametrize(("zero", "words"), [("0", "does not fit: "), ("3", "fits: ")])
def test_training_on_an_accelerator_has_a_verdict(zero, words, capsys):
    assert words in printed(capsys, "train", "llama-3.1-8b", "--gpu", "h100", "--gpus", "8", "--zero", zero)


@pytest.mark.parametrize("model", ["whisper-tiny", "bart-base", "m2m100-418m"])
def test_llama_cpp_serves_no_encoder_with_its_decoder_it_has_no_converter_of(model, capsys):
    assert "no converter of llama.cpp knows" in printed(capsys, "fit", model, "--gpu", "h100")


def test_a_card_of_a_vendor_is_not_every_device_of_it(capsys):
    """llama.cpp's SYCL is of Intel's GPUs, which Gaudi is none of."""
    for gpu, served in (("gaudi3", False), ("arc-a770", True)):
        table = printed(capsys, "fit", "gpt2", "--gpu", gpu)
        row = next(line for line in table.splitlines() if line.startswith("llama.cpp  "))
        assert ("yes" in row) is served


@pytest.mark.parametrize(("words", "last"), [(("list", "families", "whisper"), "1 family"),
                                             (("list", "rules"), " rules"), (("list", "models", "zzz"), "0 models")])
def test_numbers_agree_with_their_noun(words, last, capsys):
    assert printed(capsys, *words).splitlines()[-1].endswith(last)


def test_a_list_of_families_is_a_line_each_on_a_narrow_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    rows = printed(capsys, "list", "families").splitlines()[1:-2]
    assert len(rows) > 500
    assert sum(row.startswith(" ") for row in rows) < len(rows) / 10
    assert "decoders.dense" in printed(capsys, "list", "families", "apertus", "--format", "csv")


def test_names_are_whole_while_another_column_can_go():
    names = ["transformer.h.*.attn.c_attn.weight", "transformer.h.*.mlp.c_proj.weight"]
    table = Table("", (Column("tensor"), Column("component", optional=True)),
                  tuple((name, "other_embedding") for name in names))
    assert [line[0][0].rstrip() for line in lines([table], 40)[1:3]] == names


def test_help_begins_with_what_a_command_is_about(capsys):
    for command, first in (("fit", "--gpu"), ("train", "--seq"), ("speed", "--gpu"), ("count", "--by")):
        options = [line.split()[0] for line in printed(capsys, command, "--help").splitlines()
                   if line.startswith("  -")]
        assert options[0] == first
        assert options.index("--debug") > len(options) // 2 or command == "count"


@pytest.mark.parametrize("model", ["whisper-tiny", "whisper-large-v3"])
def test_an_encoder_of_padded_windows_reads_one_whole(model, capsys):
    """Half a minute is 1,500 positions and a transcript at most 448 tokens: transformers' WhisperConfig."""
    table = printed(capsys, "memory", model)
    rows = {line.split("  ")[0]: line.split() for line in table.splitlines() if line.startswith("keys")}
    assert "1,500" in rows["keys and values of the source"]
    assert "448" in rows["keys and values"]


@pytest.mark.parametrize(("words", "note"), [
    (("--prompt", "1M", "--output", "1"), "a prompt with its answer of 1,048,577 is longer than the 1,024 positions"),
    (("--prompt", "512", "--output", "512"), ""), (("--prompt", "1024"), "answer of 1,536 is longer than the 1,024"),
    (("--output", "2k"), "a prompt with its answer of 3,072 is longer than the 1,024 positions"),
    ((), "prompt 512: with its answer as many tokens as the model has positions for"),
])
def test_speed_says_what_a_model_was_not_made_for(words, note, capsys):
    table = printed(capsys, "speed", "gpt2", "--gpu", "h100", *words)
    assert (note in table) if note else ("longer than" not in table)


@pytest.mark.parametrize(("words", "message"), [
    (("speed", "gpt2", "--gpu", "h100", "--measured", "tpot=0ms@1"), "must be greater than 0, found 'tpot=0ms'"),
    (("speed", "gpt2", "--gpu", "h100", "--measured", "tpot=0.0s@8"), "must be greater than 0, found 'tpot=0.0s'"),
])
def test_nothing_takes_no_time(words, message, capsys):
    assert run(list(words)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("size", ["0.001MB", "0.5MiB", "1MiB"])
def test_a_device_of_next_to_nothing_has_no_room(size, capsys):
    assert run(["fit", "gpt2", "--gpu", size]) == 1
    assert "does not fit" in capsys.readouterr().out


@pytest.mark.parametrize(("zero", "colour", "look"), [("0", "31", "bad"), ("3", "32", "good")])
def test_the_verdict_of_training_has_a_colour(zero, colour, look, capsys):
    words = ("train", "llama-3.1-8b", "--gpu", "h100", "--gpus", "8", "--zero", zero)
    line = next(line for line in printed(capsys, *words, "--color", "always").splitlines() if "fit: " in line or
                "fits: " in line)
    assert f"\x1b[{colour}" in line.replace("1;", "") or f";{colour}m" in line
    assert re.search(f'<p class="{look}">(fits|does not fit): ', printed(capsys, *words, "--format", "html"))
