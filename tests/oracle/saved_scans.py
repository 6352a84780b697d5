"""Bytes that small models with scans pack for the backward pass: tests/data/activations/scans.jsonl.

As `saved.py`, on torch's meta device, or on the CPU where a class looks at values; with eager attention and the scans
written out in torch (no kernels installed): what is kept there depends on how many blocks a sequence has and whether
there are several sequences. The first draw of a class runs over several blocks, the second over one, the third on two
sequences, in float32 too. `python tests/oracle/saved_scans.py MODEL_TYPE ...`; or, for a few layers of real widths
(`WIDE`) on one sequence of 1024 and with torch's own attention too, `python tests/oracle/saved_scans.py --wide`.
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
WIDE = {
    "as Qwen3-Next-80B-A3B": {
        "architectures": ["Qwen3NextForCausalLM"], "model_type": "qwen3_next", "hidden_size": 2048,
        "num_hidden_layers": 4, "vocab_size": 151936, "num_attention_heads": 16, "num_key_value_heads": 2,
        "head_dim": 256, "num_experts": 512, "num_experts_per_tok": 10, "moe_intermediate_size": 512,
        "shared_expert_intermediate_size": 512, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
        "linear_key_head_dim": 128, "linear_value_head_dim": 128, "linear_conv_kernel_dim": 4, "norm_topk_prob": True,
        "intermediate_size": 5120},
    "as mamba-130m": {
        "architectures": ["MambaForCausalLM"], "model_type": "mamba", "hidden_size": 768, "num_hidden_layers": 2,
        "vocab_size": 50280, "state_size": 16, "time_step_rank": 48, "intermediate_size": 1536},
    "as mamba2-2.7b": {
        "architectures": ["Mamba2ForCausalLM"], "model_type": "mamba2", "hidden_size": 2560, "num_hidden_layers": 2,
        "vocab_size": 50288, "state_size": 128, "num_heads": 80, "head_dim": 64, "expand": 2, "n_groups": 1,
        "chunk_size": 256},
    "as Falcon-H1-0.5B": {
        "architectures": ["FalconH1ForCausalLM"], "model_type": "falcon_h1", "hidden_size": 1024,
        "num_hidden_layers": 2, "vocab_size": 32784, "intermediate_size": 2048, "num_attention_heads": 8,
        "num_key_value_heads": 2, "head_dim": 64, "mamba_d_ssm": 1536, "mamba_n_heads": 24, "mamba_d_head": 64,
        "mamba_d_state": 128, "mamba_n_groups": 1, "mamba_chunk_size": 128, "mamba_rms_norm": False},
    "as LFM2-350M": {
        "architectures": ["Lfm2ForCausalLM"], "model_type": "lfm2", "hidden_size": 1024, "num_hidden_layers": 4,
        "vocab_size": 65536, "intermediate_size": 6656, "num_attention_heads": 16, "num_key_value_heads": 8,
        "conv_L_cache": 3, "layer_types": ["conv", "conv", "full_attention", "conv"]},
}
"""Widths of the order of public models; every number that matters is here."""
masking_utils.find_packed_sequence_indices = lambda position_ids: None  # would look at values: none is packed


def record(drawn, dtype="bf16"):
    """A record of a draw: the config, and bytes under each kind of recomputation."""
    config = repaired(drawn["config"] | {"architectures": [drawn["class"]]})
    batch, seq = LOADS[drawn["id"][:5]]
    cases = {f"eager {how}": measured(config, batch, seq, full=how == "full", dtype=dtype) for how in ("none", "full")}
    return {"name": drawn["id"], "dtype": dtype, "batch": batch, "seq": seq, "config": config, "cases": cases}


def wide():
    """Records of a few layers as wide as public models', on the meta device."""
    with torch.device("meta"):
        for name, config in WIDE.items():
            kinds = ("eager",) if config["model_type"].startswith("mamba") else ("eager", "sdpa")
            cases = {f"{kind} {how}": measured(config, 1, 1024, full=how == "full", kind=kind)
                     for kind in kinds for how in ("none", "full")}  # fmt: skip
            yield {"name": name, "batch": 1, "seq": 1024, "config": config, "cases": cases}


def repaired(config):
    """A draw whose value heads its key heads do not divide can be counted, not run: there are twice as many."""
    keys = config.get("linear_num_key_heads")
    if keys and config.get("linear_num_value_heads", keys) % keys:
        config |= {"linear_num_value_heads": 2 * keys}
    return config


def measured(fields, batch, seq, *, full, kind="eager", dtype="bf16"):
    """Bytes kept without the loss, and what the loss adds."""
    fields = dict(fields)
    name, model_type = fields.pop("architectures")[0], fields.pop("model_type")
    config = transformers.models.auto.configuration_auto.CONFIG_MAPPING[model_type](**fields)
    config._attn_implementation = kind
    model = getattr(transformers, name)(config)
    if getattr(model, "_can_set_experts_implementation", lambda: False)():
        model.set_experts_implementation("grouped_mm")
    model = model.to({"bf16": torch.bfloat16, "fp32": torch.float32}[dtype]).train()
    if full:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    plain, loss = (sum(packed(model, batch, seq, labels=labels)) for labels in (False, True))
    return [plain, loss - plain]


def packed(model, batch, seq, *, labels=False):
    """Bytes of each storage packed by one forward pass."""
    ids = torch.ones((batch, seq), dtype=torch.long)
    storages_before = {t.untyped_storage()._cdata for t in [*model.parameters(), *model.buffers(), ids]}
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in storages_before:
            storages[storage._cdata] = storage  # held, so that its address is not given to another
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(input_ids=ids, use_cache=False, **({"labels": ids} if labels else {}))
    return [storage.nbytes() for storage in storages.values()]


def main():
    """Print records of these model types; which draws do not run is said on the way."""
    transformers.logging.set_verbosity_error()
    if sys.argv[1:] == ["--wide"]:
        for row in wide():
            sys.stdout.write(json.dumps(row) + "\n")
        return
    for kind in sys.argv[1:]:
        for line in (DATA / "oracle" / f"{kind}.jsonl").read_text("utf-8").splitlines():
            drawn = json.loads(line)
            if drawn["id"][:5] not in LOADS or not drawn["class"].endswith("ForCausalLM"):
                continue
            for device in ("meta", "cpu"):
                try:
                    with torch.device(device):
                        for dtype in ("bf16", "fp32") if drawn["id"].startswith("draw3") else ("bf16",):
                            sys.stdout.write(json.dumps(record(drawn, dtype)) + "\n")
                    break
                except Exception as error:  # as varied as the classes
                    sys.stderr.write(f"{drawn['id']} on {device}: {type(error).__name__} {str(error)[:100]}\n")


if __name__ == "__main__":
    main()
