"""Every argument of every public function: an answer or one of our refusals, whatever is passed."""

import inspect
import re
import typing

import pytest

import paramcalc
from paramcalc.arguments import checked

TINY = {"paramcalc": 1, "name": "tiny", "vocab_size": 512, "hidden_size": 64, "num_layers": 4, "num_heads": 4,
        "intermediate_size": 128, "source": "our own"}
ARGUMENTS = {
    "cut_audio": ("qwen2-audio-7b", "30s"), "cut_images": ("llava-1.5-7b", [(336, 336)]), "diff": (TINY, TINY),
    "check": (), "fit": (TINY, "h100"), "flops_per_token": (TINY, 64), "formats": (), "gpus": (),
    "hfu": (TINY, 0.0, "h100"), "layouts": (TINY, "h100", 2), "load": ("gpt2",), "mfu": (TINY, 0.0, "h100"),
    "models": (), "search": (TINY, "h100", 2), "speed": (TINY, "h100"), "sweep": (TINY, "num_layers=2,3"),
    "training_run": (TINY, "1B", "h100"), "what_if": (TINY, "hidden_size=2x"),
}
"""Arguments with which a function answers; of all others, a model."""
SETTINGS = {"solve": {"params": "300k", "top": 1}, "scaling": {"tokens": "1B"}}
WRONG = (None, object(), b"8k", 1.5, -1, "", [], [None], {"a": 1}, "a" * 5000)


def functions():
    return [name for name in paramcalc.__all__ if name[0].islower() and not name.startswith("_")]


def refused(name, parameter, value):
    """What a function says of a value in place of one argument; empty where it answers."""
    arguments, settings = list(ARGUMENTS.get(name, (TINY,))), dict(SETTINGS.get(name, {}))
    parameters = list(inspect.signature(getattr(paramcalc, name)).parameters.values())
    place = [each.name for each in parameters].index(parameter)
    if parameters[place].kind is inspect.Parameter.VAR_POSITIONAL:
        arguments = [*arguments[:place], value]
    elif place < len(arguments):
        arguments[place] = value
    else:
        settings[parameter] = value
    try:
        str(getattr(paramcalc, name)(*arguments, **settings))
    except paramcalc.PCError as error:
        return str(error)
    return ""


def own_parameters(name):
    parameters = inspect.signature(getattr(paramcalc, name)).parameters.values()
    return [each.name for each in parameters if each.kind is not inspect.Parameter.VAR_KEYWORD]


@pytest.mark.parametrize(("name", "parameter"), [(name, each) for name in functions() for each in own_parameters(name)])
def test_a_wrong_argument_is_refused_in_words(name, parameter):
    messages = [refused(name, parameter, value) for value in WRONG]
    assert any(messages) or (name, parameter) == ("compare", "models")  # a model that cannot be read is a row
    assert not re.search("attribute|subscriptable|not supported between", "\n".join(messages))


@pytest.mark.parametrize(("name", "parameter", "words"), [
    ("compare", "jobs", "jobs: "), ("explain", "glob", "glob: "), ("fit", "gpu", "gpu: "),
    ("load", "model", "model: "), ("mfu", "gpus", "gpus: "), ("models", "text", "text: "),
    ("read", "changes", "changes: "), ("sweep", "axes", "axes: "), ("check", "paths", "paths: "),
    ("training_run", "tokens", "tokens: "), ("weights", "quant", "quant: "), ("cut_images", "images", "images: ")])
def test_the_argument_is_named(name, parameter, words):
    assert refused(name, parameter, object()).startswith(words)


def test_what_a_function_is_passed_is_read_as_its_type():
    @checked(words=tuple[str, ...], rest=int)
    def joined(model, *words, rest=0):
        return model, words, rest

    assert joined("m", "a", "b", rest="3") == ("m", ("a", "b"), 3)
    assert joined("m") == ("m", (), 0)
    assert "words" in inspect.signature(joined).parameters
    with pytest.raises(paramcalc.UsageError, match=r"rest: 'x'"):
        joined("m", rest="x")
    with pytest.raises(TypeError, match="unexpected keyword"):
        joined("m", other=1)


def test_every_public_function_still_says_its_types():
    assert all(typing.get_origin(getattr(paramcalc, name)) is None for name in functions())
    assert inspect.signature(paramcalc.compare).parameters["jobs"].annotation == "int"


@pytest.mark.parametrize("ask", [paramcalc.fit, paramcalc.speed])
def test_an_empty_list_of_numbers_is_no_number(ask):
    name = "context" if ask is paramcalc.fit else "concurrency"
    with pytest.raises(paramcalc.UsageError, match=f"^{name}: "):
        ask("gpt2", "h100", **{name: []})
