"""The Typer application, what happens to errors, and how the process ends."""

from __future__ import annotations

import os
import re
import sys
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from paramcalc.cli.commands import COMMANDS, INTERRUPTED
from paramcalc.cli.options import OFFLINE, Color, Session, command
from paramcalc.cli.run import report
from paramcalc.cli.streams import drop, tell, unwritable
from paramcalc.errors import PCError, Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

SUMMARY = "What does this language model cost? Parameters, bytes and FLOPs, exactly, from its architecture alone."
EXAMPLES = ("paramcalc count llama-3.1-8b", "paramcalc estimate deepseek-v3 --context 32k",
            "paramcalc explain qwen3-30b-a3b '*experts*'")
QUESTIONS = (
    ("What does a model cost?", "paramcalc estimate llama-3.1-8b"),
    ("What runs on my GPU?", "paramcalc fit qwen3-8b --gpu rtx-4090 --quant q4_k_m"),
    ("How fast will it be?", "paramcalc speed llama-3.1-70b --gpu h100 --gpus 4"),
    ("What does training take?", "paramcalc train llama-3.1-8b --gpu h100 --gpus 8 --zero 3"),
    ("Where does a number come from?", "paramcalc explain deepseek-v3 '*self_attn*'"),
    ("Do our specs meet their expectations?", "paramcalc check ."),
)
"""What people come with, and the line that answers it."""
MODELS = """\
A MODEL is a YAML spec, a config.json or the folder that holds it, a preset name (see `paramcalc list`),
or - for a spec on standard input."""
CODES = "Exit codes: 0 fine, 1 a check or a fit failed, 2 bad usage or input, 3 network, 70 internal error."
INTERNAL = 70
ELSEWHERE = {"help": "paramcalc --help", "version": "paramcalc --version",
             "info": "paramcalc estimate", "show": "paramcalc estimate", "presets": "paramcalc list models",
             "models": "paramcalc list models", "gpus": "paramcalc list gpus", "formats": "paramcalc list formats"}
"""Words people type as commands, and what they mean."""


class Commands(TyperGroup):
    """All commands; the module of one is imported when it is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Click's own context
        """Names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - Click's own classes
        """The command of a name."""
        return parsed(cmd_name) if cmd_name in COMMANDS else None

    def shell_complete(self, ctx: Any, incomplete: str) -> list[Any]:  # noqa: ANN401 - Click's own classes
        """Commands, and presets, which stand for `estimate`."""
        model = next(each for each in parsed("estimate").params if each.param_type_name == "argument")
        return [*super().shell_complete(ctx, incomplete), *model.shell_complete(ctx, incomplete)]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - Click's own classes
        """The command a line names, `estimate` where it starts with a MODEL. Raises UsageError for any other word."""
        word = args[0]
        if word not in COMMANDS and (word == "-" or not word.startswith("-")):
            if not _names_model(word):
                hint = f"did you mean `{ELSEWHERE[word]}`?" if word in ELSEWHERE else _nearest(word)
                raise UsageError(Problem(f"no such command or model: {word[:60]!r}", hint=hint))
            args = ["estimate", *args]
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Click's own classes
        """Three lines to copy, then everything there is, within the width of the terminal."""
        with formatter.section("Usage"):
            formatter.write_text("paramcalc COMMAND MODEL... [OPTIONS]")
        with formatter.section("Examples"):
            for example in EXAMPLES:
                formatter.write_text(example)
        formatter.write_paragraph()
        formatter.write_text(SUMMARY)
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary(name)) for name in COMMANDS])
        formatter.write_paragraph()
        formatter.write_text(MODELS)
        self.format_options(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text(CODES)

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - Click's own classes
        """The options of the application itself."""
        records = [record for each in self.get_params(ctx) if (record := each.get_help_record(ctx)) is not None]
        with formatter.section("Options"):
            formatter.write_dl(records)


def command_module(name: str) -> ModuleType:
    """The module of a command."""
    return import_module(f"paramcalc.cli.{name}")


def function(name: str) -> Callable[..., int]:
    """A command's function: of its name, with an underscore where the name is a word of Python's own."""
    module = command_module(name)
    run: Callable[..., int] = getattr(module, name, None) or getattr(module, f"{name}_")
    return run


def summary(name: str) -> str:
    """What a command does, in one sentence."""
    return (function(name).__doc__ or "").strip()


def parsed(name: str) -> Any:  # noqa: ANN401 - Click's own class
    """One command with its parser."""
    app = typer.Typer(rich_markup_mode=None, add_completion=False)
    examples = "\n".join(command_module(name).EXAMPLES)
    app.command(name, help=f"\b\n{examples}\n\n{summary(name)}", short_help=summary(name))(command(function(name)))
    return typer.main.get_command(app)


def _version(value: bool) -> None:
    if value:
        from paramcalc._version import __version__

        sys.stdout.write(f"paramcalc {__version__}\n")
        raise typer.Exit


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", "-V", callback=_version, is_eager=True,
                                          help="Print the version.")] = False,
) -> None:
    """Hold the commands together; print what can be asked where none is named."""
    if context.invoked_subcommand is None:
        lines = [f"  {question}\n      {line}" for question, line in QUESTIONS]  # fits a terminal of 80 columns
        about = SUMMARY.replace("? ", "?\n", 1)
        sys.stdout.write("\n".join([about, "", *lines, "", "`paramcalc --help` lists all commands.\n"]))


