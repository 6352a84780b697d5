"""Rules that readers and comparisons tell of: no model at all, a broken promise, a record that changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from paramcalc.checks.rule import Rule

if TYPE_CHECKING:
    from paramcalc.errors import Problem

RULES = (
    Rule("PC001", "invalid", "error", "The file cannot be read, or describes what cannot be.",
         "Nothing can be said of it. The message names the key and the remedy."),
    Rule("PC002", "expect", "error", "A figure promised under `expect` is not what is counted.",
         "Either a field changed that should not have, or the promise is out of date."),
    Rule("PC003", "same-as", "error", "The file and the one named by `expect.same_as` hold different tensors.",
         "A spec and the config it came from have drifted apart; mend one of them."),
    Rule("PC004", "lock", "error", "A figure is not the one recorded in paramcalc.lock.",
         "If the change is meant, record it with `check --write-lock`; a review then sees it."),
    Rule("PC005", "growth", "error", "A figure grew more than `expect.growth` allows against the revision given.",
         "Growth that nobody decided on is found before it is merged."),
    Rule("PC006", "checkpoint", "error", "A checkpoint's tensors are not those of the spec.",
         "A tensor that is missing, extra, or of another shape or type makes loading fail, or worse, not fail."),
    Rule("PC007", "ignore-reason", "warning", "A rule is ignored without a reason.",
         "The next reader has to know why: `# paramcalc: ignore PC301 - GPT-2's published vocabulary`."),
    Rule("PC101", "heads", "error", "Heads do not divide the width they are made from.",
         "Attention splits its width evenly among heads; give head_dim where a head's width is its own."),
    Rule("PC102", "kv-heads", "error", "Key/value heads do not divide the query heads.",
         "Each key head serves the same number of query heads (arXiv:2305.13245)."),
    Rule("PC103", "top-k", "error", "A token is to visit more experts than there are.",
         "top_k is at most the number of experts."),
    Rule("PC104", "layers", "error", "The list of layers does not fit the number of layers, or names what is unknown.",
         "Two sources for one fact must agree."),
    Rule("PC501", "unknown-key", "warning", "A config has a key its class does not know.",
         "It is misspelt, or says something that is not counted."),
)
IMPOSSIBLE = re.compile(
    r"do(es)? not divide|heads of .* are not|is more than|unroll|nest deeper|entries for|unknown layer kind"
    r"|there is no (layer|block)|names .* layers, but|pattern has|must list .* layers|must be in one of")
"""Words of refusals of what cannot be, whoever says it."""
BY_KEY = (
    ("PC103", re.compile(r"top_k|topk|experts_per_tok")),
    ("PC102", re.compile(r"kv_heads|key_value_heads|multi_query_group")),
    ("PC104", re.compile(r"layer(s|_|$)|pattern|attention_types|attention_window|block_types")),
    ("PC101", re.compile(r"heads?$")),
)
"""Code to the keys whose impossible values it is about; the first that fits."""


def code_of(problem: Problem) -> str:
    """The rule a refusal belongs to: what is impossible by the key to blame, everything else is just invalid."""
    if not IMPOSSIBLE.search(problem.message):
        return "PC001"
    keys = [part for part in problem.path if isinstance(part, str)]
    key = keys[-1] if keys else ""
    if key in ("of", "model_type", ""):
        key = problem.message.partition(":")[0].split(" ")[0]
    return next((code for code, fits in BY_KEY if fits.search(key)), "PC001")
