from __future__ import annotations

import re
from pathlib import Path

import pytest

from paramcalc.catalog.accelerators import DTYPES, Accelerator, accelerators, find_accelerator
from paramcalc.errors import InputError, UsageError
from paramcalc.estimates.links import LINKS
from tests.yaml_files import read_yaml

FACTS = read_yaml(Path(__file__).parents[1] / "data/catalog/accelerator_facts.yaml")
KINDS = ("server", "workstation", "desktop", "shared")
RECALLED = "recalled from the sheet, not read"
SOURCE = re.compile(r"https?://\S+|[\w.-]+/[\w.-]+@[0-9a-f]{7,40}(:\S+)?")


def test_there_are_enough() -> None:
    assert len(accelerators()) >= 150
    assert sum(device.usable_bytes is not None for device in accelerators().values()) >= 60
    assert all(device.bandwidth and device.kind in KINDS for device in accelerators().values())


@pytest.mark.parametrize("device", accelerators().values(), ids=lambda d: d.key)
def test_every_value_has_a_public_source(device: Accelerator) -> None:
    values = {"memory": device.memory_bytes, "usable": device.usable_bytes, "bandwidth": device.bandwidth}
    values |= {"power": device.power_watts, "compute_capability": device.compute_capability}
    values |= {f"flops.{d}": v for d, v in device.flops.items()}
    values |= {f"links.{name}": value for name, value in device.links.items()}
    assert {name for name, value in values.items() if value is not None} == set(device.sources)
    for source in device.sources.values():
        assert all(part == RECALLED or SOURCE.fullmatch(part) for part in source.split("; ")), source


def test_nvidia_devices_without_bf16_say_so() -> None:
    """All but Ampere's small ones, whose sheets give no figure for it."""
    silent = [key for key, device in accelerators().items()
              if device.vendor == "nvidia" and device.flops and not {"bf16"} & {*device.flops, *device.lacks}]
    assert silent == ["jetson-agx-orin-64gb", "jetson-agx-orin-32gb", "jetson-orin-nano"]


def test_devices_of_nvidia_have_a_compute_capability(tmp_path: Path) -> None:
    """All but the B100, of which one site prints 10.1 though its dies are those of the B200 (10.0)."""
    unlike = [key for key, device in accelerators().items()
              if (device.vendor == "nvidia") != (device.compute_capability is not None)]
    assert unlike == ["b100"]
    file = tmp_path / "mine.yaml"
    file.write_text("accelerators:\n  b100: {compute_capability: 10.0}\n", "utf-8")
    assert find_accelerator("b100", file).compute_capability == 100
    for wrong in ("86", "8.65", "true", "sm_86"):
        file.write_text(f"accelerators:\n  b100: {{compute_capability: {wrong}}}\n", "utf-8")
        with pytest.raises(InputError, match="expected a compute capability, such as"):
            find_accelerator("b100", file)


def test_few_values_are_from_memory() -> None:
    sources = [source for device in accelerators().values() for source in device.sources.values()]
    assert sum(source == RECALLED for source in sources) < 0.1 * len(sources)


@pytest.mark.parametrize("device", accelerators().values(), ids=lambda d: d.key)
def test_power_links_and_arithmetic_are_known_or_the_reason_is(device: Accelerator) -> None:
    figures = {"power": device.power_watts, "links": device.links,
             "flops": device.flops.get("bf16") or device.flops.get("fp16")}
    assert {name for name, value in figures.items() if not value} == set(device.unknown)
    assert set(device.links) <= set(LINKS)


def test_what_is_missing_says_why(tmp_path: Path) -> None:
    device = find_accelerator("tpu-v6e")
    assert device.why_unknown("power") == ": Google publishes none of this generation"
    assert device.why_unknown("links") == ""
    file = tmp_path / "mine.yaml"
    file.write_text("accelerators:\n  tpu-v6e: {power: 300, unknown: {links: not mine}}\n", "utf-8")
    assert dict(find_accelerator("tpu-v6e", file).unknown) == {"links": "not mine"}
    for wrong in ("memory: none is printed", "power: 3"):
        file.write_text(f"accelerators:\n  tpu-v6e: {{unknown: {{{wrong}}}}}\n", "utf-8")
        with pytest.raises(InputError, match="is not a reason for an unknown field"):
            find_accelerator("tpu-v6e", file)


