"""Pydantic's errors, as people read them."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from paramcalc.readers.text.document import read_yaml
from paramcalc.readers.text.validation import spec_problems


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


class Gqa(Strict):
    kind: Literal["gqa"]
    heads: Annotated[int, Field(ge=1)]


class Mla(Strict):
    kind: Literal["mla"]
    rank: int


class Spec(Strict):
    size: Annotated[int, Field(ge=1, le=10**6)] = 1
    rate: float = 1.0
    tied: bool = False
    name: str = "n"
    act: Literal["silu", "gelu"] = "silu"
    many: list[int] = []
    window: int | list[int] = 1
    mixer: Annotated[Gqa | Mla, Field(discriminator="kind")] | None = None
    layers: list[Gqa] = []

    @field_validator("name")
    @classmethod
    def _no_x(cls, name: str) -> str:
        if name == "x":
            raise ValueError("x is taken")
        if name == "y":
            raise PydanticCustomError("name", "y is taken", {"hint": "take z"})
        return name


def problems(text):
    document = read_yaml(text, "s.yaml")
    with pytest.raises(ValidationError) as caught:
        Spec.model_validate(document.data)
    return spec_problems(caught.value, document, lambda path: list(Spec.model_fields if not path else Gqa.model_fields))


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("size: '32'", "s.yaml:1:1: size: expected an integer, found the string '32'", "write 32"),
        ("size: 4e9", "s.yaml:1:1: size: expected an integer, found the number 4000000000.0", "write 4000000000"),
        ("size: true", "s.yaml:1:1: size: expected an integer, found true", ""),
        ("size: 32.0", "s.yaml:1:1: size: expected an integer, found the number 32.0", "write 32"),
        ("size: 32.5", "s.yaml:1:1: size: expected an integer, found the number 32.5", ""),
        ("size: 010", "s.yaml:1:1: size: expected an integer, found the string '010'", "write 10"),
        ("size: 0x1F", "s.yaml:1:1: size: expected an integer, found the string '0x1F'", "write 31"),
        ("size: 0o19", "s.yaml:1:1: size: expected an integer, found the string '0o19'", ""),
        ("size: 1_000", "s.yaml:1:1: size: expected an integer, found the string '1_000'", "write 1000"),
        ("size: 1:30", "s.yaml:1:1: size: expected an integer, found the string '1:30'", ""),
        ("size: 2020-01-01", "s.yaml:1:1: size: expected an integer, found the string '2020-01-01'", ""),
        ("size: '4e9'", "s.yaml:1:1: size: expected an integer, found the string '4e9'", "write 4000000000"),
        ("size: 1e300", "s.yaml:1:1: size: expected an integer, found the number 1e+300", ""),
        ("size:", "s.yaml:1:1: size: expected an integer, found null", ""),
        ("size: [1]", "s.yaml:1:1: size: expected an integer, found a list", ""),
        ("size: 0", "s.yaml:1:1: size: must be at least 1, found 0", ""),
        ("size: -3", "s.yaml:1:1: size: must be at least 1, found -3", ""),
        ("size: 10000000", "s.yaml:1:1: size: must be at most 1000000, found 10000000", ""),
        ("rate: '1e-5'", "s.yaml:1:1: rate: expected a number, found the string '1e-5'", "write 1e-5"),
        ("tied: NO", "s.yaml:1:1: tied: expected true or false, found the string 'NO'", "write false"),
        ("tied: 1", "s.yaml:1:1: tied: expected true or false, found the number 1", ""),
        ("name: 7", "s.yaml:1:1: name: expected a string, found the number 7", 'write "7"'),
        ("name: x", "s.yaml:1:1: name: x is taken", ""),
        ("name: y", "s.yaml:1:1: name: y is taken", "take z"),
        ("act: silo", "s.yaml:1:1: act: must be 'silu' or 'gelu', found 'silo'", "did you mean 'silu'?"),
        ("many: 3", "s.yaml:1:1: many: expected a list, found the number 3", "write [3]"),
        ("many:\n- 1\n- '2'", "s.yaml:3:3: many[1]: expected an integer, found the string '2'", "write 2"),
        ("window: a", "s.yaml:1:1: window: expected an integer or a list, found the string 'a'", "write [a]"),
        ("mixer: 3", "s.yaml:1:1: mixer: expected a mapping, found the number 3", ""),
        ("mixer: {}", "s.yaml:1:1: mixer: required key 'kind' is missing", ""),
        (
            "mixer: {kind: gqb}",
            "s.yaml:1:1: mixer: kind must be one of 'gqa', 'mla', found 'gqb'",
            "did you mean 'gqa'?",
        ),
        ("mixer: {kind: gqa}", "s.yaml:1:1: mixer.heads: required key is missing", ""),
        ("mixer: {kind: gqa, heads: 0}", "s.yaml:1:20: mixer.heads: must be at least 1, found 0", ""),
        (
            "layers:\n- {kind: gqa, heads: 1, hedas: 2}",
            "s.yaml:2:25: layers[0].hedas: unknown key 'hedas'",
            "did you mean 'heads'?",
        ),
        ("siez: 1", "s.yaml:1:1: siez: unknown key 'siez'", "did you mean 'size'?"),
        ('"a\\e[31m\\u202e": 1', r"s.yaml:1:1: a\x1b[31m\u202e: unknown key 'a\x1b[31m\u202e'", ""),
        ('act: "\\a"', r"s.yaml:1:1: act: must be 'silu' or 'gelu', found '\x07'", ""),
    ],
)
def test_says_what_where_and_what_instead(text, message, hint):
    (problem,) = problems(text)
    assert (str(problem), problem.hint) == (message, hint)


def test_reports_all_at_once_in_the_order_of_the_document():
    assert [p.line for p in problems("tied: 3\nname: 4\nx: 5\nsize: y\n")] == [1, 2, 3, 4]


def test_shortens_what_is_long():
    (problem,) = problems("size: " + "x" * 5000)
    assert len(problem.message) < 120
