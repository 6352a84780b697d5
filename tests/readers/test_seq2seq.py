"""Encoder-decoders off the beaten path: switches, classes and unshared tables that no default or random config has.

The records were measured by `tests/oracle/generate.py --config` from the small configs they hold.
"""

import json
from pathlib import Path

import pytest
import test_oracle

from paramcalc.errors import SpecError
from paramcalc.readers.config.read import read_config

RECORDS = [json.loads(line) for line in
           (Path(__file__).parent.parent / "data" / "seq2seq.jsonl").read_text(encoding="utf-8").splitlines()]
FLAN_T5 = {"architectures": ["T5ForConditionalGeneration"], "model_type": "t5", "d_model": 512, "num_layers": 8,
           "num_decoder_layers": 8, "num_heads": 6, "d_kv": 64, "d_ff": 1024, "vocab_size": 32128,
           "feed_forward_proj": "gated-gelu"}


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_counts_what_the_class_holds(record):
    assert test_oracle.difference(record) == {}


@pytest.mark.parametrize("model_type", ["t5", "umt5"])
def test_an_encoder_that_attends_to_another_model_is_refused(model_type):
    """The library's classes of encoders alone build cross-attention where their config calls them decoders."""
    with pytest.raises(SpecError, match="is_decoder: an encoder alone"):
        read_config(FLAN_T5 | {"model_type": model_type, "architectures": [f"{model_type.upper()}EncoderModel"],
                               "is_decoder": True})


@pytest.mark.parametrize(("tied", "total"), [(True, 60_511_616), (False, 76_961_152)])
def test_a_t5_head_is_tied_where_the_config_says_so(tied, total):
    # https://huggingface.co/google/flan-t5-small: its file says false and holds 76,961,152 values.
    spec = read_config(FLAN_T5 | {"tie_word_embeddings": tied}).spec
    assert test_oracle.count(test_oracle.build(spec).tree).total == total
    assert any("the library's class shares it" in note for note in spec.notes) is not tied
