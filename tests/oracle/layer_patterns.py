"""Record which layers slide, by what the library's cache makes of a config: tests/data/layer_patterns.jsonl.

    python tests/oracle/layer_patterns.py

Each line holds the keys of a config.json and, for each layer, the window its cache is made with (null where it keeps
all), as `DynamicCache(config=...)` of the library reads it; `shared` where the layer reuses an earlier one's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import transformers
from transformers import AutoConfig, DynamicCache

DATA = Path(__file__).resolve().parent.parent / "data" / "layer_patterns.jsonl"
SMALL = {"hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 96}
KINDS = ("sliding_attention", "full_attention", "full_attention", "sliding_attention", "full_attention")

CASES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cohere2", {"num_hidden_layers": 9}),
    ("cohere2", {"num_hidden_layers": 7, "sliding_window_pattern": 3}),
    ("cohere2", {"num_hidden_layers": 5, "layer_types": list(KINDS)}),
    ("cwm", {"num_hidden_layers": 9}),
    ("exaone4", {"num_hidden_layers": 9}),
    ("exaone4", {"num_hidden_layers": 5, "sliding_window_pattern": 2, "sliding_window": 33}),
    ("exaone4", {"num_hidden_layers": 3, "sliding_window": None, "layer_types": ["full_attention"] * 3}),
    ("flint", {"num_hidden_layers": 11}),
    ("gemma2", {"num_hidden_layers": 5}),
    ("gemma3_text", {"num_hidden_layers": 13}),
    ("gemma3_text", {"num_hidden_layers": 7, "sliding_window_pattern": 2, "sliding_window": 17}),
    ("gemma3n_text", {"num_hidden_layers": 12, "num_kv_shared_layers": 4}),
    ("gemma3n_text", {"num_hidden_layers": 10, "num_kv_shared_layers": 0}),
    ("gemma4_text", {"num_hidden_layers": 14, "num_kv_shared_layers": 3}),
    ("gemma4_text", {"num_hidden_layers": 8}),
    ("gemma4_unified_text", {"num_hidden_layers": 7}),
    ("gpt_oss", {"num_hidden_layers": 5, "num_local_experts": 4}),
    ("granite_swa", {"num_hidden_layers": 6}),
    ("llama4_text", {"num_hidden_layers": 9, "attention_chunk_size": 48}),
    ("ministral", {"num_hidden_layers": 3}),
    ("ministral", {"num_hidden_layers": 3, "sliding_window": None}),
    ("ministral3", {"num_hidden_layers": 2, "sliding_window": 29}),
    ("mistral", {"num_hidden_layers": 3, "sliding_window": None}),
    ("mistral", {"num_hidden_layers": 3, "sliding_window": 31}),
    ("modernbert-decoder", {"num_hidden_layers": 8}),
    ("modernbert-decoder", {"num_hidden_layers": 5, "global_attn_every_n_layers": 2, "local_attention": 50}),
    ("olmo3", {"num_hidden_layers": 9}),
    ("phi3", {"num_hidden_layers": 2, "sliding_window": 40}),
    ("phi3", {"num_hidden_layers": 2}),
    ("qwen2", {"num_hidden_layers": 6, "use_sliding_window": True, "max_window_layers": 4, "sliding_window": 64}),
    ("qwen2", {"num_hidden_layers": 6, "use_sliding_window": False, "max_window_layers": 4, "sliding_window": 64}),
    ("qwen3", {"num_hidden_layers": 4, "use_sliding_window": True, "max_window_layers": 1, "sliding_window": 64}),
    ("smollm3", {"num_hidden_layers": 9}),
    ("smollm3", {"num_hidden_layers": 6, "use_sliding_window": True, "sliding_window": 21,
                 "no_rope_layer_interval": 3}),
    ("smollm3", {"num_hidden_layers": 3, "use_sliding_window": True, "sliding_window": 21,
                 "no_rope_layers": [0, 1, 0]}),
    ("starcoder2", {"num_hidden_layers": 2, "sliding_window": 19}),
    ("vaultgemma", {"num_hidden_layers": 5}),
)  # fmt: skip


def record(model_type: str, keys: dict[str, Any]) -> dict[str, Any]:
    """One line: what the file says, and the window of each layer's cache."""
    written = {"model_type": model_type, **SMALL, **keys}
    config = AutoConfig.for_model(**written)
    windows = [getattr(layer, "sliding_window", None) for layer in DynamicCache(config=config).layers]
    reused = [mode == "reuse" for mode in getattr(config, "kv_sharing_modes", [None] * len(windows))]
    windows = ["shared" if reuses else window for reuses, window in zip(reused, windows, strict=True)]
    return {"transformers": transformers.__version__, "config": written, "windows": windows}


def main() -> None:
    """Write the data file."""
    lines = [json.dumps(record(model_type, keys)) for model_type, keys in CASES]
    DATA.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
