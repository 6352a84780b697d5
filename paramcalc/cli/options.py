"""How functions become commands: the options all commands share, and settings classes as options.

A command is a function of its arguments, whose parameters may be settings:

```python
@command
def memory(models: Models, serving: ServingSettings, common: Common) -> int:
    \"\"\"Show the memory needed to serve a model.\"\"\"
```

A parameter of a class below, or of a `Settings` class, stands for one option for each field of it. The function gets
the object, made of what the line says; it returns the exit code.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import Enum, StrEnum
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union, get_args, get_origin, get_type_hints

import typer

from paramcalc.cli import completion
from paramcalc.cli.streams import tell
from paramcalc.errors import Problem, UsageError
from paramcalc.parallel import MOST_JOBS
from paramcalc.reports.writers import formats

if TYPE_CHECKING:
    Format: TypeAlias = str
    CheckFormat: TypeAlias = str
else:
    Format = StrEnum("Format", {name: name for name in formats("reports")})
    CheckFormat = StrEnum("CheckFormat", {name: name for name in formats("findings")})
TABLE = Format("table")
OFFLINE = "HF_HUB_OFFLINE"
"""The variable huggingface_hub itself listens to."""


class Color(StrEnum):
    """When colour is used."""

    auto = "auto"
    always = "always"
    never = "never"


@dataclass
class Session:
    """What one run of the command line is about, whichever command it is."""

    debug: bool = False
    color: Color = Color.auto


def _debug(context: typer.Context, value: bool) -> bool:
    if value and isinstance(session := context.find_root().obj, Session):
        session.debug = True
    return value


def _color(context: typer.Context, value: Color) -> Color:
    if isinstance(session := context.find_root().obj, Session):
        session.color = value
    return value


def _offline(value: bool) -> bool:
    """Set what huggingface_hub itself listens to, so that nothing it does goes out either."""
    if value:
        os.environ[OFFLINE] = "1"
    return value


MODEL = "A spec, a config.json or its folder, a preset name, or - for standard input."
Models = Annotated[list[str], typer.Argument(metavar="MODEL", help=MODEL, autocompletion=completion.models)]
One = Annotated[str, typer.Argument(metavar="MODEL", help=MODEL, autocompletion=completion.models)]
Set = Annotated[list[str], typer.Option(
    "--set", metavar="KEY=VALUE", help="Override a field before the model is built, with dots for nested fields; "
    "repeatable.")]
FormatOption = Annotated[Format, typer.Option("--format", help="Output format.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
JsonLines = Annotated[bool, typer.Option(
    "--json-lines", help="The same as --format jsonl: one JSON object per line, also for a single MODEL.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the answer to a file.")]
ColorOption = Annotated[Color, typer.Option("--color", callback=_color, is_eager=True, help="When to use colour.")]
Strict = Annotated[bool, typer.Option(
    "--strict", help="Treat unknown keys, uncounted parts and sizes taken from defaults as errors.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Write no warnings to standard error.")]
Offline = Annotated[bool, typer.Option("--offline", callback=_offline, help="Read hf://… from the cache only.")]
Plot = Annotated[Path | None, typer.Option(
    "--plot", metavar="FILE", help="Write a plot to an .svg or .png file (needs the plot extra).")]
Jobs = Annotated[int, typer.Option("--jobs", min=1, max=MOST_JOBS, metavar="N", help="Number of worker processes.")]
Debug = Annotated[bool, typer.Option("--debug", callback=_debug, is_eager=True,
                                     help="Show the traceback of an internal error.")]


@dataclass(frozen=True)
class Talk:
    """What is said beside the answer."""

    quiet: Quiet = False
    debug: Debug = False


@dataclass(frozen=True)
class Written(Talk):
    """How and where an answer is written."""

    format: FormatOption = TABLE
    json: Json = False
    json_lines: JsonLines = False
    output: Output = None
    color: ColorOption = Color.auto

    def __post_init__(self) -> None:
        """Raise UsageError for two formats at once."""
        formats = {"--json": "json"} if self.json else {}
        formats |= {"--json-lines": "jsonl"} if self.json_lines else {}
        formats |= {f"--format {self.format}": str(self.format)} if self.format != TABLE else {}
        if len(set(formats.values())) > 1:
            raise UsageError(Problem(f"{' and '.join(formats)} are two formats", hint="leave one out"))

    @property
    def style(self) -> Format:
        """The format asked for, by either spelling."""
        return Format("json") if self.json else Format("jsonl") if self.json_lines else self.format


@dataclass(frozen=True)
class Common(Written):
    """The options of every command that takes a MODEL."""

    set: Set = field(default_factory=list)
    strict: Strict = False
    offline: Offline = False

    def tell(self, url: str) -> None:
        """Name a request to the hub on standard error, unless told to be quiet."""
        from paramcalc.sanitize import visible

        if not self.quiet:
            tell(f"GET {visible(url, 2000)}\n")


def command(function: Callable[..., int]) -> Callable[..., int]:
    """Make a function a command: its parameters of a settings class become one option for each field."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, type] = {}
    parameters: list[Parameter] = []
    shared: list[Parameter] = []  # last in the help: what a command is about comes first
    for parameter in signature(function).parameters.values():
        annotation = hints[parameter.name]
        if isinstance(annotation, type) and issubclass(annotation, Talk):
            groups[parameter.name] = annotation
            shared += _shared(annotation)
        elif hasattr(annotation, "model_fields"):
            groups[parameter.name] = annotation
            parameters += [_option(name, each) for name, each in annotation.model_fields.items()]
        else:
            parameters.append(parameter.replace(annotation=annotation, kind=Parameter.KEYWORD_ONLY))

    @wraps(function)
    def run(parser: typer.Context, **values: Any) -> int:  # noqa: ANN401 - whatever the options are
        set_by_user = {name for name in values if _from_user(parser, name)}
        settings = {name: _collected(kind, values, set_by_user) for name, kind in groups.items()}
        return function(**values, **settings)

    parameters = sorted([*parameters, *shared], key=lambda each: each.default is not Parameter.empty)
    parser = Parameter("parser", Parameter.KEYWORD_ONLY, annotation=typer.Context)
    run.__dict__["__signature__"] = Signature([parser, *parameters], return_annotation=int)
    run.__annotations__ = {each.name: each.annotation for each in (parser, *parameters)} | {"return": int}
    return run


