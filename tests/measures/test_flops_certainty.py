"""FLOPs are not called exact where the model multiplies more, or less, than is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import paramcalc

TOWERS = Path(__file__).parent.parent / "data" / "towers"


def recorded(model_type: str) -> dict[str, Any]:
    """The last recorded config of a type."""
    config: dict[str, Any] = json.loads((TOWERS / f"{model_type}.jsonl").read_text("utf-8").splitlines()[-1])["config"]
    return config


@pytest.mark.parametrize(("model_type", "changes", "certainty"), [
    ("pi0", {}, "bound"),
    ("gemma4_assistant", {"use_ordered_embeddings": True}, "estimate"),
    ("gemma4_assistant", {"use_ordered_embeddings": False}, "exact"),
])
def test_flops_are_known_as_far_as_all_parts_run(model_type: str, changes: dict[str, bool], certainty: str) -> None:
    answer = paramcalc.flops(paramcalc.read(recorded(model_type) | changes))
    assert answer.known["forward"] == certainty


@pytest.mark.parametrize("model_type", ["layoutlmv2", "pi0"])
def test_no_verdict_rests_on_activations_that_leave_a_part_out(model_type: str) -> None:
    spec = paramcalc.read(recorded(model_type))
    run = paramcalc.train(spec, seq=512, gpu="h100")
    assert (run.known["activations"], run.known["total"], run.fits) == ("bound", "bound", False)
    answer = paramcalc.fit(spec, "h100", 512)
    assert (answer.known["fits"], answer.fits) == ("bound", False)
    assert paramcalc.memory(spec, context=512, runtime="transformers").whole.known == "bound"
