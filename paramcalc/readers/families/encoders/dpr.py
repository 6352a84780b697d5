"""DPR: BERTs that find passages for a question, and one that reads the answer. arXiv:2004.04906."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.linear import Linear
from paramcalc.readers.families.encoders.heads import Dense
from paramcalc.readers.families.towers import bert

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

PLACES = {"DPRContextEncoder": "ctx_encoder", "DPRQuestionEncoder": "question_encoder",
          "DPRReader": "span_predictor.encoder"}
"""Where each class has its BERT."""


def dpr(config: Config) -> ModelSpec:
    """Each class by its own names, without one that of questions; a reader scores each word and each passage."""
    name = config.architecture or "DPRQuestionEncoder"
    if name not in PLACES:
        raise config.unknown_class()
    at, reader = PLACES[name], name == "DPRReader"
    body = bert.words(config)
    modules = bert.placed(body, f"{at}.bert_model")
    out = config.optional("projection_dim", least=0)
    if out:
        modules[f"{at}.encode_proj"] = Linear(out_features=out, bias=True, component="pooler", per="sequence")
    if reader:
        for word, rows in (("qa_outputs", 2), ("qa_classifier", 1)):
            score = Dense(word, rows, per="token" if rows == 2 else "sequence")(config)[word]
            modules[f"span_predictor.{word}"] = score.model_copy(update={"in_features": out or body.hidden_size})
    return body.model_copy(update={"modules": modules})


ROWS = {"dpr": dpr}
