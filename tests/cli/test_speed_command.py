"""`speed` and the run of `train`, from the command line: points, all devices, calibration, and what is refused."""

import json
import re

import pytest

import paramcalc
from paramcalc.errors import UsageError

LLAMA = ("speed", "llama-3.1-8b", "--gpu", "h100")
QUEUE = ("--concurrency", "1,8,4096")


@pytest.fixture
def answer(call):
    def run_speed(*arguments):
        code, out, err = call(*arguments, "--json")
        assert (code, err) == (0, "")
        return json.loads(out)
    return run_speed


def test_points_are_ranges_and_add_up(answer):
    speed = answer(*LLAMA, "--price", "2", "--slo", "tpot=20ms", *QUEUE)
    one, eight, many = speed["points"]
    for point in speed["points"]:
        for key in ("tpot_ms", "ttft_ms", "tokens_per_second", "joules_per_token", "usd_per_million_output_tokens"):
            assert 0 < point[key]["low"] <= point[key]["expected"] <= point[key]["high"], key
        assert point["bound_by"] in ("weights", "cache", "flops", "links", "launches")
    assert one["tpot_ms"]["expected"] < eight["tpot_ms"]["expected"] < speed["slo"]["tpot_ms"]
    assert eight["tokens_per_second"]["expected"] == pytest.approx(8000 / eight["tpot_ms"]["expected"], rel=1e-4)
    assert (one["fits"], many["fits"]) == (True, False)
    assert many["running"] < 4096
    assert speed["slo"]["concurrency"] >= 8
    assert speed["verify"].startswith("vllm bench serve --model meta-llama/Llama-3.1-8B ")
    assert speed["known"]["tpot_ms"] == "estimate"


def test_the_time_a_token_is_not_below_what_bandwidth_allows(answer):
    point = answer(*LLAMA, "--concurrency", "1")["points"][0]
    assert point["tpot_ms"]["low"] > 2 * 7.5e9 / 3350e9 * 1000


def test_your_measurement_scales_everything(answer):
    bare = answer(*LLAMA)["points"]
    scaled = answer(*LLAMA, "--measured", "tpot=16ms@8")["points"]
    assert scaled[1]["tpot_ms"]["expected"] == pytest.approx(16, rel=1e-4)
    ratios = {round(ours["tpot_ms"]["expected"] / one["tpot_ms"]["expected"], 3)
              for ours, one in zip(scaled, bare, strict=True)}
    assert len(ratios) == 1
    spans = [point["tpot_ms"]["high"] / point["tpot_ms"]["low"] for point in (scaled[0], bare[0])]
    assert spans[0] < spans[1]


def test_what_nobody_measured_needs_a_measurement(call, answer):
    code, _, err = call(*LLAMA, "--runtime", "transformers")
    assert code == 2
    assert "no measurement of transformers on NVIDIA H100 SXM or similar devices is known\nhint: --measured" in err
    speed = answer(*LLAMA, "--runtime", "transformers", "--measured", "tpot=25ms@1", "--concurrency", "1")
    assert speed["points"][0]["tpot_ms"]["expected"] == pytest.approx(25, rel=1e-4)
    assert speed["points"][0]["ttft_ms"] is None
    assert speed["assumptions"]["ttft_ms"].startswith("not available")
    assert speed["basis"]["records"] == 0


def test_guessing_ahead_is_faster_by_what_is_accepted(answer):
    alone = answer(*LLAMA, "--concurrency", "1")["points"][0]
    heads = answer(*LLAMA, "--concurrency", "1", "--draft-tokens", "3", "--acceptance", "2.5")["points"][0]
    draft = answer(*LLAMA, "--concurrency", "1", "--draft-tokens", "3", "--acceptance", "2.5",
                   "--draft", "llama-3.2-1b")["points"][0]
    times = [point["tpot_ms"]["expected"] for point in (heads, draft, alone)]
    assert times == sorted(times)
    assert times[0] > times[2] / 3


