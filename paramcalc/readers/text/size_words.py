"""Words in the names of keys that say a size of a model."""

from __future__ import annotations

import re
from functools import cache

SIZE_WORDS = (
    "hidden", "head", "layer", "block", "expert", "dim", "width", "channel", "rank", "vocab", "bias", "norm", "ffn",
    "mtp", "nextn", "moe", "embd", "embed", "inner", "intermediate", "size", "kernel", "conv", "latent", "kv", "depth",
    "mlp", "adapter", "lora", "pruned", "tie", "gate", "tower", "stream", "share", "sharing", "loop", "recur", "gram",
    "altup", "codebook", "group", "hyper", "mixture", "patch", "pattern", "quer", "regist", "sandwich", "sink", "slot",
)
"""A key nobody knows whose name holds one of these could change a size."""
SHORT = frozenset(["d", "ff", "hc", "nh", "nl", "ple"])
"""The same of words too short to be looked for within others: `d_model`, `d_ff`."""
COUNTS = (*SIZE_WORDS, "state", "top", "window", "label", "memory", "rows", "position", "token")
"""Words of sizes among the keys that classes do have."""
SAME = {
    "blocks": "layer", "block": "layer", "layers": "layer", "depth": "layer", "heads": "head", "dims": "dim",
    "model": "hidden", "embd": "hidden", "embed": "hidden", "emb": "hidden", "ff": "ffn", "mlp": "ffn",
    "intermediate": "ffn", "inner": "ffn", "feedforward": "ffn", "vocabulary": "vocab", "experts": "expert",
    "key": "kv", "size": "dim", "width": "dim", "channels": "dim", "local": "", "routed": "", "num": "", "n": "",
    "number": "", "value": "", "attention": "", "attn": "", "d": "dim", "query": "", "padded": "", "of": "",
    "tok": "", "token": "", "word": "",
}
"""Words of size keys to one of several that mean the same; empty where a word adds nothing."""


def could_change_a_size(key: str, value: object) -> bool:
    """Whether a key that nobody reads could change a size: no value that says nothing, and no plain value under a name
    without a word of sizes."""
    if not value:
        return False
    name = key.lower()
    return (isinstance(value, list | dict) or any(word in name for word in SIZE_WORDS)
            or not SHORT.isdisjoint(name.split("_")))


@cache
def is_size(key: str) -> bool:
    """Whether a key that a class has is named as a size."""
    return any(word in key for word in COUNTS)


def looks_like(key: str, name: str) -> bool:
    """Whether an unknown key means what a known one is called: `n_layers` is num_hidden_layers."""
    from difflib import SequenceMatcher

    return means_the_same(key, name) or SequenceMatcher(None, key.lower(), name).ratio() > 0.9


def means_the_same(key: str, name: str) -> bool:
    """Whether two keys are made of words for the same sizes."""
    meaning = _meaning(key)
    return bool(meaning) and meaning == _meaning(name)


@cache
def _meaning(key: str) -> frozenset[str]:
    words = {SAME.get(word, word) for word in re.split(r"[_\W]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower())}
    words -= {""}
    if words & {"layer", "ffn"}:
        words -= {"hidden", "dim"}
    if words == {"dim"}:
        words = {"hidden"}
    if words & {"hidden", "vocab"}:
        words -= {"dim"}
    return frozenset(words)