def _from_user(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")


def _collected(kind: type, values: dict[str, Any], set_by_user: set[str]) -> Any:  # noqa: ANN401 - an object of the class
    """The settings object of a class, its values taken out of all; a value that is a default is left to the class."""
    if issubclass(kind, Talk):
        return kind(**{each.name: values.pop(each.name) for each in fields(kind)})
    settings: Any = kind
    own = {name: values.pop(name) for name in settings.model_fields}
    options = {name: value.value if isinstance(value, Enum) else value
              for name, value in own.items() if name in set_by_user}
    return settings.of(options, lambda name: _flags(name, settings.model_fields[name])[0].split("/")[0])


def _shared(kind: type[Talk]) -> list[Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    return [Parameter(each.name, Parameter.KEYWORD_ONLY, annotation=hints[each.name],
                      default=[] if callable(each.default_factory) else each.default) for each in fields(kind)]


def _flags(name: str, setting: Any) -> list[str]:  # noqa: ANN401 - pydantic's FieldInfo
    own: list[str] = (setting.json_schema_extra or {}).get("flags") or []
    plain = name.replace("_", "-")
    return own or [f"--{plain}/--no-{plain}" if setting.default is True else f"--{plain}"]


def _option(name: str, setting: Any) -> Parameter:  # noqa: ANN401 - pydantic's FieldInfo
    """A field of a settings class as an option: flag, placeholder, help and default are the field's."""
    kind, default = _typed(name, setting)
    metavar = (setting.json_schema_extra or {}).get("metavar") or None
    info = typer.Option(*_flags(name, setting), help=setting.description, metavar=metavar,
                        autocompletion=completion.OF_SETTINGS.get(name))
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=Annotated[kind, info], default=default)


def _typed(name: str, setting: Any) -> tuple[Any, Any]:  # noqa: ANN401 - pydantic's FieldInfo, any type
    """The type an option has on the command line, and its default: what has a parser of its own is text here."""
    annotation, default = setting.annotation, setting.default
    metavar = str((setting.json_schema_extra or {}).get("metavar"))
    choices = get_args(annotation) if get_origin(annotation) in (Union, type(int | str)) else (annotation,)
    optional = type(None) in choices
    inner = next(choice for choice in choices if choice is not type(None))
    parsed = any(hasattr(each, "func") for each in (*setting.metadata, *getattr(inner, "__metadata__", ())))
    if get_origin(inner) is Annotated:
        inner = get_args(inner)[0]
    if get_origin(inner) is Literal:
        words = StrEnum(name, {str(word): str(word) for word in get_args(inner)})  # type: ignore[misc]  # made here
        inner = words
        default = None if default is None else words(str(default))
    elif get_origin(inner) is tuple and not metavar.endswith("[,…]"):
        return list[str], list(default)
    elif get_origin(inner) is tuple:
        inner, default = str, ",".join(map(str, default))
    elif parsed or inner not in (int, bool, float, str, Path):
        inner = str
        default = None if default is None else str(default)
    return (inner | None if optional else inner), default
