"""`paramcalc compare` and `paramcalc sweep` from outside."""

import csv
import io
import json
import pickle

import pytest

import paramcalc
from paramcalc.answers.comparison import Row
from paramcalc.errors import PCError
from paramcalc.reports.comparison_plot import _label, ticks


@pytest.fixture
def rows(call):
    def rows(*arguments):
        code, out, _ = call(*arguments, "--json")
        return code, json.loads(out)["rows"]

    return rows


def test_a_row_says_what_the_other_commands_say(call, rows):
    _, (row,) = rows("compare", "mixtral-8x7b", "--context", "8k")
    count = json.loads(call("count", "mixtral-8x7b", "--json")[1])["parameters"]
    memory = json.loads(call("memory", "mixtral-8x7b", "--context", "8k", "--json")[1])
    flops = json.loads(call("flops", "mixtral-8x7b", "--seq", "8k", "--json")[1])
    assert (row["total"], row["active"], row["embedding"]) == (count["total"], count["active"], count["embedding"])
    assert (row["weights_bytes"], row["weights_known"]) == (memory["weights"]["bytes"], memory["weights"]["known"])
    assert row["cache_bytes_per_token"] == memory["cache"]["bytes_per_token"]
    assert row["flops_per_token"] == flops["per_token"]["forward"]
    assert (row["name"], row["layers"], row["known"], row["uncounted"]) == ("mixtral-8x7b", 32, "exact", [])


def test_bytes_that_are_not_known_are_marked(call, rows, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "gpt2", "quantization_config": {
        "quant_method": "zip"}}), "utf-8")
    _, (row,) = rows("compare", str(tmp_path))
    assert (row["known"], row["weights_known"]) == ("exact", "unknown")
    assert "weights known" in call("compare", str(tmp_path), "--quiet")[1]
    assert "weights known" not in call("compare", "gpt2", "--quiet")[1]


def test_a_model_that_fails_is_a_row(rows):
    code, table = rows("compare", "gpt2", "gpt2-xxl", "opt-125m")
    assert code == 2
    assert [row["name"] for row in table] == ["gpt2", "gpt2-xxl", "opt-125m"]
    assert "gpt2-xl" in table[1]["error"]
    assert "total" not in table[1]


def test_folders_and_patterns(tmp_path, rows):
    for name, layers in (("a", 2), ("b", 3)):
        (tmp_path / f"{name}.yaml").write_text(
            f"paramcalc: 1\nname: {name}\nvocab_size: 99\nhidden_size: 64\nnum_layers: {layers}\nnum_heads: 4\n"
            "ffn_ratio: 4\n")
    for model in (str(tmp_path), str(tmp_path / "*.yaml")):
        assert [row["layers"] for row in rows("compare", model)[1]] == [2, 3]
    with pytest.raises(PCError, match="no file matches"):
        paramcalc.compare(str(tmp_path / "*.yml"))


def test_a_range_includes_its_end(rows):
    _, table = rows("sweep", "gemma-2-9b", "num_layers=16..48:8", "hidden_size=1792,3584")
    assert [row["set"] for row in table] == [{"num_layers": layers, "hidden_size": width}
                                             for layers in (16, 24, 32, 40, 48) for width in (1792, 3584)]
    for row in (table[0], table[-1]):
        spec = paramcalc.read("gemma-2-9b", [f"{key}={value}" for key, value in row["set"].items()])
        assert paramcalc.count(spec).total == row["total"]


@pytest.mark.parametrize("style", ["csv", "markdown", "table"])
def test_other_formats(call, style):
    _, out, _ = call("sweep", "gpt2", "num_layers=2,4,6", "--sort", "-total", "--format", style,
                     *(["--columns", "set,total"] if style == "csv" else []))
    if style == "csv":
        table = list(csv.DictReader(io.StringIO(out)))
        assert [row["set"] for row in table] == ["num_layers=6", "num_layers=4", "num_layers=2"]
        assert list(table[0]) == ["set", "total"]
    else:
        plain = out.replace("\\", "")  # markdown escapes underscores
        assert plain.index("num_layers=6") < plain.index("num_layers=2")


