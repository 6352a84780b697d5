"""The accelerator a Python program names among the keyword arguments of serving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.estimates.settings import DeviceSettings, ServingKeywords
from paramcalc.settings import without_none

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class OnDeviceKeywords(ServingKeywords, total=False):
    """`ServingKeywords`, the share of a device's memory that is used, and a YAML file with devices of one's own."""

    gpu_memory_utilization: float | str | None
    accelerators: str | Path | None


def on_device(gpu: str | None, settings: Mapping[str, Any]) -> tuple[DeviceSettings, dict[str, Any]]:
    """The device of `OnDeviceKeywords`, and the others. Raises UsageError for what has no effect without a `gpu`."""
    own = DeviceSettings.model_fields.keys()
    device = DeviceSettings.of(without_none(gpu=gpu, **{key: settings[key] for key in own & settings.keys()}))
    device.need_gpu()
    return device, {key: value for key, value in settings.items() if key not in own}
