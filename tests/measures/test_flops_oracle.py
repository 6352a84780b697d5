"""FLOPs against torch's FlopCounterMode on transformers' eager modules, measured on the meta device.

`tests/data/oracle_flops.jsonl`: torch 2.13.0, transformers 5.23.0, batch 2; the loss is the sum of the logits.
`tests/data/small_flops.jsonl`: the same on the CPU, small configs of odd architectures (`tests/oracle/small_flops.py`).
What the counter sees differently, each with its reason:

* a depthwise convolution's backward pass is counted as if it were dense: replaced by twice its forward;
* a scan by blocks starts from zeros that need no gradient and never reads its last state, which spares products
  backward: three of one block with the state for lightning attention, four for the delta rule; the delta rule's
  triangular systems, which the counter does not see forward, are products backward.
"""

import json
import re
from pathlib import Path

import pytest

from paramcalc.build import build
from paramcalc.measures.flops import Workload, flops, streams
from paramcalc.readers.config.read import read_config
from paramcalc.readers.families import MEMBERS

DATA = Path(__file__).parent.parent / "data"
RECORDS = [json.loads(line) for name in ("oracle_flops", "small_flops")
           for line in (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
TYPES = " ".join(MEMBERS.values()).split()
TEXT = [record for record in RECORDS if record["config"]["model_type"] in TYPES]
"""What runs over tokens: towers run over pictures."""
CASES = [(record, key) for record in TEXT for key in record["runs"]]


def measured(run):
    """The counter's total, its dense backward of depthwise convolutions replaced by twice the forward."""
    operations = run["by_op"]
    dense = operations.get("convolution_backward", 0)
    return run["total"] - dense + (2 * operations["convolution"] if dense else 0)


@pytest.mark.parametrize(("record", "key"), CASES, ids=[f"{record['id']}-{key}" for record, key in CASES])
def test_as_the_counter_says(record, key):
    tree = build(read_config(record["config"] | {"architectures": [record["class"]]}).spec).tree
    length = int(re.findall(r"\d+", key)[-1])
    cached = key.startswith("decode")
    load = Workload(record["batch"], 1 if cached else length, length if cached else 0, length)
    totals = flops(tree, load)
    ours = totals.forward + (totals.backward if "backward" in key else 0)
    assert ours - unread(tree, load, key) == measured(record["runs"][key])


def unread(tree, load, key):
    """What twice the forward pass has and the counter's backward pass of scans by blocks has not."""
    if "backward" not in key:
        return 0
    return sum(2 * load.batch * visited.copies * spared(node.part, load.seq) for _, node, visited in streams(tree))


def spared(part, length):
    kind = getattr(part, "kind", "")
    if kind == "lightning_attention":
        return 3 * min(length, part.block_size) * part.num_heads * part.head_dim**2
    if kind == "gated_delta":
        blocks = -(-length // part.block_size)
        solved = blocks * part.block_size**2 * (part.key_dim + part.value_dim)
        return part.value_heads * (4 * part.block_size * part.key_dim * part.value_dim - solved)
    return 0


BART = {"model_type": "bart", "vocab_size": 200, "d_model": 64, "encoder_layers": 2, "decoder_layers": 2,
        "encoder_attention_heads": 4, "decoder_attention_heads": 4, "encoder_ffn_dim": 96, "decoder_ffn_dim": 96,
        "max_position_embeddings": 128}
MODERN = {"model_type": "modernbert", "vocab_size": 200, "hidden_size": 64, "intermediate_size": 96,
          "num_hidden_layers": 2, "num_attention_heads": 4, "max_position_embeddings": 128}


@pytest.mark.parametrize(("config", "task", "measured_96"), [
    (BART, "BartForSequenceClassification", 42_475_904), (BART, "BartForQuestionAnswering", 42_491_904),
    (MODERN, "ModernBertForSequenceClassification", 18_096_384),
    (MODERN, "ModernBertForTokenClassification", 18_898_944), (MODERN, "ModernBertForMultipleChoice", 18_096_256),
])
def test_a_head_over_one_position_is_counted_once_a_sequence(config, task, measured_96):
    """FlopCounterMode of torch 2.13.0 over transformers 5.24.0, one sequence of 96 tokens, eager attention."""
    tree = build(read_config(config | {"architectures": [task]}).spec).tree
    assert flops(tree, Workload(1, 96, 0, 96)).forward == measured_96


def test_what_a_decoder_without_its_encoder_attends_to_is_said():
    caveats = read_config(BART | {"architectures": ["BartForCausalLM"]}).spec.caveats
    assert {(caveat.figure, caveat.known) for caveat in caveats} == {("cache", "estimate"), ("flops", "estimate")}
