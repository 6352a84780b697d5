"""Run small decoders of random weights and record what their cache holds and what torch's FLOP counter sees.

    python tests/oracle/running.py > tests/data/oracle_running.jsonl

The configs are draws of `tests/data/oracle`, the first of each type that runs. Two sequences of `LENGTHS` tokens, eager
attention, experts by batched products (only those chosen). A tensor that is key and value at once is one tensor.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import transformers
from torch.utils.flop_counter import FlopCounterMode

DATA = Path(__file__).parent.parent / "data" / "oracle"
TYPES = (
    "axk2", "deepseek_v2", "deepseek_v3", "deepseek_v32", "deepseek_v4", "dots3_note_text", "glm_moe_dsa", "gpt_oss",
    "hy_v4", "inkling2_text", "inkling_text", "jetmoe", "laguna", "mimo_v2_flash", "minimax_m3_vl_text",
    "zaya",
)
LENGTHS = (23, 63)


def cached_arrays(value: object, ids: set[int], path: str = "") -> Iterator[tuple[str, list[int]]]:
    """Every floating-point tensor reachable from a cache, once, with the path to it."""
    if id(value) in ids:
        return
    ids.add(id(value))
    if isinstance(value, torch.Tensor):
        if value.is_floating_point() and value.numel():
            yield path, list(value.shape)
        return
    inside: Any = {}
    if isinstance(value, dict):
        inside = value
    elif isinstance(value, (list, tuple)):
        inside = dict(enumerate(value))
    elif type(value).__module__.startswith("transformers") and not isinstance(value, transformers.PreTrainedConfig):
        inside = vars(value)
    for name, item in inside.items():
        yield from cached_arrays(item, ids, f"{path}.{name}".lstrip("."))


def run(record: dict[str, Any]) -> dict[str, Any]:
    """One model, run at each length."""
    owner = getattr(transformers, record["config"]["architectures"][0])
    config = owner.config_class.from_dict(dict(record["config"]))
    config._attn_implementation = "eager"
    model = owner(config).eval()
    model.set_experts_implementation("batched_mm")
    row: dict[str, Any] = {"id": record["id"], "config": record["config"], "batch": 2, "runs": {}}
    for length in LENGTHS:
        ids = torch.randint(0, config.vocab_size, (2, length))
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), counter:
            cache = model(input_ids=ids, use_cache=True).past_key_values
        row["runs"][length] = {"forward": counter.get_total_flops(), "cache": list(cached_arrays(cache, set()))}
    return row


def main() -> None:
    """The first draw of each type that runs; some cannot, since only their construction was asked for."""
    torch.manual_seed(0)
    for model_type in TYPES:
        for line in (DATA / f"{model_type}.jsonl").read_text(encoding="utf-8").splitlines()[1:]:
            try:
                row = run(json.loads(line))
            except (RuntimeError, IndexError, ValueError) as error:
                sys.stderr.write(f"{model_type}: {error!r:.100}\n")
                continue
            sys.stdout.write(json.dumps(row, separators=(",", ":")) + "\n")
            break


if __name__ == "__main__":
    transformers.logging.set_verbosity_error()
    main()
