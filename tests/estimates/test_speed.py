"""The step model: each term by itself, and the rules that hold whatever the constants."""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest

from paramcalc.build import build
from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.speed import (
    Constants,
    power_shares,
    speed_class,
    speed_classes,
)
from paramcalc.errors import UsageError
from paramcalc.estimates.links import Split, Widths, sent
from paramcalc.estimates.speed import Draft, Requests, Speed, cache_dtype, power_share
from paramcalc.estimates.step import Host, Served, arithmetic, tile
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.reads import Experts, reads
from paramcalc.measures.weights import weight_bytes
from paramcalc.readers.models import load
from paramcalc.transforms.formats import in_formats

H100 = find_accelerator("h100")
IDEAL = Constants()


def served(name="llama-3.1-8b", quant=None, split=Split(), dtype="bf16", runtime="vllm"):  # noqa: B008 - immutable
    model = in_formats(build(load(name).spec), quant)
    return Served(model.tree, split, types("bf16"), dtype, runtime)


def speed_of(name="llama-3.1-8b", device="h100", runtime="vllm", requests=Requests(1024, 512), split=Split(),  # noqa: B008
             **options):
    served_model = served(name, split=split)
    gpu = find_accelerator(device)
    return Speed(served_model, gpu, speed_class(runtime, served_model.moe, gpu), runtime, requests, **options)


def test_a_step_reads_everything_but_the_table():
    tree = build(load("llama-3.1-8b").spec).tree
    table = 128256 * 4096 * 2
    assert reads(tree, "bf16").dense == weight_bytes(tree, "bf16").total - table
    assert reads(tree, "bf16").stored_bytes == weight_bytes(tree, "bf16").total


def test_a_tied_head_is_read_though_it_is_held_once():
    tree = build(load("llama-3.2-1b").spec).tree
    assert reads(tree, "bf16").dense == weight_bytes(tree, "bf16").total


def test_experts_touched_grow_from_the_chosen_to_all():
    (kind,) = reads(build(load("qwen3-30b-a3b").spec).tree, "bf16").experts
    assert kind.touched(1) == pytest.approx(kind.used)
    assert kind.touched(2) == pytest.approx(128 * (1 - (1 - 8 / 128) ** 2))
    assert kind.touched(10_000) == pytest.approx(128)


def test_the_busiest_device_reads_more_experts_than_the_mean():
    (kind,) = reads(build(load("qwen3-30b-a3b").spec).tree, "bf16").experts
    assert kind.touched_on_busiest(5, 1) == kind.touched(5)
    for devices, tokens in ((2, 3), (4, 4), (8, 2), (8, 16)):
        mean, drawn = kind.touched(tokens) / devices, drawn_on_busiest(128, 8, tokens, devices)
        assert kind.touched_on_busiest(tokens, devices) == pytest.approx(drawn, rel=0.1)
        assert mean < kind.touched_on_busiest(tokens, devices) < 128 / devices
    assert kind.touched_on_busiest(10_000, 8) == pytest.approx(16)


def test_one_token_visits_one_of_two_devices():
    """Half an expert on average, 0 or 1 and so a deviation of a half, times Blom's 0.5895 of the larger of two."""
    assert Experts(4, 1, 0).touched_on_busiest(1, 2) == pytest.approx((1 + 0.5895) / 2, abs=1e-4)


def drawn_on_busiest(experts, chosen, tokens, devices, rounds=400):
    """The mean of what random choices touch on the device with most."""
    random = Random(0)
    total = 0
    for _ in range(rounds):
        touched = {expert for _ in range(tokens) for expert in random.sample(range(experts), chosen)}
        total += max(sum(expert % devices == device for expert in touched) for device in range(devices))
    return total / rounds


def test_experts_take_the_flops_of_whole_tiles():
    def work(runtime, sequences, quant=None):
        served_model = served("qwen3-30b-a3b", quant, runtime=runtime)
        return served_model.decode(H100, sequences, 1024).flops

    assert work("llama.cpp", 1) < work("vllm", 1) < 16 * work("llama.cpp", 1)
    routed = flops(served("qwen3-30b-a3b").tree, Workload(1, 1, 1024, 0, "causal")).components["moe_experts"]
    assert work("vllm", 1) - work("llama.cpp", 1) == pytest.approx(15 * routed / H100.flops["bf16"])
    assert work("vllm", 4096) == pytest.approx(work("llama.cpp", 4096))  # every tile is full
    few, many = work("vllm", 128) - work("llama.cpp", 128), work("vllm", 129) - work("llama.cpp", 129)
    assert many > 5 * few  # more rows than experts: tiles of 64
    assert (tile("vllm", "fp8"), tile("tensorrt-llm", "fp8"), tile("vllm", "bf16"), tile("llama.cpp", "fp8")) == (
        64, 16, 16, 1)
    assert (tile("vllm", "bf16", True), tile("vllm", "fp4", True), tile("tensorrt-llm", "bf16", True)) == (64, 16, 16)


