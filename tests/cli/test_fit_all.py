"""`fit --all`: each accelerator of the catalog, by each runtime that can serve the model there."""

from __future__ import annotations

import csv
import io
import json

import pytest

from paramcalc.cli.main import run
from paramcalc.estimates.serving import SERVERS

LLAMA = "llama-3.1-8b"


def answer_of(capsys, *words):
    code = run(["fit", LLAMA, "--all", *words])
    return code, capsys.readouterr().out


def by_name(text):
    return {row["name"]: row for row in json.loads(text)["accelerators"]}


@pytest.mark.parametrize("accelerator", ["rtx-4090", "m3-max"])
def test_it_says_what_fit_says_of_the_one_accelerator(capsys, accelerator):
    row = by_name(answer_of(capsys, "--json")[1])[accelerator]
    run(["fit", LLAMA, "--gpu", accelerator, "--json"])
    alone = json.loads(capsys.readouterr().out)
    assert row["runtimes"] == alone["runtimes"]
    assert [row[key] for key in ("runtime", "fits", "max_context", "max_batch")] == [
        alone[key] for key in ("runtime", "fits", "max_context", "max_batch")]


def test_the_table_has_a_row_for_each_runtime_that_can_serve_it(capsys):
    _, table = answer_of(capsys)
    lines = [line.split("  ") for line in table.splitlines() if line.startswith("NVIDIA GeForce RTX 4090 ")]
    assert [next(cell for cell in map(str.strip, line) if cell in SERVERS) for line in lines] == list(SERVERS)
    assert {line.split()[-4] for line in table.splitlines() if line.startswith("Apple M3 Max")} == {
        "llama.cpp", "transformers"}


def test_a_format_that_only_some_runtimes_take(capsys):
    """None on some accelerators, and llama.cpp alone on others."""
    code, out = answer_of(capsys, "--quant", "q4_k_m", "--json")
    assert code == 0
    row = by_name(out)["rtx-4090"]
    assert (row["runtime"], row["fits"], list(row["curves"])) == ("llama.cpp", True, ["llama.cpp", "exact"])
    code, out = answer_of(capsys, "--quant", "q4_k_m", "--runtime", "vllm", "--json")
    row = by_name(out)["rtx-4090"]
    assert (code, row["fits"]) == (1, False)
    assert "format of GGUF files" in row["runtimes"][0]["why"]


def test_csv_has_a_row_an_accelerator_and_a_column_a_runtime(capsys):
    rows = list(csv.DictReader(io.StringIO(answer_of(capsys, "--format", "csv")[1])))
    assert len({row["accelerator"] for row in rows}) == len(rows)
    m3_max = next(row for row in rows if row["accelerator"] == "m3-max")
    assert (m3_max["runtime"], m3_max["max_context_by_vllm"]) == ("llama.cpp", "")
    assert m3_max["max_context_by_llama.cpp"] == m3_max["max_context"]


def test_each_runtime_has_a_verdict_at_each_context(capsys):
    row = by_name(answer_of(capsys, "--context", "4k,32k", "--json")[1])["h100"]
    assert all([point["context"] for point in points] == [4096, 32768] for points in row["curves"].values())
    assert row["curves"][row["runtime"]] == row["contexts"]
    assert {each["runtime"]: each["max_batch"] for each in row["runtimes"]} == {
        name: points[-1]["max_batch"] for name, points in row["curves"].items()}
