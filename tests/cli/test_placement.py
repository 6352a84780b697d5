"""`memory` and `fit` where llama.cpp places layers on cards and the host."""

import json

import pytest


def test_fit_finds_a_placement_and_its_command_line(call):
    code, out, _ = call("fit", "gpt-oss-120b", "--gpu", "rtx-4090", "--ram", "64G", "--quant", "mxfp4_moe", "--json")
    answer = json.loads(out)
    placement, device, host = answer["placement"], answer["per_device"][0], answer["host"]
    assert (code, answer["fits"], answer["runtime"]) == (0, True, "llama.cpp")
    assert f"--n-cpu-moe {placement['cpu_moe']}" in answer["command"]
    assert device["total"] + host["total"] == answer["total"]["bytes"]
    assert sum(row["gpu"] + row["ram"] for row in placement["components"]) == answer["weights"]["bytes"]
    assert answer["capacity"]["bytes"] - answer["total"]["bytes"] == answer["headroom"]["bytes"]


def test_too_little_of_both_is_exit_1(call):
    code, out, _ = call("fit", "llama-3.1-70b", "--gpu", "rtx-4060-ti-16gb", "--ram", "8G", "--json")
    answer = json.loads(out)
    assert (code, answer["fits"], answer["command"]) == (1, False, "")
    assert "do not fit into" in answer["why_not"]


def test_what_fits_a_card_needs_no_host(call):
    answer = json.loads(call("fit", "llama-3.2-1b", "--gpu", "h100", "--ram", "64G", "--json")[1])
    assert (answer["runtime"], "placement" in answer) == ("vllm", False)


def test_unlike_cards_are_filled_in_order(call):
    answer = json.loads(call("fit", "llama-3.1-70b", "--gpu", "rtx-3090,rtx-3060-12gb", "--ram", "64G", "--quant",
                             "q4_k_m", "--json")[1])
    first, second = answer["placement"]["cards"]
    assert first["layers"] > second["layers"] > 0
    assert all(device["total"] <= card["usable"] for device, card in
               zip(answer["per_device"], answer["placement"]["cards"], strict=True))


def test_unlike_cards_alone_hold_all_layers_and_the_host_its_tables(call):
    code, out, _ = call("fit", "llama-3.1-70b", "--gpu", "rtx-5090,rtx-4090", "--quant", "q4_k_m", "--json")
    answer = json.loads(out)
    on_cards = sum(device["total"] for device in answer["per_device"])
    assert (code, answer["fits"], answer["host"]["layers"], answer["placement"]["cpu_moe"]) == (0, True, 0, 0)
    assert answer["host"]["weights"] == 128_256 * 8192 // 256 * 144  # the token table, 144 bytes a block of q4_k
    assert answer["headroom"]["bytes"] == answer["capacity"]["bytes"] - on_cards


def test_layers_move_to_the_host_only_where_its_memory_is_given(call):
    words = ("fit", "llama-3.1-70b", "--gpu", "rtx-3090,rtx-3060-12gb", "--quant", "q4_k_m", "--json")
    code, out, _ = call(*words)
    answer = json.loads(out)
    assert (code, answer["fits"], len(answer["per_device"])) == (1, False, 2)
    assert "of the cards; --ram SIZE adds the host's memory" in answer["why_not"]
    assert json.loads(call(*words, "--ram", "64G")[1])["host"]["layers"] > 0


@pytest.mark.parametrize("runtime", ["llama.cpp", "vllm"])
def test_a_card_named_twice_is_two_of_it(call, runtime):
    words = ("fit", "llama-3.1-8b", "--runtime", runtime, "--json")
    assert call(*words, "--gpu", "rtx-3090,rtx-3090") == call(*words, "--gpu", "rtx-3090", "--gpus", "2")


@pytest.mark.parametrize(("options", "message"), [
    (("memory", "gpt2", "--gpu-layers", "3", "--runtime", "vllm"), "--gpu-layers has no effect without"),
    (("memory", "gpt2", "--gpu-layers", "3", "--gpu", "h100"), "--gpu has no effect beside"),
    (("memory", "gpt2", "--cpu-moe", "3"), "the model has no experts"),
    (("memory", "gpt2", "--tensor-split", "1,2", "--gpus", "3"), "2 parts for 3 cards"),
    (("memory", "gpt2", "--gpu-layers", "3", "--tp", "2"), "--tp has no effect"),
    (("fit", "gpt2", "--all", "--ram", "8G"), "--ram has no effect with --all"),
    (("fit", "gpt2", "--gpu", "h100", "--ram", "8G", "--runtime", "vllm"), "--ram has no effect without"),
    (("fit", "gpt2", "--gpu", "h100,a100", "--gpus", "2"), "--gpus has no effect"),
    (("fit", "gpt2", "--gpu", "h100", "--ram", "8 pounds"), "is not a memory size"),
    (("fit", "t5-small", "--gpu", "h100,a100", "--runtime", "llama.cpp"), "several stacks"),
])
def test_what_has_no_effect_is_refused(call, options, message):
    code, _, err = call(*options)
    assert code == 2
    assert message in err


def test_every_format_with_its_bits_a_weight(call):
    code, out, _ = call("fit", "llama-3.1-8b", "--gpu", "rtx-3060-12gb", "--quant", "all", "--json")
    answer = json.loads(out)
    rows = {row["quant"]: row for row in answer["formats"]}
    assert code == 0
    assert rows["q4_k_m"]["bits_per_weight"] == round(8 * 4_912_898_048 / 8_030_261_248, 3)  # the published file
    assert rows["q4_k_m"]["fits"]
    assert not rows["bf16"]["fits"]
    assert {"awq", "fp8", "iq4_xs", "q4_k_l"} <= rows.keys()
    verdicts = [row["fits"] for row in answer["formats"]]
    assert verdicts == sorted(verdicts, reverse=True)


def test_every_format_is_of_one_device(call):
    code, _, err = call("fit", "llama-3.1-8b", "--gpu", "h100,a100", "--quant", "all")
    assert code == 2
    assert "--quant all takes one device" in err


def test_of_several_devices_every_format_is_shown_a_device(call):
    words = ("fit", "llama-3.1-8b", "--gpu", "h100", "--gpus", "2", "--runtime", "vllm")
    code, out, _ = call(*words, "--quant", "all", "--json")
    answer = json.loads(out)
    row = next(row for row in answer["formats"] if row["quant"] == "fp8")
    assert (code, answer["devices"]) == (0, 2)
    assert row["headroom"] == json.loads(call(*words, "--quant", "fp8", "--json")[1])["headroom"]["bytes"]
    printed = call(*words, "--quant", "all")[1]
    assert f"{row['headroom'] / 2 / 2**30:.2f} GiB" in printed
    assert "needed and headroom: per device, of 2" in printed
