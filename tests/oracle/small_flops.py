"""Count FLOPs of small models of odd architectures: tests/data/small_flops.jsonl, by torch's FlopCounterMode.

    python tests/oracle/small_flops.py

The configs are those of the golden records' first draw, run on the CPU with eager attention, batch 2.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import building
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

DATA = Path(__file__).resolve().parent.parent / "data"
RECORDS = (
    "draw1__bitnet", "draw1__ctrl", "draw1__diffllama", "draw1__doge", "draw3__doge", "draw2__falcon",
    "draw1__gemma3n_text", "draw3__gemma4_text", "draw2__gemma4_unified_text", "draw1__gpt_neo", "draw1__hrm_text",
    "draw1__modernbert-decoder", "draw1__mpt", "draw2__opt", "draw1__openai-gpt", "draw1__stablelm", "draw1__xglm",
    "draw2__bert", "draw1__roberta", "draw2__xlm-roberta", "draw2__electra", "draw1__albert", "draw1__deberta",
    "draw1__deberta-v2", "draw1__distilbert", "draw2__roformer", "draw2__rembert", "draw3__roc_bert", "draw1__gte",
    "draw1__jina_embeddings_v3", "draw1__nomic_bert", "draw1__modernbert", "draw1__eurobert", "draw1__ultrabert",
    "draw1__xlm", "draw1__ibert", "draw1__mobilebert", "draw2__megatron-bert", "draw2__xlm-roberta-xl",
    "draw3__ernie", "draw1__yoso",
)  # fmt: skip
LENGTH = 24
FORWARD_ONLY = ("hrm_text",)
"""Trained through the last cycles only."""


def measure(record: dict[str, Any]) -> dict[str, Any]:
    """One line: the config, the totals of a forward pass and of one with its backward pass."""
    written = record["config"]
    kind = written["model_type"]
    config = CONFIG_MAPPING[kind].from_dict(dict(written))
    owner = building.model_class(record["model_type"], record["class"])
    config._attn_implementation = "eager"
    config._experts_implementation = "batched_mm"
    torch.manual_seed(0)
    model = owner(config).float().eval()
    ids = torch.randint(4, min(config.vocab_size, 200), (2, LENGTH))
    runs = {}
    settings = {"use_cache": False} if hasattr(config, "use_cache") else {}
    names = (f"forward_seq{LENGTH}", f"forward_backward_seq{LENGTH}")
    for name in names[:1] if kind in FORWARD_ONLY else names:
        with FlopCounterMode(display=False) as counter:
            loss = model(input_ids=ids, **settings).logits.float().sum()
            if "backward" in name:
                loss.backward()
        by_op = {str(op).split(".")[-1]: count for op, count in counter.get_flop_counts()["Global"].items()}
        runs[name] = {"total": counter.get_total_flops(), "by_op": by_op}
    return {"id": record["id"], "class": record["class"], "config": written, "batch": 2, "runs": runs}


def main() -> None:
    """Write the data file."""
    lines = []
    for prefix in RECORDS:
        start, kind = prefix.split("__", 1)
        text = (DATA / "oracle" / f"{kind}.jsonl").read_text(encoding="utf-8")
        record = next(r for r in map(json.loads, text.splitlines()) if r["id"].startswith(start))
        lines.append(json.dumps(measure(record)))
    (DATA / "small_flops.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
