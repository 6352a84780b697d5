"""Bytes that small models pack for the backward pass, on the CPU: tests/data/activations/small.jsonl.

The configs are the first draws of `tests/data/oracle`, run in bfloat16 on one sequence with eager attention and
grouped experts; the bytes are those of unique storages that are no parameters, buffers or inputs, first without
labels, then what the loss adds. `python tests/oracle/saved.py MODEL_TYPE ...`
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import transformers

DATA = Path(__file__).parent.parent / "data"
LENGTH = 64


def record(drawn):
    """A record of a draw: the config, and bytes under each kind of recomputation."""
    config = drawn["config"] | {"architectures": [drawn["class"]]}
    config |= {key: 0.0 for key in config if key.endswith("dropout_rate")}  # masks are of another type on the CPU
    cases = {f"eager {how}": measured(config, full=how == "full") for how in ("none", "full")}
    return {"name": drawn["id"], "seq": LENGTH, "config": config, "cases": cases}


def measured(fields, *, full):
    """Bytes kept without the loss, and what the loss adds."""
    fields = dict(fields)
    name, kind = fields.pop("architectures")[0], fields.pop("model_type")
    config = transformers.models.auto.configuration_auto.CONFIG_MAPPING[kind](**fields)
    config._attn_implementation = "eager"
    model = getattr(transformers, name)(config)
    if getattr(model, "_can_set_experts_implementation", lambda: False)():
        model.set_experts_implementation("grouped_mm")
    model = model.to(torch.bfloat16).train()
    if full:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    plain, loss = packed(model), packed(model, labels=True)
    return [plain, loss - plain]


def packed(model, *, labels=False):
    """Bytes of the storages packed by one forward pass."""
    ids = torch.ones((1, LENGTH), dtype=torch.long, device=model.device)
    known = {t.untyped_storage()._cdata for t in [*model.parameters(), *model.buffers(), ids]}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            kept[storage._cdata] = storage  # held, so that its address is not given to another
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        more = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
        model(input_ids=ids, use_cache=False, **more, **({"labels": ids} if labels else {}))
    return sum(storage.nbytes() for storage in kept.values())


def main():
    for kind in sys.argv[1:]:
        for line in (DATA / "oracle" / f"{kind}.jsonl").read_text("utf-8").splitlines():
            drawn = json.loads(line)
            if drawn["id"].startswith("draw1") and ("CausalLM" in drawn["id"] or "Conditional" in drawn["id"]):
                sys.stdout.write(json.dumps(record(drawn)) + "\n")


if __name__ == "__main__":
    main()
