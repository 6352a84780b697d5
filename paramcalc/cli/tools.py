"""Commands as tools for agents: their options as JSON Schemas, their answers as the published JSON.

A tool is the command line with `--json`: it reads what the command reads, writes nothing and asks no network. Files are
read below one folder only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

from paramcalc.answers.registry import answer_schema
from paramcalc.cli.embedded import run_embedded
from paramcalc.cli.main import parsed, summary
from paramcalc.errors import PCError, Problem, UsageError
from paramcalc.readers.files import reading_below
from paramcalc.readers.presets import presets

TOOLS = ("estimate", "count", "explain", "memory", "fit", "speed", "train", "flops", "scaling", "solve", "sweep",
         "compare", "check", "diff")
WITHHELD = ("format", "json", "output", "color", "quiet", "debug", "offline", "plot", "write_lock", "against", "help",
            "jobs")
"""Options that say how an answer is written, write a file, ask git, or start processes."""
FILES = ("FILE", "DIR", "PATH", "FOLDER")
"""Placeholders of options that name a file."""
ALONE = {"models": "model", "paths": "path"}
"""Arguments a command takes many of, and a tool one of."""
TOGETHER = ("compare",)
"""Tools that take many all the same."""
READ = ("MODEL", "PATH", "OLD", "NEW")
"""Placeholders of arguments and options that name a model, which may be a file."""
NO_FILES = ("mtp",)
"""Words that stand in place of a model."""

MOST = 32
"""Items of a list."""

Schema = dict[str, Any]


class Tool(NamedTuple):
    """A command as an agent sees it."""

    name: str
    description: str
    inputs: Schema
    outputs: Schema


def tools() -> list[Tool]:
    """Every command an agent can call."""
    return [Tool(name, summary(name), _inputs(name), _outputs(name)) for name in TOOLS]


def call(name: str, arguments: dict[str, Any], root: Path) -> Any:  # noqa: ANN401 - the command's JSON
    """The JSON of a command for arguments that fit its schema.

    Raises UsageError for an unknown tool or argument, a value of another type, a file outside the root, and what the
    command itself refuses, with its own words.
    """
    if name not in TOOLS:
        raise UsageError(Problem(f"unknown tool {name[:60]!r}", hint=f"one of {', '.join(TOOLS)}"))
    parameters = _parameters(name)
    if strange := [key for key in arguments if key not in parameters]:
        raise UsageError(Problem(f"{name} takes no {strange[0][:60]!r}", hint=f"one of {', '.join(parameters)}"))
    words: list[str] = []
    positional: list[str] = []
    for key, parameter in parameters.items():  # in the command's order, whatever the agent's
        if key not in arguments:
            continue
        values = _values(key, parameter, arguments[key])
        if _names_a_model(parameter):
            values = [value if value in NO_FILES else _within(value, root) for value in values]
        if parameter.param_type_name == "argument":
            positional += values
        elif getattr(parameter, "is_flag", False):
            words += values
        else:
            words += [f"{parameter.opts[0]}={value}" for value in values]
    offline = ["--offline"] if _offline(name) else []
    with reading_below(root):
        outcome = run_embedded([name, *words, "--json", *offline, "--", *positional])
    errors = outcome.err.strip()
    if not outcome.out or (errors and outcome.code not in (0, 1)):  # invalid files are an answer of `check`
        raise UsageError(Problem(errors.removeprefix("error: ") or f"exit code {outcome.code}"))
    return json.loads(outcome.out)


def _parameters(name: str) -> dict[str, Any]:
    """A command's arguments and the options an agent may set, by the name a tool has for them."""
    alone = {} if name in TOGETHER else ALONE
    return {alone.get(each.name, each.name.rstrip("_")): each for each in parsed(name).params
            if each.param_type_name == "argument"
            or (each.name.rstrip("_") not in WITHHELD and (each.metavar or "").split(":")[0] not in FILES)}


def _names_a_model(parameter: Any) -> bool:  # noqa: ANN401 - Typer's own class
    """Whether a value is a MODEL: the name of a preset or of a file."""
    return not {*(parameter.metavar or "").strip("[]").split("|")}.isdisjoint(READ)


def _several(key: str, parameter: Any) -> bool:  # noqa: ANN401 - Typer's own class
    """Whether a tool takes a list."""
    return bool(getattr(parameter, "multiple", False)) or (parameter.nargs == -1 and key not in ALONE.values())


def _offline(name: str) -> bool:
    return any(each.name == "offline" for each in parsed(name).params)


def _inputs(name: str) -> Schema:
    properties = {key: _property(key, each) for key, each in _parameters(name).items()}
    required = [key for key, each in _parameters(name).items() if each.param_type_name == "argument" and each.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _property(key: str, parameter: Any) -> Schema:  # noqa: ANN401 - Typer's own class
    described: Schema = {"description": parameter.help or ""}
    if getattr(parameter, "is_flag", False):
        return described | {"type": "boolean"}
    if _several(key, parameter):
        return described | {"type": "array", "items": {"type": "string"}, "maxItems": MOST}
    return described | {"type": ["string", "integer", "number"]}


def _outputs(name: str) -> Schema:
    return {"type": "object"} | answer_schema(name)


def _values(key: str, parameter: Any, value: object) -> list[str]:  # noqa: ANN401 - Typer's own class
    """A value as words of the command line; of a flag, the flag."""
    if getattr(parameter, "is_flag", False):
        if not isinstance(value, bool):
            raise UsageError(Problem(f"{key} is true or false"))
        return [parameter.opts[0]] if value else []
    if not _several(key, parameter):
        return [_text(key, value)]
    if not isinstance(value, list) or len(value) > MOST:
        raise UsageError(Problem(f"{key} is a list of at most {MOST} strings"))
    return [_text(key, item) for item in value]


def _text(key: str, value: object) -> str:
    """A value as a word of the command line."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(Problem(f"{key} is a string or a number"))
    return str(value)


def _within(word: str, root: Path) -> str:
    """A preset's name, or a path below the root. Raises UsageError for all else a MODEL can be."""
    if word in presets():
        return word
    try:
        path = (root / word).resolve()
        inside = path.is_relative_to(root.resolve()) and path.exists()
    except (OSError, ValueError):
        inside = False
    if not inside or word.startswith(("hf://", "git:")) or word == "-":
        raise UsageError(Problem(f"no preset and no file below the server's folder is called {word[:200]!r}",
                                 hint="`paramcalc list` prints the presets"))
    return str(path)


def error_text(error: PCError) -> str:
    """The words of a refusal, hints included."""
    return "\n".join(f"{problem}\nhint: {problem.hint}" if problem.hint else str(problem) for problem in error.problems)
