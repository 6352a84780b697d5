"""Answers where no command writes them: `print`, Rich and notebooks show what the command shows."""

import pickle

import html5lib
import pytest
from rich.console import Console

import paramcalc
from paramcalc.answers.registry import ANSWERS, answer_classes
from paramcalc.reports.views import VIEWS

ANSWERED = {
    "count": lambda: paramcalc.count("qwen3-0.6b"), "memory": lambda: paramcalc.memory("qwen3-0.6b"),
    "fit": lambda: paramcalc.fit("qwen3-0.6b", "h100"), "flops": lambda: paramcalc.flops("qwen3-0.6b"),
    "estimate": lambda: paramcalc.estimate("qwen3-0.6b"), "train": lambda: paramcalc.train("qwen3-0.6b"),
    "speed": lambda: paramcalc.speed("qwen3-0.6b", "h100"), "explain": lambda: paramcalc.explain("qwen3-0.6b"),
    "diff": lambda: paramcalc.diff("qwen3-0.6b", "qwen3-1.7b"),
    "compare": lambda: paramcalc.compare("qwen3-0.6b", "qwen3-1.7b"),
    "scaling": lambda: paramcalc.scaling("qwen3-0.6b", tokens="36T"),
}


@pytest.mark.parametrize("command", ANSWERED)
def test_an_answer_prints_its_tables_and_is_html_for_a_notebook(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    answer = ANSWERED[command]()
    printed = str(answer)
    console = Console(width=100)
    with console.capture() as capture:
        console.print(answer)
    assert [line.rstrip() for line in capture.get().splitlines()] == printed.splitlines()
    assert len(printed.splitlines()) > 2
    html = answer._repr_html_()
    html5lib.HTMLParser(strict=True).parseFragment(html)
    assert html.count("<table>") >= 1


@pytest.mark.parametrize("command", ANSWERED)
def test_an_answer_pickles_whole(command):
    answer = ANSWERED[command]()
    again = pickle.loads(pickle.dumps(answer))  # noqa: S301 - our own
    assert again == answer
    assert str(again) == str(answer)


def test_a_count_by_tensor_is_a_picture_too():
    assert "<svg" in paramcalc.count("qwen3-0.6b", by="tensor")._repr_html_()


def test_every_answer_has_a_view():
    classes = {answer.__name__ for command in ANSWERS for answer in answer_classes(command)}
    assert classes - VIEWS.keys() == {"Check", "Convert"}, "an answer without tables prints as JSON"


def test_a_name_from_a_file_is_no_markup():
    spec = paramcalc.read("qwen3-0.6b").model_copy(update={"name": "<script>alert(1)</script>"})
    assert "<script" not in paramcalc.count(spec)._repr_html_()
