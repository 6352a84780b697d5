"""`python -m tests.coverage coverage.json` fails where a file or the whole package is covered too little."""

import json
import sys
from pathlib import Path

PACKAGE, FILE = 96.0, 85.0
"""Percent of lines and branches of the whole package, and of each file."""


def shortfalls(report):
    """A line for each figure that is too low."""
    percent = {name: file["summary"]["percent_covered"] for name, file in report["files"].items()}
    percent_of_all = report["totals"]["percent_covered"]
    if percent_of_all < PACKAGE:
        yield f"paramcalc: {percent_of_all:.1f}% covered, at least {PACKAGE:.0f}% wanted"
    for name, value in sorted(percent.items()):
        if value < FILE:
            yield f"{name}: {value:.1f}% covered, at least {FILE:.0f}% wanted"


if __name__ == "__main__":
    report = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    lines = list(shortfalls(report))
    sys.stdout.write("".join(f"{line}\n" for line in lines) or f"{report['totals']['percent_covered']:.1f}% covered\n")
    sys.exit(bool(lines))