def test_sixteen_bit_values_are_computed_as_fp32_where_that_is_faster() -> None:
    device = find_accelerator("gtx-1080-ti")
    assert device.flops["fp16"] * 60 < device.flops["fp32"]
    assert device.peak("fp16") == device.peak("bf16") == ("fp32", device.flops["fp32"])


@pytest.mark.parametrize("device", accelerators().values(), ids=lambda d: d.key)
def test_sizes_are_what_is_sold(device: Accelerator) -> None:
    """A memory of so many GB would be 7 % less than it is; all are GiB."""
    assert device.memory.endswith("GiB")


@pytest.mark.parametrize("device", accelerators().values(), ids=lambda d: d.key)
def test_values_are_plausible(device: Accelerator) -> None:
    assert device.memory_bytes is not None
    assert device.usable_bytes is None or 0.66 * device.memory_bytes <= device.usable_bytes <= device.memory_bytes
    assert device.capacity_bytes == (device.usable_bytes or device.memory_bytes)
    assert device.bandwidth is None or 6 * 10**10 < device.bandwidth < 3 * 10**13
    assert set(device.flops) <= set(DTYPES)
    assert all(3 * 10**10 < value < 10**17 for value in device.flops.values())


@pytest.mark.parametrize("fact", FACTS["measured"], ids=lambda f: f"{f['accelerator']}-{f['dtype']}")
def test_no_measurement_beats_a_peak(fact: dict[str, object]) -> None:
    peak = find_accelerator(str(fact["accelerator"])).flops[str(fact["dtype"])]
    assert float(str(fact["value"])) * 1e12 <= peak


@pytest.mark.parametrize("fact", FACTS["sheets"], ids=lambda f: f["accelerator"])
def test_agrees_with_a_second_reading(fact: dict[str, int]) -> None:
    device = find_accelerator(str(fact["accelerator"]))
    assert fact["memory"] in {device.memory_bytes, device.usable_bytes} or device.usable_bytes == pytest.approx(
        fact["memory"], rel=0.001
    )
    for name, ours in (
        ("bandwidth", device.bandwidth),
        ("bf16", device.flops.get("bf16")),
        ("fp8", device.flops.get("fp8")),
        ("power", device.power_watts),
    ):
        assert name in fact.get("but", ()) or (ours is None and fact[name] is None) or ours == pytest.approx(
            fact[name], rel=0.04
        )


@pytest.mark.parametrize("name", ["h100", "H100-SXM5", "nvidia h100 sxm", "NVIDIA H100 SXM", "h100_sxm_80gb"])
def test_names_are_forgiving(name: str) -> None:
    assert find_accelerator(name).key == "h100"


def test_aliases_are_unique() -> None:
    names = [alias for device in accelerators().values() for alias in (device.key, *device.aliases)]
    assert len(names) == len(set(names))


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        find_accelerator("h10")
    assert "h100" in caught.value.problems[0].hint


@pytest.mark.parametrize(
    ("key", "dtype", "kind"),
    [
        ("v100", "bf16", "fp16"),
        ("v100", "tf32", "fp32"),
        ("a100", "fp8", "bf16"),
        ("h100", "fp4", "fp8"),
        ("b200", "fp4", "fp4"),
    ],
)
def test_arithmetic_falls_back_to_what_there_is(key: str, dtype: str, kind: str) -> None:
    assert find_accelerator(key).peak(dtype) == (kind, find_accelerator(key).flops[kind])


