"""Bytes that models pack for the backward pass, on torch's meta device: tests/data/activations/classes.jsonl.

Of each class with a head two configs: its default, on 1024 positions (512 where it has no more), and the second draw of
`tests/data/oracle` (small, every width unlike the others) with every dropout at 0.1, on 64. They run in bfloat16 on one
sequence, train(), grouped experts. The bytes are those of unique storages that are no parameters, buffers or inputs,
without labels; `loss` is what labels add. eager; sdpa, which on this device is torch's math kernel; flash, which calls
the fused kernel's operation. none, or full recomputation (`gradient_checkpointing_enable`). What a class cannot run is
missing. Configs are written without what the class has by default.

    python tests/oracle/saved.py llama gpt_oss > records.jsonl      # these model types; all when none is named
    python tests/oracle/saved.py --list --config config.json flash  # what is kept, largest first
"""

from __future__ import annotations

import json
import re
import sys
import warnings
from pathlib import Path

import building
import torch
import transformers
from transformers import masking_utils
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

DATA = Path(__file__).parent.parent / "data"
DEFAULTS = json.loads((DATA.parent.parent / "paramcalc/readers/config/defaults.json").read_text("utf-8"))["families"]
LENGTH = 64
KINDS = {"eager": "eager", "sdpa": "sdpa", "flash": "fused_on_meta"}
HEADED = re.compile("ForCausalLM|ForMaskedLM|ForConditionalGeneration|LMHeadModel|MTModel")
CASES = (("eager", "none"), ("eager", "full"), ("sdpa", "none"), ("flash", "none"), ("flash", "full"))
RATE = ("dropout", "pdrop", "dropout_prob", "dropout_rate", "dropout_p", "dropout_probability")


def fused(module, query, key, value, attention_mask, scaling=None, dropout=0.0, **_):
    """The fused kernel's operation as torch has it: keys and values not expanded, causal, no mask."""
    rate = dropout if module.training else 0.0
    out = torch.ops.aten._scaled_dot_product_flash_attention(query, key, value, rate, True, scale=scaling)[0]
    return out.transpose(1, 2).contiguous(), None


ALL_ATTENTION_FUNCTIONS.register("fused_on_meta", fused)
masking_utils.ALL_MASK_ATTENTION_FUNCTIONS.register("fused_on_meta", lambda *_, **__: None)
LIBRARY = torch.library.Library("aten", "IMPL", "Meta")


def grouped(a, b, *_, out_dtype=None, **__):
    """Grouped products of any width: torch's wants rows of a multiple of 16 bytes, which the draws do not have."""
    return a.new_empty((a.shape[0], b.shape[-1]), dtype=out_dtype or a.dtype)


LIBRARY.impl("_grouped_mm", grouped, allow_override=True)
masking_utils.find_packed_sequence_indices = lambda position_ids: None  # would look at values: there is one sequence


def records(model_type):
    """The records of a model type."""
    for line in (DATA / "oracle" / f"{model_type}.jsonl").read_text("utf-8").splitlines():
        drawn = json.loads(line)
        name, config = drawn["id"], drawn["config"] | {"architectures": [drawn["class"]]}
        if not HEADED.search(drawn["class"]) or not complete(config):
            continue
        if name.startswith("default"):
            yield record(name, config, 1024 if config.get("max_position_embeddings", 1024) >= 1024 else 512)
        elif name.startswith("draw2"):
            rates = {key: 0.1 for key, value in config.items() if key.endswith(RATE) and isinstance(value, float | int)}
            yield record(name, config | rates | {key: 0.0 for key in config if key.endswith("layerdrop")}, LENGTH)


def complete(config):
    """Decoders that would attend to an encoder which is not there, towers that get no picture, and routers that always
    choose two say nothing."""
    if "vision_config" in config:
        return False
    seq2seq = config["architectures"][0].endswith("ForConditionalGeneration")
    alone = config.get("add_cross_attention") or ("encoder_layers" in config and not seq2seq)
    return not alone and (config["model_type"] != "phimoe" or config["num_experts_per_tok"] == 2)


def record(name, config, seq):
    """A record of a config; why a case is missing is said on the way."""
    cases = {f"{kind} {how}": measured(name, config, seq, kind, full=how == "full")
             for kind, how in CASES}  # fmt: skip
    loss = measured(name, config, seq, "eager", labels=True)
    if loss is not None and cases["eager none"] is not None:
        loss -= cases["eager none"]
    return {"name": name, "seq": seq, "config": config, "loss": loss,
            "cases": {how: size for how, size in cases.items() if size is not None}}  # fmt: skip


def measured(name, config, seq, kind, *, full=False, labels=False):
    """Bytes of one case; None where it does not run."""
    try:
        return size(packed(trainable(config, kind, full=full), seq, labels=labels))
    except Exception as error:  # as varied as the classes
        sys.stderr.write(f"{name} {kind} {full} {labels}: {type(error).__name__} {str(error)[:150]!r}\n")
        return None


def size(storages):
    """Bytes of the storages `packed` gives."""
    return sum(storage.nbytes() for storage, _ in storages)


def trainable(config, kind, *, full):
    """The class a config names, to be trained with one kind of attention."""
    model = building.from_file(config | {"attn_implementation": KINDS[kind]})
    model.config._attn_implementation = KINDS[kind]
    for module in model.modules():
        if hasattr(module, "config") and hasattr(module.config, "_attn_implementation"):
            module.config._attn_implementation = KINDS[kind]
    if getattr(model, "_can_set_experts_implementation", lambda: False)():
        model.set_experts_implementation("grouped_mm")
    model = model.to(torch.bfloat16).train()
    if full:
        model.gradient_checkpointing_enable({"use_reentrant": False})
    return model


def packed(model, seq=LENGTH, *, labels=False):
    """Storages packed by one forward pass, with a tensor of each."""
    ids = torch.ones((1, seq), dtype=torch.long, device=model.device)
    inputs = {"input_ids": ids}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.ones((1, seq), dtype=torch.long, device=model.device)
    if labels:
        inputs["labels"] = torch.ones((1, seq), dtype=torch.long, device=model.device)
    storages_before = {t.untyped_storage()._cdata for t in [*model.parameters(), *model.buffers(), *inputs.values()]}
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage._cdata not in storages_before:
            storages.setdefault(storage._cdata, (storage, tensor))  # held: its address is not given to another
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model(**inputs, use_cache=False)
    del output
    return list(storages.values())


def main():
    """Print records, or one list."""
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    if sys.argv[1:2] == ["--list"]:
        listed(json.loads(Path(sys.argv[3]).read_text("utf-8")), sys.argv[4])
        return
    for model_type in sys.argv[1:] or sorted(path.stem for path in (DATA / "oracle").glob("*.jsonl")):
        for row in records(model_type):
            if row["cases"]:
                sys.stdout.write(json.dumps(row | {"config": sparse(row["config"])}) + "\n")
                sys.stdout.flush()


def sparse(config):
    """What a config says beside the defaults of its class."""
    usual = DEFAULTS.get(config["model_type"], {}).get("defaults", {})
    return {key: value for key, value in config.items() if key not in usual or usual[key] != value}


def listed(config, kind):
    """Shape, type and bytes of what one pass keeps."""
    for storage, tensor in sorted(packed(trainable(config, kind, full=False)), key=lambda pair: -pair[0].nbytes()):
        sys.stdout.write(f"{storage.nbytes()} {str(tensor.dtype)[6:]} {tuple(tensor.shape)} {tensor.grad_fn}\n")


if __name__ == "__main__":
    main()
