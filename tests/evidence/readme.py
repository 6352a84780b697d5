"""The part of the README that quotes the evidence, between its two marks."""

from __future__ import annotations

from pathlib import Path

from tests.evidence.report import rows

README = Path(__file__).parent.parent.parent / "README.md"
START, END = "<!-- evidence: python -m tests.evidence --write -->", "<!-- /evidence -->"
GROUPS = (
    ("cache and state lines of llama.cpp, to the printed digits",
     lambda r: r.exact and r.record.runtime == "llama.cpp"),
    ("weights vLLM says it loaded, within 0.1 %", lambda r: r.figure == "weights_gib"),
    ("tokens and concurrency of vLLM's pool, within 1 %",
     lambda r: r.exact and r.record.runtime == "vllm" and r.figure != "weights_gib"),
    ("bytes a token of other engines, to the printed digits", lambda r: r.exact and r.record.runtime == "exact"),
    ("whole processes and compute buffers (estimates), no more than 5 % below", lambda r: not r.exact),
)


def block():
    """The quoted table."""
    found = rows()
    lines = [START, "| what runtimes printed | agree | else |", "|---|---:|---|"]
    for name, belongs in GROUPS:
        group = [row for row in found if belongs(row)]
        reasons = len(group) - sum(row.holds for row in group)
        lines.append(f"| {name} | {sum(row.holds for row in group)} of {len(group)} | "
                     f"{f'{reasons} with a stated reason' if reasons else ''} |")
    return "\n".join([*lines, END])


def quoted(text):
    """What stands between the marks, marks included."""
    return text[text.index(START):text.index(END) + len(END)]


def write():
    """Put the table into the README."""
    text = README.read_text("utf-8")
    README.write_text(text.replace(quoted(text), block()), "utf-8")
