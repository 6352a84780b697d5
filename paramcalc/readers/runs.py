"""A table of training runs: CSV with parameters, tokens (or compute) and loss."""

from __future__ import annotations

import csv
from math import isfinite
from typing import TYPE_CHECKING

from paramcalc.errors import InputError, Problem
from paramcalc.estimates.design.law_fit import TrainingRun
from paramcalc.estimates.design.optimum import FLOPS_PER_PARAMETER
from paramcalc.readers.files import read_file
from paramcalc.sanitize import quote

if TYPE_CHECKING:
    from pathlib import Path

COLUMNS = {"parameters": ("parameters", "params", "n"), "tokens": ("tokens", "d"),
           "compute": ("compute", "train_flop", "flop", "flops", "c"), "loss": ("loss", "l")}
"""Names of columns, the first as the documentation has it; case does not matter."""
MOST_RUNS = 100_000


def read_runs(path: Path) -> list[TrainingRun]:
    """The runs of a CSV file. Raises InputError, naming line and column."""
    where = str(path)
    try:
        text = read_file(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(Problem("is not UTF-8 text", source=where)) from error
    rows = csv.reader(text.splitlines())
    heads = [name.strip().lower() for name in next(rows, [])]
    places = {key: next((heads.index(name) for name in names if name in heads), -1) for key, names in COLUMNS.items()}
    missing = [key for key in ("parameters", "loss") if places[key] < 0]
    if missing or (places["tokens"] < 0 and places["compute"] < 0):
        missing = missing or ["tokens"]
        raise InputError(Problem(f"has no column {missing[0]}", source=where, line=1, column=1,
                                 hint="columns: parameters, tokens or compute, loss"))
    runs = []
    for number, row in enumerate(rows, start=2):
        if number > MOST_RUNS:
            raise InputError(Problem(f"has more than {MOST_RUNS:,} runs", source=where))
        if row:
            runs.append(_run(row, places, where, number))
    return runs


def _run(row: list[str], places: dict[str, int], where: str, line: int) -> TrainingRun:
    def number(key: str) -> float:
        cell = row[places[key]] if places[key] < len(row) else ""
        try:
            value = float(cell)
        except ValueError:
            value = 0.0
        if not isfinite(value) or value <= 0:
            raise InputError(Problem(f"{key}: {quote(cell)} is not a positive number", source=where, line=line,
                                     column=places[key] + 1))
        return value

    parameters = number("parameters")
    tokens = number("tokens") if places["tokens"] >= 0 else number("compute") / FLOPS_PER_PARAMETER / parameters
    return TrainingRun(parameters, tokens, number("loss"))