def test_several_processes_give_the_same_rows():
    models = ["gpt2", "opt-125m", "nope", "pythia-70m", "gpt2-medium", "qwen3-8b"]
    assert paramcalc.compare(*models, jobs=2).rows == paramcalc.compare(*models).rows
    axes = ("num_layers=1..9", "hidden_size=64,128")
    assert paramcalc.sweep("gpt2", *axes, jobs=2).rows == paramcalc.sweep("gpt2", *axes).rows


def test_answers_pickle_and_are_tables():
    answer = paramcalc.sweep("llama-3.1-8b", "num_layers=2,4", context="8k")
    assert pickle.loads(pickle.dumps(answer)) == answer  # noqa: S301 - our own
    assert [row["total"] for row in answer] == [row.total for row in answer.rows]
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(answer)
    assert list(frame["total"]) == [row.total for row in answer.rows]
    assert list(pandas.DataFrame(answer.rows)["layers"]) == [2, 4]
    for other in (paramcalc.count("gpt2"), paramcalc.scaling("gpt2", tokens="1B")):
        assert pickle.loads(pickle.dumps(other)).to_dict() == other.to_dict()  # noqa: S301 - our own


@pytest.mark.parametrize(("model", "device", "more"), [
    ("llama-3.1-8b", "h100", ()), ("llama-3.1-8b", "rtx-3060-12gb", ()), ("gpt-oss-20b", "rtx-4060-ti-16gb", ()),
    ("llama-3.1-8b", "rtx-4060", ("--quant", "q4_k_m")), ("qwen3-8b", "apple-m4-max", ()), ("t5-small", "h100", ()),
])
def test_a_row_has_the_verdict_and_the_runtime_of_fit(call, rows, model, device, more):
    line = (model, "--gpu", device, "--context", "512", *more)
    _, (row,) = rows("compare", *line)
    answer = json.loads(call("fit", *line, "--json")[1])
    assert (row["fits"], row["runtime"]) == (answer["fits"], answer["runtime"])
    assert row["memory_bytes"] == answer["total"]["bytes"]


@pytest.mark.parametrize(("more", "device", "fits"), [
    ({"extra_width": 7}, "h100", None), ({"hidden_size": 65536, "extra_width": 7}, "rtx-3060-12gb", False),
    ({"quantization": {"bits": 4, "group_size": 64}}, "m3-max", None),
    ({"hidden_size": 65536, "quantization": {"bits": 4, "group_size": 64}}, "rtx-3060-12gb", False)])
