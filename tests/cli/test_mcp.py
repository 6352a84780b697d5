"""The server for agents, asked by the protocol's own client over standard input and output."""

import contextlib
import io
import json
import struct
import subprocess
import sys
import threading
from importlib.util import find_spec
from random import Random

import pytest
from jsonschema import Draft202012Validator

from paramcalc.cli.main import run
from paramcalc.cli.tools import TOOLS, call, tools
from paramcalc.errors import PCError, UsageError

pytestmark = pytest.mark.skipif(find_spec("mcp") is None,  # not imported: that takes a second of every collection
                                reason="the extra mcp needs newer dependencies than the oldest that are allowed")
SPEC = "paramcalc: 1\nname: tiny\nsource: our own\nvocab_size: 100\nhidden_size: 8\nnum_layers: 1\nnum_heads: 2\n" \
       "intermediate_size: 16\n"
QUESTIONS = {
    "estimate": {"model": "qwen3-8b"}, "count": {"model": "qwen3-8b", "by": "tensor"},
    "explain": {"model": "qwen3-8b"}, "memory": {"model": "qwen3-8b", "context": "32k"},
    "fit": {"model": "qwen3-8b", "gpu": "rtx-4090"}, "speed": {"model": "qwen3-8b", "gpu": "h100"},
    "train": {"model": "qwen3-8b", "zero": 3, "dp": 8}, "flops": {"model": "qwen3-8b", "seq": 1024},
    "check": {"path": "spec.yaml"}, "diff": {"new": "qwen3-14b", "old": "qwen3-8b"},
    "scaling": {"model": "qwen3-8b", "tokens": "36T"}, "solve": {"like": "gpt2", "params": "200M"},
    "sweep": {"axes": ["num_layers=4,8"], "model": "qwen3-8b"}, "compare": {"models": ["qwen3-8b", "spec.yaml"]},
}
WRONG = (
    ("count", {}), ("count", {"model": 5.5}), ("count", {"model": "../outside.yaml"}), ("nothing", {}),
    ("count", {"model": "qwen3-8b", "unknown": 1}), ("memory", {"model": "qwen3-8b", "batch": "--help"}),
    ("count", {"model": "hf://organisation/name"}), ("memory", {"model": "qwen3-8b", "set": "x"}),
    ("count", {"model": "qwen3-8b", "strict": "yes"}), ("count", {"model": True}), ("compare", {"models": "qwen3-8b"}),
    ("memory", {"model": "qwen3-8b", "draft": "../outside.yaml", "runtime": "vllm"}),
    ("solve", {"like": "../outside.yaml", "params": "1M"}),
)


def main_code(*words):
    """The exit code of a command line whose streams nobody looks at."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return run([*map(str, words), "--quiet"])


def session(root, ask):
    """What `ask` returns of a session with a server of a folder."""
    import anyio
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    async def talk():
        parameters = StdioServerParameters(command=sys.executable, args=["-m", "paramcalc", "mcp", "--root", str(root)])
        async with stdio_client(parameters) as (read, write), ClientSession(read, write) as client:
            await client.initialize()
            return await ask(client)

    return anyio.run(talk)


@pytest.fixture
def root(tmp_path):
    """A folder in the test's own, which holds what lies outside too: above that are the folders of other tests."""
    folder = tmp_path / "root"
    folder.mkdir()
    (folder / "spec.yaml").write_text(SPEC)
    (tmp_path / "outside.yaml").write_text(SPEC)
    return folder


def test_every_tool_answers_by_its_schema_and_survives_nonsense(root):
    async def ask(client):
        schemas = {tool.name: tool for tool in (await client.list_tools()).tools}
        answers = {name: await client.call_tool(name, arguments) for name, arguments in QUESTIONS.items()}
        wrong = [await client.call_tool(name, arguments) for name, arguments in WRONG]
        after = await client.call_tool("count", {"model": "spec.yaml"})
        return schemas, answers, wrong, after

    schemas, answers, wrong, after = session(root, ask)
    assert set(schemas) == set(TOOLS) == set(QUESTIONS)
    for name, answer in answers.items():
        assert not answer.is_error, (name, answer.content)
        Draft202012Validator(schemas[name].output_schema).validate(answer.structured_content)
        Draft202012Validator(schemas[name].input_schema).validate(QUESTIONS[name])
        assert schemas[name].annotations.read_only_hint
    assert all(answer.is_error and answer.content[0].text for answer in wrong)
    assert after.structured_content["parameters"]["total"] > 0


@pytest.mark.parametrize("word", ["/etc/passwd", "../outside.yaml", "link.yaml", "git:HEAD:spec.yaml", "-", "a\0b",
                                  "x" * 5000])