def test_a_file_of_the_user_adds_and_overrides(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "sources: {lab: https://example.org/lab}\naccelerators:\n"
        "  h100: {power: 650, flops: {bf16: 700}}\n"
        "  My_Card: {name: Mine One, memory: [8 GiB, lab#p2], bandwidth: 512 GB/s}\n"
    )
    changed, mine = find_accelerator("H100", file), find_accelerator("my card", file)
    assert (changed.power_watts, changed.flops["bf16"], changed.flops["fp8"]) == (650, 700 * 10**12, 1979 * 10**12)
    assert (changed.sources["power"], changed.memory_bytes) == (str(file), 80 * 2**30)
    assert (mine.vendor, mine.memory_bytes, mine.bandwidth, mine.peak("bf16")) == ("mine", 8 * 2**30, 512 * 10**9, None)
    assert mine.sources["memory"] == "https://example.org/lab#p2"
    assert find_accelerator("h100").power_watts == 700


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("accelerators: {a: {memory: 80 GQ}}", "accelerators.a.memory"),
        ("accelerators: {a: {memory: -1}}", "accelerators.a.memory"),
        ("accelerators: {a: {memory: .inf}}", "accelerators.a.memory"),
        ("accelerators: {a: {wattage: 3}}", "accelerators.a.wattage"),
        ("accelerators: {a: {flops: {bf15: 3}}}", "accelerators.a.flops.bf15"),
        ("accelerators: {a: 3}", "accelerators.a"),
        ("gpus: {}", "gpus"),
        ("[1]", ""),
        ("a: [", ""),
    ],
)
def test_what_is_wrong_with_a_file_is_said_by_place(tmp_path: Path, text: str, place: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        find_accelerator("a", file)
    assert (caught.value.problems[0].source, caught.value.problems[0].dotted()) == (str(file), place)


@pytest.mark.parametrize(
    ("rows", "place", "name"),
    [
        ("a: {memory: 8 GiB, aliases: [h100-sxm]}", "accelerators.a.aliases", "h100"),
        ("a: {memory: 8 GiB, name: NVIDIA H100 SXM}", "accelerators.a.name", "h100"),
        ("h100-sxm: {memory: 8 GiB}", "accelerators.h100-sxm", "h100"),
        ("a: {memory: 8 GiB, aliases: [z]}, b: {memory: 9 GiB, aliases: [Z]}", "accelerators.a.aliases", "b"),
        ("My Card: {memory: 8 GiB}, my-card: {memory: 9 GiB}", "accelerators.my-card", "My Card"),
    ],
)
def test_a_name_of_two_devices_is_refused(tmp_path: Path, rows: str, place: str, name: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"accelerators: {{{rows}}}")
    with pytest.raises(InputError) as caught:
        accelerators(file)
    problem = caught.value.problems[0]
    assert (problem.source, problem.dotted(), name in str(problem)) == (str(file), place, True)


@pytest.mark.parametrize(("printed", "key"), [
    ("Tesla T4", "t4"), ("NVIDIA A100 80GB PCIe", "a100-pcie-80gb"), ("NVIDIA A100-SXM4-40GB", "a100-40gb"),
    ("NVIDIA H100 80GB HBM3", "h100"), ("Tesla V100-SXM2-32GB", "v100-32gb"), ("AMD Radeon RX 7900 XTX", "rx-7900-xtx"),
    ("NVIDIA GeForce RTX 3060", "rtx-3060-12gb"), ("NVIDIA RTX 6000 Ada Generation", "rtx-6000-ada"),
    ("M3 Ultra 512GB", "m3-ultra"), ("RTX 4090 24 GB", "rtx-4090"), ("L4 24G", "l4"), ("MI300X (192GB)", "mi300x"),
    ("H100 96 GB", "h100-96gb"), ("A100 (40 GB)", "a100-40gb"), ("AMD Ryzen AI Max+ 395", "strix-halo"),
    ("950DT", "ascend-950dt"), ("Intel(R) Arc(TM) A770 Graphics", "arc-a770"), ("NVIDIA GH200 480GB", "gh200"),
    ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtx-pro-6000-server"), ("AMD Instinct MI300X OAM", "mi300x"),
])
def test_names_are_known_as_drivers_print_them(printed, key):
    assert find_accelerator(printed).key == key


@pytest.mark.parametrize("name", ["nvidia", "hbm3", "tesla", "", "NVIDIA GeForce", "()", "+", "(R)"])
def test_a_brand_alone_is_no_device(name):
    with pytest.raises(UsageError, match="unknown accelerator"):
        find_accelerator(name)


@pytest.mark.parametrize("name", ["M4 Max 64GB", "m4-max-64g", "M4 Max (64GB)", "Apple M4 Max [64 GB]"])
def test_a_size_the_catalog_has_not_is_told_which_it_has(name):
    with pytest.raises(UsageError, match=r"Apple M4 Max with 128 GiB, not 64\nhint: --gpu m4-max, .* --gpu 64GiB"):
        find_accelerator(name)


@pytest.mark.parametrize("name", ["8x H100", "8 x NVIDIA H100 (80GB)", "8×h100", "h100 x 8", "H100x8"])
def test_a_number_of_devices_is_an_option_of_its_own(name):
    with pytest.raises(UsageError, match="says how many NVIDIA H100 SXMs are meant") as caught:
        find_accelerator(name)
    assert caught.value.problems[0].hint == "--gpu h100 --gpus 8"


@pytest.mark.parametrize("name", ["nothing 24GB", "a 24GB", "512gb-", "-0gb"])
def test_a_size_behind_no_name_is_no_device(name):
    with pytest.raises(UsageError, match="unknown accelerator"):
        find_accelerator(name)


def test_every_device_answers_to_its_own_names():
    for device in accelerators().values():
        assert {find_accelerator(name).key for name in (device.key, device.name, *device.aliases)} == {device.key}


def test_a_name_like_no_other_is_told_where_names_are():
    with pytest.raises(UsageError) as caught:
        find_accelerator("macbook")
    assert caught.value.problems[0].hint == "`paramcalc list gpus` shows the names"


@pytest.mark.parametrize(("row", "place", "message"), [
    ("memory: 24", "memory", "expected bytes with a unit, such as 24 GiB or 936 GB/s, found the number 24"),
    ("memory: 24 parsecs", "memory", "expected bytes with a unit"),
    ("memory: [24 GiB, a, b]", "memory", "expected a value or [value, source], found a list"),
    ("memory: 24 GiB, bandwidth: 900", "bandwidth", "expected bytes with a unit"),
    ("memory: 24 GiB, usable: 48 GiB", "usable", "expected at most the 25,769,803,776 bytes of memory"),
    ("memory: 24 GiB, kind: spaceship", "kind", "expected one of desktop, server, shared, workstation"),
    ("memory: 24 GiB, power: -5", "power", "expected a positive number, found the number -5"),
    ("memory: 24 GiB, flops: {bf16: x}", "flops.bf16", "expected a positive number, found the string 'x'"),
    ("memory: 24 GiB, name: [a, b]", "name", "expected a string, found a list"),
    ("memory: 24 GiB, links: 5", "links", "expected a mapping, found the number 5"),
    ("memory: 24 GiB, colour: red", "colour", "unknown field of an accelerator"),
])
def test_what_no_device_has_is_refused_at_its_field(row: str, place: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(f"accelerators: {{mine: {{{row}}}}}\n")
    with pytest.raises(InputError) as caught:
        find_accelerator("mine", file)
    problem = caught.value.problems[0]
    assert (problem.source, ".".join(map(str, problem.path))) == (str(file), f"accelerators.mine.{place}")
    assert message in problem.message


@pytest.mark.parametrize(("content", "message"), [
    (b"\xff\xfe", "expected UTF-8, found another byte at 0"), (b"", "expected a mapping, found null"),
    (b"1: 2", "expected a mapping, found keys that are not strings"), (b"a: 2024-13-45", "expected YAML, found a date"),
    (None, "no such file"),
])
def test_a_file_that_cannot_be_read_is_refused_in_words_of_ours(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(InputError, match=message):
        find_accelerator("mine", file)
