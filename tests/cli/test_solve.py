"""`paramcalc solve`: shapes of a wanted size, each of which counts to what is claimed."""

import json

import pytest

import paramcalc
from paramcalc.estimates.design.handles import handles
from paramcalc.estimates.design.size_polynomial import size_polynomial
from paramcalc.readers.presets import presets


@pytest.fixture
def candidates(call):
    def candidates(*arguments):
        return json.loads(call("solve", *arguments, "--json")[1])["candidates"]

    return candidates


@pytest.mark.parametrize(("size", "like"), [
    ("1.5B", "qwen3-8b"), ("8B", "llama-3.1-8b"), ("350M", "gpt2"), ("30B", "qwen3-30b-a3b"), ("2B", "gemma-2-9b"),
    ("100M", "whisper-tiny"), ("3B", "qwen3-vl-2b"), ("20B", "gemma-4-31b"), ("200M", "t5-small"),
])
def test_each_candidate_counts_to_its_claim(candidates, size, like):
    rows = candidates("--params", size, "--like", like, "--top", "5")
    assert len(rows) == 5
    for each in rows:
        spec = paramcalc.read(like, [f"{key}={value}" for key, value in each["set"].items()])
        count = paramcalc.count(spec)
        assert (count.total, count.active) == (each["total"], each["active"])
        assert abs(each["difference"]) <= 0.01


@pytest.mark.parametrize(("name", "like"), [
    ("qwen3-8b", "qwen3-14b"), ("llama-3.1-8b", "llama-3-70b"), ("gemma-2-9b", "gemma-2-2b"),
    ("gpt2-medium", "gpt2"), ("opt-30b", "opt-13b"), ("qwen3-30b-a3b", "qwen3-235b-a22b"),
])
def test_a_published_sibling_is_found_by_its_total(candidates, name, like):
    spec = paramcalc.read(name)
    rows = candidates("--params", str(paramcalc.count(spec).total), "--like", like, "--top", "3")
    target = handles(spec)
    shapes = [(each["set"]["hidden_size"], each["set"]["num_layers"]) for each in rows]
    assert (target.sizes["hidden_size"], target.layers) in shapes


@pytest.mark.parametrize("name", ["llama-3.1-8b", "deepseek-v3", "gemma-3-4b", "jamba-v0.1", "t5-11b", "opt-125m"])
def test_the_polynomial_is_the_count(name):
    spec = paramcalc.read(name)
    own = handles(spec)
    polynomial = size_polynomial(own)
    stacks = [node for node in paramcalc.build_model(name).tree.children if node.order]
    layers = {block.label: block.stored for stack in stacks for block in stack.children}
    sizes = [own.sizes[size] for size in polynomial.names]
    count = paramcalc.count(name)
    assert polynomial.value(0, sizes, layers) == count.total
    assert polynomial.value(1, sizes, layers) == count.active
    assert len(presets()) > 100


@pytest.mark.parametrize(("name", "sibling"), [
    ("qwen3-vl-2b", "qwen3-vl-4b"), ("mistral-small-3.1-24b", "ministral-3-8b"), ("gemma-3-4b", "gemma-3-12b"),
])
def test_towers_stay_and_lead_into_the_text_model(name, sibling):
    """At the width of a sibling that is published with the same tower, tower and projector are the sibling's."""
    own, target = handles(paramcalc.read(name)), paramcalc.read(sibling)
    spec = own.spec(own.sizes | {"hidden_size": target.hidden_size}, own.layers)
    for part in ("vision", "projector"):
        assert paramcalc.count(spec).components.get(part) == paramcalc.count(target).components.get(part)


def test_budgets(candidates):
    rows = candidates("--params", "3B", "--max-cache-per-token", "64KiB", "--max-layers", "30", "--top", "3")
    for each in rows:
        changes = [f"{key}={value}" for key, value in each["set"].items()]
        (row,) = paramcalc.sweep("llama-3.1-8b", *changes).rows
        assert row.cache_bytes_per_token <= 2**16
        assert row.layers <= 30


def test_the_least_that_an_error_names_is_enough(call, candidates):
    options = ("--params", "1B", "--like", "qwen3-0.6b", "--max-cache-per-token")
    least = call("solve", *options, "1")[2].split("the least is ")[1].strip()
    assert len(candidates(*options, least, "--top", "1")) == 1
    assert least == "5KiB"
    assert call("solve", *options, str(5 * 2**10 - 1))[0] == 2