def application() -> typer.Typer:
    """The Typer application with all commands."""
    app = typer.Typer(name="paramcalc", cls=Commands, help=SUMMARY, rich_markup_mode=None,
                      pretty_exceptions_enable=False, invoke_without_command=True,
                      context_settings={"help_option_names": ["-h", "--help"]})
    app.callback()(_root)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run a command line and give the exit code; errors are printed on standard error, one line a problem."""
    session = Session()
    before = os.environ.get(OFFLINE)
    try:
        return _run(arguments, session)
    finally:  # --offline is of this command line, not of the next one of a process
        if before is None:
            os.environ.pop(OFFLINE, None)
        else:
            os.environ[OFFLINE] = before


def _run(arguments: Sequence[str], session: Session) -> int:
    code = _attempt(lambda: _parsed_and_run(list(arguments), session), session)
    return _attempt(sys.stdout.flush, session) or code


def _attempt(step: Callable[[], int | None], session: Session) -> int:
    """The exit code of a step, whatever it raises."""
    try:
        return step() or 0
    except PCError as error:
        report(error, Color(session.color))
        return error.exit_code
    except BrokenPipeError:  # whoever read our answer has seen enough of it
        drop(sys.stdout)
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        return _unexpected(error, session)


def _unexpected(error: Exception, session: Session) -> int:
    """The exit code of what is no refusal of ours, said."""
    if isinstance(error, OSError) and (reason := unwritable(error)):
        drop(sys.stdout)
        tell(f"error: standard output cannot be written: {reason}\n")
        return UsageError.exit_code
    if isinstance(error, FileNotFoundError) and _folder_is_gone():
        tell("error: the current folder no longer exists\n")
        return UsageError.exit_code
    if session.debug:
        raise error
    tell(f"error: internal error: {type(error).__name__}: {error}\n"
         "hint: run again with --debug and report what it prints\n")
    return INTERNAL


def _folder_is_gone() -> bool:
    """Whether the current folder was removed, so that no path from it leads anywhere."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Raise UsageError for an empty argument, as a shell makes of a variable that is not set: a path of no name would
    mean the current folder, and an option of no value its default."""
    for before, argument in zip(("paramcalc", *arguments), arguments, strict=False):
        option, equals, value = argument.partition("=")
        assigned = option.startswith("--") and equals and not value
        if assigned or not argument.strip():
            raise UsageError(Problem(f"expected a value after {option if assigned else before[:60]!r}, found nothing",
                                     hint="an empty variable? Set it, or leave the argument out"))


def _parsed_and_run(arguments: list[str], session: Session) -> int:
    completing = "_PARAMCALC_COMPLETE" in os.environ
    _refuse_empty(arguments)
    try:
        code = application()(arguments, standalone_mode=completing, prog_name="paramcalc", obj=session)
    except SystemExit as stop:
        if not completing:  # the parser's answer to a closed pipe
            raise BrokenPipeError from stop
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 2
    except typer.Abort:
        return INTERRUPTED
    except Exception as error:
        message = getattr(error, "format_message", None)
        if message is None:
            raise
        context = getattr(error, "ctx", None)
        raise _misused(message(), getattr(context, "info_name", None), _near_value(error)) from error
    return code if isinstance(code, int) else 0


def _near_value(refusal: Exception) -> str:
    """The nearest value to one that the parser refuses, as a hint; empty where none is known."""
    from pydantic import Field, TypeAdapter, ValidationError

    from paramcalc.settings import nearest

    cause, parameter = refusal.__cause__, getattr(refusal, "param", None)
    if not isinstance(cause, ValidationError):
        return ""

    detail = cause.errors(include_url=False)[0]
    bounds = Field(ge=getattr(parameter, "min", None), le=getattr(parameter, "max", None))
    kind: Any = int if isinstance(getattr(parameter, "min", None), int) else float
    number: TypeAdapter[Any] = TypeAdapter(Annotated[kind, bounds])

    def wrong(value: str) -> object | None:
        try:
            number.validate_python(value)
        except ValidationError as error:
            return error.errors(include_url=False)[0]
        return None

    return nearest(detail, wrong)


def _misused(message: str, name: str | None, near_value: str) -> UsageError:
    """What the parser refuses, in our words."""
    message = (message[:1].lower() + message[1:]).rstrip(".").replace("Value error, ", "")
    if (option := re.match(r"no such option: (--[\w-]+)", message)) and (others := _commands_with(option[1])):
        return UsageError(Problem(option[0], hint=f"an option of {', '.join(others)}"))
    near = re.search(r" ?\((?:Possible options|Did you mean): (.*)\)\??$| ?Did you mean (.*)\?$", message)
    if near is not None:
        return UsageError(Problem(message[: near.start()].rstrip("."), hint=f"did you mean {near[1] or near[2]}?"))
    word, choice, choices = message.rpartition("' is not one of ")
    from paramcalc.settings import near_choice

    if choice and (close := near_choice(word.rpartition("'")[2], choices.split("'")[1::2])):
        return UsageError(Problem(message, hint=f"did you mean {close}?"))
    usage = f"paramcalc {name}" if name in COMMANDS else "paramcalc"
    return UsageError(Problem(message, hint=near_value or f"`{usage} --help` shows how it is used"))


def _commands_with(option: str) -> list[str]:
    """The commands that have an option; none for what is no option."""
    return [f"`paramcalc {name}`" for name in COMMANDS if any(option in each.opts for each in parsed(name).params)]


def _names_model(word: str) -> bool:
    """Whether a word can only be meant as a MODEL: a preset, something there is, an address, standard input."""
    from paramcalc.readers.presets import presets

    if word == "-" or word.startswith("hf://") or word in presets():
        return True
    try:
        return Path(word).exists()
    except (OSError, ValueError):
        return False


def _nearest(word: str) -> str:
    """The nearest command and the nearest model."""
    from paramcalc.readers.presets import presets

    close = get_close_matches(word, COMMANDS, n=1, cutoff=0.5) + get_close_matches(word, presets(), n=1, cutoff=0.5)
    return f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(COMMANDS)}"