def test_weights_in_the_hosts_memory_are_slow(answer):
    local = ("speed", "qwen3-32b", "--runtime", "llama.cpp", "--gpu", "rtx-4090", "--concurrency", "1", "--quant")
    inside = answer(*local, "q4_k_m")
    split = answer(*local, "q8_0", "--ram", "64GiB", "--ram-bandwidth", "80GB/s")
    assert split["assumptions"]["weights_in_host_memory"] > 0.1
    assert split["points"][0]["tpot_ms"]["expected"] > 3 * inside["points"][0]["tpot_ms"]["expected"]
    assert "weights_in_host_memory" not in inside["assumptions"]
    layers = 64 * (1 - split["assumptions"]["weights_in_host_memory"])
    assert split["verify"].endswith(f" -ngl {int(layers)}")


def test_no_room_is_said(call):
    code, out, _ = call("speed", "llama-3.1-405b", "--gpu", "rtx-4090", "--runtime", "llama.cpp", "--json")
    speed = json.loads(out)
    assert code == 1
    assert [point["tpot_ms"] for point in speed["points"]] == [None] * 3
    assert "not even one request fits" in call("speed", "llama-3.1-405b", "--gpu", "rtx-4090", "--runtime",
                                                   "llama.cpp")[1]


def test_an_earlier_release_is_slower_and_said(call, answer):
    arguments = ("speed", "qwen3-235b-a22b", "--quant", "fp8_block", "--gpu", "h100", "--tp", "8")
    releases = ((), ("--release", "v0.11.1"), ("--release", "0.19"))
    newest, earlier, later = (answer(*arguments, *more) for more in releases)
    assert [speed["basis"]["class"] for speed in (newest, earlier, later)] == [
        "vllm moe", "vllm moe to 0.12", "vllm moe"]
    assert earlier["points"][1]["tpot_ms"]["expected"] > 1.2 * newest["points"][1]["tpot_ms"]["expected"]
    assert [row["assumptions"]["release"] for row in (earlier, later)] == ["v0.11.1", "0.19"]
    assert "release: after 0.12; --release 0.12 for earlier ones" in call(*arguments)[1]
    assert "release" not in answer(*LLAMA)["assumptions"]


def test_one_request_has_its_length(call):
    arguments = ("speed", "qwen3-32b", "--gpu", "rtx-4060", "--runtime", "llama.cpp", "--quant", "q4_k_m",
             "--concurrency", "1", "--ram", "64GiB", "--ram-bandwidth", "80GB/s")
    assert "room for 1 request at its full length" in call(*arguments)[1]


def test_all_devices_are_sorted_and_the_rest_explained(call, answer):
    speed = answer("speed", "llama-3.1-8b", "--all", "--concurrency", "8", "--price", "1")
    rates = [row["tokens_per_second"]["expected"] / row["gpus"] for row in speed["devices"]]
    assert rates == sorted(rates, reverse=True)
    assert {"h100", "b200"} <= {row["gpu"] for row in speed["devices"]}
    assert all(speed["left_out"].values())
    assert "USD a million tokens" in call("speed", "llama-3.1-8b", "--all", "--concurrency", "8", "--price", "1")[1]