def test_work_is_bounded_over_the_whole_lattice(candidates):
    """A tenth less work than the nearest shape has: many shapes away from it."""
    (near,) = candidates("--params", "3B", "--top", "1")

    def work(candidate):
        changes = [f"{key}={value}" for key, value in candidate["set"].items()]
        return paramcalc.compare("llama-3.1-8b", changes=changes).rows[0].flops_per_token

    most = work(near) * 9 // 10
    for each in candidates("--params", "3B", "--flops-per-token", str(most), "--top", "2"):
        assert work(each) <= most


def test_a_file_is_no_folder(call, tmp_path):
    (tmp_path / "specs").write_text("")
    code, _, error = call("solve", "--params", "1B", "-o", str(tmp_path / "specs"))
    assert (code, "is a file, not a folder" in error) == (2, True)


def test_a_name_leads_to_no_other_folder(call, tmp_path):
    model = tmp_path / "m.yaml"
    model.write_text(paramcalc.convert("llama-3.2-1b").replace("name: llama-3.2-1b", "name: ../../elsewhere"))
    into = str(tmp_path / "a" / "b")
    code, _, error = call("solve", "--like", str(model), "--params", "1B", "--top", "1", "-o", into)
    assert (code, error) == (0, "")
    assert [path.name for path in tmp_path.rglob("*elsewhere*")] == ["elsewhere-1.yaml"]
    assert (tmp_path / "a" / "b" / "elsewhere-1.yaml").exists()


