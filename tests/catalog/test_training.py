"""What is assumed of training, against what it is drawn from."""

from statistics import median

import pytest

from paramcalc.catalog.training import communicators, reserved_over_allocated

LOGS = {
    "Megatron-DeepSpeed, 7B": [(41299.50, 46764.0)],
    "Megatron-DeepSpeed, Llama 7B at ALCF": [(50664.25, 54556.0)],
    "DeepSeek-V3 proxy, TP1 PP4 EP16": [(65203.93, 74306.0), (52228.15, 58770.0), (45200.83, 51772.0)],
    "Megatron, 2023, rank 24": [(3869.26, 4020.0)],
    "open-sci-ref 1.7B": [(50277.16, 53386.0)],
    "experts of 0.2B from scratch": [(20561.49, 28404.0)],
    "Qwen experts, PP4 EP2": [(84019.37, 84732.0), (81835.08, 82324.0)],
    "Llama-3.2-1B": [(12003.6, 12232.0)],
    "Qwen2-0.5B": [(7959.97, 8266.0)],
    "Qwen3-4B": [(69454.76, 73472.0)],
    "Mixtral 8x7B, NVIDIA/Megatron-LM#756": [(54250.99, 61480.0)],
    "NVIDIA/Megatron-LM#5662": [(5670.39, 6406.0)],
    "GPT-2 2.6B, NVIDIA/Megatron-LM#60": [(12606.06, 17482.0)],
}
"""Most allocated and most reserved, in MiB, of the ranks that a public log prints."""


def test_the_share_reserved_is_the_median_of_logs_that_print_both():
    shares = [median(reserved / allocated for allocated, reserved in ranks) for ranks in LOGS.values()]
    assert float(reserved_over_allocated(8)) == round(median(shares), 2)
    assert (round(min(shares), 2), round(max(shares), 2)) == (1.01, 1.39)
    assert reserved_over_allocated(1) == 1


def test_communicators_are_those_measured():
    memory = communicators()
    assert (memory.pair, memory.group) == (544 * 2**20, 688 * 2**20)
    assert memory.context / 2**30 == pytest.approx(0.47)
    assert memory.peer * (memory.node - 1) == pytest.approx(3.28e9, rel=1e-6)