@pytest.mark.parametrize(("options", "message"), [
    (["--gpu", "h100", "--ram", "8GiB", "--ram-bandwidth", "80GB/s"], "--ram has no effect with --runtime vllm"),
    (["--gpu", "h100", "--ram", "8GiB"], "--ram needs --ram-bandwidth"),
    (["--gpu", "h100", "--draft-tokens", "4"], "--draft-tokens needs --acceptance"),
    (["--gpu", "h100", "--draft-tokens", "2", "--acceptance", "4"], "--acceptance 4 is more than --draft-tokens 2"),
    (["--gpu", "h100", "--release", "0.11"], "--release has no effect: measurements of vllm with dense models are not"),
    (["--gpu", "h100", "--release", "new"], "expected a release such as 0.11, found 'new'"),
    (["--all", "--gpu", "h100"], "--gpu has no effect with --all"), ([], "no accelerator given"),
    (["--gpu", "h100", "--tp", "2", "--gpus", "3"], "tp 2, pp 1 and dp 1 make 2 devices, not 3"),
    (["--gpu", "h100", "--concurrency", "1,99999999"], "requests are more than"),
    (["--gpu", "h100", "--slo", "soon"], "expected a time such as tpot=30ms, found 'soon'"),
    (["--gpu", "h100", "--measured", "tpot=3ms"], "does not say at how many requests"),
    (["--gpu", "rtx-4090", "--runtime", "llama.cpp", "--ram", "much", "--ram-bandwidth", "1GB/s"],
     "is not a memory size"),
    (["--gpu", "rtx-4090", "--runtime", "llama.cpp", "--ram", "1GiB", "--ram-bandwidth", "fast"], "such as 80GB/s"),
    (["--gpu", "cpu"], "a CPU is not in the catalog: what it holds and how fast it reads"),
    (["--gpu", "rtx-3090,rtx-4090"], "'rtx-3090,rtx-4090' names several accelerators, expected one"),
    (["--gpu", "rtx-4090", "--runtime", "llama.cpp", "--dtype", "fp32", "--ram", "1GiB", "--ram-bandwidth", "80GB/s"],
     "GiB have no room on the device, and --ram has 1.00"),
    (["--all", "--plot", "curve.svg"], "--plot needs an accelerator with room for a request"),
    (["--gpu", "h100", "--concurrency", ",".join(["1"] * 1001)], "1,001 numbers are more than 1,000"),
])
def test_what_has_no_effect_or_meaning_is_refused(call, options, message):
    code, out, err = call("speed", "llama-3.1-8b", *options)
    assert (code, out) == (2, "")
    assert message in err


@pytest.mark.parametrize(("runtime", "gpu", "command"), [
    ("sglang", "h100", "python -m sglang.bench_serving"), ("tensorrt-llm", "h100", "trtllm-bench --model"),
    ("llama.cpp", "rtx-4090", "llama-bench -m")])
def test_each_runtime_has_its_own_benchmark(answer, runtime, gpu, command):
    speed = answer("speed", "llama-3.1-8b", "--gpu", gpu, "--runtime", runtime, "--quant",
                   "q4_k_m" if runtime == "llama.cpp" else "none", "--concurrency", "1")
    assert speed["verify"].startswith(command)


def test_a_table_names_its_basis_and_a_plot_is_drawn(call, tmp_path):
    pytest.importorskip("matplotlib")
    code, out, _ = call(*LLAMA, "--gpus", "2", "--slo", "15ms", "--plot", str(tmp_path / "curve.svg"))
    assert code == 0
    for part in ("basis: vllm dense", "range: 10th to 90th percentile", "verify: vllm bench", "of an idle server"):
        assert part in out
    assert (tmp_path / "curve.svg").read_text("utf-8").startswith("<?xml")


def test_the_same_from_python():
    speed = paramcalc.speed("llama-3.1-8b", "h100", output=256, concurrency="1,8", tp=2)
    assert [point.concurrency for point in speed.points] == [1, 8]
    assert speed.assumptions["output"] == 256
    with pytest.raises(UsageError, match="unknown setting 'colour'"):
        paramcalc.speed("llama-3.1-8b", "h100", colour="red")


RUN = ("train", "llama-2-7b", "--gpu", "h100", "--gpus", "64", "--zero", "1", "--tokens", "2T")


def test_a_run_is_a_range(answer):
    training = answer(*RUN, "--price", "2")
    for name, figure in training["run"].items():
        assert figure["low"] < figure["expected"] < figure["high"], name
    expected = {name: figure["expected"] for name, figure in training["run"].items()}
    assert expected["gpu_hours"] == pytest.approx(64 * 24 * expected["days"], rel=1e-4)
    assert expected["cost_usd"] == pytest.approx(2 * expected["gpu_hours"], rel=1e-4)
    assert training["assumptions"]["run"]["step_tokens"] == 2**22


