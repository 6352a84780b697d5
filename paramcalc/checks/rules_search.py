"""Rules about files that were meant to be checked, and about parts and sizes of a model that nobody gave."""

from __future__ import annotations

from paramcalc.checks.rule import Rule
from paramcalc.errors import DEFAULTED, UNCOUNTED

NEAR, SKIPPED = "PC008", "PC009"
RULES = (
    Rule(NEAR, "near-miss", "error", "A file was meant as a spec or config, but does not say so or cannot be read.",
         "It would not be checked, and nobody would notice. A spec says `paramcalc: 1`; a config.json is a whole JSON "
         "object with a `model_type`."),
    Rule(SKIPPED, "skipped", "error", "A file that is or could be a spec or config was not checked.",
         "The summary names the reason; it is an error with `--strict`. Name the file to check it, move it out of the "
         "paths, or ignore the rule for it with a reason."),
    Rule(UNCOUNTED, "uncounted", "warning", "A part of the model is not counted.",
         "The figures are those of the rest. What `expect` states holds for the rest only."),
    Rule(DEFAULTED, "default-size", "error", "A config does not give a size, which is then the default of its class.",
         "Another release of the library may have another default. It is an error with `--strict` only."),
)