def test_the_bytes_and_flops_of_a_step_are_those_of_the_folds():
    served_model = served()
    tree = served_model.tree
    step = served_model.decode(H100, 4, 2048)
    assert step.weights == reads(tree, "bf16").dense / H100.bandwidth
    cache = exact(mixers(tree), Serving(2048, 1, 0), types("bf16")).bytes
    assert step.cache == pytest.approx(4 * cache / H100.bandwidth)
    work = flops(tree, Workload(1, 1, 2048, 0, "causal")).forward
    assert step.flops == pytest.approx(4 * work / H100.flops["bf16"])
    assert (step.wire, step.collectives, step.layers) == (0, 0, 32)


def test_states_are_read_and_written():
    served_model = served("mamba2-2.7b")
    cache = exact(served_model.kinds, Serving(512, 1, 0), served_model.cache_types)
    assert served_model.cache(512) == served_model.cache(4096) == cache.bytes + cache.state_bytes


def test_flops_are_done_at_the_rate_of_their_weights():
    slow, fast = served().fill(H100, 1024), served(quant="fp8_block").fill(H100, 1024)
    assert slow.flops / 2 < fast.flops < slow.flops
    assert [arithmetic(name, "bf16") for name in ("", "fp8_tensor", "mxfp4", "awq", "fp32", "int8_channel")] == [
        "bf16", "fp8", "fp4", "bf16", "fp32", "int8"]
    old = served(quant="nvfp4_pack_quantized").fill(H100, 1024)  # no FP4 units: weights are expanded
    assert old.flops == pytest.approx(slow.flops)


def test_tensor_parallelism_divides_bytes_and_sends_two_all_reduces_a_layer():
    one, four = served().decode(H100, 8, 1024), served(split=Split(4)).decode(H100, 8, 1024)
    assert four.cache == pytest.approx(one.cache / 4)
    assert one.weights / 4 < four.weights < one.weights / 3.9
    assert four.collectives == 64
    assert four.wire == pytest.approx(2 * 32 * 2 * 3 / 4 * 8 * 4096 * 2 / H100.links["nvlink"])


def test_replicas_that_share_experts_exchange_their_tokens():
    widths = Widths(60, 58, 8, 2 * 7168)
    alone, shared = sent(Split(1, 1, 1, 8), widths, 4), sent(Split(1, 1, 8, 8), widths, 4)
    assert alone == (0, 0)
    assert shared == (2 * 58 * 4 * 8 * 2 * 7168 * 7 / 8, 116)
    assert sent(Split(1, 4), widths, 4) == (3 * 4 * 2 * 7168, 3)
    # pairs of devices reduce, and of each token's copies either sends half to the experts of eight devices
    both = 2 * 60 * 2 * 4 * 2 * 7168 / 2 + 2 * 58 * 4 * 8 * 2 * 7168 * 7 / 8 / 2
    assert sent(Split(2, 1, 8, 4), widths, 4) == (both, 2 * 60 + 2 * 58)
    assert sent(Split(1, 1, 2, 2), widths, 4) == (2 * 58 * 4 * 8 * 2 * 7168 / 2, 2 * 58)


@pytest.mark.parametrize(("split", "sharing", "within"), [
    (Split(8), 1, 8), (Split(8, 1, 2), 1, 4), (Split(8, 1, 8), 1, 1), (Split(2, 1, 8, 4), 4, 1),
    (Split(2, 1, 4, 4), 2, 1), (Split(1, 1, 1, 4), 1, 1)])
def test_experts_are_shared_by_replicas_or_within_one(split, sharing, within):
    assert (split.sharing, split.within) == (sharing, within)


def test_devices_of_all_kinds_of_parallelism():
    assert (Split().devices, Split(2, 3, 1, 5).devices, Split(4, 1, 8, 2).devices) == (1, 2 * 3 * 5, 4 * 2)


def test_experts_shared_by_replicas_are_each_on_one_device():
    one_replica, shared = served("qwen3-30b-a3b"), served("qwen3-30b-a3b", split=Split(1, 1, 4, 4))
    assert shared.weights == pytest.approx(one_replica.reads.stored_bytes + one_replica.reads.expert_bytes / 4)
    assert shared.decode(H100, 400, 1024).weights < one_replica.decode(H100, 100, 1024).weights / 2


