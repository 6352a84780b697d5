"""How the process ends where nobody waits for what Python would still do."""

from __future__ import annotations

import os


def end(code: int) -> None:
    """End the process without taking apart what the system frees anyway: 50 to 75 of the 350 ms of a `count`.

    Nothing that is registered to run at exit runs, and nothing is flushed: `run` has flushed both streams, and at
    Ctrl-C there is nothing to say.
    """
    os._exit(code)
