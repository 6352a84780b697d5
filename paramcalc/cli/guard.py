"""What happens to a command line: answered at once where it is plain, else parsed; and what happens to errors."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from paramcalc.cli import INTERRUPTED
from paramcalc.cli.complete import VARIABLE, completed
from paramcalc.cli.run import Common, answer_all
from paramcalc.cli.streams import drop, tell, unwritable
from paramcalc.errors import PCError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FAULT = 70


def guarded(arguments: Sequence[str]) -> int:
    """Run and give the exit code; refusals are printed on standard error, one line a problem."""
    _without_plugins()
    if any("hf://" in argument for argument in arguments):
        _tell_requests(arguments)
    code = _attempt(lambda: _run(list(arguments)), debug="--debug" in arguments)
    return _attempt(sys.stdout.flush, debug="--debug" in arguments) or code


def _attempt(step: Callable[[], int | None], *, debug: bool) -> int:
    """The exit code of a step, whatever it raises."""
    try:
        return step() or 0
    except PCError as error:
        report(error)
        return error.exit_code
    except BrokenPipeError:  # whoever read our answer has seen enough of it
        drop(sys.stdout)
        return 0
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as fault:
        if isinstance(fault, OSError) and (reason := unwritable(fault)):
            drop(sys.stdout)
            tell(f"error: standard output cannot be written: {reason}\n")
            return UsageError.exit_code
        if debug:
            raise
        tell(f"error: a fault of paramcalc's own: {type(fault).__name__}: {fault}\n"
             "hint: run again with --debug and report what it prints\n")
        return FAULT


def _without_plugins() -> None:
    """Keep pydantic from looking for plugins in the metadata of every installed package: a sixth of a start.

    A process of ours has none. Where pydantic keeps its loader elsewhere, nothing happens.
    """
    loader = ModuleType("pydantic.plugin._loader")
    loader.__dict__["get_plugins"] = tuple
    sys.modules.setdefault(loader.__name__, loader)


def _run(arguments: list[str]) -> int:
    if VARIABLE in os.environ:
        text = completed()
        if text is not None:
            sys.stdout.write(text)
            return 0
    elif arguments[:1] == ["--version"]:
        from paramcalc._version import __version__

        sys.stdout.write(f"paramcalc {__version__}\n")
        return 0
    elif (code := _at_once(arguments)) is not None:
        return code
    from paramcalc.cli.app import run

    return run(arguments)


def _at_once(arguments: list[str]) -> int | None:
    """The exit code of a line so plain that no parser is needed, None for any other line.

    A good part of the time such a line takes would go into loading and building a parser for it.
    """
    command, words, json = arguments[:1], arguments[1:], "--json" in arguments
    if command == ["fit"] and (on := _plain_on(words)) is not None:
        from paramcalc.cli.asked import Asked, run_fit

        return run_fit(on[0], Common([], json=json), Asked(gpu=on[1]))
    given = plain(words)
    if given is None:
        return None
    if command == ["count"]:
        from paramcalc.reports.count import counted

        return answer_all(given, Common([], json=json), counted)
    if command == ["check"]:
        from paramcalc.cli.checking import Asked as Checked
        from paramcalc.cli.checking import run_check

        return run_check(Checked([*map(Path, given)], style="json" if json else None))
    if command == ["memory"]:
        from paramcalc.cli.asked import Asked, run_memory

        return run_memory(given, Common([], json=json), Asked())
    return None


def _tell_requests(arguments: Sequence[str]) -> None:
    """Say on standard error which addresses are asked, unless told to be quiet."""
    from paramcalc.readers import hub
    from paramcalc.sanitize import visible

    def request(url: str) -> None:
        tell(f"GET {visible(url, 2000)}\n")

    if not {"--quiet", "-q"} & set(arguments):
        hub.said = request


def plain(arguments: Sequence[str]) -> list[str] | None:
    """The MODELs or PATHs of a line that has nothing else but `--json`, None for any other line."""
    models = [word for word in arguments if word != "--json"]
    if not models or any(word.startswith("-") and word != "-" for word in models):
        return None
    return models


def _plain_on(arguments: Sequence[str]) -> tuple[list[str], str] | None:
    """The MODELs and the accelerator of a line that has nothing else but `--gpu NAME` and `--json`."""
    place = arguments.index("--gpu") if arguments.count("--gpu") == 1 else len(arguments)
    rest, name = [*arguments[:place], *arguments[place + 2 :]], "".join(arguments[place + 1 : place + 2])
    models = plain(rest)
    return None if models is None or not name or name.startswith("-") else (models, name)


def report(error: PCError) -> None:
    """Each problem and its hint on standard error, control characters made visible."""
    from paramcalc.sanitize import visible

    for problem in error.problems:
        tell(f"error: {visible(str(problem), 2000)}\n")
        if problem.hint:
            tell(f"hint: {visible(problem.hint, 2000)}\n")
