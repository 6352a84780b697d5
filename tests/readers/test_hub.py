"""The hub, played by a server of our own that speaks ranges, and by one that misbehaves in every known way."""

import json
import struct
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from paramcalc.errors import InputError, NetworkError, PCError, Problem, UsageError
from paramcalc.measures.parameters import count
from paramcalc.readers import hub
from paramcalc.readers.models import load

pytest.importorskip("huggingface_hub")

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "vocab_size": 101, "hidden_size": 48,
          "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 112}
TOKEN = "hf_secretsecretsecret"  # noqa: S105 - what must not be shown


def shard(names, size=4):
    entries = {name: {"dtype": "F16", "shape": [size], "data_offsets": [2 * size * i, 2 * size * (i + 1)]}
               for i, name in enumerate(names)}
    header = json.dumps(entries).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * (2 * size * len(names))


FILES = {
    "org/config/config.json": json.dumps(CONFIG).encode(),
    "org/modelopt/config.json": json.dumps(CONFIG).encode(),
    "org/modelopt/hf_quant_config.json": json.dumps({"producer": {"name": "modelopt"}, "quantization": {
        "quant_algo": "FP8", "exclude_modules": ["lm_head"]}}).encode(),
    "org/one/model.safetensors": shard(["model.norm.weight"]),
    "org/many/model.safetensors.index.json": json.dumps(
        {"weight_map": {"a.weight": "1.safetensors", "b.weight": "2.safetensors"}}).encode(),
    "org/many/1.safetensors": shard(["a.weight"]), "org/many/2.safetensors": shard(["b.weight"]),
    "org/long/model.safetensors": shard([f"model.layers.{i}.norm.weight" for i in range(2000)]),
    "org/bad/config.json": b'{"model_type": "llama", "model_type": "gpt2"}',
    "org/escape/model.safetensors.index.json": json.dumps({"weight_map": {"a": "../x.safetensors"}}).encode(),
}


class Hub(BaseHTTPRequestHandler):
    mode = ""
    requests: ClassVar[list] = []
    sent = 0
    over = threading.Event()
    """The test has its answer; a slow hub waits for it, for a minute at most."""

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        Hub.requests.append((self.command, self.path, self.headers.get("Authorization")))
        if Hub.mode in ("404", "401", "429", "500"):
            return self.answer(int(Hub.mode), b"no", {"Retry-After": "7"}, body)
        if Hub.mode in ("headers", "dripping"):
            return self.little_by_little()
        location = {"elsewhere": "https://example.com/x", "round": self.path, "plain": "http://huggingface.co/x"}
        if Hub.mode in location:
            return self.answer(302, b"", {"Location": location[Hub.mode]}, body)
        name, _, file = self.path.lstrip("/").partition("/resolve/")
        raw = FILES.get(f"{name}/{file.partition('/')[2]}")
        if raw is None:
            return self.answer(404, b"", {"X-Error-Code": "EntryNotFound"}, body)
        return self.file(raw, body)

    def little_by_little(self):
        self.send_response(200)
        with suppress(OSError):
            for number in range(1200 if Hub.mode == "headers" else 1):
                self.send_header(f"X-{number}", "x")
                self.flush_headers()
                if Hub.over.wait(0.05):
                    return
            self.send_header("Content-Length", "2000")
            self.end_headers()
            for _ in range(1200):
                self.wfile.write(b"x")
                if Hub.over.wait(0.05):
                    return

    def file(self, raw, body):
        byte_range = self.headers.get("Range")
        if Hub.mode == "slow":
            Hub.over.wait(60)
        if Hub.mode == "no_ranges":
            self.send_response(200)
            self.send_header("Content-Length", str(10**11))
            self.end_headers()
            self.wfile.write(raw)
            for _ in range(4000):
                try:
                    self.wfile.write(b"\0" * 65536)
                except OSError:
                    return None
                Hub.sent += 65536
            return None
        if byte_range and body:
            start, end = (int(n) for n in byte_range.removeprefix("bytes=").split("-"))
            part = raw[start : end + 1]
            headers = {"Content-Range": f"bytes {start}-{start + len(part) - 1}/{len(raw)}"}
            if "nocommit" not in self.path:
                headers["X-Repo-Commit"] = "c" * 40
            return self.answer(206, part[:-2] if Hub.mode == "truncated" else part, headers, body, len(part))
        return self.answer(200, raw, {"ETag": '"e"', "X-Repo-Commit": "c" * 40}, body)

    def answer(self, code, raw, headers, body, length=None):
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(raw) if length is None else length))
        self.end_headers()
        if body:
            self.wfile.write(raw)


