"""CSV is for programs: one table of raw values, whose headings do not change with the model."""

import csv
import io
import re

import pytest

from paramcalc.cli.main import run as guarded


@pytest.fixture
def rows(capsys):
    """Rows of an answer."""
    def ask(*arguments):
        assert guarded([*arguments, "--format", "csv"]) == 0
        return list(csv.reader(io.StringIO(capsys.readouterr().out)))

    return ask


def test_the_headings_are_the_same_for_dense_and_sparse_models(rows):
    dense, sparse = rows("count", "llama-3.1-8b"), rows("count", "mixtral-8x7b")
    assert dense[0] == sparse[0] == ["component", "parameters", "active"]
    assert dense[-1] == ["total", "8030261248", "8030261248"]
    assert sparse[-1] == ["total", "46702792704", "12879925248"]


def test_several_models_are_one_table_that_names_them(rows):
    table = rows("count", "gpt2", "mixtral-8x7b")
    assert table[0] == ["model", "component", "parameters", "active"]
    assert {row[0] for row in table[1:]} == {"gpt2", "mixtral-8x7b"}
    assert {len(row) for row in table} == {4}


def test_a_negative_number_is_a_number_and_a_formula_is_text():
    from paramcalc.reports.writers.csv import _raw

    assert [_raw(text) for text in ("-98.45%", "-1", "=1+1", "-1+cmd|x", "@sum")] == [
        "-98.45%", "-1", "'=1+1", "'-1+cmd|x", "'@sum"]


@pytest.mark.parametrize("words", [
    ("fit", "gpt2", "--gpu", "h100"), ("fit", "gpt2", "--gpu", "h100", "--quant", "all"), ("fit", "gpt2", "--all"),
    ("fit", "bert-base-uncased", "--gpu", "h100", "--quant", "all"), ("memory", "gpt2"), ("compare", "gpt2"),
    ("count", "gpt2", "--by", "tensor"), ("list", "gpus"),
])
def test_numbers_have_no_separators(words, rows):
    table = rows(*words)
    cells = [cell for row in table[1:] for cell in row]
    assert [cell for cell in cells if re.fullmatch(r"-?\d{1,3}(,\d{3})+", cell)] == []
    assert "no limit" not in cells