def test_nothing_outside_the_root_is_read(word, root):
    (root / "link.yaml").symlink_to(root.parent / "outside.yaml")
    with pytest.raises(UsageError, match="no preset and no file"):
        call("count", {"model": word}, root)


CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "hidden_size": 8, "num_hidden_layers": 1,
          "num_attention_heads": 2, "intermediate_size": 16, "vocab_size": 100}
HEADER = json.dumps({"a.weight": {"dtype": "F32", "shape": [7], "data_offsets": [0, 28]}}).encode()
LORA = {"peft_type": "LORA", "r": 8, "target_modules": ["q_proj"]}


@pytest.fixture
def leading_out(root):
    """A root whose files lead out of it: links to a config, to a checkpoint and beside a config, and a base model."""
    outside = root.parent / "outside"
    files = {outside / "config.json": json.dumps(CONFIG).encode(),
             outside / "model.safetensors": struct.pack("<Q", len(HEADER)) + HEADER + bytes(28),
             root / "beside" / "config.json": json.dumps(CONFIG).encode(),
             root / "weights" / "model.safetensors.index.json": json.dumps(
                 {"weight_map": {"a.weight": "model.safetensors"}}).encode(),
             root / "adapter" / "adapter_config.json": json.dumps(
                 LORA | {"base_model_name_or_path": str(outside)}).encode()}
    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    for link, file in (("linked/config.json", "config.json"), ("weights/model.safetensors", "model.safetensors"),
                       ("beside/hf_quant_config.json", "config.json")):
        (root / link).parent.mkdir(exist_ok=True)
        (root / link).symlink_to(outside / file)
    return root


@pytest.mark.parametrize("word", ["linked", "weights/model.safetensors.index.json", "beside"])
def test_no_link_below_the_root_leads_out_of_it(word, leading_out):
    assert main_code("count", leading_out / word) == 0, "a person may follow it"
    with pytest.raises(UsageError, match="lies outside the folder that may be read"):
        call("count", {"model": word}, leading_out)


def test_a_base_model_elsewhere_is_not_read(leading_out):
    with pytest.raises(UsageError, match="base_model_name_or_path"):
        call("count", {"model": "adapter/adapter_config.json"}, leading_out)


def test_check_finds_what_is_below_the_root_alone(leading_out):
    """What leads out of it is a finding, and settings above it are those of another."""
    (leading_out.parent / "pyproject.toml").write_text("[tool.paramcalc]\nno_such_setting = 1\n")
    (leading_out.parent / "paramcalc.lock").write_text("no lock")
    answer = call("check", {"path": "."}, leading_out)
    refusals = {(row["path"].removeprefix(f"{leading_out}/"), row["rule"]) for row in answer["results"]
            if "lies outside the folder that may be read" in row["message"]}
    assert refusals == {("linked/config.json", "PC001"), ("beside/config.json", "PC001")}
    assert call("check", {"path": "spec.yaml"}, leading_out)["failed"] == 0


@pytest.mark.parametrize(("name", "arguments"), WRONG)
def test_arguments_that_cannot_be_are_refused_in_words(name, arguments, root):
    with pytest.raises(UsageError) as caught:
        call(name, arguments, root)
    assert str(caught.value)


@pytest.mark.parametrize("name", TOOLS)
def test_an_answer_fits_the_schema_of_its_tool(name, root):
    tool = next(tool for tool in tools() if tool.name == name)
    Draft202012Validator(tool.inputs).validate(QUESTIONS[name])
    answer = call(name, QUESTIONS[name], root)
    Draft202012Validator(tool.outputs).validate(answer)
    assert len(tool.outputs) > 1, "a schema says what is in the object"


ODD = (None, True, 0, -1, 5.5, 1e308, 10**30, "", "x", "--help", "-", "\0", "\ud800", "1e999", [], [1], {}, {"a": 1},
       "../x", "9" * 400, "a=b", "=", ["a=b"], "0x10", "gpt2")


@pytest.mark.fuzz
@pytest.mark.parametrize("seed", range(20))
def test_odd_arguments_are_answered_by_the_schema_or_refused(seed, root):
    random = Random(seed)
    for tool in tools():
        arguments = dict(QUESTIONS[tool.name])
        for key in random.sample(sorted(tool.inputs["properties"]), random.randint(1, 2)):
            arguments[key] = random.choice(ODD)
        with contextlib.suppress(PCError):
            assert Draft202012Validator(tool.outputs).is_valid(call(tool.name, arguments, root)), (tool.name, arguments)


