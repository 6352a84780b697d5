"""What stands on top of a decoder, by the class the config names: heads, classifiers, none, or a refusal."""

import json
from pathlib import Path

import pytest
import test_oracle

from paramcalc.errors import SpecError
from paramcalc.readers.config.read import read_config

DATA = Path(__file__).parent.parent / "data" / "tops.jsonl"
RECORDS = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
SMALL = {"hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2, "intermediate_size": 96, "vocab_size": 99}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_counts_what_the_class_holds(record):
    assert test_oracle.difference(record) == {}


@pytest.mark.parametrize(("model_type", "architecture"), [
    ("llama", "LlamaForRewardModel"), ("llama", "LlamaForMultipleChoice"), ("gptj", "GPTJDoubleHeadsModel"),
    ("clip", "CLIPForImageSegmentation"), ("bart", "BartForAudioClassification"),
])
def test_a_class_nobody_wrote_is_refused(model_type, architecture):
    with pytest.raises(SpecError) as caught:
        read_config(SMALL | {"model_type": model_type, "architectures": [architecture]})
    assert caught.value.problems[0].path == ("architectures", 0)
