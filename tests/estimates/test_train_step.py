"""The time of a training step, and of a run of them: measured steps, published runs, and what may not be asked."""

import pytest

from paramcalc.activations.fold import Tokens
from paramcalc.build import build
from paramcalc.catalog.accelerators import find_accelerator
from paramcalc.catalog.training import run_share
from paramcalc.errors import UsageError
from paramcalc.estimates.figure import Figure
from paramcalc.estimates.run import Terms, model_flops, run
from paramcalc.estimates.train_step import Stepper, StepTime
from paramcalc.estimates.training import Layout, Recipe, Trainer
from paramcalc.readers.models import load
from tests.speed.fit_training import attained, percentiles
from tests.speed.training import published_runs, rates, step_time, stepper, steps


def test_steps_of_megatron_are_within_fifteen_percent():
    errors = [each.time.range(stepper("llama-3-70b", "b200", 12).attained.share if not each.moe else
                              stepper("deepseek-v2", "b200", 4).attained.share).expected / each.seconds - 1
              for each in steps()]
    assert len(errors) == 22
    assert sum(abs(error) <= 0.15 for error in errors) >= 0.9 * len(errors)
    assert min(errors) < 0 < max(errors)


def test_the_shares_of_the_catalog_are_those_that_were_measured():
    groups = {}
    for each in [*steps(), *rates()]:
        groups.setdefault((each.devices, each.moe), []).append(each)
    for (_, moe), measured in groups.items():
        shares = [share for each in measured if (share := attained(each)) is not None]
        low, middle, high = percentiles(shares)
        known = next(model.attained.share for model in (stepper("llama-3-70b", "b200", 12), stepper("mpt-7b", "h100"),
                     stepper("mpt-7b", "a100-80gb"), stepper("deepseek-v2", "b200", 4))
                     if model.attained.name == measured[0].devices and bool(model.facts.moe_layers) is moe)
        assert known[1] == pytest.approx(middle, abs=0.001)
        assert known[0] <= low + 0.001
        assert known[2] == pytest.approx(high, abs=0.001)


def test_published_runs_lie_within_the_share_of_the_catalog():
    shares = [one.share for one in published_runs()]
    low, middle, high = percentiles(shares)
    assert run_share()[:2] == (pytest.approx(low, abs=0.01), pytest.approx(middle, abs=0.01))
    assert run_share()[2] == min(1, high)


def test_what_hides_behind_computation_costs_nothing():
    hidden = StepTime(10.0, 0.0, 0.0, 1.0, 2.0, 5.0, 0.0, 0.0)
    assert hidden.at(1.0) == 10.0
    assert hidden._replace(ring=3.0).at(1.0) == 11.0
    assert hidden._replace(data=8.0).at(1.0) == pytest.approx(10.0 + 8.0 - 20 / 3)
    assert hidden._replace(recompute=5.0, bubble=0.5, update=1.0).at(0.5) == pytest.approx(30 * 1.5 + 1)
    assert hidden.range((0.25, 0.5, 1.0)) == Figure(10.0, 20.0, 40.0)


def test_a_pipeline_waits_less_with_more_micro_batches_or_chunks():
    model = stepper("mpt-7b", "h100")
    load = Tokens(1, 2048, 2048)
    few, many = (step_time(model, Layout(pp=4, micro_batches=count), load, "none") for count in (4, 32))
    chunks = step_time(model, Layout(pp=4, micro_batches=4, interleave=2), load, "none")
    assert few.bubble == pytest.approx(3 / 4)
    assert many.bubble == pytest.approx(3 / 32)
    assert chunks.bubble == pytest.approx(3 / 8)
    assert many.at(0.5) / 32 < few.at(0.5) / 4


def test_recomputation_adds_forward():
    model = stepper("mpt-7b", "h100")
    layout = Layout(micro_batches=1)
    none, full = (step_time(model, layout, Tokens(1, 2048, 2048), recompute) for recompute in ("none", "full"))
    assert full.recompute == pytest.approx(none.compute / 3, rel=0.01)
    assert none.recompute == 0


def test_devices_that_nobody_measured_get_a_wide_range():
    model = Stepper(Trainer(build(load("gpt2").spec), Recipe()), find_accelerator("mi300x"))
    low, expected, high = model.attained.share
    assert model.attained.records == 0
    assert high / low > 2
    assert low < expected < high


def test_a_device_without_links_or_arithmetic_is_refused():
    trainer = Trainer(build(load("llama-3.2-1b").spec), Recipe())
    alone = Stepper(trainer, find_accelerator("h100")._replace(links={}))
    with pytest.raises(UsageError, match="no link of NVIDIA H100 SXM is known, and 2 of them exchange data"):
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
    whole = run(per_token, 8192, None, device, 16384, 989 * 10**12, stated._replace(run_share=0.9))
    assert whole.gpu_hours.expected == pytest.approx(30.84e6, rel=0.15)
    assert whole.mfu == alone.mfu == Figure(*[pytest.approx(0.41)] * 3)


@pytest.mark.parametrize(("hours", "watts", "grams", "tonnes"), [
    (1_720_320, 400, 423.4, 291.42), (7_000_000, 700, 416.3, 2040), (184_320, 400, 423.4, 31.22)])
def test_carbon_of_model_cards_under_their_own_assumptions(hours, watts, grams, tonnes):
    """Llama 2 70B and 7B, Llama 3.1 70B: hours, watts and tonnes of meta-llama/llama-models@a9c89c471f79; grams follow
    from the cards' totals, PUE in them."""
    device = find_accelerator("h100")._replace(power_watts=watts)
    per_token = 3600 * 10**12 * hours * 0.5 / 10**9
    found = run(per_token, 1, None, device, 1, 10**12, Terms(10**9, mfu=0.5, power=1.0, pue=1.0, grid=grams))
    assert found.gpu_hours.expected == pytest.approx(hours)
    assert found.co2_kg.expected / 1000 == pytest.approx(tonnes, rel=0.03)


def test_what_is_not_known_is_not_said():
    device = find_accelerator("h100")._replace(power_watts=None)
    found = run(1e9, 1, Figure(1.0, 2.0, 3.0), device, 1, 10**12, Terms(10**9))
    assert (found.energy_kwh, found.co2_kg, found.cost_usd) == (None, None, None)
    assert found.run_share.low < found.run_share.high <= 1
    assert found.mfu.low < found.mfu.expected < found.mfu.high
    assert found.days.low < found.days.expected < found.days.high
    assert run(1e9, 1, Figure(1.0, 2.0, 3.0), device, 1, 10**12, Terms(10**9, price=2.0)).cost_usd.expected > 0
