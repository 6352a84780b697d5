"""Limits of time that hold on any machine: what a fixed computation takes here and now is measured beside the work."""

import time

QUIET = 0.025
"""Seconds of `_computation` on an idle core of the machine on which the limits were set."""
TURNS = 3


def timed(work, *arguments, clock=time.process_time):
    """Seconds of this process that `work` takes."""
    start = clock()
    work(*arguments)
    return clock() - start


def slowness(clock=time.process_time):
    """How many times longer than on the quiet machine a computation takes here now; 1 at least."""
    return max(timed(_computation, clock=clock) / QUIET, 1)


def quick(limit, measure, clock=time.process_time):
    """Whether `measure()` is below `limit` seconds of the quiet machine in one of a few turns.

    A neighbour makes each second of the processor longer, and not evenly: a turn alone says little."""
    return any(measure() < limit * slowness(clock) for _ in range(TURNS))


def within(limit, work, *arguments):
    """What `work` gives, which takes at most `limit` seconds of the processor."""
    results = []
    assert quick(limit, lambda: timed(lambda: results.append(work(*arguments)))), f"more than {limit} s, {TURNS} times"
    return results[0]


def _computation():
    words = {}
    for number in range(150_000):
        words[number % 1000, "x"] = str(number).encode()
