"""The base of settings: a field for each thing a user may say, with its default, bounds and help in one place.

A settings class is read by the command line (an option for each field), by Python (a keyword argument for each) and by
`expect:`. Which fields a user has set is `model_fields_set`: what was said and what is a default are told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, Self, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from paramcalc.errors import Problem, UsageError
from paramcalc.sanitize import describe
from paramcalc.sizes import NearMissError, near_number, parse_count, parse_decimal, parse_share, parse_tokens

Tokens = Annotated[int, BeforeValidator(parse_tokens)]
"""A number of tokens: 8192, `8k`, `1M`."""
CachedTokens = Annotated[int, BeforeValidator(lambda value: parse_tokens(value, 0))]
"""A number of tokens that may be 0."""
Count = Annotated[int, BeforeValidator(parse_count)]
"""A number of sequences: 8, `8k`."""
Decimal = Annotated[int, BeforeValidator(parse_decimal)]
"""A number of parameters or training tokens: `7B`, `1.5T`."""
Share = Annotated[Fraction, BeforeValidator(parse_share)]
"""A part of a whole: 0.9, `90%`."""
Devices = Annotated[int, Field(ge=1, le=2**16)]
Stages = Annotated[int, Field(ge=1, le=2**12)]
DTYPE = "Number format of weights that are not quantized: bf16, fp16, fp32."
TP = "Tensor parallel size: number of devices that each matrix is divided among."
PP = "Pipeline parallel size: number of stages that the layers are divided among."
EP = "Expert parallel size: number of devices that the experts are divided among."
"""Help of options that serving, speed and training have."""
NUMBERS = ("int_parsing", "float_parsing")
"""Pydantic's words for a text that is no number."""
SYNONYMS = {
    **dict.fromkeys(("ollama", "lmstudio", "koboldcpp", "llamafile", "gguf", "ggml"), "llama.cpp"),
    **dict.fromkeys(("trt", "trtllm"), "tensorrt-llm"),
    **dict.fromkeys(("hf", "huggingface", "torch", "pytorch"), "transformers"),
    **dict.fromkeys(("true", "yes", "on", "all"), "full"), **dict.fromkeys(("false", "no", "off"), "none"),
    **dict.fromkeys(("fa", "fa2", "fa3", "flashattention", "flashattention2"), "flash"),
    **dict.fromkeys(("quant", "quants", "dtypes"), "formats"), "presets": "models",
    **dict.fromkeys(("devices", "accelerators", "hardware"), "gpus"),
    **dict.fromkeys(("module", "kind"), "component"), **dict.fromkeys(("parameter", "weight"), "tensor"),
}
"""Words people type where options take a choice, without the signs between their parts, to the choice they mean."""


def option(default: Any, text: str, *flags: str, metavar: str = "") -> Any:  # noqa: ANN401 - as pydantic.Field
    """A field with its help, and where they are not made from its name the flags and the placeholder of its option."""
    return Field(default, description=text, json_schema_extra={"flags": list(flags), "metavar": metavar},
                 validate_default=False)


def without_none(**values: object) -> dict[str, object]:
    """The arguments that were given: one left out takes its default, within the positions of the model."""
    return {name: value for name, value in values.items() if value is not None}