class Quiet(ThreadingHTTPServer):
    """Says nothing of clients that hang up; closes when the last answer is given, so that none reaches another test."""

    daemon_threads = False

    def handle_error(self, *_):
        pass


@pytest.fixture
def server(monkeypatch, tmp_path):
    Hub.mode, Hub.requests, Hub.sent = "", [], 0
    Hub.over.clear()
    running = Quiet(("127.0.0.1", 0), Hub)
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{running.server_port}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # as it was when first imported
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    yield running
    Hub.over.set()
    running.shutdown()
    running.server_close()


def total(model):
    from paramcalc.build import build

    return count(build(load(model).spec).tree).total


def test_a_config_is_counted(server):
    assert total("hf://org/config") == 2 * 101 * 48 + 2 * (4 * 48 * 48 + 3 * 48 * 112 + 2 * 48) + 48


def test_without_config_the_headers_of_the_weights_are(server):
    assert total("hf://org/one") == 4
    assert total("hf://org/many@main") == 8
    assert total("hf://org/many/2.safetensors") == 4


def test_a_long_header_takes_a_second_request_and_no_weights(server):
    assert total("hf://org/long/model.safetensors") == 8000
    assert [method for method, path, _ in Hub.requests] == ["GET", "GET"]


@pytest.mark.parametrize("code", ["404", "401", "429", "500"])
def test_an_error_of_the_hub_is_a_network_error_with_a_remedy(server, code):
    Hub.mode = code
    with pytest.raises(NetworkError) as caught:
        load("hf://org/one/model.safetensors")
    assert caught.value.exit_code == 3
    assert f"expected status 200, found {code}" in str(caught.value)
    assert (code == "500") is (caught.value.problems[0].hint == "")


def test_a_server_that_ignores_ranges_is_not_listened_to(server):
    Hub.mode = "no_ranges"
    with pytest.raises(InputError, match="expected 8 bytes of values, found"):
        load("hf://org/one/model.safetensors")
    assert Hub.sent < 20 * 2**20


@pytest.mark.parametrize(("mode", "message"), [
    ("elsewhere", "https://example.com/x: expected a host of the hub, found example.com"),
    ("round", "expected at most 5 redirects, found more"),
    ("plain", "expected https, found "), ("truncated", "RemoteProtocolError|the answer was cut off")])
def test_odd_answers_are_refused(server, mode, message):
    Hub.mode = mode
    with pytest.raises(NetworkError, match=message):
        load("hf://org/one/model.safetensors")


def test_a_slow_hub_is_given_up(server, monkeypatch):
    Hub.mode = "slow"
    monkeypatch.setattr(hub, "TIMEOUT", 0.1)
    with pytest.raises(NetworkError, match="Timeout"):
        load("hf://org/one/model.safetensors")


@pytest.mark.parametrize("mode", ["headers", "dripping"])
@pytest.mark.parametrize("model", ["hf://org/config", "hf://org/one/model.safetensors"])
def test_a_hub_that_sends_a_little_now_and_then_is_given_up(mode, model, server, monkeypatch):
    Hub.mode = mode
    monkeypatch.setattr(hub, "DEADLINE", 0.4)
    with pytest.raises(NetworkError, match="expected the whole answer within"):
        load(model)


def test_a_config_is_asked_for_once_and_kept_for_offline_use(server, monkeypatch):
    expected = total("hf://org/config")
    addresses = [f"/org/config/resolve/main/{name}" for name in ("config.json", "hf_quant_config.json")]
    assert [(method, path) for method, path, _ in Hub.requests] == [("GET", path) for path in addresses]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert total("hf://org/config") == total("hf://org/config@main") == total(f"hf://org/config@{'c' * 40}") == expected
    assert len(Hub.requests) == 2


def test_what_has_no_commit_is_not_kept(server, monkeypatch, tmp_path):
    monkeypatch.setitem(FILES, "org/nocommit/config.json", FILES["org/config/config.json"])
    total("hf://org/nocommit")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NetworkError, match="not in the cache"):
        load("hf://org/nocommit")


