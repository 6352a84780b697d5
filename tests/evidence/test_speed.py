"""Measured serving speed: how far ours is off, and how often the printed range holds."""

from __future__ import annotations

from statistics import median

import pytest

from paramcalc.catalog.speed import release_numbers, speed_classes
from tests.evidence.accuracy import served
from tests.evidence.speed import answered, fits, stated, summary
from tests.speed.records import table

LIMITS = {
    "vllm dense": (0.07, 0.20), "vllm moe": (0.12, 0.30), "tensorrt-llm dense": (0.08, 0.20),
    "tensorrt-llm moe": (0.12, 0.30), "tensorrt-llm moe to 1.1": (0.12, 0.30),
    "sglang dense": (0.15, 0.30), "sglang moe": (0.12, 0.30),
    "llama.cpp geforce and rtx": (0.05, 0.15), "llama.cpp radeon": (0.08, 0.30), "llama.cpp apple": (0.10, 0.35),
    "llama.cpp nvidia shared memory": (0.12, 0.25), "llama.cpp nvidia server": (0.10, 0.25),
    "llama.cpp amd shared memory": (0.10, 0.30),
}
"""Median and 90th percentile of how far ours is off, two-sided."""
CLOSED = {"vllm moe to 0.12"}
"""Classes most of whose rows are those of a closed loop: `test_energy` has their limits."""
HOLDOUT = {"vllm dense": (0.07, 0.20), "vllm moe": (0.14, 0.30), "tensorrt-llm dense": (0.08, 0.20),
            "tensorrt-llm moe": (0.15, 0.35), "tensorrt-llm moe to 1.1": (0.15, 0.35),
            "sglang moe": (0.15, 0.35), "llama.cpp geforce and rtx": (0.04, 0.12), "llama.cpp apple": (0.10, 0.35)}
"""The same of configurations that were not fitted."""


def test_nearly_every_row_that_states_its_settings_is_answered():
    """Rows of models without a specification state theirs too; others left out do not, or are of other runtimes."""
    unknown = [row for row in table("left_out.csv") if row["why"] == "no specification of the model here"]
    assert 0 < len(unknown) < 100
    assert len(answered()) >= 0.95 * (len(stated()) + len(unknown))


@pytest.mark.parametrize("name", LIMITS)
def test_a_class_is_as_near_as_it_says(name):
    count, middle, tail, bias, inside = summary()[name]
    assert count >= 20
    assert middle <= LIMITS[name][0]
    assert tail <= LIMITS[name][1]
    assert abs(bias) <= 0.03
    assert 0.7 <= inside <= 0.97


@pytest.mark.parametrize("name", HOLDOUT)
def test_what_was_not_fitted_is_as_near(name):
    kind = next(one for one in speed_classes() if one.name == name)
    assert kind.median_error <= HOLDOUT[name][0]
    assert kind.p90_error <= HOLDOUT[name][1]
    assert len(kind.constants.set_ones()) <= 5


def test_runs_that_decode_speculatively_are_not_fitted():
    """Their entries say so in the benchmark, not in the columns of the source."""
    speculative = [row for row in table("serving.csv") if row["why"].startswith("decoded speculatively")]
    assert {(row["model"], row["version"]) for row in speculative} == {
        ("deepseek-v3", "1.2.0rc6.post3"), ("deepseek-v3", "1.1.0rc2.post2"), ("qwen3.5-397b-a17b", "0.5.9")}
    assert not {row["source"] for row in speculative} & {one.row.source for one in answered()}


def test_every_class_has_its_limits():
    assert set(summary()) == set(LIMITS) | CLOSED


@pytest.mark.parametrize(("start", "middle", "tail"), [("vllm moe", 0.14, 0.30), ("tensorrt-llm moe", 0.15, 0.35)])
def test_releases_together_are_near_where_they_were_not_fitted(start, middle, tail):
    off = sorted(abs(one) for name, ones in served().items() if name.startswith(start) for one in ones)
    assert len({name for name in served() if name.startswith(start)}) == 2
    assert median(off) <= middle
    assert off[int(0.9 * len(off))] <= tail


def test_a_release_has_the_class_it_was_measured_in():
    """Rows of one source state theirs; nightly images have none and are of the newest."""
    later = {one.row.release for one in answered() if one.kind.name == "vllm moe"}
    earlier = {one.row.release for one in answered() if one.kind.name == "vllm moe to 0.12"}
    assert earlier == {"0.10.2", "0.12.0"}
    assert later
    assert min(map(release_numbers, later)) > max(map(release_numbers, earlier))


def test_ideal_hardware_is_faster_than_any_measurement():
    fair = [one for one in answered() if fits(one)]
    assert sum(one.bound < one.row.tpot for one in fair) >= 0.99 * len(fair)


def test_what_was_left_out_of_the_fits_of_servers():
    """Configurations in the mean of servers' rows; devices and models with those of a closed loop."""
    off = [abs(one) for name, ones in served().items() if not name.startswith("llama.cpp") for one in ones]
    assert len(off) >= 400
    assert sum(off) / len(off) <= 0.17
    servers = [kind for kind in speed_classes() if kind.runtime != "llama.cpp"]
    rows = sum(kind.records for kind in servers)
    _, devices, models = (sum(kind.records * kind.mean_errors[part] for kind in servers) / rows
                          for part in range(3))
    assert devices <= 0.23
    assert models <= 0.25


def test_seven_to_nine_of_ten_measurements_lie_in_the_printed_range():
    fair = [one for one in answered() if fits(one)]
    assert 0.7 * len(fair) <= sum(one.inside for one in fair) <= 0.9 * len(fair)


def test_the_ratios_that_were_left_out_are_those_of_the_classes():
    for name, differences in served(closed=True).items():
        kind = next(one for one in speed_classes() if one.name == name)
        assert len(differences) == kind.records
        assert median(map(abs, differences)) == pytest.approx(kind.median_error, abs=0.003)


def test_all_servers_together():
    off = [abs(one.difference) for one in answered() if one.row.group == "serving"]
    assert sum(off) / len(off) <= 0.17
