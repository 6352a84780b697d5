"""What a config tells runtimes: the positions a model was made for, how much of a head is rotated, recurrent states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from paramcalc.readers.families import family_of
from paramcalc.spec.model import StateType

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

POSITIONS = ("max_position_embeddings", "max_target_positions", "max_decoder_position_embeddings")
"""The keys that say it, those of decoders beside an encoder among them."""
STATE_TYPES = get_args(StateType)
FACTORS = ("partial_rotary_factor", "rotary_pct")
NESTED = ("rope_parameters", "rope_scaling")
"""Where files keep what positions are turned by; a factor of theirs goes before one beside them."""


def rotary(config: Config, spec: ModelSpec) -> dict[str, Any]:
    """The specification's fields for rotary positions; nothing for models that have none, or say nothing."""
    fields: dict[str, Any] = {}
    if turned := _turned(config):
        fields["rotary_dim"] = turned
    if spec.position != "rotary":
        return fields
    positions = next(filter(None, map(config.get, POSITIONS)), None)
    if spec.max_position_embeddings is None and type(positions) is int and 0 < positions <= 2**28:
        fields["max_position_embeddings"] = positions
    if (tables := _tables(config)) > 1:
        fields["rotary_tables"] = min(tables, 16)
    return fields


def recurrent(config: Config) -> dict[str, Any]:
    """The specification's field for recurrent states, by either spelling."""
    dtype = config.get("mamba_ssm_dtype") or config.get("mamba_ssm_cache_dtype")
    return {"state_dtype": dtype} if dtype in STATE_TYPES else {}


def _tables(config: Config) -> int:
    """Different tables: by kinds of layers, as newer files say it, or by a base of their own for sliding ones."""
    local = config.data.get("rope_local_base_freq")
    if local is not None:
        return 1 if local == config.data.get("rope_theta") else 2
    kinds = config.data.get("rope_parameters")
    if not isinstance(kinds, dict) or not all(isinstance(each, dict) for each in kinds.values()):
        return 1
    return len({repr(sorted(each.items(), key=repr)) for each in kinds.values()})


def _turned(config: Config) -> int:
    """Values of a head that are rotated, where not all are; zero where all are or nothing is known of heads."""
    if "rotary_dim" in config.family.spellings or family_of(config.model_type).says_rotary_dim:
        columns = config.get("rotary_dim")
        if type(columns) is int and columns > 0:
            return columns
    share = _share(config)
    return int(_head_dim(config) * share) if share != 1 else 0


def _share(config: Config) -> float:
    for key in NESTED:
        nested = config.get(key)
        if isinstance(nested, dict) and (share := _positive_share(nested.get(FACTORS[0]))):
            return share
    for key in FACTORS:
        if share := _positive_share(config.get(key)):
            return share
    return family_of(config.model_type).rotary_share


def _positive_share(value: object) -> float:
    """A share above zero and of at most one; zero for anything else."""
    return float(value) if type(value) in (int, float) and 0 < value <= 1 else 0.0  # type: ignore[operator, arg-type]


def _head_dim(config: Config) -> int:
    """A head's width where the config has one; what cannot be is for the builder to refuse."""
    head, heads, hidden = (config.get(key) for key in ("head_dim", "num_attention_heads", "hidden_size"))
    if type(head) is int:
        return head
    return hidden // heads if type(heads) is int and type(hidden) is int and heads > 0 else 0