@pytest.mark.parametrize("folder", ["a" * 5000, "file/below"])
def test_a_folder_that_cannot_be_made_is_said(folder, call, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, error = call("solve", "--params", "1B", "--top", "1", "-o", str(tmp_path / folder))
    assert (code, "cannot be written" in error) == (2, True)


def test_a_size_that_is_set_stays(candidates):
    rows = candidates("--params", "3B", "--set", "num_layers=30", "--set", "hidden_size=2560", "--top", "3")
    assert {(each["set"]["num_layers"], each["set"]["hidden_size"]) for each in rows} == {(30, 2560)}


def test_specs_are_written(call, tmp_path):
    code, out, _ = call("solve", "--params", "1B", "-o", str(tmp_path), "--top", "2", "--json")
    assert code == 0
    for rank, each in enumerate(json.loads(out)["candidates"], start=1):
        assert paramcalc.count(str(tmp_path / f"llama-3.1-8b-{rank}.yaml")).total == each["total"]


@pytest.mark.parametrize(("arguments", "message"), [
    ((), "the size of the model is not given"),
    (("--params", "1B", "--compute", "1e22"), "both say how large"),
    (("--params", "lots"), "is not a number, such as 7B"),
    (("--params", "1B", "--like", "llama-3.1-8x"), "llama-3.1-8b"),
    (("--params", "1B", "--max-cache-per-token", "1"), "the least is "),
    (("--params", "1B", "--flops-per-token", "1000"), "the least is "),
    (("--params", "1B", "--max-layers", "1"), "hint: --max-layers "),
    (("--params", "30B", "--fits", "rtx-3060", "--multiple-of", "1024"), "the least is "),
    (("--params", "1B", "--fits", "h10"), "h100"),
    (("--params", "1B", "--max-cache-per-token", "64Kib/s"), "is not a size"),
    (("--params", "900T"), "hint: the nearest: 10T"),
    (("--compute", "1e30"), "hint: --params 10T"),
    (("--params", "8B", "--active", "3B"), "llama-3.1-8b has no experts"),
    (("--params", "1M"), "no shape like llama-3.1-8b has 1,000,000 parameters"),
    (("--params", "30M", "--like", "nemotron-nano-9b-v2"), "the least is "),
    (("--params", "1B", "--compute", "1e22"), "leave one out"),
    (("--params", "1B", "--runtime", "vllm"), "--runtime has no effect without --fits"),
    (("--params", "1.5Bn"), "the nearest: 1.5B"),
    (("--params", "1,5B"), "the nearest: 1.5B"),
    (("--params", "1B", "--max-layers", "0"), "the nearest: 1"),
    (("--params", "1B", "--top", "0"), "the nearest: 1"),
    (("--params", "1B", "--multiple-of", "5000"), "the nearest: 4096"),
    (("--params", "1B", "--tolerance", "200%"), "the nearest: 100%"),
    (("--params", "1B", "--tolerance", "2"), "the nearest: 2%"),
    (("--params", "1B", "--max-cache-per-token", "64KiBs"), "the nearest: 64KiB"),
    (("--params", "1B", "--fits", "h100@32kk"), "--fits: '32kk' is not a number of tokens"),
    (("--params", "1B", "--fits", "h100@32kk"), "the nearest: 32k"),
    (("--compute", "1e22x"), "the nearest: 1e22"),
    (("--compute", "1e50"), "the nearest: 1e40"),
    (("--params", "1B", "--set", "hidden_size=1024", "--set", "num_heads=7"), "use 1 or 7"),
])
def test_what_is_typed_wrong(call, arguments, message):
    code, _, error = call("solve", *arguments)
    assert code == 2
    assert message in error


SMALL = ("--set", "hidden_size=256", "--set", "num_layers=2")


@pytest.mark.parametrize(("more", "far", "word", "off"), [
    ((), "1000", "the least is ", -1), (("--multiple-of", "512"), "1000", "the least is ", -1),
    (SMALL, "1000", "the least is ", -1), (SMALL, "10T", "the most is ", 1),
])
def test_the_least_and_the_most_there_are(call, candidates, more, far, word, off):
    """What an error names as the least or the most is found; a little beyond it is not."""
    end = int(call("solve", "--params", far, *more)[2].split(word)[1].replace(",", ""))
    (there,) = candidates("--params", str(end), *more, "--top", "1")
    assert there["total"] == end
    assert call("solve", "--params", str(end + off * end // 50), *more)[0] == 2


def test_two_sizes_that_no_shape_has_at_once(call, candidates):
    model = ("--like", "qwen3-30b-a3b")
    error = call("solve", "--params", "1B", "--active", "3B", *model)[2]
    assert "1,000,000,000 parameters in all and 3,000,000,000 parameters active" in error
    near = error.split("have ")[1].split(" active")[0].replace(",", "")
    assert candidates("--params", "1B", "--active", near, *model, "--top", "1")[0]["active"] < 1.02e9


@pytest.mark.parametrize(("like", "size", "ratio"), [
    ("whisper-large-v3-turbo", "400M", 8), ("recurrentgemma-2b", "1B", 1),
])
def test_stacks_keep_their_proportion_and_recurrent_widths_follow(candidates, like, size, ratio):
    for each in candidates("--params", size, "--like", like, "--top", "3"):
        spec = paramcalc.read(like, [f"{key}={value}" for key, value in each["set"].items()])
        assert paramcalc.count(spec).total == each["total"]
        own = handles(spec)
        assert max(own.stacks) == ratio * min(own.stacks)
        assert each["set"].get("blocks.linear.mixer.lru_width", own.sizes["hidden_size"]) == own.sizes["hidden_size"]


@pytest.mark.parametrize(("name", "like"), [
    ("qwen3.5-2b", "qwen3.5-4b"), ("qwen3.5-27b", "qwen3.5-9b"), ("qwen3.5-397b-a17b", "qwen3.5-35b-a3b"),
    ("vit-large-patch16-224", "vit-base-patch16-224"), ("bert-large-uncased", "bert-base-uncased"),
])
def test_at_a_siblings_sizes_a_model_counts_as_the_sibling(name, like):
    """Heads of a linear mixer follow those of attention, its key heads stay; classes do not follow the hidden size."""
    own, other = handles(paramcalc.read(name)), handles(paramcalc.read(like))
    assert paramcalc.count(other.spec(own.sizes, own.layers)).total == paramcalc.count(name).total


@pytest.mark.parametrize(("like", "name", "changes"), [
    ("glm-4-9b", "glm-4-32b-0414", "--set qkv_bias=false"), ("command-r", "command-r-plus", "--set qk_norm=heads"),
])
def test_another_structure_is_printed_and_written(call, tmp_path, like, name, changes):
    total = paramcalc.count(name).total
    words = ("solve", "--like", like, "--params", str(total), "--top", "1")
    assert changes in " ".join(call(*words)[1].split())
    assert call(*words, "-o", str(tmp_path / "specs"))[0] == 0
    assert paramcalc.count(str(tmp_path / "specs" / f"{like}-1.yaml")).total == total


@pytest.mark.parametrize("like", ["mimo-v2-flash", "step-3.5-flash"])
def test_shapes_whose_kinds_of_layers_do_not_go_together_are_left_out(candidates, like):
    """Key heads that keep their number need not divide the heads of a shape."""
    total = paramcalc.count(like).total
    assert candidates("--params", str(total), "--like", like, "--top", "2")[0]["total"] == total
