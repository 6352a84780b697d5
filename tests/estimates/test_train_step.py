"""The time of a training step, and of a run of them: measured steps, published runs, and what may not be asked."""

import pytest

from paramcalc.activations.fold import Tokens
from paramcalc.build import build
from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.training import Shares, attained, run_share, tuning
from paramcalc.errors import UsageError
from paramcalc.estimates.figure import Figure
from paramcalc.estimates.run import Terms, model_flops, run
from paramcalc.estimates.traffic import Facts, Volumes, facts, volumes
from paramcalc.estimates.train_step import Stepper, StepTime
from paramcalc.estimates.training import Recipe, Trainer
from paramcalc.estimates.training_layout import Layout
from paramcalc.readers.models import load
from tests.speed.fit_training import attained as share_of
from tests.speed.fit_training import fitted, percentiles
from tests.speed.training import Measured, published_runs, step_time, stepper, steps

BLOOMBERG = ("num_layers=70", "hidden_size=7680", "num_heads=40", "num_kv_heads=40", "head_dim=192",
             "intermediate_size=30720", "vocab_size=131072")
"""BloombergGPT's sizes, arXiv:2303.17564."""
DEVICES = {"A100": "a100-80gb", "Hopper": "h100", "Blackwell": "b200"}


def catalog(device, arithmetic="bf16"):
    return attained(find_accelerator(device), arithmetic)


def test_steps_of_megatron_are_within_fifteen_percent():
    shares = catalog("b200").shares
    errors = [each.time.range(shares).expected / each.seconds - 1 for each in steps()]
    assert len(errors) == 22
    assert sum(abs(error) <= 0.15 for error in errors) >= 0.9 * len(errors)
    assert min(errors) < 0 < max(errors)


def test_the_shares_of_the_catalog_are_those_that_were_measured():
    """All but those of Hopper's experts and FP8, of which there are few measurements: those lie in the range."""
    for (devices, arithmetic, kind), (values, *_) in fitted().items():
        low, middle, high = percentiles([value for value in values if value])
        shares = [getattr(one, kind) for one in catalog(DEVICES[devices], arithmetic).shares]
        if len(values) > 4:
            assert shares == [pytest.approx(value, abs=0.001) for value in (low, middle, high)]
        else:
            assert shares[0] <= low <= high <= shares[2]


@pytest.mark.parametrize("large", [False, True])
def test_published_runs_reach_the_share_of_the_catalog(large):
    alike = [one for one in published_runs() if one.large is large]
    low, middle, high = percentiles([one.share for one in alike])
    shares = tuning(alike[0].parameters)
    assert len(alike) >= 10
    assert shares[:2] == (pytest.approx(low, abs=0.001), pytest.approx(middle, abs=0.001))
    assert shares[2] == pytest.approx(min(1, high), abs=0.001)


def test_hours_of_most_published_runs_are_near_and_in_the_range():
    """Llama 3 8B and BloombergGPT took twice as long as their peers, Falcon 180B less."""
    runs = list(published_runs())
    assert len(runs) >= 25
    assert sum(abs(one.predicted.expected / one.hours - 1) <= 0.25 for one in runs) >= 0.7 * len(runs)
    assert sum(one.predicted.low <= one.hours <= one.predicted.high for one in runs) >= 0.8 * len(runs)
    largest = next(one for one in runs if one.name == "llama-3.1-405b")
    assert largest.predicted.expected == pytest.approx(largest.hours, rel=0.25)


