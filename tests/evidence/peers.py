"""Other predictors on the same measurements of servers: `python -m tests.evidence.peers` prints the table.

What they answer is in `peers.csv`, with versions; a share of the bandwidth and a roofline as LLM-Viewer has it (bytes
over bandwidth or FLOPs over peak, whichever is longer, no efficiency) are worked out here.
"""

from __future__ import annotations

import sys
from statistics import median

from tests.evidence.speed import answered, fits
from tests.speed.records import table

TOOLS = {"aiconfigurator": "aiconfigurator 0.12.0", "llm-analysis": "llm-analysis 0.2.2"}
KINDS = {"dense": "servers, dense", "moe": "servers, experts", "": "llama.cpp"}


def simulated():
    """Tools to the milliseconds a token they say of rows, by the rows' source."""
    times: dict[str, dict[str, float]] = {tool: {} for tool in TOOLS}
    for row in table("peers.csv"):
        times[row["tool"]][row["source"]] = float(row["tpot_ms"])
    return times


def holdout():
    """Classes to sources and expected over measured, their configuration left out of the fit, in the order of rows: one
    source may hold several."""
    by_class: dict[str, list[tuple[str, float]]] = {}
    for row in table("left_out_ratios.csv"):
        by_class.setdefault(row["class"], []).append((row["source"], float(row["ratio"])))
    return {name: iter(ratios) for name, ratios in by_class.items()}


def by_kind():
    """Kinds of rows to the differences of each predictor, for the rows it answers."""
    ours, theirs = holdout(), simulated()
    kinds: dict[str, dict[str, list[float]]] = {}
    for one in answered():
        if not fits(one):
            continue
        source, ratio = next(ours[one.kind.name])
        assert source == one.row.source.split(" ")[0], "rows that are fair here and in the fit are the same"
        kind = kinds.setdefault(KINDS[one.kind.models], {})
        values = {"paramcalc": ratio, "0.6 of the bandwidth": one.reading / one.row.tpot,
                  "roofline": one.bound / one.row.tpot}
        if one.row.group == "serving":
            values |= {TOOLS[tool]: rows[source] / 1000 / one.row.tpot
                       for tool, rows in theirs.items() if source in rows}
        for name, ratio in values.items():
            kind.setdefault(name, []).append(ratio - 1)
    return kinds


def text():
    """The table of the guide: median and 90th percentile of how far each is off, and how many rows it answers."""
    names = ["paramcalc", *TOOLS.values(), "0.6 of the bandwidth", "roofline"]
    lines = ["| rows | " + " | ".join(names) + " |", "| --- |" + " ---: |" * len(names)]
    for kind, predictors in by_kind().items():
        lines.append(f"| {kind} | " + " | ".join(_cell(predictors.get(name, [])) for name in names) + " |")
    return "\n".join(lines)


def _cell(differences):
    off = sorted(map(abs, differences))
    return f"{median(off):.0%}, {off[int(0.9 * len(off))]:.0%} of {len(off)}" if off else "none"


if __name__ == "__main__":
    sys.stdout.write(text() + "\n")
