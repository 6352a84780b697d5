"""Rules that readers and comparisons tell of: no model at all, a broken promise, a record that changed."""

from __future__ import annotations

from paramcalc.checks.rule import Rule
from paramcalc.errors import HEADS, INVALID, KV_HEADS, LAYERS, TOP_K, UNREAD

RULES = (
    Rule(INVALID, "invalid", "error", "The file cannot be read, or describes what cannot be.",
         "Nothing can be said of it. The message names the key and the remedy."),
    Rule("PC002", "expect", "error", "A figure under `expect` differs from the counted one.",
         "Either a field changed that should not have, or the expectation is out of date."),
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
    Rule(HEADS, "heads", "error", "Heads do not divide the width they are made from.",
         "Attention splits its width evenly among heads; give head_dim where a head's width is its own."),
    Rule(KV_HEADS, "kv-heads", "error", "Key/value heads do not divide the query heads.",
         "Each key head serves the same number of query heads (arXiv:2305.13245)."),
    Rule(TOP_K, "top-k", "error", "A token is to visit more experts than there are.",
         "top_k is at most the number of experts."),
    Rule(LAYERS, "layers", "error", "The list of layers does not fit the number of layers, or names what is unknown.",
         "Two sources for one fact must agree."),
    Rule(UNREAD, "unread-key", "error", "A config has a key that could change a size and that nobody reads.",
         "It is misspelt, or says something that is not counted: every size is then a lower bound."),
)
