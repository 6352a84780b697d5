"""Change the core's arithmetic one place at a time and see whether a test notices.

    python -m tests.mutation [FILE.py ...] [--sample N] [--every]

The files of `paramcalc/components`, `paramcalc/activations` and `paramcalc/measures` where none is given. Every test is
first run under a tracer; then each mutant meets the tests that run its lines, quickest first, in a forked process where
the function has the changed code. Prints what no test noticed, then the counts; all of it takes about half an hour.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.live import ROOT, Functions, install, live_functions
from tests.mutation.mutants import Mutant, mutants

TARGETS = ("paramcalc/components", "paramcalc/activations", "paramcalc/measures")
TESTS = ("tests/components", "tests/activations", "tests/measures", "tests/transforms", "tests/estimates",
         "tests/spec/test_depth.py", "tests/test_counting.py", "tests/test_dims.py", "tests/readers/test_oracle.py",
         "tests/readers/test_seq2seq.py", "tests/readers/test_towers.py")
LIMIT = 120
"""Seconds of the processor after which a mutant is taken to hang, which a test run would show too. Those of the clock
would kill, on a busy machine, what no test notices."""


class Run:
    """Takes the place of pytest's loop over the tests."""

    def __init__(self, files: list[Path], sample: int | None, every: bool) -> None:
        self.files, self.sample, self.every = files, sample, every
        self.ran: dict[tuple[str, int], list[int]] = {}
        """File and line to the numbers of the tests that run it."""
        self.took: list[float] = []
        self.items: list[pytest.Item] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Trace every test, run every mutant."""
        begun, self.items = time.monotonic(), session.items
        self.trace()
        changes = [mutant for path in self.files for mutant in mutants(path)]
        total = len(changes)
        if self.sample is not None and self.sample < total:
            places = sorted(random.Random(0).sample(range(total), self.sample))
            changes = [changes[place] for place in places]
        live = live_functions(self.files)
        counts = Counter(self.outcome(mutant, live) for mutant in changes)
        summary = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        sys.stdout.write(f"{len(changes)} of {total} mutants against {len(self.items)} tests in "
                         f"{time.monotonic() - begun:.0f} s: {summary}\n")
        return True

    def trace(self) -> None:
        """Which test runs which lines, and how long each takes."""
        paths = {str(path) for path in self.files}
        for number, item in enumerate(self.items):
            lines: set[tuple[str, int]] = set()
            begun = time.monotonic()
            sys.settrace(_tracer(paths, lines))
            fine = passed(item)
            sys.settrace(None)
            self.took.append(time.monotonic() - begun)
            if not fine:
                pytest.exit(f"{item.nodeid} fails as it is", 1)
            for line in lines:
                self.ran.setdefault(line, []).append(number)

    def outcome(self, mutant: Mutant, live: Functions) -> str:
        """What became of a mutant."""
        tests = sorted(self.meeting(mutant), key=self.took.__getitem__)
        outcome = self.forked(mutant, live, tests) if tests else "not run"
        if self.every or outcome != "killed":
            place = f"{mutant.path.relative_to(ROOT)}:{mutant.lines.start or mutant.owner.lineno}"
            sys.stdout.write(f"{place}: {'.'.join(mutant.scope)}: {mutant.words}: {outcome}\n")
            sys.stdout.flush()
        return outcome

    def meeting(self, mutant: Mutant) -> set[int]:
        """Tests that run the mutant's lines; for a default, any line of its file."""
        own, path = mutant.lines, str(mutant.path)
        return {number for (file, line), numbers in self.ran.items() if file == path and (not own or line in own)
                for number in numbers}

    def forked(self, mutant: Mutant, live: Functions, tests: list[int]) -> str:
        """Run tests on a mutant in a process of its own."""
        child = os.fork()
        if not child:
            os._exit(self.child(mutant, live, tests))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return {0: "SURVIVED", 3: "not applied"}.get(code, "killed")

    def child(self, mutant: Mutant, live: Functions, tests: list[int]) -> int:
        """0 where all tests pass, 3 where there is nothing to change, 1 where the change is noticed."""
        signal.setitimer(signal.ITIMER_PROF, LIMIT)
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        try:
            if not install(mutant, live):
                return 3
            return 0 if all(passed(self.items[number]) for number in tests) else 1
        except BaseException:
            return 1


def passed(item: pytest.Item) -> bool:
    """Whether a test passes."""
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _tracer(paths: set[str], lines: set[tuple[str, int]]) -> Callable[..., Any]:
    def line(frame: Any, event: str, _: object) -> Any:
        if event == "line":
            lines.add((frame.f_code.co_filename, frame.f_lineno))
        return line

    return lambda frame, *_: line if frame.f_code.co_filename in paths else None


def main() -> None:
    """Parse, collect, run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--sample", type=int, help="as many mutants, drawn at random")
    parser.add_argument("--every", action="store_true", help="print the killed too")
    arguments = parser.parse_args()
    files = [path.resolve() for path in arguments.files] or [
        p for t in TARGETS for p in sorted((ROOT / t).glob("*.py"))]
    os.chdir(ROOT)
    sys.exit(pytest.main(["-s", "--no-header", "-p", "no:cacheprovider", *TESTS],
                         [Run(files, arguments.sample, arguments.every)]))


if __name__ == "__main__":
    main()
