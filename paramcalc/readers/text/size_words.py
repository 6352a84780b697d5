"""Words in the names of keys that say a size of a model."""

from __future__ import annotations

import re
from functools import cache

SIZE_WORDS = (
    "hidden", "head", "layer", "block", "expert", "dim", "width", "channel", "rank", "vocab", "bias", "norm", "ffn",
    "mtp", "nextn", "moe", "embd", "embed", "inner", "intermediate", "size", "kernel", "conv", "latent", "kv", "depth",
    "mlp", "adapter", "lora", "pruned", "tie", "tying", "gate", "tower", "stream", "share", "sharing", "loop", "recur",
    "gram", "altup", "codebook", "group", "hyper", "mixture", "patch", "pattern", "quer", "regist", "sandwich", "sink",
    "slot", "abs_pos", "attention_res", "attention_type", "attn_res", "attn_type", "compress_ratio", "cross_att",
    "deepstack", "deltanet", "differential", "expan", "factorized", "hybrid", "indexer", "key_value", "lambdas",
    "learnable", "learned", "linear_att", "mamba", "n_future", "n_pred", "num_future", "num_pred", "parallel_att",
    "parallel_res", "product_key", "quantizers", "rel_pos", "relative", "scalable", "time_mix", "token_shift",
    "value_emb", "value_res",
)
"""A key nobody knows whose name holds one of these could change a size."""
SHORT = frozenset([
    "adaln", "branches", "buckets", "butterfly", "canon", "cla", "connector", "cycles", "d", "diff", "dsa", "emb",
    "embs", "exits", "ff", "filters", "gdn", "geglu", "glu", "gqa", "gru", "hc", "hyena", "kan", "kda", "laurel", "ln",
    "lookup", "ls", "lstm", "memories", "mhc", "mla", "moba", "mod", "moh", "monarch", "mqa", "nh", "nl", "nsa", "peer",
    "perceiver", "pkm", "ple", "proj", "projection", "projector", "reglu", "repeats", "resampler", "retention",
    "rezero", "rnn", "segments", "skips", "smear", "ssd", "ssm", "ssmax", "stages", "swiglu", "table", "tables", "unet",
    "units", "words", "wpe", "wte", "yoco",
])
"""The same of words that are looked for by themselves, not within others: `d_model`, `post_ln`, `use_mla`."""
TOKENS = (
    frozenset(["added", "additional", "emb", "extra", "memory", "meta", "n", "new", "num", "prompt", "virtual"]),
    frozenset(["audio", "image", "max", "min", "per", "special", "train", "trained", "training", "video", "vision"]))
"""Words beside `tokens` of which one makes a key the number of rows of a table, and of which none may stand there."""
SETTINGS = re.compile(
    r"(^|_)(eps|epsilon|dropout|dropout_(rate|prob|p)|(layer)?drop|prob|coeff?|std|theta|lr|dtype|loss|loss_weight|fp(32|16)"
    r"|bf16|token_(ids?|index)|parallel_(size|degree)|(batch|world|page)_size|capacity(_factor)?|softcapping|backend"
    r"|implementation|file)$|^(use_)?(fused?_(?!.*bias)|kv_cache)|liger")
"""Names of settings that change no size, whatever other words they hold: `embed_dropout`, `tensor_parallel_size`."""
COUNTS = (*SIZE_WORDS, "state", "top", "window", "label", "memory", "rows", "position", "token")
"""Words of sizes among the keys that classes do have."""
SAME = {
    "blocks": "layer", "block": "layer", "layers": "layer", "depth": "layer", "heads": "head", "dims": "dim",
    "model": "hidden", "embd": "hidden", "embed": "hidden", "emb": "hidden", "ff": "ffn", "mlp": "ffn",
    "intermediate": "ffn", "inner": "ffn", "feedforward": "ffn", "vocabulary": "vocab", "experts": "expert",
    "key": "kv", "size": "dim", "width": "dim", "channels": "dim", "local": "", "routed": "", "num": "", "n": "",
    "number": "", "value": "", "attention": "", "attn": "", "d": "dim", "query": "", "padded": "", "of": "",
    "tok": "", "token": "", "word": "", "decoder": "", "transformer": "", "nlayers": "layer", "nlayer": "layer",
    "nheads": "head", "nhead": "head", "tokens": "vocab", "words": "vocab", "embeddings": "vocab", "len": "dim",
    "units": "dim", "embedding": "hidden", "forward": "ffn", "feed": "",
}
"""Words of size keys to one of several that mean the same; empty where a word adds nothing."""


STORAGE = re.compile(r"(^|_)(load_in_\w+|w?bits?|weights?_dtype|quant\w*|nf4|(mx|nv)?fp[48]|int[48]|bitnet|bitlinear"
                  r"|ternary)(_|$)")
CACHED = re.compile(r"cache|kv|activation|quantizers?(_|$)")
"""Words of how weights are held; and of the cache, of activations and of codecs, which are held in other ways."""


def could_change_bytes(key: str, value: object) -> bool:
    """Whether a key that nobody reads could change how the weights are held."""
    name = key.lower()
    return bool(value) and STORAGE.search(name) is not None and CACHED.search(name) is None


def could_change_a_size(key: str, value: object) -> bool:
    """Whether a key that nobody reads could change a size: no value that says nothing, and no plain value under a name
    without a word of sizes, nor one that names a gated activation function, which has a matrix more."""
    if not value:
        return False
    name = key.lower()
    if isinstance(value, list | dict):
        return True
    if SETTINGS.search(name):
        return False
    words = frozenset(name.split("_"))
    return (any(word in name for word in SIZE_WORDS) or not SHORT.isdisjoint(words) or _counts_tokens(words)
            or (isinstance(value, str) and value.lower().endswith("glu")))


def _counts_tokens(words: frozenset[str]) -> bool:
    """Whether the words of a key are those of a number of tokens that have rows of their own."""
    rows, others = TOKENS
    return "tokens" in words and not rows.isdisjoint(words) and others.isdisjoint(words)


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
