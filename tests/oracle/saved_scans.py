"""Bytes that small models with scans pack for the backward pass: tests/data/activations/scans.jsonl.

As `saved.py`, on torch's meta device, or on the CPU where a class looks at values; with eager attention and the scans
written out in torch (no kernels installed): what is kept there depends on how many blocks a sequence has and whether
there are several sequences. The first draw of a class runs over several blocks, the second over one, the third on two
sequences. `python tests/oracle/saved_scans.py MODEL_TYPE ...`
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
import transformers
from transformers import masking_utils

DATA = Path(__file__).parent.parent / "data"
LOADS = {"draw1": (1, 300), "draw2": (1, 40), "draw3": (2, 150)}
"""Sequences and their length."""
masking_utils.find_packed_sequence_indices = lambda position_ids: None  # would look at values: none is packed


def record(drawn):
    """A record of a draw: the config, and bytes under each kind of recomputation."""
    config = repaired(drawn["config"] | {"architectures": [drawn["class"]]})
    batch, seq = LOADS[drawn["id"][:5]]
    cases = {f"eager {how}": measured(config, batch, seq, full=how == "full") for how in ("none", "full")}
    return {"name": drawn["id"], "batch": batch, "seq": seq, "config": config, "cases": cases}


def repaired(config):
    """A draw whose value heads its key heads do not divide can be counted, not run: there are twice as many."""
    keys = config.get("linear_num_key_heads")
    if keys and config.get("linear_num_value_heads", keys) % keys:
        config |= {"linear_num_value_heads": 2 * keys}
    return config


def measured(fields, batch, seq, *, full):
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
    plain, loss = (sum(packed(model, batch, seq, labels=labels)) for labels in (False, True))
    return [plain, loss - plain]


def packed(model, batch, seq, *, labels=False):
    """Bytes of each storage packed by one forward pass."""
    ids = torch.ones((batch, seq), dtype=torch.long)
    known = {t.untyped_storage()._cdata for t in [*model.parameters(), *model.buffers(), ids]}
    kept = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            kept[storage._cdata] = storage  # held, so that its address is not given to another
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(input_ids=ids, use_cache=False, **({"labels": ids} if labels else {}))
    return [storage.nbytes() for storage in kept.values()]


def main():
    """Print records of these model types; which draws do not run is said on the way."""
    transformers.logging.set_verbosity_error()
    for kind in sys.argv[1:]:
        for line in (DATA / "oracle" / f"{kind}.jsonl").read_text("utf-8").splitlines():
            drawn = json.loads(line)
            if drawn["id"][:5] not in LOADS or not drawn["class"].endswith("ForCausalLM"):
                continue
            for device in ("meta", "cpu"):
                try:
                    with torch.device(device):
                        sys.stdout.write(json.dumps(record(drawn)) + "\n")
                    break
                except Exception as error:  # as varied as the classes
                    sys.stderr.write(f"{drawn['id']} on {device}: {type(error).__name__} {str(error)[:100]}\n")


if __name__ == "__main__":
    main()
