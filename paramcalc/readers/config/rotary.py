"""What a config tells runtimes: the positions a model was made for, how much of a head is rotated, recurrent states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

NESTED = ("rope_parameters", "rope_scaling")
FACTORS = ("partial_rotary_factor", "rotary_pct")


def rotary(config: Config, spec: ModelSpec) -> dict[str, Any]:
    """The specification's fields for rotary positions; nothing for models that have none, or say nothing."""
    found: dict[str, Any] = {}
    if spec.position != "rotary":
        return found
    positions = config.get("max_position_embeddings")
    if spec.max_position_embeddings is None and type(positions) is int and 0 < positions <= 2**28:
        found["max_position_embeddings"] = positions
    factor = _factor(config)
    if factor is not None and spec.head_dim and 0 < int(spec.head_dim * factor) < spec.head_dim:
        found["rotary_dim"] = int(spec.head_dim * factor)
    if (tables := _tables(config)) > 1:
        found["rotary_tables"] = min(tables, 16)
    return found


def recurrent(config: Config) -> dict[str, Any]:
    """The specification's field for recurrent states, by either spelling."""
    said = config.get("mamba_ssm_dtype") or config.get("mamba_ssm_cache_dtype")
    return {"state_dtype": said} if said in ("float32", "bfloat16", "float16") else {}


def _tables(config: Config) -> int:
    """Different tables: by kinds of layers, as newer files say it, or by a base of their own for sliding ones."""
    local = config.data.get("rope_local_base_freq")
    if local is not None:
        return 1 if local == config.data.get("rope_theta") else 2
    kinds = config.data.get("rope_parameters")
    if not isinstance(kinds, dict) or not all(isinstance(each, dict) for each in kinds.values()):
        return 1
    return len({repr(sorted(each.items(), key=repr)) for each in kinds.values()})


def _factor(config: Config) -> float | None:
    for place in (config.data, *(config.data.get(key) for key in NESTED)):
        if not isinstance(place, dict):
            continue
        for key in FACTORS:
            value = place.get(key)
            if type(value) is float and 0 < value <= 1:
                return value
    return None
