"""What other programs rely on: the keys of each command's JSON, valid against the schema it publishes; exit codes."""

import json

import pytest
from jsonschema import Draft202012Validator

from paramcalc.answers.registry import command_schema, schema_names
from paramcalc.cli import COMMANDS
from paramcalc.cli.main import command_module, parsed, run

LLAMA = "llama-3.1-8b"
SERVING = ("weights", "cache", "activations", "overhead", "total", "per_device")
ANSWERS = {
    ("count", LLAMA): ("parameters", "buffers", "uncounted", "components"),
    ("count", "mixtral-8x7b", "--by", "tensor"): ("tensors",),
    ("count", "deepseek-v3", "--by", "layer"): ("components", "apart"),
    ("estimate", LLAMA): ("parameters", "weights", "cache", "flops", "training"),
    ("explain", "gpt2"): ("formulas",),
    ("explain", "gpt2", "--what-if", "num_layers=2x"): ("what_if",),
    ("memory", LLAMA): SERVING,
    ("fit", LLAMA, "--gpu", "h100"): (*SERVING, "fits", "capacity", "headroom", "max_context", "max_batch"),
    ("speed", LLAMA, "--gpu", "h100"): ("points", "basis", "known", "max_concurrency", "verify"),
    ("speed", LLAMA, "--all"): ("points", "devices", "left_out"),
    ("train", LLAMA, "--gpu", "h100", "--gpus", "8", "--zero", "1", "--tokens", "1T"): ("run", "fits"),
    ("train", LLAMA, "--tp", "2", "--pp", "2"): ("per_device", "max_device_bytes", "trainable"),
    ("train", "gpt2", "--gpu", "h100", "--gpus", "2", "--search"): ("layouts", "trainable"),
    ("flops", LLAMA): ("forward", "backward", "training_step", "prefill", "decode_token", "per_token", "components",
                       "approximation_6nd"),
    ("diff", "gpt2", "gpt2-medium"): ("figures", "components", "tensors"),
    ("convert", "gpt2"): ("spec",),
}
"""Command lines and the keys the contract names beside schema, model, warnings and assumptions."""


def invalid(command, document):
    return [error.message for error in Draft202012Validator(command_schema(command)).iter_errors(document)]


