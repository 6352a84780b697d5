"""The parts of the README and of two pages of the guide that quote the evidence, between their two marks."""

from __future__ import annotations

from pathlib import Path

from tests.evidence import accuracy, collected, engines, peers, placement, quantized, training
from tests.evidence.report import STATED, rows

README = Path(__file__).parent.parent.parent / "README.md"
GUIDE, ACCURACY = (README.parent / "docs" / name for name in ("speed.md", "accuracy.md"))
START, END = "<!-- evidence: python -m tests.evidence --write -->", "<!-- /evidence -->"
LIST = ("<!-- collected: python -m tests.evidence --write -->", "<!-- /collected -->")
"""Marks of the table of all records, in the page that has the README's table too."""
SIDE = ("Other predictors on the same measurements: how far half and nine of ten are off, of so many rows that they "
        "answer (`python -m tests.evidence.peers`); ours are left out of the fit, the two "
        "tools were told the printed lengths, a tenth more than the mean of most rows.")
GROUPS = (
    ("weight, cache and state lines of llama.cpp, to the printed digits",
     lambda r: r.exact and r.record.runtime == "llama.cpp"),
    ("weights vLLM says it loaded, within 0.1%", lambda r: r.figure == "weights_gib"),
    ("tokens and concurrency of vLLM's pool, within 1%",
     lambda r: r.exact and r.record.runtime == "vllm" and r.figure != "weights_gib"),
    ("weights, caches and pools of SGLang and other engines, within 1%",
     lambda r: r.exact and r.record.runtime == "exact"),
    (f"compute buffers (estimates), within {100 * STATED:.0f}% (of split models 10%) above or below",
     lambda r: r.figure.startswith("compute")),
    (f"whole processes (estimates), within {100 * STATED:.0f}% above or below",
     lambda r: not r.exact and not r.figure.startswith("compute")),
)
PUBLISHED = "files of quantized checkpoints, within 0.1% or their digits"


def block():
    """The quoted table."""
    lines = [START, "| what runtimes printed and files hold | agree | the worst | else |", "|---|---:|---:|---|"]
    more = {0: [row for row in placement.lines() if row.exact], 3: engines.figures(),
            4: [row for row in placement.lines() if not row.exact]}
    lines += [_line(name, [*(row for row in rows() if belongs(row)), *more.get(number, ())])
              for number, (name, belongs) in enumerate(GROUPS)]
    lines.append(_line("peaks of training (estimates), within 10% above or below", training.peaks()))
    apart = len(quantized.checkpoints()) - len(quantized.rows())
    lines.append(_line(PUBLISHED, quantized.rows(), f", {apart} not asked"))
    lines += [_compared(group, share) for group, share in accuracy.summaries()]
    return "\n".join([*lines, END])


def _line(name, group, more=""):
    """A class of figures: how many agree, how far the worst is off, how many have a reason."""
    agree = sum(row.holds for row in group)
    worst = max((row.difference for row in group), key=abs)
    reasons = f"{len(group) - agree} with a stated reason" if agree < len(group) else ""
    return f"| {name} | {agree} of {len(group)} | {100 * worst:+.1f}% | {reasons}{more} |"


def _compared(group, share):
    """A group of estimates of time or energy: how many are near enough, above or below."""
    worst = max(group.differences, key=abs)
    return (f"| {group.name}, within {100 * share:.0f}% | {group.within(share)} of {len(group.differences)} | "
            f"{100 * worst:+.0f}% | half within {100 * group.median:.0f}% |")


def guide():
    """The quoted table of the guide."""
    return "\n".join([START, accuracy.text(), "", SIDE, "", peers.text(), END])


def records():
    """The quoted table of what became of each record."""
    return "\n".join([LIST[0], collected.text(), LIST[1]])


def quoted(text, start=START, end=END):
    """What stands between the marks, marks included."""
    return text[text.index(start):text.index(end) + len(end)]


def write():
    """Put the tables into the README and the guide."""
    for path, table, marks in ((README, block(), (START, END)), (GUIDE, guide(), (START, END)),
                               (ACCURACY, records(), LIST)):
        text = path.read_text("utf-8")
        path.write_text(text.replace(quoted(text, *marks), table), "utf-8")