class Settings(BaseModel):
    """A frozen set of settings; a field nobody knows is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, defer_build=True)

    @classmethod
    def of(cls, values: Mapping[str, object], spell: Callable[[str], str] = str) -> Self:
        """The settings with these values. Raises UsageError with every value that cannot be, by the name `spell` gives
        its field."""
        flags = [name for name, value in values.items() if type(value) is bool and not _takes_flag(cls, name)]
        if flags:  # Python counts true as 1
            raise UsageError(*(Problem(f"{spell(name)}: expected a number, found {values[name]}") for name in flags))
        empty = [name for name, value in values.items()
                 if name in cls.model_fields and _is_empty(value, cls.model_fields[name])]
        if empty:  # it would mean the default
            raise UsageError(*(Problem(f"{spell(name)}: expected a value, found {describe(values[name])}",
                                       hint="leave it out for the default") for name in empty))
        if not values and not any(field.is_required() for field in cls.model_fields.values()):
            # defaults are not validated: pydantic need not build the validator
            return cast("Self", cls.model_construct())
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise UsageError(*(_problem(detail, values, spell, cls._wrong_with(values, detail["loc"]))
                               for detail in error.errors(include_url=False))) from None

    @classmethod
    def _wrong_with(cls, values: Mapping[str, object], place: tuple[str | int, ...]) -> Callable[[str], Any | None]:
        """What is wrong with a value of a field in the place of one that was refused."""

        def wrong(value: str) -> Any | None:  # noqa: ANN401 - pydantic's
            try:
                cls.model_validate({**values, str(place[0]): value} if place else values)
            except ValidationError as error:
                return next((each for each in error.errors(include_url=False) if each["loc"] == place), None)
            return None

        return wrong

    def is_set(self, name: str) -> bool:
        """Whether a field was set by whoever asks, rather than left to its default."""
        return name in self.model_fields_set

    def changes(self, name: str) -> bool:
        """Whether a field was set to something else than its default."""
        return self.is_set(name) and getattr(self, name) != type(self).model_fields[name].default


def _is_empty(value: object, field: Any) -> bool:  # noqa: ANN401 - pydantic's FieldInfo
    """Whether a value is a text of no words, or names one beside a comma or in a list."""
    several = isinstance(value, str) and "[," in (field.json_schema_extra or {}).get("metavar", "")
    items = str(value).split(",") if several else value if isinstance(value, list | tuple) else (value,)
    return any(isinstance(item, str) and not item.strip() for item in items)


def _takes_flag(cls: type[Settings], name: str) -> bool:
    """Whether a field may be true or false, or reads what it is given by itself; what is no field is refused later."""
    field = cls.model_fields.get(name)
    choices = () if field is None else get_args(field.annotation) or (field.annotation,)
    kinds = {get_args(each)[0] if get_origin(each) is Annotated else each for each in choices}
    return field is None or bool in kinds or not {int, float} & kinds


def _problem(detail: Any, values: Mapping[str, object], spell: Callable[[str], str],  # noqa: ANN401 - pydantic's
             wrong_with: Callable[[str], Any | None]) -> Problem:
    name = str(detail["loc"][0]) if detail["loc"] else ""
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        return Problem(f"unknown setting {name[:60]!r}")
    value = values.get(name)
    quoted = message.startswith(("'", '"')) or ", found " in message
    if not quoted and name in values:
        message = f"{str(value)[:40]!r}: {message[:1].lower()}{message[1:]}"
    return Problem(f"{spell(name)}: {message}" if name else message, hint=nearest(detail, wrong_with))


def near_choice(word: str, choices: Sequence[str]) -> str:
    """The choice a word means: the same in other letters or signs (`vLLM`, `llama_cpp`), another name for it, or one
    spelt much like it; empty for none."""
    from difflib import get_close_matches

    plain = {_letters(choice): choice for choice in choices}
    if (meant := SYNONYMS.get(_letters(word))) in choices:
        return meant or ""
    close = get_close_matches(_letters(word), plain, n=1)
    return plain[close[0]] if close else ""


def _letters(word: str) -> str:
    """Letters and digits of a word, in lower case."""
    return "".join(filter(str.isalnum, word.lower()))


def nearest(detail: Any, allowed: Callable[[str], Any | None] | None = None) -> str:  # noqa: ANN401 - pydantic's
    """The valid value nearest to one that pydantic refuses, as a hint; empty where none is known. `allowed` says what
    pydantic finds wrong with a number that is suggested, None where it is fine."""
    context = detail.get("ctx", {})
    if isinstance(error := context.get("error"), NearMissError):
        return error.hint
    near = context.get("ge", context.get("le"))
    if detail["type"] in NUMBERS:
        near = near_number(detail["input"], integer=detail["type"] == "int_parsing") or None
        if near is not None and allowed is not None and (further := allowed(near)) is not None:
            return nearest(further)
    return "" if near is None else f"the nearest: {near}"
