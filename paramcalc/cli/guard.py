"""What happens to a command line: answered at once where it is plain, else parsed; and what happens to errors."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from paramcalc.cli.complete import VARIABLE, completed
from paramcalc.errors import PCError

if TYPE_CHECKING:
    from collections.abc import Sequence

FAULT = 70


def guarded(arguments: Sequence[str]) -> int:
    """Run and give the exit code; refusals are printed on standard error, one line a problem."""
    _without_plugins()
    if any("hf://" in argument for argument in arguments):
        _tell_requests(arguments)
    try:
        code = _run(list(arguments))
        sys.stdout.flush()
        return code
    except PCError as error:
        report(error)
        return error.exit_code
    except BrokenPipeError:  # whoever read our answer has seen enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception as fault:
        if "--debug" in arguments:
            raise
        sys.stderr.write(f"error: a fault of paramcalc's own: {type(fault).__name__}: {fault}\n"
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
    elif arguments[:1] == ["count"] and (models := plain(arguments[1:])) is not None:
        from paramcalc.cli.run import Common, answer_all
        from paramcalc.reports.count import counted

        return answer_all(models, Common([], json="--json" in arguments), counted)
    elif arguments[:1] == ["check"] and (paths := plain(arguments[1:])) is not None:
        from paramcalc.cli.checking import Asked, run_check

        return run_check(Asked([*map(Path, paths)], style="json" if "--json" in arguments else None))
    from paramcalc.cli.app import run

    return run(arguments)


def _tell_requests(arguments: Sequence[str]) -> None:
    """Say on standard error which addresses are asked, unless told to be quiet."""
    from paramcalc.readers import hub
    from paramcalc.readers.quote import visible

    def tell(url: str) -> None:
        sys.stderr.write(f"GET {visible(url, 2000)}\n")

    if not {"--quiet", "-q"} & set(arguments):
        hub.said = tell


def plain(arguments: Sequence[str]) -> list[str] | None:
    """The MODELs or PATHs of a line that has nothing else but `--json`, None for any other line.

    Half of the time such a line takes would go into loading and building a parser for it.
    """
    models = [word for word in arguments if word != "--json"]
    if not models or any(word.startswith("-") and word != "-" for word in models):
        return None
    return models


def report(error: PCError) -> None:
    """Each problem and its hint on standard error, control characters made visible."""
    from paramcalc.readers.quote import visible

    for problem in error.problems:
        sys.stderr.write(f"error: {visible(str(problem), 2000)}\n")
        if problem.hint:
            sys.stderr.write(f"hint: {visible(problem.hint, 2000)}\n")