def numbers(value):
    if isinstance(value, dict | list):
        return [n for inner in (value.values() if isinstance(value, dict) else value) for n in numbers(inner)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("arguments", ANSWERS, ids=" ".join)
def test_answers_hold_the_contract(call, arguments):
    code, out, err = call(*arguments, "--json", "--quiet")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["schema"] == f"paramcalc/{arguments[0]}/1"
    assert {"name", "source", "family"} <= document["model"].keys()
    assert isinstance(document["warnings"], list)
    assert isinstance(document["assumptions"], dict)
    assert set(ANSWERS[arguments]) <= document.keys()
    assert invalid(arguments[0], document) == []


@pytest.mark.parametrize("arguments", [("count", LLAMA), ("memory", LLAMA), ("flops", LLAMA), ("train", LLAMA)])
def test_counts_are_integers(call, arguments):
    """Only shares are not."""
    document = json.loads(call(*arguments, "--json")[1])
    for row in document.get("components", ()):
        row.pop("share", None)
    document.pop("assumptions")
    assert numbers(document) == []


def test_components_add_up(call):
    for model in (LLAMA, "deepseek-v3", "qwen3-next-80b-a3b", "gpt2"):
        document = json.loads(call("count", model, "--by", "tensor", "--json")[1])
        assert sum(row["parameters"] for row in document["components"]) == document["parameters"]["total"]
        parameters = document["parameters"]
        assert parameters["embedding"] + parameters["non_embedding"] == parameters["total"]
        sizes = 0
        for tensor in document["tensors"]:
            size = tensor["copies"]
            for side in tensor["shape"]:
                size *= side
            sizes += size
        assert sizes == document["parameters"]["total"]


@pytest.mark.parametrize("what", schema_names())
def test_every_schema_is_a_schema(call, what):
    code, out, _ = call("schema", what)
    assert code == 0
    Draft202012Validator.check_schema(json.loads(out))


def test_every_command_has_a_schema():
    assert set(COMMANDS) - {"mcp", "report", "schema"} <= set(schema_names())  # a page and a schema are no JSON answers


def test_a_schema_refuses_what_is_not_an_answer():
    assert invalid("count", {"schema": "paramcalc/count/1"})
    assert invalid("train", {"schema": "paramcalc/train/1", "model": {"name": "", "source": "", "family": None},
                             "warnings": [], "assumptions": {}, "trainable": 1})


@pytest.mark.parametrize("what", ["models", "gpus", "formats", "optimizers", "families", "rules"])
def test_lists_are_valid(call, what):
    code, out, _ = call("list", what, "--json")
    document = json.loads(out)
    assert (code, document["what"]) == (0, what)
    assert document["items"]
    assert invalid("list", document) == []


@pytest.mark.parametrize("command", ["count", "estimate", "memory", "flops", "train", "convert"])
def test_one_failing_model_among_several(call, command):
    code, out, err = call(command, "gpt2", "no-such-model", "gpt2-medium", "--json")
    assert code == 2
    assert err.startswith("error: no such file or preset: 'no-such-model'\nhint: ")
    first, failed, last = documents = json.loads(out)
    assert (first["model"]["name"], last["model"]["name"]) == ("gpt2", "gpt2-medium")
    assert failed["model"]["name"] == "no-such-model"
    assert failed["error"]["problems"][0]["message"] == "no such file or preset: 'no-such-model'"
    assert invalid(command, documents) == []


def test_errors_of_a_model_among_several_are_located(call, tmp_path):
    (tmp_path / "bad.yaml").write_text("hidden_size: 64\nvocab_size: 10\nnum_layers: 0\nffn: none\n"
                                       "num_heads: 2\n", "utf-8")
    code, out, _ = call("count", str(tmp_path / "bad.yaml"), "gpt2", "--json")
    problem = json.loads(out)[0]["error"]["problems"][0]
    assert (code, problem["path"], problem["line"], problem["column"]) == (2, "num_layers", 3, 1)


@pytest.mark.parametrize(("arguments", "code"), [
    (("count", "gpt2"), 0), (("fit", "llama-3.1-405b", "--gpu", "rtx-4090"), 1), (("count", "nothing"), 2),
    (("count", "gpt2", "--by", "colour"), 2), (("count",), 2), (("frobnicate",), 2), (("--version-of-what",), 2),
    (("check", "."), 0), (("--help",), 0), ((), 0), (("-h",), 0), (("count", "-h"), 0), (("schema", "nothing"), 2),
])
def test_exit_codes(call, tmp_path, monkeypatch, arguments, code):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fine.yaml").write_text(
        "paramcalc: 1\nhidden_size: 64\nvocab_size: 100\nnum_layers: 2\nnum_heads: 4\nffn: none\n", "utf-8")
    assert call(*arguments)[0] == code


def test_a_broken_promise_is_exit_1(call, tmp_path):
    (tmp_path / "a.yaml").write_text("paramcalc: 1\nhidden_size: 64\nvocab_size: 100\nnum_layers: 2\nnum_heads: 4\n"
                                     "intermediate_size: 256\nexpect: {total: 5}\n", "utf-8")
    code, out, _ = call("check", str(tmp_path), "--json")
    document = json.loads(out)
    assert (code, document["checked"], document["failed"]) == (1, 1, 1)
    assert invalid("check", document) == []


def test_no_network_is_exit_3(call, monkeypatch):
    from paramcalc.errors import NetworkError
    from paramcalc.readers import models

    def refuse(*_, **__):
        raise NetworkError("the hub did not answer")

    monkeypatch.setattr(models, "_read", refuse)
    assert call("count", "gpt2") == (3, "", "error: the hub did not answer\n")


def test_a_fault_of_ours_is_exit_70(call, monkeypatch):
    from paramcalc.readers import models

    def fail(*_, **__):
        raise RuntimeError("secret line of code")

    monkeypatch.setattr(models, "_read", fail)
    code, out, err = call("count", "gpt2", "--quiet")
    assert (code, out) == (70, "")
    assert err == ("error: internal error: RuntimeError: secret line of code\n"
                   "hint: run again with --debug and report what it prints\n")
    with pytest.raises(RuntimeError):
        run(["count", "gpt2", "--debug"])


@pytest.mark.parametrize("command", COMMANDS)
def test_help_starts_with_three_examples_and_says_what_every_option_does(call, command):
    examples = command_module(command).EXAMPLES
    assert len(examples) == 3
    for spelling in ("--help", "-h"):
        code, out, _ = call(command, spelling)
        lines = [line.strip() for line in out.splitlines() if line.strip()]
        assert code == 0
        assert lines[0].startswith(f"Usage: paramcalc {command} ")
        assert tuple(lines[1:4]) == examples
    for parameter in parsed(command).params:
        assert len(parameter.help.split()) > 1, parameter.name