@pytest.mark.parametrize(("split", "message"), [
    (Split(3, 1, 2), "one must divide the other"), (Split(1, 1, 8, 4), "do not divide dp 4"),
])
def test_splits_that_cannot_be_are_refused(split, message):
    with pytest.raises(UsageError) as caught:
        served("qwen3-30b-a3b", split=split)
    assert message in str(caught.value.problems[0].message)


def test_devices_without_a_link_are_not_joined():
    served_model = served(split=Split(2))
    with pytest.raises(UsageError, match="no link"):
        served_model.decode(H100._replace(links={}), 1, 128)


def test_a_device_without_bandwidth_or_arithmetic_is_refused():
    with pytest.raises(UsageError, match="bandwidth"):
        served().decode(H100._replace(bandwidth=None), 1, 128)
    with pytest.raises(UsageError, match="arithmetic"):
        served().decode(H100._replace(flops={}), 1, 128)
    with pytest.raises(UsageError, match="memory"):
        Speed(served(), H100._replace(memory_bytes=None, usable_bytes=None), speed_classes()[0], "vllm",
              Requests(8, 8))


def test_each_constant_adds_what_it_says():
    step = served("qwen3-30b-a3b", split=Split(2)).decode(H100, 3, 1024)
    base = step.seconds(IDEAL)
    assert base == pytest.approx(max(step.weights + step.cache, step.flops) + step.wire)
    assert step.seconds(Constants(bandwidth=0.5)) == pytest.approx(2 * (step.weights + step.cache) + step.wire)
    assert step.seconds(Constants(cache=0.5)) == pytest.approx(base + step.cache)
    assert step.seconds(Constants(layer=1e-3)) == pytest.approx(base + 48e-3)
    assert step.seconds(Constants(experts=1e-3)) == pytest.approx(base + 48e-3)
    assert step.seconds(Constants(hop=1e-3)) == pytest.approx(base + 96e-3)
    assert step.seconds(Constants(sequence=1e-3)) == pytest.approx(base + 3e-3)
    assert step.seconds(Constants(product=1e-3)) == pytest.approx(base + 48 * 5e-3)
    assert step.seconds(Constants(scheduling=1e-6)) == base  # the host is done before the device
    assert step.seconds(Constants(scheduling=1.0)) == pytest.approx(3.0)
    assert max(step.parts(Constants(flops=1e-6)), key=step.parts(Constants(flops=1e-6)).get) == "flops"


def test_prompts_of_others_are_part_of_the_time_a_token():
    served_model = speed_of()
    point = served_model.point(9)
    step, constants = served_model.step(9), served_model.constants
    joined = step.joined(served_model.filling, 8 / 512, constants)
    assert point.tpot.expected == pytest.approx(step.seconds(constants) + 8 / 512 * joined)
    assert 0 < joined < served_model.filling.seconds(constants)  # weights are not read again
    assert served_model.point(1).tpot.expected == pytest.approx(served_model.step(1).seconds(served_model.constants))


def test_prompts_that_join_one_step_share_what_it_reads():
    step, prompt = served().decode(H100, 8, 512), served().fill(H100, 8)
    assert prompt.flops < step.weights
    assert step.joined(prompt, 0.5, IDEAL) == pytest.approx(0)  # reading hides it
    many = step.joined(prompt, 1000, IDEAL)
    assert many == pytest.approx((step.flops + 1000 * prompt.flops - step.weights - step.cache) / 1000)
    assert step.joined(prompt, 1000, Constants(prompt=1e-3)) == pytest.approx(many + 1e-3)


def test_products_are_counted_by_their_input():
    """Llama: q k v, o, gate and up, down. DeepSeek: to the latents, from either, o, two of the shared and two of the
    routed experts; FP8 rounds their inputs, not the router's."""
    assert served().products == 32 * 4
    assert served(quant="fp8_block").products == 32 * 8
    assert served("deepseek-v3", split=Split(8)).products == 2 * (3 * 6 + 58 * 8) + 58


def test_tensorrt_llm_keeps_a_cache_in_fp8_where_checkpoints_say_so():
    def cache(name, quant=None, runtime="tensorrt-llm"):
        return cache_dtype(runtime, served(name, quant).tree, "bf16")

    assert cache("llama-3.1-8b", "fp8_block") == cache("llama-3.1-8b", "nvfp4_pack_quantized") == "fp8"
    assert cache("gpt-oss-20b") == cache("llama-3.1-8b") == cache("llama-3.1-8b", "fp8_block", "vllm") == "bf16"