def test_no_hub_at_all(server):
    server.shutdown()
    server.server_close()
    with pytest.raises(NetworkError):
        load("hf://org/one/model.safetensors")


def test_what_the_hub_sends_is_not_trusted(server):
    with pytest.raises(InputError, match="model_type"):
        load("hf://org/bad")
    with pytest.raises(InputError, match="expected a plain file name, found"):
        load("hf://org/escape/model.safetensors.index.json")


def test_offline_reads_only_the_cache(server, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        with pytest.raises(NetworkError, match="not in the cache"):
            load("hf://org/config")
        with pytest.raises(NetworkError) as caught:
            load("hf://Qwen/Qwen2.5-7B-Instruct")
    assert "presets of like names: qwen2.5-7b, " in str(caught.value)
    assert Hub.requests == []


def test_the_token_goes_to_the_endpoint_and_nowhere_else(server, capsys):
    Hub.mode = "401"
    with pytest.raises(NetworkError) as caught:
        load("hf://org/one/model.safetensors")
    assert Hub.requests[0][2] == f"Bearer {TOKEN}"
    assert TOKEN not in str(caught.value) + "".join(capsys.readouterr())


def test_each_request_is_told(server):
    tracked = []
    load("hf://org/one/model.safetensors", tell=tracked.append)
    assert [address.rpartition("/")[2] for address in tracked] == ["model.safetensors"]


@pytest.mark.parametrize("model", ["hf://org", "hf://org/name/../x.json", "hf://a/b/c.exe", "hf://a b/c", "hf://"])
def test_what_is_no_place_on_the_hub_is_refused(model):
    with pytest.raises(UsageError, match="expected hf://"):
        hub.place(model)


def test_a_place_has_a_repository_a_revision_and_a_file():
    assert hub.place("hf://org/name@refs/pr/1/x.json") == hub.Place("org/name", "refs/pr/1", "x.json")
    assert hub.place("hf://org/name@main") == hub.Place("org/name", "main", None)


def test_the_extra_is_named_when_it_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "huggingface_hub", None)
    with pytest.raises(PCError) as caught:
        load("hf://org/one/model.safetensors")
    assert caught.value.problems[0].hint == "pip install 'paramcalc[hub]'"


def test_the_command_line_tells_each_request_and_can_be_kept_offline(server, monkeypatch, capsys):
    from paramcalc.cli.main import run

    assert run(["count", "hf://org/one", "--json"]) == 0
    tracked = capsys.readouterr()
    assert json.loads(tracked.out)["parameters"]["total"] == 4
    assert [line.rpartition("/")[2] for line in tracked.err.splitlines() if line.startswith("GET ")] == [
        "config.json", "model.safetensors.index.json", "model.safetensors"]
    assert run(["count", "hf://org/one", "--quiet", "--json"]) == 0
    assert "GET" not in capsys.readouterr().err
    Hub.requests.clear()
    assert run(["count", "hf://org/one", "--offline"]) == 3
    assert Hub.requests == []
    assert "reading is offline" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["count"], ["estimate"], ["explain"], ["memory"], ["flops"], ["convert"],
                                     ["train"],
                                     ["fit", "--gpu", "h100"], ["diff", "gpt2"]])
def test_each_command_that_reads_models_can_be_kept_offline(server, command):
    from paramcalc.cli.main import run

    assert run([*command, "hf://org/config", "--offline"]) == 3
    assert Hub.requests == []


def test_formats_said_beside_the_config_are_read(server):
    reading = load("hf://org/modelopt")
    assert [rule.format for rule in reading.spec.quantize][-1].startswith("fp8")
    assert not load("hf://org/config").spec.quantize


def test_a_hub_that_cannot_be_reached_leads_to_the_presets_of_like_names(monkeypatch):
    def unreachable(*_):
        raise NetworkError(Problem("no such host", hint="is the network there?"))

    monkeypatch.setattr(hub, "_get", unreachable)
    with pytest.raises(NetworkError) as caught:
        load("Qwen/Qwen3-8B-FP8")
    assert caught.value.problems[0].hint.startswith("is the network there?; presets of like names: qwen3-8b,")
