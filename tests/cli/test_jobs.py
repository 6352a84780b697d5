"""`--jobs N` gives the same answer, in the same order, as one process."""

import gc
from pathlib import Path

import pytest

from paramcalc.parallel import over
from paramcalc.readers.presets import presets

SPEC = ("paramcalc: 1\nname: m{name}\nvocab_size: 99\nhidden_size: 64\nnum_layers: {layers}\nnum_heads: {heads}\n"
        "ffn_ratio: 4\n")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Valid and invalid specs."""
    monkeypatch.chdir(tmp_path)
    for number in range(12):
        heads = 5 if number % 5 == 4 else 4
        Path(f"spec{number:02}.yaml").write_text(SPEC.format(name=number, layers=number + 1, heads=heads))
    return tmp_path


@pytest.mark.parametrize("more", [(), ("--strict",)])
def test_check(call, folder, more):
    one = call("check", ".", *more, "--json")
    assert one[0] == 2
    assert call("check", ".", *more, "--json", "--jobs", "2") == one


def test_check_against_a_lock(call, folder):
    assert call("check", ".", "--write-lock")[0] == 2
    (folder / "spec03.yaml").write_text(SPEC.format(name=3, layers=9, heads=4))
    one = call("check", ".", "--json")
    assert "num_layers" in one[1] or "total" in one[1]
    assert call("check", ".", "--json", "--jobs", "3") == one
    code, _, error = call("check", ".", "--write-lock", "--jobs", "2")
    assert (code, "leave --jobs out" in error) == (2, True)


def test_count(call):
    models = [*list(presets())[:6], "no-such-model", "gpt2"]
    one = call("count", *models, "--by", "layer", "--json")
    assert one[0] == 2
    assert call("count", *models, "--by", "layer", "--json", "--jobs", "2") == one


@pytest.mark.parametrize("more", [(), ("--max-cache-per-token", "16KiB"), ("--fits", "rtx-4090@1k")])
def test_solve(call, more):
    one = call("solve", "--params", "100M", "--like", "gpt2", *more, "--json")
    assert one[0] == 0
    assert call("solve", "--params", "100M", "--like", "gpt2", *more, "--json", "--jobs", "2") == one


def test_solve_says_what_is_the_least_in_processes_too(call):
    arguments = ("solve", "--params", "100M", "--like", "gpt2", "--max-cache-per-token", "1")
    one = call(*arguments)
    assert "the least is " in one[2]
    assert call(*arguments, "--jobs", "2") == one


def _frozen(_):
    return gc.get_freeze_count()


def test_processes_do_not_collect_what_they_inherit():
    assert gc.get_freeze_count() == 0
    assert min(over(_frozen, range(4), jobs=2)) > 1_000
    assert gc.get_freeze_count() == 0