def test_tensor_parallelism_costs_what_it_was_measured_to():
    """Llama 3.1 8B on 128 H100 without it, whose share of the peak is taken, and on 64 with it (pytorch/torchtitan@
    b5bcd76c66d0:benchmarks); 175B on 64 A100 (arXiv:2205.05198, table 5)."""
    model, tokens = stepper("llama-3.1-8b", "h100"), Tokens(2, 8192, 8192)
    alone = step_time(model, Layout(dp=128, zero=3, micro_batches=1), tokens, "per-op")
    share = share_of(Measured("", "", False, "bf16", 2 * 8192 / 6514, alone))
    divided = step_time(model, Layout(8, 1, 8, zero=3, micro_batches=1), tokens._replace(batch=12), "per-op")
    assert divided.at(Shares(share, share, share)) == pytest.approx(12 * 8192 / 8 / 4378, rel=0.03)
    sizes = ("num_layers=96", "hidden_size=12288", "num_heads=96", "num_kv_heads=96", "intermediate_size=49152",
             "vocab_size=51200")
    recipe = Recipe(grad_dtype="fp32")
    large = Stepper(Trainer(build(load("gpt3-175b", sizes).spec), recipe), find_accelerator("a100-80gb"))
    layout = Layout(8, 8, 1, interleave=3, micro_batches=64)
    step = step_time(large, layout, Tokens(1, 2048, 2048), "selective").range(large.attained.shares)
    assert step.expected == pytest.approx(13.75, rel=0.03)


def test_what_hides_behind_computation_costs_nothing():
    full_rate, half, quarter = (Shares(share, share, share) for share in (1.0, 0.5, 0.25))
    hidden = StepTime(products=6.0, experts=2.0, plain=2.0, collectives=0.0, ring=1.0, pairs=2.0, data=5.0, update=0.0,
                      bubble=0.0)
    assert hidden.at(full_rate) == 10.0
    assert hidden._replace(ring=3.0).at(full_rate) == 11.0
    assert hidden._replace(data=8.0).at(full_rate) == pytest.approx(10.0 + 8.0 - 20 / 3)
    assert hidden._replace(products=11.0, bubble=0.5, update=1.0).at(half) == pytest.approx(30 * 1.5 + 1)
    assert hidden.range((quarter, half, full_rate)) == Figure(10.0, 20.0, 40.0)
    assert hidden.at(Shares(0.5, 0.25, 1.0)) == 12 + 8 + 2
    every = hidden._replace(collectives=2.0, bubble=0.5, data=20.0, update=1.0)
    assert every.parts(full_rate) == (10.0, 2.0, 6.0, pytest.approx(20 - 20 / 3), 1.0)
    assert every.at(full_rate) == sum(every.parts(full_rate))
    waiting = hidden._replace(collectives=12.0)
    assert (waiting.at(full_rate), waiting._replace(overlap=True).at(full_rate)) == (22.0, 12.0)


def test_experts_on_several_nodes_exchange_a_token_once_for_each_node():
    """Of 8 experts on 8 nodes a token visits 8 · (1 − (7/8)^8) = 5.25 nodes on average, of which 7/8 are others."""
    experts = Facts(58, 58, 8, 7168, 576)
    near, two, far = (volumes(Layout(ep=ep, dp=64), experts, 0, 4096, 1, node=8) for ep in (8, 16, 64))
    assert near.expert == 4 * 58 * 4096 * 8 * 7168 * 2 * 7 // 8
    assert near.expert_nodes == 0
    assert two.expert_nodes == pytest.approx(4 * 58 * 4096 * 7168 * 2 * 2 * (1 - (1 / 2) ** 8) / 2)
    assert far.expert_nodes == pytest.approx(4 * 58 * 4096 * 7168 * 2 * 8 * (1 - (7 / 8) ** 8) * 7 / 8)


DENSE = Facts(32, 0, 0, 4096, 2048)
"""Layers, those with experts, experts chosen, the width, keys and values: Llama 3 8B's."""
ROWS = 8192 * 4096 * 2
"""Bytes of the hidden state of 8,192 tokens in bf16."""


