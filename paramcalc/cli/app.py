"""The Typer application: one command where one is named, all of them for help and completion."""

from __future__ import annotations

import os
import re
import sys
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING

import typer

from paramcalc.cli import COMMANDS
from paramcalc.cli.complete import VARIABLE
from paramcalc.errors import Problem, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

SUMMARY = "What does this language model cost? Parameters, bytes and FLOPs, exactly, from its architecture alone."
EXAMPLES = ("paramcalc count llama-3.1-8b", "paramcalc estimate deepseek-v3 --context 32k",
            "paramcalc explain qwen3-30b-a3b '*experts*'")
MODELS = """\
A MODEL is a YAML spec, a config.json or the folder that holds it, a preset name (see `paramcalc list`),
or - for a spec on standard input."""
CODES = "Exit codes: 0 fine, 1 a check or a fit failed, 2 bad usage or input, 3 network, 70 a fault of ours."


def application(wanted: str | None) -> typer.Typer:
    """The application with one command, or with all where none is named: completion needs all, a run only its own."""
    app = typer.Typer(name="paramcalc", help=SUMMARY, rich_markup_mode=None, pretty_exceptions_enable=False,
                      context_settings={"help_option_names": ["-h", "--help"]})
    app.callback()(_root)
    for name in (wanted,) if wanted else COMMANDS:
        module = command_module(name)
        run = function(module, name)
        app.command(name, help=f"\b\n{examples(module)}\n\n{run.__doc__}", short_help=run.__doc__)(run)
    return app


def command_module(name: str) -> ModuleType:
    """The module of a command."""
    return import_module(f"paramcalc.cli.{name}")


def function(module: ModuleType, name: str) -> Callable[..., None]:
    """A command's function: of its name, with an underscore where the name is a word of Python's own."""
    found: Callable[..., None] = getattr(module, name, None) or getattr(module, f"{name}_")
    return found


def examples(module: ModuleType) -> str:
    """A command's examples, one a line."""
    return "\n".join(getattr(module, "EXAMPLES", ()))


def _root() -> None:
    """Only holds the commands together."""


def run(arguments: list[str]) -> int:
    """Parse and run, and give the exit code. Raises PCError for an unknown command."""
    word = next((a for a in arguments if not a.startswith("-")), None)
    wanted = word if word in COMMANDS else None
    if VARIABLE not in os.environ:
        if not arguments or (wanted is None and arguments[0] in ("-h", "--help")):
            sys.stdout.write(root_help())
            return 0
        if word is not None and wanted is None and not arguments[0].startswith("-"):
            raise _unknown(word)
    completing = VARIABLE in os.environ
    try:
        code = application(wanted)(arguments, standalone_mode=completing, prog_name="paramcalc")
    except SystemExit as stop:
        if not completing:  # the parser's answer to a closed pipe
            raise BrokenPipeError from stop
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 2
    except typer.Abort:
        return 130
    except Exception as error:
        said = getattr(error, "format_message", None)
        if said is None:
            raise
        raise _misused(said(), wanted) from error
    return code if isinstance(code, int) else 0


def _misused(message: str, command: str | None) -> UsageError:
    """What the parser refuses, in our words."""
    message = (message[:1].lower() + message[1:]).rstrip(".").replace("Value error, ", "")
    near = re.search(r" ?\((?:Possible options|Did you mean): (.*)\)\??$| ?Did you mean (.*)\?$", message)
    if near is not None:
        return UsageError(Problem(message[: near.start()].rstrip("."), hint=f"did you mean {near[1] or near[2]}?"))
    given, choice, known = message.rpartition("' is not one of ")
    if choice and (close := get_close_matches(given.rpartition("'")[2], known.split("'")[1::2], n=1)):
        return UsageError(Problem(message, hint=f"did you mean {close[0]}?"))
    return UsageError(Problem(message, hint=f"`paramcalc {command or ''}".rstrip() + " --help` shows how it is used"))


def _unknown(word: str) -> UsageError:
    from paramcalc.components import nearest

    return UsageError(Problem(f"no command is called {word[:60]!r}", hint=nearest(word, dict.fromkeys(COMMANDS))))


def root_help() -> str:
    """What `paramcalc --help` prints: three lines to copy, then everything there is."""
    said = {name: (function(command_module(name), name).__doc__ or "").strip() for name in COMMANDS}
    width = max(map(len, COMMANDS))
    lines = ["Usage: paramcalc COMMAND MODEL... [OPTIONS]", "", *(f"  {example}" for example in EXAMPLES), "", SUMMARY,
             "",
             "Commands:", *(f"  {name:{width}}  {sentence}" for name, sentence in said.items()), "", MODELS, "",
             "Options:", "  --version             Print the version.",
             "  --install-completion  Install completion of commands, options and preset names for this shell.",
             "  --show-completion     Print that completion instead.",
             "  -h, --help            Print this; after a command, its own options.", "", CODES]
    return "\n".join(lines) + "\n"
