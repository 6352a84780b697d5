"""`python -m tests.checks.benchmark [FILES]`: how long `paramcalc check` takes over a repository of so many files.

Half are our presets, half recorded configs, each with a name of its own, on one core. Says the time beyond that for one
file, and the memory of both: the time a file and the memory must not grow with their number.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.checks import benchmark_files


def measured(folder):
    """Files, failures, seconds, seconds of the processor and megabytes of a check of a folder."""
    with tempfile.TemporaryFile() as out:
        began = time.perf_counter()
        child = subprocess.Popen([sys.executable, "-m", "paramcalc", "check", str(folder), "--json"], stdout=out,
                                 env=os.environ | {"PYTHONPATH": str(benchmark_files.ROOT)})
        _, _, used = os.wait4(child.pid, 0)
        took = time.perf_counter() - began
        child.returncode = 0
        out.seek(0)
        report = json.load(out)
    return report["checked"], report["failed"], took, used.ru_utime + used.ru_stime, used.ru_maxrss // 1024


def main(count):
    """Check one file, then all."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as place:
        for size in (1, count):
            folder = Path(place, str(size))
            benchmark_files.write(folder, size)
            best = min((measured(folder) for _ in range(3)), key=lambda run: run[3])
            sys.stdout.write("{:,} files, {} failed: {:.2f} s, {:.2f} s of CPU, {} MB at most\n".format(*best))


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1000)
