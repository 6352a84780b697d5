"""Answers where no command writes them: `print`, Rich and notebooks show what the command shows."""

import pickle
from pathlib import Path

import html5lib
import pytest
from rich.console import Console

import paramcalc
from paramcalc.answers.check import check_answer
from paramcalc.answers.convert import convert
from paramcalc.answers.explain import explain_rule
from paramcalc.answers.fit_catalog import fit_all
from paramcalc.answers.listing import listing
from paramcalc.answers.registry import ANSWERS, answer_classes
from paramcalc.answers.train_search import train_search
from paramcalc.estimates.run_settings import RunSettings
from paramcalc.estimates.settings import DeviceSettings, FitSettings
from paramcalc.printable import MOST_LINES
from paramcalc.reports.views import VIEWS

ROOT = Path(__file__).parents[2]

MODEL = "qwen3-0.6b"
SEARCHED = {"gpu": "h100", "gpus": 2, "global_batch": 8}
SAMPLES = {
    "Check": lambda: check_answer(paramcalc.check(ROOT / "configs/gpt2")),
    "Comparison": lambda: paramcalc.compare(MODEL, "qwen3-1.7b"),
    "Convert": lambda: convert(paramcalc.load(MODEL)),
    "Count": lambda: paramcalc.count(MODEL),
    "Diff": lambda: paramcalc.diff(MODEL, "qwen3-1.7b"),
    "Estimate": lambda: paramcalc.estimate(MODEL),
    "Explain": lambda: paramcalc.explain(MODEL),
    "ExplainRule": lambda: explain_rule("PC301"),
    "Fit": lambda: paramcalc.fit(MODEL, "h100"),
    "FitAll": lambda: fit_all(paramcalc.load(MODEL), FitSettings(), DeviceSettings()),
    "FitFormats": lambda: paramcalc.fit(MODEL, "h100", quant="all"),
    "Flops": lambda: paramcalc.flops(MODEL),
    "Listing": lambda: listing("rules"),
    "Memory": lambda: paramcalc.memory(MODEL),
    "PlacedFit": lambda: paramcalc.fit(MODEL, "h100,rtx-4090", ram="64G"),
    "PlacedMemory": lambda: paramcalc.memory(MODEL, runtime="llama.cpp", gpu_layers=1),
    "Run": lambda: paramcalc.check(ROOT / "configs/gpt2", ROOT / "tests/data/bad/spec/anchors_too_many.yaml"),
    "Scaling": lambda: paramcalc.scaling(MODEL, tokens="36T"),
    "Solve": lambda: paramcalc.solve("gpt2", params="200M"),
    "SpeedAnswer": lambda: paramcalc.speed(MODEL, "h100"),
    "Sweep": lambda: paramcalc.sweep(MODEL, "num_layers=4,8"),
    "Train": lambda: paramcalc.train(MODEL),
    "TrainSearch": lambda: train_search(paramcalc.load(MODEL), RunSettings.of(SEARCHED), 3),
}
"""An answer of each class."""


@pytest.fixture(scope="module", params=SAMPLES)
def answer(request):
    example = SAMPLES[request.param]()
    assert type(example).__name__ == request.param
    return example


def test_no_class_is_forgotten():
    """Every answer a command writes, a rule explained, and what `check` gives in Python."""
    classes = {answer.__name__ for command in ANSWERS for answer in answer_classes(command)}
    assert SAMPLES.keys() == classes | {"ExplainRule", "Run"}
    assert SAMPLES.keys() - VIEWS.keys() == {"Check", "Convert"}, "an answer without tables prints as JSON"


def test_an_answer_prints_its_tables_and_is_html_for_a_notebook(answer, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    printed = str(answer)
    assert len(printed.splitlines()) > 2
    html = answer._repr_html_()
    html5lib.HTMLParser(strict=True).parseFragment(html)
    assert html.count("<table>") + html.count("<pre>") >= 1
    if type(answer).__name__ in VIEWS:
        console = Console(width=100)
        with console.capture() as capture:
            console.print(answer)
        assert [line.rstrip() for line in capture.get().splitlines()] == printed.splitlines()


def test_a_prompt_shows_what_print_does_cut_to_its_room(answer, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    lines, printed = repr(answer).splitlines(), str(answer).splitlines()
    assert len(lines) <= MOST_LINES
    if len(printed) <= MOST_LINES:
        assert lines == printed
    else:
        assert lines[:-1] == printed[:MOST_LINES - 1]
        assert lines[-1] == f"… {len(printed) - MOST_LINES + 1:,} more lines: print shows them all"


def test_an_answer_pickles_whole(answer):
    again = pickle.loads(pickle.dumps(answer))  # noqa: S301 - our own
    assert again == answer
    assert str(again) == str(answer)


def test_a_count_by_tensor_is_a_picture_too():
    assert "<svg" in paramcalc.count("qwen3-0.6b", by="tensor")._repr_html_()


def test_a_name_from_a_file_is_no_markup():
    spec = paramcalc.read("qwen3-0.6b").model_copy(update={"name": "<script>alert(1)</script>"})
    assert "<script" not in paramcalc.count(spec)._repr_html_()