@pytest.mark.parametrize(("layout", "options", "sent"), [
    # four all-reduces a layer, each of twice three quarters of the rows; six where forward is computed again
    (Layout(tp=4), {}, {"tensor": 4 * 32 * 2 * ROWS * 3 // 4}),
    (Layout(tp=4), {"again": True}, {"tensor": 6 * 32 * 2 * ROWS * 3 // 4}),
    (Layout(tp=4), {"width": 4}, {"tensor": 4 * 32 * 2 * 2 * ROWS * 3 // 4}),
    # a quarter of the layers; the rows over a boundary and their gradients back, of which each device sends its part
    (Layout(tp=2, pp=4), {}, {"tensor": 4 * 8 * 2 * ROWS // 2, "stage": 2 * ROWS // 2}),
    (Layout(pp=4), {}, {"stage": 2 * ROWS}), (Layout(pp=2), {}, {"stage": 2 * ROWS}),
    # half of the tokens; keys and values to the one neighbour forward, with their gradients backward
    (Layout(cp=2), {}, {"sequence": 3 * 32 * 4096 * 2048 * 2, "data": 2 * 1000 // 2}),
    (Layout(tp=2, cp=4), {}, {"tensor": 4 * 32 * 2 * (ROWS // 4) // 2, "sequence": 3 * 32 * 2048 * 2048 * 2 * 3 // 2,
                              "data": 2 * 1000 * 3 // 4}),
    # gradients over replicas and parts of sequences alike
    (Layout(cp=2, dp=4), {}, {"sequence": 3 * 32 * 4096 * 2048 * 2, "data": 2 * 1000 * 7 // 8}),
])
def test_each_kind_of_parallelism_sends_its_own(layout, options, sent):
    none = dict.fromkeys(Volumes._fields, 0)
    assert volumes(layout, DENSE, 1000, 8192, 1, node=8, **options)._asdict() == none | sent


def test_experts_on_stages_and_tensor_parallel_devices_are_a_part_each():
    """Of 58 layers with experts half; of the rows a half; eight copies of each token, of which 3/4 go to others."""
    sent = volumes(Layout(tp=2, pp=2, ep=4, dp=4), Facts(61, 58, 8, 4096, 576), 0, 8192, 1, node=8)
    assert sent.expert == 4 * 29 * (ROWS // 2) * 8 * 3 // 4


@pytest.mark.parametrize(("name", "expected"), [
    ("llama-3.1-8b", (32, 0, 0, 4096, 2 * 8 * 128)), ("qwen3-30b-a3b", (48, 48, 8, 2048, 2 * 4 * 128)),
    ("deepseek-v3", (61, 58, 8, 7168, 512 + 64))])
def test_what_communication_depends_on(name, expected):
    assert facts(build(load(name).spec).tree) == expected


def test_gathered_weights_are_sent_as_they_are_kept():
    """Of 1,000 parameters: for each of two micro-batches two gathers in bf16 and a scatter of gradients in fp32."""
    small = Facts(2, 0, 0, 8, 0)
    sharded = volumes(Layout(dp=8, zero=3), small, 4000, 4096, 2, node=8, weights=2000)
    assert sharded.data == 2 * (2 * 2000 + 4000) * 7 // 8
    assert volumes(Layout(dp=8, zero=1), small, 4000, 4096, 2, node=8, weights=2000).data == 2 * 4000 * 7 // 8


def test_deepseek_v3_as_published():
    """arXiv:2412.19437: 2.664M H800 hours for 14.8T tokens, in FP8, 16 stages by DualPipe, experts on 64 devices,
    15,360 sequences a step; steps alone, which it had no reason to leave."""
    model = stepper("deepseek-v3", "h800", arithmetic="fp8", overlap=None)
    layout = Layout(pp=16, dp=128, ep=64, zero=1, micro_batches=120)
    plain, dual = (
        step_time(model, layout._replace(schedule=name), Tokens(1, 4096, 4096), "none").range(model.attained.shares)
        .times(14.8e12 / (15360 * 4096) * 2048 / 3600) for name in ("1f1b", "dualpipe"))
    assert dual.low < 2.664e6 < dual.high
    assert dual.expected == pytest.approx(2.664e6, rel=0.10)
    assert dual.expected < 0.95 * plain.expected


@pytest.mark.parametrize(("name", "recompute", "waiting"), [
    ("1f1b", "none", 3), ("zb1p", "none", 3 * (3 - 2) / 3), ("dualpipe", "none", (4 / 2 - 1) * (3 + 2 - 3) / 3),
    ("1f1b", "full", 3), ("zb1p", "full", 3 * (4 - 2) / 4), ("dualpipe", "full", (4 / 2 - 1) * (4 + 3 - 3) / 4)])
def test_schedules_wait_as_their_table_says(name, recompute, waiting):
    """arXiv:2412.19437, table 2, of 4 stages: (PP-1)(F+B), (PP-1)(F+B-2W), (PP/2-1)(F&B+B-3W), where B is 2F, or 3F
    with forward again, W is F, and F&B takes both."""
    layout = Layout(pp=4, schedule=name, micro_batches=8)
    time = step_time(stepper("mpt-7b", "h100", overlap=None), layout, Tokens(1, 2048, 2048), recompute)
    assert time.bubble == pytest.approx(waiting / 8)
    assert time.overlap is (name == "dualpipe")


def test_two_directions_share_the_heaviest_stage():
    """The head makes the last stage the heaviest; of DualPipe its devices compute half of each end."""
    model, load = stepper("mpt-7b", "h100"), Tokens(1, 2048, 2048)
    plain, dual = (step_time(model, Layout(pp=4, schedule=name, micro_batches=8), load, "none")
                   for name in ("1f1b", "dualpipe"))
    assert dual.products == plain.products
    assert dual.plain < plain.plain


def test_a_pipeline_waits_less_with_more_micro_batches_or_chunks():
    model = stepper("mpt-7b", "h100")
    load = Tokens(1, 2048, 2048)
    few, many = (step_time(model, Layout(pp=4, micro_batches=count), load, "none") for count in (4, 32))
    chunks = step_time(model, Layout(pp=4, micro_batches=4, interleave=2), load, "none")
    assert few.bubble == pytest.approx(3 / 4)
    assert many.bubble == pytest.approx(3 / 32)
    assert chunks.bubble == pytest.approx(3 / 8)
    assert many.at(Shares(0.5, 0.5, 0.5)) / 32 < few.at(Shares(0.5, 0.5, 0.5)) / 4


def test_recomputation_adds_the_forward_pass_of_layers():
    model = stepper("mpt-7b", "h100")
    layout = Layout(micro_batches=1)
    none, full = (step_time(model, layout, Tokens(1, 2048, 2048), recompute) for recompute in ("none", "full"))
    assert full.products == pytest.approx(none.products * 4 / 3, rel=0.01)
    head = 3 * 2 * 50_432 * 4_096 * 2_048 / 989.4e12
    assert full.plain == pytest.approx((none.plain - head) * 4 / 3 + head, rel=1e-3)
    assert full.pairs == none.pairs


def test_devices_that_nobody_measured_get_a_wide_range():
    model = Stepper(Trainer(build(load("gpt2").spec), Recipe()), find_accelerator("mi300x"))
    low, expected, high = (one.products for one in model.attained.shares)
    assert model.attained.records == 0
    assert high / low > 2
    assert low < expected < high


def test_a_device_without_links_or_arithmetic_is_refused():
    trainer = Trainer(build(load("llama-3.2-1b").spec), Recipe())
    alone = Stepper(trainer, find_accelerator("h100")._replace(links={}))
    with pytest.raises(UsageError, match="no link of NVIDIA H100 SXM is known, and 2 of them have to exchange"):
        alone.step(Layout(tp=2), Tokens(1, 1024, 1024), "none", 1)
    with pytest.raises(UsageError, match="no arithmetic of NVIDIA H100 SXM is known for bf16"):
        Stepper(trainer, find_accelerator("h100")._replace(flops={}))


def test_llama_3_1_405b_from_its_printed_mfu():
    """arXiv:2407.21783: 41 % on 16,384 H100s at 8k while running; the card says 30.84M hours of the whole run."""
    tree = build(load("llama-3.1-405b").spec).tree
    per_token = model_flops(tree, Tokens(1, 8192, 8192))
    device = find_accelerator("h100")
    stated = Terms(15_600_000_000_000, mfu=0.41, power=1.0, pue=1.0, grid=413.0)
    alone = run(per_token, 8192, None, device, 16384, 989 * 10**12, stated)
    assert alone.gpu_hours.expected == pytest.approx(28.06e6, rel=0.01)
    assert alone.gpu_hours.low == alone.gpu_hours.high
    full_rate = run(per_token, 8192, None, device, 16384, 989 * 10**12, stated._replace(run_share=0.9))
    assert full_rate.mfu == alone.mfu == Figure(*[pytest.approx(0.41)] * 3)


@pytest.mark.parametrize(("model", "changes", "tokens", "seq", "gpu", "mfu", "hours"), [
    ("llama-3.1-405b", (), 15.6e12, 8192, "h100", 0.41, 30.84e6),  # arXiv:2407.21783, section 3.3.2
    ("bloom-176b", (), 366e9, 2048, "a100-80gb", 149.8 * 3 / 4 / 312, 1_082_990),  # 149.8 TFLOP/s with recomputation
    ("bloom-176b", BLOOMBERG, 569e9, 2048, "a100-40gb", 102 * 3 / 4 / 312, 651_264),  # 102 TFLOP/s with recomputation
    ("llama-65b", (), 1.4e12, 2048, "a100-80gb", None, 1_022_362),  # arXiv:2302.13971: 380 tokens a second a device
])
def test_hours_of_published_runs_from_what_they_print_of_their_steps(model, changes, tokens, seq, gpu, mfu, hours):
    """The share of a run that steps take is that of the catalog, which no run's hours went into."""
    tree, device = build(load(model, changes).spec).tree, find_accelerator(gpu)
    per_token, peak = model_flops(tree, Tokens(1, seq, seq)), device.peak("bf16")[1]
    terms = Terms(int(tokens), mfu=mfu or 380 * per_token / peak, run_share=run_share()[1])
    assert run(per_token, seq, None, device, 1, peak, terms).gpu_hours.expected == pytest.approx(hours, rel=0.15)


@pytest.mark.parametrize(("hours", "watts", "grams", "tonnes"), [
    (1_720_320, 400, 423.4, 291.42), (7_000_000, 700, 416.3, 2040), (184_320, 400, 423.4, 31.22)])
def test_carbon_of_model_cards_under_their_own_assumptions(hours, watts, grams, tonnes):
    """Llama 2 70B and 7B, Llama 3.1 70B: hours, watts and tonnes of meta-llama/llama-models@a9c89c471f79; grams follow
    from the cards' totals, PUE in them."""
    device = find_accelerator("h100")._replace(power_watts=watts)
    per_token = 3600 * 10**12 * hours * 0.5 / 10**9
    training_run = run(per_token, 1, None, device, 1, 10**12, Terms(10**9, mfu=0.5, power=1.0, pue=1.0, grid=grams))
    assert training_run.gpu_hours.expected == pytest.approx(hours)
    assert training_run.co2_kg.expected / 1000 == pytest.approx(tonnes, rel=0.03)


def test_what_is_not_known_is_not_said():
    device = find_accelerator("h100")._replace(power_watts=None)
    training_run = run(1e9, 1, Figure(1.0, 2.0, 3.0), device, 1, 10**12, Terms(10**9))
    assert (training_run.energy_kwh, training_run.co2_kg, training_run.cost_usd) == (None, None, None)
    assert training_run.run_share.low < training_run.run_share.high <= 1
    assert training_run.mfu.low < training_run.mfu.expected < training_run.mfu.high
    assert training_run.days.low < training_run.days.expected < training_run.days.high
    assert run(1e9, 1, Figure(1.0, 2.0, 3.0), device, 1, 10**12, Terms(10**9, price=2.0)).cost_usd.expected > 0
