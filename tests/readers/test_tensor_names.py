"""Names alone tell the component of nearly every tensor of every recorded class."""

import json
from pathlib import Path

from paramcalc.readers.headers.tensor_names import component_of, is_buffer

RECORDS = Path(__file__).parent.parent / "data" / "oracle"


def test_most_names_say_their_component():
    """What is left is ambiguous by name: delta-rule layers called attention, MobileBERT's bottlenecks."""
    right = total = 0
    for path in RECORDS.glob("*.jsonl"):
        record = json.loads(path.read_text(encoding="utf-8").split("\n", 1)[0])
        for name, _, _, component in record.get("checkpoint_tensors") or record["tensors"]:
            total += 1
            right += component_of(name) == component
    assert right >= 0.975 * total > 5000 * 0.5


def test_gguf_names():
    components = {name: component_of(name) for name in (
        "token_embd.weight", "blk.*.attn_q.weight", "blk.*.ffn_down_exps.weight", "blk.*.ffn_gate_inp.weight",
        "blk.*.ffn_up_shexp.weight", "blk.*.ffn_norm.weight", "blk.*.ssm_in.weight", "output.weight",
        "output_norm.weight", "blk.*.ffn_gate.weight", "position_embd.weight", "blk.*.attn_kv_b.weight")}
    assert list(components.values()) == [
        "token_embedding", "attention", "moe_experts", "moe_router", "moe_shared", "norm", "state_mixer", "lm_head",
        "norm", "ffn", "position_embedding", "attention"]


def test_buffers_are_told_from_parameters():
    assert is_buffer("model.layers.*.mlp.gate.e_score_correction_bias")
    assert not is_buffer("model.layers.*.mlp.gate.weight")
