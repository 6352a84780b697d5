"""One function over many things, on one core or several, in the order of the things."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Thing = TypeVar("Thing")
Result = TypeVar("Result")
MOST_JOBS = 256
"""Processes at once, at most."""
CHUNK = 64
"""Things a process is handed at once, at most: fewer where there are few, so that all processes have work."""
MANY = 16
"""Things a process, from which on one of them is done before the processes start."""


def over(
    function: Callable[[Thing], Result], things: Sequence[Thing], jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """What the function gives for each thing, in order; `jobs` processes at once, which need function, things and
    results to pickle. `progress` is told (done, all)."""
    results = []
    for result in _results(function, things, min(jobs, len(things))):
        results.append(result)
        if progress is not None:
            progress(len(results), len(things))
    return results


def _results(function: Callable[[Thing], Result], things: Sequence[Thing], jobs: int) -> Iterator[Result]:
    if jobs <= 1:
        yield from map(function, things)
        return
    import gc
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_all_start_methods, get_context

    method = "fork" if "fork" in get_all_start_methods() else "spawn"
    if method == "fork" and len(things) >= MANY * jobs:  # what the first one imports and reads, the processes inherit
        yield function(things[0])
        things = things[1:]
    chunk = max(1, min(CHUNK, len(things) // (4 * jobs)))
    with ProcessPoolExecutor(jobs, get_context(method), initializer=gc.freeze) as pool:
        yield from pool.map(function, things, chunksize=chunk)
