"""`python -m tests.fuzz READER [--inputs N] [--seed S]`: a long run of one reader, a line of figures at the end.

`--atheris` lets coverage guide the inputs (pip install atheris); without it they come from a seeded mutator, so that
every run can be had again. An input that breaks the property is written to
fuzz-READER-N.bin, one of each kind; the exit code is then 1.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
import traceback
from pathlib import Path
from random import Random

from tests.fuzz.mutate import changed, mutated
from tests.fuzz.targets import TARGETS, holds, seeds

SECONDS = 2.0
"""Of one input, on a busy machine."""
MEGABYTES = 500


class Tally:
    """What happened so far."""

    def __init__(self, reader: str) -> None:
        self.reader = reader
        self.inputs = self.accepted = 0
        self.slowest = 0.0
        self.faults: dict[str, int] = {}

    def one(self, raw: bytes) -> None:
        """Read one input; note what the property forbids, with the first input of each kind kept."""
        self.inputs += 1
        began = time.process_time()
        try:
            self.accepted += holds(self.reader, raw)
        except Exception as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            self.fault(f"{type(error).__name__}: {error!s:.100} in {Path(frame.filename).name}:{frame.lineno}", raw)
        took = time.process_time() - began
        if took > SECONDS:
            self.fault(f"took {took:.0f} s", raw)
        self.slowest = max(self.slowest, took)

    def fault(self, kind: str, raw: bytes) -> None:
        """Count it; keep the input of a kind not seen before."""
        if kind not in self.faults:
            Path(f"fuzz-{self.reader}-{len(self.faults)}.bin").write_bytes(raw)
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def __str__(self) -> str:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        faults = "".join(f"\n  {times:,} times {kind}" for kind, times in self.faults.items())
        return (f"{self.reader}: {self.inputs:,} inputs, {self.accepted:,} accepted, the rest refused; slowest "
                f"{self.slowest * 1000:.0f} ms, {memory} MB at most; {len(self.faults)} kinds of fault{faults}")


def mutate(tally: Tally, inputs: int, seed: int) -> None:
    """Known files first, then their mutations."""
    originals, random = seeds(tally.reader), Random(seed)
    for raw in originals:
        tally.one(raw)
    while tally.inputs < inputs:
        tally.one((changed if tally.reader == "models" else mutated)(originals, random))


def guided(tally: Tally, inputs: int, seed: int) -> None:
    """Inputs coverage leads to; atheris ends the process by itself, so the figures are said before."""
    import atheris

    def one(raw: bytes) -> None:
        tally.one(raw)
        if tally.inputs == inputs:
            sys.stdout.write(f"{tally}\n")
            sys.stdout.flush()

    with tempfile.TemporaryDirectory() as folder:
        for number, raw in enumerate(seeds(tally.reader)):
            Path(folder, str(number)).write_bytes(raw)
        atheris.instrument_all()
        atheris.Setup([sys.argv[0], f"-runs={inputs}", f"-seed={seed}", "-max_len=20000", f"-rss_limit_mb={MEGABYTES}",
                       folder], one)
        atheris.Fuzz()


def main() -> None:
    """Run, and say the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("reader", choices=TARGETS)
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--atheris", action="store_true")
    arguments = parser.parse_args()
    tally = Tally(arguments.reader)
    (guided if arguments.atheris else mutate)(tally, arguments.inputs, arguments.seed)
    sys.stdout.write(f"{tally}\n")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    sys.exit(bool(tally.faults) or (memory > MEGABYTES and not arguments.atheris))


main()