def test_a_stated_mfu_replaces_the_estimate(answer):
    training = answer(*RUN, "--mfu", "41%", "--power", "1.0", "--pue", "1.1", "--grid", "france")["run"]
    assert all(figure["low"] == figure["high"] for figure in training.values() if figure)
    assert training["mfu"]["expected"] == pytest.approx(0.41)
    assert training["energy_kwh"]["expected"] == pytest.approx(training["gpu_hours"]["expected"] * 0.7 * 1.1, rel=1e-4)
    assert training["co2_kg"]["expected"] == pytest.approx(training["energy_kwh"]["expected"] * 0.044, rel=1e-4)
    assert training["cost_usd"] is None
    share = answer(*RUN, "--mfu", "0.41", "--run-share", "50%")["run"]
    assert share["days"]["expected"] == pytest.approx(2 * training["days"]["expected"], rel=1e-4)


def test_what_does_not_fit_still_has_its_run(call):
    code, out, _ = call("train", "llama-3.1-70b", "--gpu", "h100", "--gpus", "8", "--tokens", "1T", "--json")
    training = json.loads(out)
    assert (code, training["fits"]) == (1, False)
    assert training["run"]["days"]["expected"] > 1000


def test_a_search_shows_days_and_how_many(call, answer):
    search = ("train", "llama-2-7b", "--gpu", "h100", "--gpus", "8", "--search", "--tokens", "1T", "--top", "3")
    training = answer(*search)
    assert len(training["layouts"]) == 3 < training["fitting"]
    assert training["layouts"][0]["tokens_per_second"] >= training["layouts"][-1]["tokens_per_second"] * 0.98
    assert training["layouts"][0]["run"]["days"]["expected"] > 1
    out = call(*search)[1]
    assert "days" in out
    assert f"3 of {training['fitting']} parallel layouts" in out


def test_the_run_is_said_to_people(call):
    code, out, _ = call(*RUN)
    assert code == 0
    for part in ("whole run", "device-hours", "no cost without --price",
                 "a whole run reaches 72% (36% to 90%) of the rate of tuned steps",
                 "steps take 90% (85% to 97%) of its time", "of a step: computing 100%"):
        assert part in out
    assert "stages wait less" not in out


def test_a_run_on_devices_that_nobody_measured_says_so_and_names_no_power_where_none_is_known(call):
    _, out, _ = call("train", "llama-3.1-8b", "--gpu", "trainium1", "--gpus", "64", "--zero", "3", "--tokens", "1T")
    assert "of the peak, an assumption: the span of the measured ones" in out
    assert "of its time\n" in out
    assert "no energy: the power of AWS Trainium is not known: AWS publishes none" in out


def test_a_step_that_waits_says_for_what_and_what_makes_it_shorter(call):
    pipeline = ("train", "llama-3.1-70b", "--gpu", "h100", "--gpus", "256", "--tp", "8", "--pp", "8", "--tokens", "1T")
    _, out, _ = call(*pipeline, "--micro-batches", "8")
    assert re.search(r"of a step: computing \d\d% · collectives \d\d?% · waiting for other stages \d\d%", out)
    assert "stages wait less with --interleave, a larger --global-batch or a smaller --pp" in out
    _, out, _ = call(*pipeline, "--micro-batches", "64", "--interleave", "5")
    assert "stages wait less" not in out


@pytest.mark.parametrize(("options", "message"), [
    (["--mfu", "0.4"], "--mfu has no effect without --tokens"), (["--tokens", "1T"], "--tokens needs --gpu NAME"),
    (["--tokens", "1T", "--gpu", "h100", "--method", "ppo"], "the time of --method ppo is not known"),
    (["--search", "--gpu", "h100", "--gpus", "8", "--tp", "2"], "--tp has no effect with --search, which tries"),
    (["--search", "--gpu", "h100", "--gpus", "8", "--schedule", "zb1p"], "--schedule has no effect with --search"),
    (["--top", "3"], "--top has no effect without --search"),
    (["--global-batch", "8"], "--global-batch has no effect without --search or --tokens"),
    (["--tokens", "1T", "--gpu", "h100", "--mfu", "140%"], "--mfu: "),
    (["--arithmetic", "fp8"], "--arithmetic has no effect without --search or --tokens"),
    (["--tokens", "1T", "--gpu", "h100", "--mfu", "0.4", "--overlap"], "--overlap has no effect with --mfu"),
    (["--tokens", "1T", "--gpu", "a100-80gb", "--arithmetic", "fp8"], "no arithmetic of NVIDIA A100"),
    (["--tokens", "1T", "--gpu", "h100", "--grid", "moon"], "--grid moon: neither a number"),
    (["--tokens", "1T", "--gpu", "h100", "--gpus", "8", "--global-batch", "12"], "is not a multiple of dp"),
    (["--tokens", "1T", "--gpu", "h100", "--global-batch", "8", "--micro-batches", "8"], "set the same value"),
])
def test_what_has_no_effect_in_training_is_refused(call, options, message):
    code, out, err = call("train", "gpt2", *options)
    assert (code, out) == (2, "")
    assert message in err


