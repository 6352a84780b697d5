"""From a field of the specification that cannot be to the key of the config it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.problems import problem_of
from paramcalc.errors import SpecError
from paramcalc.readers.text.validation import wording

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from paramcalc.readers.config.config import Config

KEYS = {"num_heads": "num_attention_heads", "num_kv_heads": "num_key_value_heads", "num_layers": "num_hidden_layers",
        "top_k": "num_experts_per_tok"}
"""Fields of the specification that configs mostly spell otherwise."""


def blamed(error: ValidationError, config: Config) -> SpecError:
    """The same refusal, each problem at the key its value came from, or at the model type where none can be named."""
    problems = []
    for details in error.errors(include_url=False):
        message, hint = wording(details)
        field = ".".join(str(part) for part in details["loc"])
        key = _key(details, config)
        path = (*config.path, config.spelled(key) if key else "model_type")
        message = message if key == field else f"{field}: {message}" if field else message
        problems.append(problem_of(details)._replace(message=message, path=path, hint=hint))
    return SpecError(*dict.fromkeys(problems))


def replaced(error: SpecError, config: Config) -> SpecError:
    """The same refusal of a specification's fields, each problem at the key of the config that says the field."""
    problems = []
    for problem in error.problems:
        field = next((part for part in reversed(problem.path) if isinstance(part, str)), "")
        key = KEYS.get(field, field)
        written = config.spelled(key) in config.data
        path = (*config.path, config.spelled(key) if written else "model_type")
        message = f"{field} {problem.message}" if problem.message.startswith("must be") else problem.message
        problems.append(problem._replace(message=message, path=path))
    return SpecError(*dict.fromkeys(problems))


def _key(details: ErrorDetails, config: Config) -> str:
    """The key with the field's own name, else the first one read that holds the very value."""
    names = [str(part) for part in details["loc"]] + [str(details.get("ctx", {}).get("field", ""))]
    for name in reversed(names):
        if name in config.read and config.spelled(name) in config.data:
            return name
    value = details["input"]
    if isinstance(value, dict):
        value = value.get(names[-1])
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return ""
    return next((key for key in sorted(config.read) if config.data.get(config.spelled(key)) == value), "")
