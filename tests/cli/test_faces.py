"""How answers look and where they go: formats, pipes, encodings, colour, names that try to be markup, errors."""

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from paramcalc.cli import COMMANDS

ROOT = Path(__file__).parents[2]
SPEC = "hidden_size: 64\nvocab_size: 100\nnum_layers: 2\nnum_heads: 4\nintermediate_size: 256\n"
HOSTILE = "a[red]x[/bold]\x1b[31m\u202e\n::error::=|`"
CONFIG = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2,
          "num_attention_heads": 4, "vocab_size": 100}


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def hostile(tmp_path):
    path = tmp_path / "hostile.yaml"
    modules = json.dumps({"embed": {"kind": "embedding"}, HOSTILE: {"kind": "linear"}})
    path.write_text(f"hidden_size: 64\nvocab_size: 100\nmodules: {modules}\n", "utf-8")
    return str(path)


def process(*arguments, **environment):
    return subprocess.run([sys.executable, "-m", "paramcalc", *arguments], capture_output=True, cwd=ROOT, timeout=60,
                          env=os.environ | environment, check=False)


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
@pytest.mark.parametrize("by", ["component", "layer", "tensor"])
def test_totals_are_in_every_format(call, form, by):
    code, out, _ = call("count", "llama-3.1-8b", "--by", by, "--format", form)
    assert code == 0
    assert ("8030261248" if form == "csv" else "8,030,261,248") in out


def test_csv_adds_up(call):
    rows = list(csv.reader(io.StringIO(call("count", "gpt2", "--by", "tensor", "--format", "csv")[1])))
    column = rows[0].index("parameters")
    *body, total = [int(row[column]) for row in rows[1:] if row]
    assert sum(body) == total == 124_439_808


