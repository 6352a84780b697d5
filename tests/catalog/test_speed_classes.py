"""Classes of measured speed: which measurement a prediction rests on."""

import pytest

from paramcalc.catalog.accelerators import accelerators, find_accelerator
from paramcalc.catalog.speed import older_release, power_source, speed_class, speed_classes

H100 = find_accelerator("h100")


def test_classes_are_few_and_say_where_they_come_from():
    classes = speed_classes()
    assert len(classes) <= 15
    assert all(len(kind.constants.set_ones()) <= 5 for kind in classes)
    assert all(kind.records >= 20 and kind.configurations >= 5 and kind.sources and kind.dates for kind in classes)
    assert all(set(kind.devices) <= set(accelerators()) for kind in classes)
    assert power_source()


def test_what_nobody_measured_has_no_class():
    assert speed_class("transformers", False, H100) is None
    assert speed_class("llama.cpp", False, find_accelerator("tpu-v5e")) is None
    assert speed_class("llama.cpp", False, find_accelerator("mi300x")).name == "llama.cpp radeon"


def test_releases_are_ordered_by_their_numbers():
    assert [speed_class("vllm", True, H100, release).until for release in ("0.9.2", "0.12.3", "0.13", "")] == [
        "0.12", "0.12", "", ""]
    assert speed_class("tensorrt-llm", True, H100, "1.1.0rc2.post2").until == "1.1"
    assert (older_release("vllm", True), older_release("vllm", False), older_release("sglang", True)) == (
        "0.12", "", "")
    with pytest.raises(ValueError, match="expected a release such as"):
        speed_class("vllm", True, H100, "nightly")