def test_throughput_is_requests_over_time():
    point = speed_of().point(8)
    assert point.tokens_per_second.expected == pytest.approx(8 / point.tpot.expected)
    assert point.tokens_per_second.low == pytest.approx(8 / point.tpot.high)
    assert point.tpot.low < point.tpot.expected < point.tpot.high


def test_requests_without_room_wait():
    served_model = speed_of(requests=Requests(8192, 1024))
    most = served_model.most_requests
    assert 20 < most < 100
    assert served_model.point(most).fits
    assert not served_model.point(most + 1).fits
    assert served_model.point(10_000).running == served_model.point(1000).running < 100
    assert served_model.point(10_000).tpot == served_model.point(1000).tpot


def test_nothing_runs_faster_with_more_to_do():
    served_model = speed_of()
    points = [served_model.point(2**n) for n in range(8)]
    assert all(one.tpot.expected < two.tpot.expected for one, two in pairwise(points))
    assert all(one.tokens_per_second.expected < two.tokens_per_second.expected for one, two in pairwise(points))


def test_the_most_requests_within_a_time():
    served_model = speed_of()
    most = served_model.within(0.012)
    assert served_model.point(most).tpot.expected <= 0.012 < served_model.point(most + 1).tpot.expected
    assert served_model.within(1e-6) == 0
    assert speed_of("llama-3.1-70b").within(1) == 0  # no room


def test_accepted_drafts_divide_the_step():
    plain, drafted = speed_of(), speed_of(draft=Draft(3, 2.5, served("llama-3.2-1b")))
    assert plain.point(1).tpot.expected / 2.5 < drafted.point(1).tpot.expected < plain.point(1).tpot.expected
    heads = speed_of(draft=Draft(3, 2.5))
    assert heads.point(1).tpot.expected < drafted.point(1).tpot.expected


def test_weights_in_the_hosts_memory_are_read_from_there():
    device = find_accelerator("rtx-4090")
    served_model = served("llama-3.1-70b", quant="q4_k_m")
    host = Host(0.5, 80 * 10**9)
    step = served_model.decode(device, 1, 512, host=host)
    on_cards = served_model.decode(device, 1, 512)
    assert step.weights == pytest.approx(on_cards.weights / 2)
    assert step.host == pytest.approx(served_model.reads.dense / 2 / 80e9)
    kind = speed_class("llama.cpp", False, device)
    roomy = Speed(served_model, device, kind, "llama.cpp", Requests(512, 128), host=host)
    assert roomy.most_requests >= 1


def test_a_measurement_scales_and_narrows():
    plain = speed_of()
    factor = 0.0125 / plain.point(8).tpot.expected
    served_model = speed_of(measured=factor, calibrated=True)
    point = served_model.point(8)
    assert point.tpot.expected == pytest.approx(0.0125)
    assert point.tpot.high / point.tpot.low <= plain.point(8).tpot.high / plain.point(8).tpot.low


def test_a_device_that_was_not_measured_has_the_wider_range():
    for kind in speed_classes():
        assert kind.outside.low <= kind.inside.low <= 1 <= kind.inside.high <= kind.outside.high
    assert speed_of().spread == speed_of().kind.inside
    assert speed_of(device="a100").spread == speed_of().kind.outside


def test_first_token_is_offered_only_where_it_was_measured():
    for kind in speed_classes():
        assert kind.ttft is None or kind.ttft.low <= kind.ttft.middle <= kind.ttft.high
    assert speed_of().point(1).ttft is not None
    assert speed_of(device="strix-halo", runtime="llama.cpp").point(1).ttft is None


def test_joules_follow_power_and_throughput():
    point = speed_of().point(4)
    share = power_share(4)
    assert point.joules_per_token.expected == pytest.approx(700 * share.expected / point.tokens_per_second.expected)
    assert speed_of(device="tpu-v5e").point(1).joules_per_token is None
    assert power_share(10**9) == power_shares()[-1]
    assert [one.sequences for one in power_shares()] == sorted(one.sequences for one in power_shares())


def test_towers_are_not_passed_while_a_token_is_decoded():
    """SigLIP's 27 layers of Gemma 3 run over pictures; their launches are none of a decoded token's."""
    text, pictures = served("gemma-3-1b"), served("gemma-3-4b")
    assert (text.widths.layers, pictures.widths.layers) == (26, 34)
    assert text.products / 26 == pictures.products / 34 == 4


def test_layers_of_one_part_count_half():
    assert served("nemotron-h-56b").widths.layers == 118 / 2
    assert served().widths.layers == 32
