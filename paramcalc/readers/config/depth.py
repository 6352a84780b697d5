"""Another number of layers for a config.json: what it lists layer by layer is cut or continued with it."""

from __future__ import annotations

from typing import Any

from paramcalc.components.layout import continued
from paramcalc.errors import Problem, SpecError
from paramcalc.numbers import many

DEPTH_KEYS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
INDEX_KEYS = ("attn_layer_indices", "full_attn_idxs", "local_layer_ids", "mlp_only_layers", "hybrid_layer_ids",
              "cross_attention_layers")
"""Lists of the layers that differ, not of all."""
LETTERS = ("hybrid_override_pattern", "sliding_window_pattern")
"""Texts with a letter a layer; the second may be shorter and is repeated, or is a number."""
OTHER_LISTS = ("token_id", "token_ids", "tokens", "architectures")
"""How keys end whose lists are of no layers, whatever their length."""


def set_config_depth(data: dict[str, Any], key: str, layers: int) -> None:
    """Write the number of layers under its key, and with it each list of as many entries, in place.

    Raises SpecError where a list cannot be continued, naming it.
    """
    old = data.get(key)
    data[key] = layers
    if type(old) is not int or old == layers or not 0 < layers <= 4096:
        return
    for name, value in data.items():
        try:
            if (new := _continued(name, value, old, layers)) is not None:
                data[name] = new
        except ValueError as error:
            hint = f"give {name} for {many(layers, 'layer')} too"
            raise SpecError(Problem(f"{key}: {error}", (name,), hint)) from error


def _continued(name: str, value: object, old: int, layers: int) -> Any:  # noqa: ANN401 - JSON
    if name in INDEX_KEYS and isinstance(value, list) and all(type(item) is int for item in value):
        flags = continued([str(index in value) for index in range(old)], layers)
        return [index for index, flag in enumerate(flags) if flag == str(True)]
    if name in LETTERS and isinstance(value, str) and len(value) == old:
        return "".join(continued(value, layers))
    if name == "attention_types" and isinstance(value, list):
        words = _unrolled(value)
        return [[continued(words, layers), 1]] if words and len(words) == old else None
    plain = isinstance(value, list) and len(value) == old and all(type(i) in (str, int, float, bool) for i in value)
    if not plain or not isinstance(value, list) or name.endswith(OTHER_LISTS):
        return None
    kinds = {repr(item): item for item in value}
    return [kinds[word] for word in continued([repr(item) for item in value], layers)]


def _unrolled(value: list[Any]) -> list[str] | None:
    """GPT-Neo's `[[["global", "local"], 12]]`, written out; None for anything else."""
    words: list[str] = []
    for item in value:
        match item:
            case [list(names), int(times)] if all(isinstance(name, str) for name in names) and times <= 4096:
                words += names * times
            case _:
                return None
    return words
