"""Answers as objects and their schemas: one source for both, so that neither can say what the other does not."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import pytest
from jsonschema import Draft202012Validator

import paramcalc
from paramcalc.answers.answer import Answer, ModelName, hidden, json_key
from paramcalc.answers.registry import ANSWERS, answer_classes
from paramcalc.build import build


class Part(NamedTuple):
    size: int
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Example(Answer):
    command: ClassVar[str] = "example"
    parts: tuple[Part, ...] = json_key("pieces")
    nullable: int | None
    sizes: dict[str, int]
    later: Part | None = None
    secret: object = hidden(default=None)


def example(**changes):
    spec = paramcalc.read("gpt2")
    values = {"model": ModelName("a", "b", None), "assumptions": {"context": 1}, "uncounted": (), "built": build(spec),
              "parts": (Part(1), Part(2, "two")), "nullable": None, "sizes": {"x": 3}}
    return Example(**values | changes)


def test_keys_follow_the_fields():
    assert example(secret=1).to_dict() == {
        "schema": "paramcalc/example/1", "model": {"name": "a", "source": "b", "family": None}, "warnings": [],
        "assumptions": {"context": 1}, "uncounted": [], "pieces": [{"size": 1}, {"size": 2, "note": "two"}],
        "nullable": None, "sizes": {"x": 3}}
    assert example(later=Part(3)).to_dict()["later"] == {"size": 3}


def test_a_schema_describes_what_is_written():
    schema = Example.schema()
    assert set(schema["properties"]) - set(schema["required"]) == {"later"}
    for answer in (example(), example(nullable=5, later=Part(1, "a"))):
        assert not list(Draft202012Validator(schema).iter_errors(answer.to_dict()))
    for change in ({"nullable": "x"}, {"sizes": {"x": "y"}}, {"pieces": [{"note": "a"}]}, {"later": None}):
        assert list(Draft202012Validator(schema).iter_errors(example().to_dict() | change)), change


@pytest.mark.parametrize("command", ANSWERS)
def test_every_answer_is_named_by_its_command(command):
    assert {answer.command for answer in answer_classes(command)} == {command}


def test_an_answer_is_readable_and_says_what_is_not_counted():
    answer = paramcalc.count({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text"},
                              "mystery_config": {"model_type": "made-up"}})
    assert answer.uncounted
    assert answer.to_dict()["parameters"]["known"] == answer.parameters.known == "bound"
    assert any("not counted" in warning for warning in answer.warnings)
    assert "built" not in repr(answer)
    assert paramcalc.count("gpt2").parameters.known == "exact"


@pytest.mark.parametrize("key", ["mystery_hidden_dim", None])
def test_a_key_that_could_change_a_size_makes_every_face_a_bound(key, tmp_path, capsys):
    """Each figure that is exact of a config read whole is at best a bound beside a key nobody uses."""
    import json

    from paramcalc.cli.main import run

    config = {"model_type": "llama", "vocab_size": 1000, "hidden_size": 64, "intermediate_size": 128,
              "num_hidden_layers": 2, "num_attention_heads": 4} | ({key: 77} if key else {})
    (tmp_path / "config.json").write_text(json.dumps(config), "utf-8")
    for command, figures in (("count", ["parameters"]), ("memory", ["weights", "cache"]), ("estimate", ["parameters"]),
                             ("flops", []), ("train", [])):
        assert run([command, str(tmp_path), "--json", "--quiet"]) == 0
        answer = json.loads(capsys.readouterr().out)
        levels = {answer[figure]["known"] for figure in figures} or set(answer["known"].values())
        assert ("exact" in levels) == (key is None), (command, levels)
