"""What somebody meets who types `paramcalc` for the first time."""

import shlex

import pytest

from paramcalc.cli.main import QUESTIONS, run


def test_alone_it_shows_questions(capsys):
    assert run([]) == 0
    out = capsys.readouterr().out
    assert len(QUESTIONS) == 6
    assert all(question in out and line in out for question, line in QUESTIONS)
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize("line", [line for _, line in QUESTIONS if "check" not in line])
def test_each_answer_runs(line, capsys):
    assert run(shlex.split(line)[1:]) in (0, 1)
    assert "error:" not in capsys.readouterr().err


def test_a_model_alone_is_estimated(capsys):
    assert run(["qwen3-8b", "--json"]) == 0
    alone = capsys.readouterr().out
    assert run(["estimate", "qwen3-8b", "--json"]) == 0
    assert capsys.readouterr().out == alone


def test_a_word_that_is_neither_gets_both_hints(capsys):
    assert run(["count-llama-3.1-8b"]) == 2
    assert run(["cuont", "llama-3.1-8b"]) == 2
    assert "did you mean count" in capsys.readouterr().err
    for word in ("models", "presets", "gpus", "formats"):
        assert run([word]) == 2
        assert "did you mean `paramcalc list " in capsys.readouterr().err
    assert run(["qwen3-8bb"]) == 2
    assert "qwen3-8b" in capsys.readouterr().err
