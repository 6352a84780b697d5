"""Settings: validated alike for Python and the command line, each default in one place."""

import typing

import pytest

from paramcalc.errors import UsageError
from paramcalc.estimates.settings import (
    DeviceSettings,
    FitSettings,
    FlopsSettings,
    ServingKeywords,
    ServingSettings,
)
from paramcalc.estimates.training_settings import TrainingKeywords, TrainingSettings


@pytest.mark.parametrize(("settings", "values", "message"), [
    (ServingSettings, {"context": -1}, "context: '-1' must be between 1 and"),
    (ServingSettings, {"context": 10.5}, "context: '10.5' is not a number of tokens"),
    (ServingSettings, {"context": True}, "context: expected a number, found True"),
    (ServingSettings, {"batch": 0}, "batch: '0': input should be greater than or equal to 1"),
    (ServingSettings, {"runtime": "vlm"}, "runtime: 'vlm': input should be 'exact', 'transformers'"),
    (ServingSettings, {"bacth": 2}, "unknown setting 'bacth'"),
    (DeviceSettings, {"gpu_memory_utilization": "101%"}, "must be more than 0 and at most 1"),
    (FitSettings, {"context": "4k,x"}, "context: 'x' is not a number of tokens"),
    (FlopsSettings, {"past": -1}, "past: '-1' must be between 0 and"),
    (TrainingSettings, {"zero": 4}, "zero: '4': input should be less than or equal to 3"),
])
def test_what_cannot_be_is_refused_by_name(settings, values, message):
    with pytest.raises(UsageError) as caught:
        settings.of(values)
    assert message in str(caught.value)


def test_sizes_are_read_as_people_type_them():
    assert ServingSettings.of({"context": "32k"}).context == 32768
    assert FitSettings.of({"context": ["4k", 8192]}).context == (4096, 8192)
    assert TrainingSettings.of({"lora_targets": "q_proj, v_proj"}).lora_targets == ("q_proj", "v_proj")
    assert DeviceSettings.of({"gpu_memory_utilization": "90%"}).share == DeviceSettings.of(
        {"gpu_memory_utilization": 0.9}).share == (9, 10)


def test_what_was_said_is_told_from_defaults():
    settings = ServingSettings.of({"context": 4096})
    assert settings.is_set("context")
    assert not settings.is_set("batch")


@pytest.mark.parametrize(("settings", "keywords", "first"), [(ServingSettings, ServingKeywords, "context"),
                                                             (TrainingSettings, TrainingKeywords, "seq")])
def test_keywords_are_the_fields(settings, keywords, first):
    assert {*typing.get_type_hints(keywords), first} == set(settings.model_fields)


def test_nothing_said_is_the_same_without_a_validator():
    for kind in (ServingSettings, TrainingSettings, FitSettings):
        plain = kind.of({})
        assert plain == kind.model_validate({})
        assert not plain.model_fields_set
