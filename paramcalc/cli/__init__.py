"""The command line: one file a command, each of which parses, calls the API, writes and gives an exit code."""

from __future__ import annotations

import gc
import signal
import sys

from paramcalc.cli.commands import COMMANDS, INTERRUPTED
from paramcalc.cli.ending import end

__all__ = ["COMMANDS", "start"]


def start(argv: list[str] | None = None) -> None:
    """Run a command and exit: 0 fine, 1 a check failed, 2 bad usage or input, 3 network, 70 internal error."""
    if argv is None:
        if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else whoever started us has it ignored
            signal.signal(signal.SIGINT, _interrupted)
        from paramcalc.cli.streams import prepare

        prepare()
        gc.set_threshold(100_000)  # importing makes many objects and no garbage
    from paramcalc.cli.main import run

    code = run(sys.argv[1:] if argv is None else argv)
    if argv is None and sys.gettrace() is None and sys.getprofile() is None:
        end(code)
    sys.exit(code)


def _interrupted(*_: object) -> None:
    """End the process at Ctrl-C without a word: an exception would be printed wherever Python cannot raise it."""
    if "paramcalc.atomic" in sys.modules:
        from paramcalc.atomic import discard_unfinished

        discard_unfinished()
    end(INTERRUPTED)