def test_a_process_lives_on_after_a_hundred_malformed_calls(root):
    """Over standard input and output, by the protocol's own client: each call is refused or answered by its schema."""
    random = Random(7)
    calls = []
    for tool in tools():
        for _ in range(8):
            arguments = dict(QUESTIONS[tool.name])
            for key in random.sample(sorted(tool.inputs["properties"]), 2):
                arguments[key] = random.choice([value for value in ODD if value not in ("\ud800", "gpt2")])
            calls.append((tool.name, arguments))
    calls += [*WRONG, ("", {}), ("count", {"": ""}), ("count", {"model": "qwen3-8b", "set": [None]})]
    assert len(calls) > 100

    async def ask(client):
        replies = [await client.call_tool(name, arguments) for name, arguments in calls]
        return replies, await client.call_tool("count", {"model": "spec.yaml"})

    outputs = {tool.name: Draft202012Validator(tool.outputs) for tool in tools()}
    replies, after = session(root, ask)
    for (name, arguments), answer in zip(calls, replies, strict=True):
        if answer.is_error:
            assert answer.content[0].text, (name, arguments)
            assert "internal error" not in answer.content[0].text, (name, arguments)
        else:
            outputs[name].validate(answer.structured_content)
    assert sum(answer.is_error for answer in replies) >= 90
    assert after.structured_content["parameters"]["total"] > 0


NO_MESSAGES = ("", "{", "null", "[]", "5", '"count"', "{}", '{"jsonrpc": "2.0"}', '{"jsonrpc": "1.0", "id": 1}', "\0",
               "é" * 99, '{"jsonrpc": "2.0", "id": 7, "method": "tools/call"}', "[" * 100_000, '{"a": ' * 9999,
               '{"jsonrpc": "2.0", "id": 8, "method": "tools/call", "params": {"name": 5}}',
               '{"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": "count", "arguments": []}}',
               '{"jsonrpc": "2.0", "id": 10, "method": "no/such"}', '{"jsonrpc": "2.0", "id": {}, "method": "ping"}',
               '{"jsonrpc": "2.0", "id": 11, "method": "tools/call", "params": {"name": "count", "arguments": '
               '{"model": "\\ud800"}}}')
HELLO = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}}


def test_a_process_lives_on_after_lines_that_are_no_messages(root, tmp_path):
    ask = {"jsonrpc": "2.0", "id": 99, "method": "tools/call",
           "params": {"name": "count", "arguments": {"model": "spec.yaml"}}}
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    lines = [json.dumps(HELLO), json.dumps(ready), *NO_MESSAGES, json.dumps(ask)]
    sent = "\n".join(lines).encode() + b"\n\xff\xfe\n"
    log = tmp_path / "log"  # a file: a full pipe would stop the process
    with log.open("wb") as errors, subprocess.Popen(
            [sys.executable, "-m", "paramcalc", "mcp", "--root", str(root)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as process:
        watch = threading.Timer(120, process.kill)
        watch.start()
        process.stdin.write(sent)
        process.stdin.flush()
        # The library drops what is under way when its input ends, so the input stays open until the answer is here.
        answer = next((read for read in map(json.loads, process.stdout) if read.get("id") == ask["id"]), None)
        process.communicate()
        watch.cancel()
    assert answer is not None, log.read_text()[-2000:]
    assert answer["result"]["structuredContent"]["parameters"]["total"] > 0
    assert process.returncode == 0, log.read_text()[-2000:]


def test_values_go_in_the_commands_order(root):
    answer = call("diff", QUESTIONS["diff"], root)
    assert answer["old"]["name"] == "qwen3-8b"
    assert answer["model"]["name"] == "qwen3-14b"


def test_a_server_in_this_process_answers_and_refuses(root):
    import anyio
    from mcp.client import Client

    from paramcalc.cli.mcp import make_server

    async def talk():
        async with Client(make_server(root)) as client:
            tool = await client.call_tool("count", {"model": "spec.yaml"})
            wrong = await client.call_tool("count", {"model": "../outside.yaml"})
            return len((await client.list_tools()).tools), tool, wrong

    number, answer, wrong = anyio.run(talk)
    assert number == len(TOOLS)
    assert answer.structured_content["parameters"]["total"] > 0
    assert "no preset and no file" in wrong.content[0].text
    assert wrong.is_error


def test_a_folder_that_is_none_is_refused(tmp_path, capsys):
    assert run(["mcp", "--root", str(tmp_path / "none")]) == 2
    assert "not a folder" in capsys.readouterr().err


def test_the_command_serves_what_comes_in_until_it_ends(root, monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(HELLO).encode() + b"\n"), "utf-8"))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, "utf-8", write_through=True))
    assert run(["mcp", "--root", str(root)]) == 0
    assert json.loads(written.getvalue())["result"]["serverInfo"]["name"] == "paramcalc"


def test_without_the_extra_the_remedy_is_named(root, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mcp.server.stdio", None)
    assert run(["mcp", "--root", str(root)]) == 2
    assert "pip install 'paramcalc[mcp]'" in capsys.readouterr().err
