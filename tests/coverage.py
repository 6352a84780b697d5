"""`python -m tests.coverage coverage.json` fails where a file or the whole package is covered too little."""

import json
import sys
from pathlib import Path

WHOLE, FILE = 96.0, 85.0
"""Percent of lines and branches of the whole package, and of each file."""


def shortfalls(report):
    """A line for each figure that is too low."""
    percent = {name: file["summary"]["percent_covered"] for name, file in report["files"].items()}
    whole = report["totals"]["percent_covered"]
    if whole < WHOLE:
        yield f"paramcalc: {whole:.1f}% covered, at least {WHOLE:.0f}% wanted"
    for name, value in sorted(percent.items()):
        if value < FILE:
            yield f"{name}: {value:.1f}% covered, at least {FILE:.0f}% wanted"


if __name__ == "__main__":
    report = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    lines = list(shortfalls(report))
    sys.stdout.write("".join(f"{line}\n" for line in lines) or f"{report['totals']['percent_covered']:.1f}% covered\n")
    sys.exit(bool(lines))
