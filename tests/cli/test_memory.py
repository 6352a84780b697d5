"""`memory` and `fit` from the command line: the contract's keys, exit codes and refusals."""

import csv
import io
import json
from typing import get_args

import pytest
from jsonschema import Draft202012Validator

from paramcalc.answers.registry import command_schema
from paramcalc.cli.main import run
from paramcalc.estimates.runtimes import BOUND, RUNTIMES, RuntimeName
from paramcalc.estimates.serving import SERVERS

LLAMA = "llama-3.1-8b"


@pytest.fixture
def call(capsys):
    def ask(*arguments):
        code = run([*arguments, "--quiet"])
        output = capsys.readouterr()
        return code, output.out, output.err

    return ask


def as_json(called):
    code, out, err = called
    assert err == ""
    return code, json.loads(out)


def test_memory_has_the_keys_of_the_contract(call):
    code, memory = as_json(call("memory", LLAMA, "--context", "8k", "--json"))
    assert code == 0
    assert memory["schema"] == "paramcalc/memory/1"
    assert memory["weights"]["bytes"] == 2 * 8_030_261_248
    # two heads' worth of keys and values: 32 layers · 2 · 8 · 128 · 2 bytes a token
    assert (memory["cache"]["bytes"], memory["cache"]["bytes_per_token"]) == (8192 * 131_072, 131_072)
    assert (memory["cache"]["kv_bytes"], memory["cache"]["state_bytes"]) == (8192 * 131_072, 0)
    parts = [memory[part]["bytes"] for part in ("weights", "cache", "activations", "overhead")]
    assert memory["total"]["bytes"] == sum(parts)
    (device,) = memory["per_device"]
    assert [device[key] for key in ("weights", "cache", "activations", "overhead", "total")] == [*parts, sum(parts)]


@pytest.mark.parametrize(("options", "devices", "stages"), [
    (("--tp", "4"), 4, 1), (("--pp", "2"), 2, 2), (("--tp", "2", "--pp", "2"), 4, 2), (("--gpus", "8"), 8, 1),
    (("--gpus", "4", "--runtime", "llama.cpp"), 4, 4), (("--gpus", "2", "--runtime", "vllm"), 2, 1),
])
def test_devices_add_up(call, options, devices, stages):
    code, memory = as_json(call("memory", LLAMA, "--json", *options))
    assert code == 0
    assert [each["device"] for each in memory["per_device"]] == list(range(devices))
    assert len({each["stage"] for each in memory["per_device"]}) == stages
    assert sum(each["total"] for each in memory["per_device"]) == memory["total"]["bytes"]


