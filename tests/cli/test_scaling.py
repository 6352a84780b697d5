"""`paramcalc scaling` from outside."""

import json

import pytest

import paramcalc
from paramcalc.errors import UsageError
from tests.estimates.design.training_runs import DATA, runs


@pytest.fixture
def scaled(call):
    def scaled(*arguments):
        return json.loads(call("scaling", *arguments, "--json")[1])

    return scaled


def test_llama_is_over_trained(scaled):
    answer = scaled("llama-3.1-8b", "--tokens", "15T")
    assert answer["law"]["name"] == "besiroglu"
    assert answer["law"]["constants"] == {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
    assert (answer["parameters"], answer["tokens"]) == (8_030_261_248, 15 * 10**12)
    assert answer["over_trained"] == pytest.approx(91.2, abs=0.1)
    assert answer["verdict"] == "over-trained"
    assert answer["extrapolated"] is True
    assert answer["extrapolation"]["tokens"] == pytest.approx(46.9, abs=0.1)
    assert answer["extra_compute"] == pytest.approx(4.5, abs=0.01)
    assert paramcalc.scaling("llama-3.1-8b", tokens="15T").to_dict() == answer


def test_a_budget_has_an_optimum(scaled):
    answer = scaled("--compute", "5.76e23")
    assert answer["model"] is None
    assert answer["tokens_per_parameter"] == pytest.approx(18.4, abs=0.1)
    assert answer["over_trained"] == pytest.approx(1)
    cluster = scaled("--gpu", "h100", "--gpus", "64", "--days", "14", "--mfu", "50%")
    assert cluster["compute"] == pytest.approx(64 * 14 * 86400 * 0.5 * cluster["assumptions"]["peak_flops"])
    reached = scaled("--loss", str(answer["loss"]))
    assert reached["compute"] == pytest.approx(5.76e23, rel=1e-6)


def test_the_n_of_a_law(scaled):
    counts = paramcalc.count("gpt3-175b")
    assert scaled("gpt3-175b", "--law", "kaplan", "--tokens", "300B")["parameters"] == counts.total - counts.embedding
    sparse = scaled("mixtral-8x7b", "--tokens", "1T")
    assert sparse["parameters"] == paramcalc.count("mixtral-8x7b").active
    assert "fitted to dense models" in sparse["warnings"][-1]


def test_inference_and_repeats(scaled):
    answer = scaled("llama-3.1-8b", "--tokens", "15T", "--inference-tokens", "10T", "--unique-tokens", "5T")
    assert answer["inference"]["parameters"] < answer["equal_loss"]["parameters"]
    assert answer["repeats"]["epochs"] == 3
    assert answer["repeats"]["loss"] > answer["loss"]


@pytest.mark.parametrize(("arguments", "message"), [
    (("--tokens", "1T", "--compute", "1e22"), "both set the size of the run"),
    (("--gpu", "h100"), "--gpu needs --gpus"),
    (("--days", "3"), "--days has no effect without --gpu"),
    (("--tokens", "1T", "--resamples", "9"), "--resamples has no effect without --fit"),
    (("gpt2", "--tokens", "1B", "--unique-tokens", "2B"), "are more than the 1,000,000,000 training tokens"),
    (("--compute", "0"), "is not a number of FLOP"),
    (("--compute", "0"), "the nearest: 1"),
    (("--compute", "6.5e23 FLOP"), "the nearest: 6.5e23"),
    (("--tokens", "15TT"), "the nearest: 15T"),
    (("--gpu", "h100", "--gpus", "0", "--days", "3"), "the nearest: 1"),
    (("--gpu", "h100", "--gpus", "8", "--days", "3", "--mfu", "41"), "the nearest: 41%"),
    (("llama-3.1-8b", "--loss", "1.9"), "does not reach a loss of 1.9"),
    (("--loss", "1.5"), "is not above 1.8172"),
    ((), "neither a model nor tokens"),
    (("--tokens", "1T", "--set", "num_layers=3"), "--set has no effect without a MODEL"),
    (("--tokens", "1T", "--law", "hofmann"), "'hofmann' is not one of"),
    (("--gpu", "h10", "--gpus", "2", "--days", "1"), "unknown accelerator"),
])
def test_what_is_typed_wrong(call, arguments, message):
    code, _, error = call("scaling", *arguments)
    assert code == 2
    assert message in error


def test_a_law_of_ones_own_runs(scaled):
    pytest.importorskip("scipy")
    fit = scaled("--fit", str(DATA / "overtraining_mpt.csv"), "--resamples", "3", "--compute", "1e22")
    assert fit["fit"]["runs"] == len(runs("overtraining_mpt.csv"))
    assert fit["fit"]["median_error"] < 0.02
    assert fit["law"]["name"] == "fitted"


def test_a_law_alone_is_shown_at_the_compute_of_its_largest_run(scaled):
    pytest.importorskip("scipy")
    file = DATA / "overtraining_mpt.csv"
    answer = scaled("--fit", str(file), "--resamples", "0")
    assert answer["compute"] == pytest.approx(max(6 * run["params"] * run["tokens"] for run in runs(file.name)))
    assert answer["assumptions"]["target"] == "that of the largest run"
    assert answer["fit"]["constants"]["E"]["value"] > 0


@pytest.mark.parametrize(("text", "message"), [
    ("parameters,tokens\n1,2\n", ":1:1: has no column loss"),
    ("parameters,loss\n1,2\n", ":1:1: has no column tokens"),
    ("parameters,tokens,loss\n1e9,many,2\n", ":2:2: tokens: 'many' is not a positive number"),
    ("params,train_flop,loss\n1e9,1e20,2\n", "1 runs are too few"),
])
def test_runs_that_cannot_be_read(tmp_path, call, text, message):
    file = tmp_path / "runs.csv"
    file.write_text(text)
    code, _, error = call("scaling", "--fit", str(file), "--compute", "1e22")
    assert code == 2
    assert message in error


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_the_picture(tmp_path, call, suffix):
    pytest.importorskip("matplotlib")
    file = tmp_path / f"p.{suffix}"
    assert call("scaling", "llama-3.1-8b", "--tokens", "1T", "--plot", str(file))[0] == 0
    assert file.stat().st_size > 10_000


def test_python_refuses_what_the_command_refuses():
    with pytest.raises(UsageError, match="both set the size of the run"):
        paramcalc.scaling(tokens="1T", compute=1e22)