def test_micro_batches_come_from_what_was_said(answer):
    base = ("train", "gpt2", "--gpu", "h100", "--gpus", "8", "--tokens", "1B", "--seq", "512")
    for options, tokens in ((["--micro-batches", "4"], 4 * 8 * 512), (["--global-batch", "64"], 64 * 512)):
        assert answer(*base, *options)["assumptions"]["run"]["step_tokens"] == tokens


def test_devices_of_another_vendor_get_twice_the_range(answer):
    spans = []
    for gpu in ("h100", "h800", "mi300x"):
        speed = answer("speed", "llama-3.1-8b", "--gpu", gpu, "--concurrency", "1")
        point = speed["points"][0]["tpot_ms"]
        spans.append(point["high"] / point["low"])
        assert ("no device of amd was measured" in speed["basis"]["range"]) == (gpu == "mi300x")
    assert spans == sorted(spans)
    assert spans[2] == pytest.approx(spans[1] ** 2, rel=1e-3)


@pytest.mark.parametrize(("runtime", "gpu", "why"), [
    ("vllm", "m3-max", "vllm does not run on devices of apple"),
    ("tensorrt-llm", "mi300x", "tensorrt-llm does not run on devices of amd"),
    ("sglang", "strix-halo", "no measurement of sglang on")])
def test_runtimes_that_nobody_measured_on_such_a_device_are_refused(call, runtime, gpu, why):
    code, out, err = call("speed", "llama-3.1-8b", "--gpu", gpu, "--runtime", runtime)
    assert (code, out) == (2, "")
    assert why in err


def test_settings_may_be_numbers_from_python():
    speed = paramcalc.speed("llama-3.1-8b", "h100", slo=0.02, measured=(0.012, 8), concurrency=8)
    assert speed.points[0].tpot_ms.expected == pytest.approx(12, rel=1e-4)
    assert speed.slo["tpot_ms"] == 20


def test_runs_and_layouts_from_python():
    run = paramcalc.training_run("llama-3.2-1b", "1T", "h100", 8, mfu=0.4, seq="2k")
    assert run.gpu_hours.expected == pytest.approx(8 * 24 * run.days.expected)
    rows = paramcalc.layouts("llama-3.2-1b", "h100", 2, seq=2048)
    assert {row.layout.devices for row in rows} == {2}
    assert rows[0].layout.dp == 2
    with pytest.raises(UsageError, match="--search needs --gpu NAME and --gpus N"):
        paramcalc.layouts("llama-3.2-1b", None, 2)


def test_quantized_weights_are_not_trained(call):
    code, _, err = call("train", "gpt2", "--quant", "nf4")
    assert code == 2
    assert "quantized weights cannot be trained directly" in err


def test_devices_of_ones_own_without_bandwidth_or_memory_are_refused(call, tmp_path):
    (tmp_path / "own.yaml").write_text("box:\n  name: My Box\n  vendor: nvidia\n  memory: 80 GiB\n"
                                       "  flops: {bf16: 100}\n", "utf-8")
    code, _, err = call("speed", "llama-3.1-8b", "--gpu", "box", "--accelerators", str(tmp_path / "own.yaml"))
    assert code == 2
    assert "bandwidth" in err or "box" in err


def test_a_speed_with_pictures_names_no_command(call):
    """No benchmark of a server sends pictures of a size, so nothing is printed in its place."""
    _, out, _ = call("speed", "qwen2.5-vl-7b", "--gpu", "h100", "--image", "640x480")
    assert "verify" not in out