def test_depth_cuts_the_tree(call):
    depths = [len(call("count", "gpt2", "--depth", str(depth))[1].splitlines()) for depth in (1, 2)]
    assert depths[0] < depths[1]


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_names_stay_text(call, hostile, form):
    code, out, _ = call("count", hostile, "--by", "tensor", "--format", form)
    assert code == 0
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[31m\\u202e\\n::error::=" in out.replace("\\\\", "\\").replace("\\[", "[")
    assert "[red]x[/bold]" in out.replace("\\", "")


def test_names_stay_text_in_colour(call, hostile):
    out = call("count", hostile, "--by", "tensor", "--color", "always")[1]
    assert "a[red]x[/bold]\\x1b[31m\\u202e\\n" in out


def test_names_stay_text_in_json(call, hostile):
    out = call("count", hostile, "--by", "tensor", "--json")[1]
    assert json.loads(out)["tensors"][1]["name"] == f"{HOSTILE}.weight"


def test_annotations_are_one_line_each(call, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(f'paramcalc: 1\n{SPEC}"::error::x\\n%0A": 1\n', "utf-8")
    out = call("check", str(path), "--format", "github")[1]
    assert sum(line.startswith("::") for line in out.splitlines()) == 1


def test_pipes_are_never_cut(call, tmp_path):
    long = "x" * 300
    (tmp_path / "a.yaml").write_text(f"hidden_size: 64\nvocab_size: 100\nmodules: {{{long}: {{kind: linear}}}}\n",
                                     "utf-8")
    out = call("count", str(tmp_path / "a.yaml"), "--by", "tensor")[1]
    assert f"{long}.weight" in out
    assert "…" not in out


@pytest.mark.parametrize("line", [
    "list gpus", "fit llama-3.1-8b --all", "fit gpt2 --gpu h100", "memory deepseek-v3 --tp 8", "estimate deepseek-v3",
    "count deepseek-v3 --by layer", "count deepseek-v3 --by tensor", "train gpt2", "train llama-3.1-8b --pp 8",
    "train gpt2 --gpu h100 --gpus 8 --search", "explain deepseek-v3", "explain gpt2 --what-if hidden_size=2x",
    "speed llama-3.1-8b --gpu h100 --concurrency 1,64 --price 2", "speed llama-3.1-8b --all", "flops deepseek-v3",
    "compare llama-3.1-8b deepseek-v3", "sweep gpt2 num_layers=2,4 hidden_size=768,1536", "diff gpt2 gpt2-medium",
    "scaling llama-3.1-8b --tokens 15T", "solve --params 1.5B --like llama-3.1-8b", "check configs/gpt2", "list rules",
    *(f"{name} --help" for name in COMMANDS), "--help"])
def test_narrow_terminals_keep_rows_whole(call, monkeypatch, line):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(ROOT)
    code, out, _ = call(*line.split())
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80


def test_columns_that_do_not_fit_stand_below_with_their_rows_named(call, monkeypatch):
    wide = call("train", "llama-3.1-8b", "--pp", "2")[1].splitlines()
    monkeypatch.setenv("COLUMNS", "60")
    narrow = call("train", "llama-3.1-8b", "--pp", "2")[1]
    assert {word for line in wide[1:4] for word in line.split()} <= set(narrow.split())
    assert sum(line.startswith("stage  ") and "[" not in line for line in narrow.splitlines()) > 1


@pytest.mark.parametrize(("line", "marked"), [
    ("fit gpt2 --gpu h100", "\x1b[1;32mfits, by vllm"),
    ("fit llama-3.1-405b --gpu t4", "\x1b[1;31mdoes not fit\x1b[0m"),
    ("check tests/data/bad/duplicate_keys.yaml", "\x1b[1;31merror\x1b[0m: PC001"),
    ("count gpt3", "\x1b[1;31merror\x1b[0m: no such file"), ("count gpt3", "\x1b[36mhint\x1b[0m: did you mean"),
    ("count tests/data/bad/config/unread.json", "\x1b[33mwarning\x1b[0m: ")])
def test_verdicts_have_colour(call, monkeypatch, tmp_path, line, marked):
    monkeypatch.chdir(ROOT)
    if "unread" in line:
        (tmp_path / "config.json").write_text(json.dumps(CONFIG | {"num_hiden_layers": 4}), "utf-8")
        line = f"count {tmp_path}"
    *_, out, err = call(*line.split(), "--color", "always")
    assert marked in out + err
    *_, out, err = call(*line.split(), "--color", "never")
    assert "\x1b" not in out + err


@pytest.mark.parametrize(("variables", "option", "coloured"), [
    ({}, "auto", False), ({}, "always", True), ({"FORCE_COLOR": "1"}, "auto", True),
    ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, "auto", False), ({"FORCE_COLOR": "1", "TERM": "dumb"}, "auto", False),
    ({"FORCE_COLOR": "1"}, "never", False), ({"NO_COLOR": "1"}, "always", True),
])
def test_colour(call, monkeypatch, variables, option, coloured):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in call("count", "gpt2", "--color", option)[1]) == coloured


def test_colour_changes_nothing_else(call):
    import re

    plain = call("count", "deepseek-v3")[1]
    bright = re.sub(r"\x1b\[[0-9;]*m", "", call("count", "deepseek-v3", "--color", "always")[1])
    assert [line.rstrip() for line in bright.splitlines()] == plain.splitlines()


@pytest.mark.parametrize("arguments", [("count", "deepseek-v3"), ("count", "deepseek-v3", "--color", "always"),
                                       ("explain", "gpt2"), ("diff", "gpt2", "gpt2-medium")])
def test_ascii_terminals(arguments):
    run = process(*arguments, LC_ALL="C", PYTHONIOENCODING="ascii")
    assert (run.returncode, run.stderr) == (0, b"")
    assert run.stdout.isascii()


def test_a_closed_pipe_is_no_failure():
    command = f"{shlex.quote(sys.executable)} -m paramcalc count llama-3.1-405b --by layer --depth 4 | head -n 1; " \
        "exit ${PIPESTATUS[0]}"
    run = subprocess.run(["/bin/bash", "-c", command], capture_output=True, cwd=ROOT, check=False, text=True)
    assert (run.returncode, run.stderr) == (0, "")


def test_output_goes_to_a_file(call, tmp_path):
    target = tmp_path / "out.json"
    assert call("count", "gpt2", "--json", "--output", str(target)) == (0, "", "")
    assert json.loads(target.read_text("utf-8"))["parameters"]["total"] == 124_439_808
    code, out, err = call("count", "gpt2", "-o", str(tmp_path / "no" / "where"))
    assert (code, out) == (2, "")
    assert "cannot be written: no such file or directory" in err


def test_nothing_is_written_where_nothing_is_answered(call, tmp_path):
    target = tmp_path / "out.json"
    assert call("count", "nothing", "--output", str(target))[0] == 2
    assert not target.exists()


def test_overrides(call, tmp_path):
    def total(*arguments):
        return json.loads(call("count", *arguments, "--json")[1])["parameters"]

    (tmp_path / "config.json").write_text(json.dumps(CONFIG), "utf-8")
    (tmp_path / "a.yaml").write_text(SPEC, "utf-8")
    model = str(tmp_path / "config.json")
    layer = total(model, "--set", "num_hidden_layers=3")["total"] - total(model)["total"]
    assert layer == 4 * 64 * 64 + 3 * 64 * 256 + 2 * 64
    assert total(str(tmp_path))["total"] == total(model)["total"] == total(str(tmp_path / "a.yaml"))["total"]
    experts = [total(str(tmp_path / "a.yaml"), "--set", "moe={experts: 4, top_k: 1, intermediate_size: 256}", "--set",
                     f"moe.top_k={top}") for top in (1, 2)]
    assert experts[1]["active"] - experts[0]["active"] == 2 * 3 * 64 * 256


def test_standard_input():
    run = subprocess.run([sys.executable, "-m", "paramcalc", "count", "-", "--json"], input=SPEC.encode(), cwd=ROOT,
                           capture_output=True, check=False)
    assert json.loads(run.stdout)["model"]["name"] == "stdin"
    bad = subprocess.run([sys.executable, "-m", "paramcalc", "count", "-"], input=b"hidden_size: x\n", cwd=ROOT,
                         capture_output=True, check=False)
    assert (bad.returncode, bad.stdout) == (2, b"")
    assert b"error: <stdin>:1:1: hidden_size: expected an integer" in bad.stderr


def test_warnings_go_to_standard_error_unless_quiet(call, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps(CONFIG | {"num_hiden_layers": 4}), "utf-8")
    code, out, err = call("count", str(path), "--json")
    assert code == 0
    assert any("num_hiden_layers" in warning for warning in json.loads(out)["warnings"])
    assert "warning: num_hiden_layers: unknown key" in err
    assert call("count", str(path), "--quiet")[2] == ""
    assert call("count", str(path), "--strict")[0] == 2


@pytest.mark.parametrize(("arguments", "message", "hint"), [
    (("count", "llama-3.1-8"), "no such file or preset: 'llama-3.1-8'", "did you mean llama-3.1-8b"),
    (("count", "gpt2", "--frmat", "json"), "no such option: --frmat", "did you mean --format?"),
    (("count", "gpt2", "--format", "jsn"), "invalid value for '--format'", "did you mean json?"),
    (("cuont", "gpt2"), "no such command or model: 'cuont'", "did you mean count?"),
    (("count",), "missing argument 'MODEL", "`paramcalc count --help` shows how it is used"),
    (("list", "gpsu"), "'gpsu' is not one of 'models'", "did you mean gpus?"),
    (("count", "gpt2", "--set", "num_layer=3"), "num_layer: unknown key 'num_layer'", "did you mean 'num_layers'?"),
    (("count", "gpt2", "--set", "num_layers"), "--set 'num_layers' is not key=value", ""),
    (("explain", "gpt2", "nothing"), "gpt2: 'nothing' matches no tensor", "`count --by tensor` shows the names"),
    (("count", "configs/nothing.yaml"), "no such file", ""),
    (("estimate", "gpt2", "--context", "8q"), "--context: '8q' is not a number of tokens", ""),
])
def test_refusals(call, monkeypatch, arguments, message, hint):
    monkeypatch.chdir(ROOT)
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    first, *rest = err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert any(line.startswith(f"hint: {hint}") for line in rest) or not hint


def test_a_folder_without_a_config_is_refused(call, tmp_path):
    code, out, err = call("count", str(tmp_path))
    assert (code, out) == (2, "")
    assert "config.json" in err


def test_weights_are_said_as_they_are_stored(call):
    """gpt-oss-20b's files hold experts in mxfp4: 12.8 GiB, arXiv:2508.10925 table 1."""
    assert "weights as stored 13.76 GB (12.82 GiB) (mxfp4, bf16)" in call("count", "gpt-oss-20b")[1]
    stored, *_ = json.loads(call("estimate", "gpt-oss-20b", "--json")[1])["weights"]
    assert (stored["format"], round(stored["bytes"] / 2**30, 1)) == ("as stored", 12.8)
    assert "bf16 weights" in call("count", "llama-3.1-8b")[1]


@pytest.mark.parametrize(("settings", "line"), [
    (None, "bf16 weights 2.20 GB (2.05 GiB) ·"), ({"quant_method": "zip"}, "2.20 GB (2.05 GiB), unknown ·"),
    ({"quant_method": "gptq"}, "(gptq, bf16), estimate ·"), ({"quant_method": "gptq", "bits": 4}, "(gptq, bf16) ·"),
])
def test_bytes_of_a_count_say_how_they_are_known_where_not_exactly(call, tmp_path, settings, line):
    config = {"model_type": "llama", "hidden_size": 2048, "intermediate_size": 5632, "num_hidden_layers": 22,
              "num_attention_heads": 32, "num_key_value_heads": 4, "vocab_size": 32000, "quantization_config": settings}
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    assert line in call("count", str(tmp_path), "--quiet")[1]