@pytest.mark.parametrize(("options", "growth"), [
    (("--kv-dtype", "fp8"), 65_536), (("--kv-dtype", "q8_0"), 65_536 * 34 // 32),
    (("--kv-dtype", "q8_0,q4_0"), 32_768 * 34 // 32 + 32_768 * 18 // 32), (("--dtype", "fp32"), 262_144),
    (("--dtype", "fp32", "--runtime", "llama.cpp"), 131_072), (("--dtype", "fp8"), 131_072), (("--tp", "16"), 262_144),
])
def test_growth_follows_the_cache_dtype(call, options, growth):
    _, memory = as_json(call("memory", LLAMA, "--json", *options))
    assert memory["cache"]["bytes_per_token"] == growth


def test_assumptions_are_said(call):
    options = ("--runtime", "vllm", "-R", "batched_tokens=4096", "--gpu", "h100")
    _, memory = as_json(call("memory", LLAMA, "--json", *options))
    assumptions = memory["assumptions"]
    assert (assumptions["context"], assumptions["batch"], assumptions["runtime"]["name"]) == (4096, 1, "vllm")
    assert assumptions["runtime"]["batched_tokens"] == 4096
    assert assumptions["gpu"]["name"] == "NVIDIA H100 SXM"
    assert memory["pool"]["tokens"] > 4096


@pytest.mark.parametrize("arguments", [
    ("memory", LLAMA), ("memory", LLAMA, "--gpu", "h100", "--runtime", "vllm", "--tp", "2"),
    ("fit", LLAMA, "--gpu", "rtx-3090", "--context", "4k,64k"), ("fit", LLAMA, "--all"),
])
def test_answers_are_valid_against_their_schema(call, arguments):
    _, document = as_json(call(*arguments, "--json"))
    validator = Draft202012Validator(command_schema(arguments[0]))
    assert [error.message for error in validator.iter_errors(document)] == []


@pytest.mark.parametrize(("model", "gibibytes"), [("gpt-oss-20b", 12.8), ("gpt-oss-120b", 60.8)])
def test_presets_take_what_their_files_take(call, model, gibibytes):
    """Checkpoint sizes of the model card, arXiv:2508.10925 table 1."""
    _, memory = as_json(call("memory", model, "--json"))
    assert memory["weights"]["bytes"] == pytest.approx(gibibytes * 2**30, abs=0.05 * 2**30)


def test_memory_draws_a_bar(call):
    code, out, _ = call("memory", LLAMA, "--gpu", "rtx-4090")
    assert code == 0
    assert "[WWWW" in out
    assert "of 23.99 GiB" in out


@pytest.mark.parametrize(("arguments", "message"), [
    (("memory", LLAMA, "--context", "8q"), "--context: '8q' is not a number of tokens"),
    (("memory", LLAMA, "--gpu", "h1000"), "unknown accelerator 'h1000'"),
    (("memory", LLAMA, "--quant", "q9_k"), "q9_k"),
    (("memory", LLAMA, "--kv-dtype", "fp7"), "unknown number format 'fp7'"),
    (("memory", LLAMA, "--tp", "3"), "tp 3 does not divide 32 heads"),
    (("memory", LLAMA, "--tp", "2", "--gpus", "4"), "tp 2, pp 1 and ep 1 make 2 devices, not 4"),
    (("memory", LLAMA, "--gpus", "3"), "tp 1, 2, 4, 8, 16 or 32 does; or --pp 3, which divides the layers"),
    (("memory", LLAMA, "--ep", "2"), "--ep needs a mixture of experts"),
    (("memory", LLAMA, "--runtime", "vllm", "-R", "ubatch=1"), "vllm has no option 'ubatch=1'"),
    (("memory", LLAMA, "--runtime", "vllm", "-R", "batched_tokens=x"), "batched_tokens='x' is not an integer"),
    (("memory", LLAMA, "--gpu-memory-utilization", "1.5", "--gpu", "h100"), "must be more than 0 and at most 1"),
    (("memory", LLAMA, "--plot", "a.gif"), "a picture is one of .svg, .png"),
    (("fit", LLAMA), "fit needs --gpu NAME or --all"),
    (("fit", LLAMA, "--gpu", "h100", "--all"), "--gpu has no effect with --all"),
    (("fit", LLAMA, "--gpu", "nope"), "llama-3.1-8b: unknown accelerator 'nope'"),
])
def test_refusals(call, arguments, message):
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_fit_is_exact(call):
    on = ("fit", LLAMA, "--gpu", "rtx-4090", "--runtime", "llama.cpp", "--json")
    code, fit = as_json(call(*on))
    assert (code, fit["fits"]) == (0, True)
    longest, most = fit["max_context"], fit["max_batch"]
    for options, fits in (((longest, 1), True), ((longest + 1, 1), False), ((4096, most), True),
                          ((4096, most + 1), False)):
        again, other = as_json(call(*on, "--context", str(options[0]), "--batch", str(options[1])))
        assert (other["fits"], again) == (fits, 0 if fits else 1)
        assert (other["headroom"]["bytes"] >= 0) == fits
        assert other["capacity"]["bytes"] - other["total"]["bytes"] == other["headroom"]["bytes"]


@pytest.mark.parametrize("runtime", ["transformers", "vllm", "llama.cpp"])
def test_what_is_said_to_fit_fits(call, runtime):
    options = ("--gpu", "rtx-3090", "--context", "64k", "--batch", "4", "--runtime", runtime)
    code, fit = as_json(call("fit", LLAMA, "--json", *options))
    assert code == 1
    assert fit["why_not"]
    assert fit["remedies"]
    for remedy in fit["remedies"]:
        option, value = remedy["option"].split()
        code, other = as_json(call("fit", LLAMA, "--json", *options, option, value))
        assert (code, other["fits"]) == (0, True), remedy


def test_fit_over_the_catalog_and_a_curve(call):
    code, fit = as_json(call("fit", LLAMA, "--all", "--context", "4k,32k,128k", "--json"))
    assert code == 0
    assert len(fit["accelerators"]) >= 30
    by_name = {row["name"]: row for row in fit["accelerators"]}
    assert by_name["h100"]["fits"]
    assert not by_name["rtx-3090"]["fits"]
    assert [point["context"] for point in by_name["h100"]["contexts"]] == [4096, 32768, 131072]


def test_fit_with_devices_of_ones_own(call, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("accelerators:\n  toaster: {memory: 20 GiB, usable: 19 GiB}\n  oven: {memory: 20 GiB}\n",
                    "utf-8")
    options = ("--accelerators", str(mine), "--runtime", "llama.cpp")
    code, fit = as_json(call("fit", LLAMA, "--gpu", "toaster", *options, "--json"))
    assert (code, fit["capacity"]["bytes"]) == (0, 19 * 2**30)
    out = call("fit", LLAMA, "--gpu", "oven", *options)[1]
    assert "18.75 GiB of 20.00 GiB: no figure from a driver, 1/16 reserved" in out
    code, fit = as_json(call("fit", LLAMA, "--gpu", "toaster", *options[:2], "--json"))
    assert not any("does not run" in (row["why"] or "") for row in fit["runtimes"])


def test_a_lower_bound_is_never_the_verdict(call, monkeypatch):
    """The mathematics of Llama 3.1 70B in fp8 has room on an H100, vLLM has none: the verdict is that of runtimes."""
    options = ("llama-3.1-70b", "--gpu", "h100", "--quant", "fp8", "--context", "37000")
    code, fit = as_json(call("fit", *options, "--json"))
    rows = {row["runtime"]: row for row in fit["runtimes"]}
    assert rows.keys() == {*SERVERS, BOUND}
    assert rows[BOUND]["headroom"] > 0
    assert not rows[BOUND]["fits"]
    assert not rows["vllm"]["fits"]
    assert fit["fits"] == any(rows[name]["fits"] for name in SERVERS)
    assert (code, fit["runtime"] in SERVERS) == (0 if fit["fits"] else 1, True)
    assert "GGUF files do not hold fp8" in rows["llama.cpp"]["why"]
    monkeypatch.setattr("paramcalc.answers.runtime_choice.SERVERS", ("vllm",))  # whatever else there is one day
    code, fit = as_json(call("fit", *options, "--json"))
    assert (code, fit["fits"], fit["runtime"]) == (1, False, "vllm")
    code, fit = as_json(call("fit", *options, "--runtime", "exact", "--json"))
    assert (code, fit["fits"]) == (1, False)
    assert "needs a runtime" in fit["why_not"]


def test_the_first_runtime_that_fits_is_the_answer(call):
    code, fit = as_json(call("fit", "llama-3.1-70b", "--gpu", "m1-max", "--quant", "q4_k_m", "--context", "16k",
                               "--json"))
    assert (code, fit["runtime"]) == (0, "llama.cpp")
    assert fit["command"] == "llama-server -m llama-3.1-70b-q4_k_m.gguf -ngl 999 -c 16384 -np 1"
    row = next(row for row in fit["runtimes"] if row["fits"])
    assert (row["runtime"], row["max_context"]) == ("llama.cpp", fit["max_context"])
    assert fit["known"]["fits"] == "estimate"


def test_runtimes_are_those_there_are():
    assert {*SERVERS, BOUND} == set(RUNTIMES) == set(get_args(RuntimeName))


@pytest.mark.parametrize(("arguments", "rows"), [(("memory", LLAMA, "--tp", "4"), 4),
                                                 (("fit", LLAMA, "--gpu", "h100"), 1)])
def test_csv_is_one_header_and_a_row_a_device(call, arguments, rows):
    lines = list(csv.reader(io.StringIO(call(*arguments, "--format", "csv")[1])))
    assert len(lines) == 1 + rows
    assert all(len(line) == len(lines[0]) for line in lines)
    assert not any(" " in cell for line in lines for cell in line)


def test_nothing_grows_in_a_state_space_model(call):
    code, fit = as_json(call("fit", "mamba-2.8b", "--gpu", "rtx-4090", "--json"))
    assert code == 0
    assert fit["cache"]["bytes_per_token"] == 0
    assert fit["max_context"] == 2**30


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_the_picture_is_written(call, tmp_path, suffix):
    pytest.importorskip("matplotlib")
    target = tmp_path / f"memory{suffix}"
    code, _, err = call("memory", LLAMA, "--gpu", "rtx-4090", "--plot", str(target))
    assert (code, err) == (0, "")
    assert target.read_bytes()[:5] in (b"\x89PNG\r", b"<?xml")


@pytest.mark.parametrize("words", [
    ["count", "gpt2"], ["memory", "gpt2", "llama-3.1-8b"], ["memory", "gpt2", "--json"],
    ["fit", "gpt2", "--gpu", "h100"], ["fit", "--json", "--gpu", "rtx-4090", "llama-3.1-70b"],
    ["fit", "gpt2", "--gpu", "h-one-hundred"], ["memory", "no-such-model"],
], ids=" ".join)
def test_a_line_without_a_parser_says_what_one_with_it_says(words, capsys):
    plain = run(words), *capsys.readouterr()
    assert plain == (run([*words, "--color", "auto"]), *capsys.readouterr())


@pytest.mark.parametrize("words", [["fit", "gpt2"], ["fit", "gpt2", "--gpu"]], ids=" ".join)
def test_fit_wants_an_accelerator(words, capsys):
    assert run(words) == 2
    assert "--gpu" in capsys.readouterr().err


def test_a_file_is_smaller_than_what_is_loaded_and_that_than_what_is_reserved(call):
    _, memory = as_json(call("memory", LLAMA, "--runtime", "vllm", "--gpu", "h100", "--json"))
    assert memory["weights"]["on_disk"] == 2 * 8_030_261_248 < memory["weights"]["bytes"]
    assert memory["reserved"]["bytes"] > memory["total"]["bytes"]
    _, table, _ = call("memory", LLAMA, "--runtime", "vllm", "--gpu", "h100")
    assert "on disk 16.06 GB (14.96 GiB) · loaded 14.99 GiB · reserved 71.68 GiB" in table


def test_files_hold_the_prediction_layers_an_engine_leaves_out(call):
    _, without = as_json(call("memory", "deepseek-v3", "--json"))
    _, drafting = as_json(call("memory", "deepseek-v3", "--draft", "mtp", "--json"))
    assert without["weights"]["on_disk"] == drafting["weights"]["on_disk"] == drafting["weights"]["bytes"]
    assert without["weights"]["bytes"] < without["weights"]["on_disk"]


def test_a_gguf_file_holds_its_vocabulary_too(call):
    """Llama 3's Q4_K_M has 4,920,733,888 bytes, none of which the table of vocabularies was taken from."""
    _, gguf = as_json(call("memory", "llama-3-8b", "--quant", "q4_k_m", "--json"))
    assert abs(gguf["weights"]["on_disk"] - 4_920_733_888) < 10_000
    assert gguf["weights"]["on_disk"] - gguf["weights"]["file_head"] == gguf["weights"]["bytes"]
    _, other = as_json(call("memory", "llama-3-8b", "--quant", "nf4", "--json"))
    assert not other["weights"]["file_head"]