def test_a_row_has_the_runtime_of_fit_where_no_verdict_is_known(call, rows, tmp_path, more, device, fits):
    """A lower bound of the sizes is that of the first runtime; one that does not read the format is passed over."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2,
                                "num_attention_heads": 4, "intermediate_size": 2**17, "vocab_size": 100, **more}))
    line = (str(path), "--gpu", device, "--context", "512")
    _, (row,) = rows("compare", *line)
    answer = json.loads(call("fit", *line, "--json")[1])
    assert answer["fits"] is False
    assert (row.get("fits"), row["runtime"], row["memory_bytes"]) == (
        fits, answer["runtime"], answer["total"]["bytes"])


def test_a_verdict_is_that_of_a_runtime(rows):
    def fits(*arguments):
        return rows("compare", "llama-3.1-8b", *arguments)[1][0].get("fits")

    assert fits("--gpu", "h100", "--runtime", "exact") is None
    assert fits("--gpu", "rtx-3060-12gb", "--runtime", "exact") is False
    assert fits() is None


@pytest.mark.parametrize("runtime", ["vllm", "llama.cpp"])
def test_a_row_is_as_fast_as_speed_says(call, rows, runtime):
    """Where a device and a runtime are given: prompts and answers fill the context."""
    _, (row,) = rows("compare", "qwen3-8b", "--gpu", "h100", "--runtime", runtime, "--context", "4k", "--batch", "8")
    answer = call("speed", "qwen3-8b", "--gpu", "h100", "--runtime", runtime, "--prompt", str(4096 - 512), "--output",
                  "512", "--concurrency", "8", "--json")[1]
    assert row["tokens_per_second"] == json.loads(answer)["points"][0]["tokens_per_second"]["expected"]
    assert "tokens_per_second" not in rows("compare", "qwen3-8b", "--gpu", "h100", "--runtime", "exact")[1][0]


@pytest.mark.parametrize(("arguments", "message", "hint"), [
    (("sweep", "gpt2", "num_layer=2,4"), "num_layer: unknown key 'num_layer'", "did you mean 'num_layers'?"),
    (("sweep", "gpt2", "num_layers=48..16"), "num_layers: the range 48..16 is empty", "did you mean 16..48?"),
    (("sweep", "gpt2", "num_layers=16..48:-8"), "the range 16..48:-8 is empty", "did you mean 16..48:8?"),
    (("sweep", "gpt2", "num_layers=1..9:0"), "the step must not be 0", ""),
    (("sweep", "gpt2", "num_layers"), "is not KEY=VALUE", "num_layers=16..48:8"),
    (("sweep", "gpt2", "num_layers=1..x"), "expected a value or a range", "num_layers=16..48:8"),
    (("sweep", "gpt2", "hidden_size=1k..2k:1x"), "expected a value or a range",
     "the nearest: hidden_size=1024..2048:1"),
    (("sweep", "gpt2", "num_layers=1..4096", "hidden_size=64..131072:64"), "8,388,608 combinations are more than",
     "the nearest: num_layers=1..4096:86"),
    (("sweep", "gpt2", "num_layers=0"), "must be at least 1", "the nearest: num_layers=1"),
    (("sweep", "gpt2", "num_layers=1.5"), "expected an integer", "the nearest: num_layers=2"),
    (("sweep", "gpt2", "num_layers=4", "--jobs", "1000x"), "--jobs", "the nearest: 256"),
    (("compare", "gpt2", "--jobs", "0x"), "--jobs", "the nearest: 1"),
    (("sweep", "gpt2", "num_layers=16...48"), "expected a value or a range", "the nearest: num_layers=16..48"),
    (("sweep", "gpt2", "num_layers=16..48::8"), "expected a value or a range", "the nearest: num_layers=16..48:8"),
    (("sweep", "gpt2", "num_layers=1..100000000"), "more than 100,000 values",
     "the nearest: num_layers=1..100000000:1000"),
    (("sweep", "gpt2", "num_layers=1..250000"), "more than 100,000 values", "the nearest: num_layers=1..250000:3"),
    (("sweep", "gpt2", "num_layers=250000..1:-1"), "more than 100,000 values", "the nearest: num_layers=250000..1:-3"),
    (("sweep", "gpt2", "hidden_size=4k"), "expected an integer", "write 4096"),
    (("sweep", "gpt2", "hidden_size=1000x"), "expected an integer", "write 1000"),
    (("sweep", "gpt2", "num_layers=2", "--jobs", "0"), "greater than or equal to 1", "the nearest: 1"),
    (("sweep", "gpt2", "num_layers=2", "--jobs", "1000"), "less than or equal to 256", "the nearest: 256"),
    (("sweep", "gpt2", "num_layers=2", "--jobs", "2x"), "should be a valid integer", "the nearest: 2"),
    (("sweep", "gpt2", "num_layers=2", "--plot", "rows.pngg"), "a picture is one of .svg, .png",
     "the nearest: rows.png"),
    (("sweep", "gpt2", "num_layers=2", "--plot", "rows.x"), "a picture is one of .svg, .png", "the nearest: rows.svg"),
    (("explain", "gpt2", "--what-if", "num_layer=2x"), "no numeric field 'num_layer'", "did you mean num_layers?"),
    (("explain", "gpt2", "--what-if", "num_layers=0"), "greater than or equal to 1", "the nearest: 1"),
    (("explain", "gpt2", "--what-if", "num_layers=1.3x"), "12 times that is not an integer",
     "the nearest: num_layers=16"),
    (("explain", "gpt2", "--what-if", "num_layers=2y"), "is not KEY=2x", "the nearest: num_layers=2x"),
    (("explain", "gpt2", "--what-if", "num_layers"), "is not KEY=2x", "the nearest: num_layers=2x"),
    (("explain", "gpt2", "--what-if", "hidden_size=-768"), "is not KEY=2x", "the nearest: hidden_size=768"),
    (("explain", "gpt2", "--what-if", "hidden_size=4k"), "is not KEY=2x", "the nearest: hidden_size=4096"),
    (("explain", "gpt2", "*attnn*"), "matches no tensor", "the nearest: '*attn*'"),
    (("scaling", "--loss", "0"), "greater than or equal to 0.01", "the nearest: 0.01"),
    (("scaling", "--loss", "2x"), "should be a valid number", "the nearest: 2"),
    (("scaling", "--gpu", "h100", "--gpus", "8", "--days", "0"), "greater than or equal to 0.01", "the nearest: 0.01"),
    (("scaling",), "neither a model nor", "--compute 1e22"),
    (("sweep", "gpt2", "num_heads=7"), "does not divide", "12"),
    (("sweep", "gpt2", "num_layers=1..4000", "hidden_size=64..6400"), "more than 100,000",
     "the nearest: hidden_size=64..6400:254"),
    (("sweep", "gpt2", "num_layers=2", "num_layers=3"), "num_layers is given twice", ""),
    (("sweep", "gpt2", "num_layers=2,4,2"), "num_layers=2 is given twice", "did you mean num_layers=2,4?"),
    (("sweep", "gpt2", "num_layers=2..4,4..5"), "num_layers=4 is given twice", "did you mean num_layers=2,3,4,5?"),
    (("compare", "gpt2", "--sort", "totl"), "unknown column 'totl'", "did you mean total?"),
    (("compare", "gpt2", "--columns", "name,actve"), "unknown column 'actve'", "did you mean active?"),
    (("compare", "gpt2", "--x", "total"), "--x has no effect without --plot", ""),
    (("compare", "gpt2", "--gpu-memory-utilization", "0.9"), "no effect without --gpu", ""),
])
def test_what_is_typed_wrong(call, arguments, message, hint):
    code, out, error = call(*arguments)
    assert (code, out) == (2, "")
    assert message in error
    assert hint in error


@pytest.mark.parametrize(("column", "value", "tick"), [("weights_bytes", 10**9, "1 GB"), ("total", 10**9, "1 B"),
                                                       ("cache_bytes_per_token", 512, "512 B"), ("layers", 20, "20"),
                                                       ("flops_per_token", 2 * 10**9, "2 GFLOP")])
def test_ticks_say_their_unit(column, value, tick):
    assert ticks(column)(value, None) == tick


def test_names_in_a_picture_are_narrow():
    assert _label(Row("m", {"num_layers": 16, "hidden_size": 2048})) == "num_layers=16\nhidden_size=2048"
    assert _label(Row("m")) == "m"


def test_pictures(call, tmp_path):
    pytest.importorskip("matplotlib")
    file = tmp_path / "rows.svg"
    assert call("sweep", "gpt2", "num_layers=2..8:2", "--plot", str(file), "--x", "layers", "--y", "total")[0] == 0
    assert "num_layers" in file.read_text() or file.stat().st_size > 5000
    code, _, error = call("compare", "gpt2", "--plot", str(file), "--y", "family")
    assert (code, "no row has a number" in error) == (2, True)
