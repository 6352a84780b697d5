"""Measure classes with other tops than the usual head: tests/data/tops.jsonl, one drawn config a class.

    python tests/oracle/tops.py
"""

from __future__ import annotations

import json
from pathlib import Path

import building
import draws
import generate
import special

DATA = Path(__file__).resolve().parent.parent / "data" / "tops.jsonl"
CLASSES = """
    bloom:BloomForTokenClassification cpmant:CpmAntModel ctrl:CTRLForSequenceClassification
    gemma3n_text:Gemma3nTextModel gemma4_text:Gemma4TextModel gpt2:GPT2ForQuestionAnswering
    gpt2:GPT2ForSequenceClassification gpt2:GPT2ForTokenClassification gpt2:GPT2Model
    gpt_neox:GPTNeoXForTokenClassification gpt_neox:GPTNeoXModel gptj:GPTJForSequenceClassification
    hrm_text:HrmTextModel llama:LlamaForQuestionAnswering llama:LlamaForSequenceClassification
    llama:LlamaForTokenClassification llama:LlamaModel mistral:MistralForQuestionAnswering
    modernbert-decoder:ModernBertDecoderForSequenceClassification modernbert-decoder:ModernBertDecoderModel
    opt:OPTForSequenceClassification opt:OPTModel phi:PhiForSequenceClassification
"""
ATTEMPTS = 60


def first(model_type: str, name: str) -> generate.Record:
    """The record of the first draw that builds."""
    owner = building.model_class(model_type, name)
    base = building.default_config(model_type, owner)
    for attempt in range(ATTEMPTS):
        try:
            values = draws.Draw(base, owner.__name__, 0, attempt).result()
            record = generate.rebuilt(owner, type(base)(**values), model_type, f"{model_type}__{name}")
        except Exception:  # noqa: S112 - what a draw may hit is as varied as the classes
            continue
        if special.acceptable(record):
            return record
    raise RuntimeError(f"{name} does not build")


def main() -> None:
    """Write the data file."""
    records = (first(*pair.split(":")) for pair in CLASSES.split())
    DATA.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


if __name__ == "__main__":
    main()
