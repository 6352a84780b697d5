"""The Typer application, and what happens to errors."""

from __future__ import annotations

import sys
from importlib import import_module

import typer

from paramcalc.cli import COMMANDS
from paramcalc.errors import PCError

EXAMPLES = """\
paramcalc count llama-3.1-8b
paramcalc count path/to/config.json --by tensor
paramcalc count deepseek-v3 --set num_layers=30 --format json"""


def application(wanted: str | None) -> typer.Typer:
    """The application with one command, or with all where none is named: help needs all, a run only its own."""
    app = typer.Typer(name="paramcalc", help="What does this language model cost?", no_args_is_help=True,
                      rich_markup_mode=None, pretty_exceptions_enable=False, epilog=EXAMPLES,
                      context_settings={"help_option_names": ["-h", "--help"]})
    app.callback()(_root)
    for name in (wanted,) if wanted else COMMANDS:
        module = import_module(f"paramcalc.cli.{name}")
        app.command(name)(getattr(module, name, None) or getattr(module, f"{name}_"))
    return app


def _root() -> None:
    """What does this language model cost? Parameters, bytes and FLOPs, exactly, from its architecture alone."""


def run(arguments: list[str]) -> int:
    """Run and give the exit code; refusals are printed on standard error, one line a problem."""
    wanted = arguments[0] if arguments and arguments[0] in COMMANDS else None
    try:
        application(wanted)(arguments, standalone_mode=True)
    except PCError as error:
        report(error)
        return error.exit_code
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 2
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except Exception as fault:
        if "--debug" in arguments:
            raise
        sys.stderr.write(f"error: a fault of paramcalc's own: {type(fault).__name__}: {fault}\n"
                         "hint: run again with --debug and report what it prints\n")
        return 70
    return 0


def report(error: PCError) -> None:
    """Each problem and its hint on standard error, control characters made visible."""
    from paramcalc.readers.quote import visible

    for problem in error.problems:
        sys.stderr.write(f"error: {visible(str(problem), 2000)}\n")
        if problem.hint:
            sys.stderr.write(f"hint: {visible(problem.hint, 2000)}\n")
