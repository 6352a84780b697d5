"""What rows of several family trees share: names of modules, layer patterns, short questions to a config.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, SLIDING, every
from paramcalc.spec.layer import Block
from paramcalc.spec.lower import lower

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

BACKBONE = {"embed_tokens": "backbone.embeddings", "layers": "backbone.layers", "norm": "backbone.norm_f",
            "input_layernorm": "norm", "self_attn": "mixer"}
DENSE_QKV = {"qkv_proj": "query_key_value", "o_proj": "dense"}
QK_LAYERNORM = {"q_norm": "q_layernorm", "k_norm": "k_layernorm"}


def rotary_layers(config: Config) -> list[int]:
    """For each layer, 1 or 0: whether it has rotary positions, as `no_rope_layers` lists, or without that all layers
    but every fourth. Raises SpecError for a list shorter than the model."""
    interval = config.integer("no_rope_layer_interval", 4)
    switches = config.listed("no_rope_layers", int) or [(i + 1) % interval for i in range(config.layers)]
    if len(switches) < config.layers:
        raise config.expected("no_rope_layers", f"0 or 1 for each of {config.layers:,} layers", code=LAYERS)
    return switches[:config.layers]


def four_times(config: Config) -> int:
    """A feed-forward of four times the width."""
    return 4 * config.integer("hidden_size")


def first_full(config: Config, period: int) -> list[str]:
    """Full attention at each `period`-th layer from the first on, sliding elsewhere."""
    return [FULL if i % period == 0 else SLIDING for i in range(config.layers)]


def patterned(config: Config, period: int) -> list[str]:
    """Sliding but for each `sliding_window_pattern`-th layer, `period` where the file is silent.

    EXAONE's files also write the pattern out: `LLLG`, local three times and then global.
    """
    if isinstance(config.get("sliding_window_pattern"), str):
        letters = config.text("sliding_window_pattern")
        if set(letters) - set("LG") or not letters:
            raise config.expected("sliding_window_pattern", "a number, or letters L and G", code=LAYERS)
        return [SLIDING if letters[i % len(letters)] == "L" else FULL for i in range(config.layers)]
    return every(config, config.integer("sliding_window_pattern", period))


def when(key: str, value: str, otherwise: str = "none") -> Any:  # noqa: ANN401 - a question to a config
    """A word if a flag is set, else another."""
    return lambda config: value if config.flag(key) else otherwise


GATE = {"router": "gate"}
CORRECTED = GATE | {"correction_bias": "gate.e_score_correction_bias"}
W123 = {"router": "gate", "gate_proj": "w1", "down_proj": "w2", "up_proj": "w3", "mlp": "block_sparse_moe"}
STACKED = {"layout": "stacked", "fused": True, "stacked_transposed": False}


def times(count: str, size: str) -> Callable[[Config], int]:
    """Shared experts: `count` of them are one feed-forward of so many times `size`."""
    return lambda config: config.integer(count, 0, least=0) * config.integer(size)


def relaid(spec: ModelSpec, change: Callable[[dict[str, Any]], dict[str, Any]]) -> ModelSpec:
    """A specification whose blocks are written out part by part and then changed."""
    layers = spec.layers or (next(iter(spec.blocks), "layer"),) * (spec.num_layers or 0)
    blocks = {name: Block(parts=change(dict(parts))) for name, parts in lower(spec).blocks.items()}
    return spec.model_copy(update={"blocks": blocks, "layers": layers})


GENERATES = ("causal", "seq2seq")
"""Tasks of classes with a language model's head: alone, or with other towers (`ForConditionalGeneration`)."""


def no_feed_forward(config: Config) -> list[str]:
    """No layer has a feed-forward."""
    return ["none"] * config.layers
