"""What a config tells runtimes: the positions a model was made for, how much of a head is rotated, recurrent states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.config import MAX_SIZE
from paramcalc.readers.config.strange import ROTARY_SETTINGS, TEXT_KEYS
from paramcalc.readers.families import family_of
from paramcalc.readers.text.values import expected
from paramcalc.spec.model import StateType

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

POSITIONS = ("max_position_embeddings", "max_target_positions", "max_decoder_position_embeddings")
"""The keys that say it, those of decoders beside an encoder among them."""
TEXTS = (*TEXT_KEYS, "decoder")
"""Where files of models of several parts keep the config of their text."""
STATE_TYPES = get_args(StateType)
FACTORS = ("partial_rotary_factor", "rotary_pct")
SIZE = f"an integer of 1 to {MAX_SIZE:,}"
SHARE = "a part of a head, above 0 and at most 1"


def rotary(config: Config, spec: ModelSpec) -> dict[str, Any]:
    """The specification's fields for rotary positions; nothing for models that have none, or say nothing.

    Raises SpecError for a number of positions or a part of a head that cannot be."""
    fields: dict[str, Any] = {}
    if turned := _turned(config):
        fields["rotary_dim"] = turned
    if spec.position != "rotary":
        return fields
    texts = (config, *(part for part in config.parts if part.path[-1] in TEXTS))
    positions = next((int(value) for text in texts for key in POSITIONS
                      if (value := text.bounded(key, SIZE, _is_size))), 0)
    if spec.max_position_embeddings is None and positions:
        fields["max_position_embeddings"] = positions
    if (tables := _tables(config)) > 1:
        fields["rotary_tables"] = min(tables, 16)
    return fields


def recurrent(config: Config) -> dict[str, Any]:
    """The specification's field for recurrent states, by either spelling. Raises SpecError for other formats."""
    for key in ("mamba_ssm_dtype", "mamba_ssm_cache_dtype"):
        if config.get(key):
            return {"state_dtype": config.choice(key, STATE_TYPES)}
    return {}


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
    head, share = _head_dim(config), _share(config)
    part = int(head * share) if share != 1 else 0
    if not ("rotary_dim" in config.family.spellings or family_of(config.model_type).says_rotary_dim):
        return part
    columns = int(config.bounded("rotary_dim", SIZE, _is_size))
    if 0 < head < columns:
        config.note(f"rotary_dim {columns:,} is more than the {head} values of a head: all of them are rotated")
    return columns or part


def _share(config: Config) -> float:
    """The part of a head that is rotated, by the file, in its settings of positions before beside them, else by the
    class. Raises SpecError for what is no part."""
    shares = [share for key in ROTARY_SETTINGS if (share := _nested_share(config, key))]
    shares += [share for key in FACTORS if (share := config.bounded(key, SHARE, _is_share))]
    return shares[0] if shares else family_of(config.model_type).rotary_share


def _nested_share(config: Config, key: str) -> float:
    """The part that a mapping of rotary settings says for all layers; zero where it says none."""
    nested = config.get(key)
    if nested is None:
        return 0.0
    if not isinstance(nested, dict):
        raise config.expected(key, "a mapping")
    kinds = {name: kind for name, kind in nested.items() if isinstance(kind, dict)}
    for place, settings in (((key,), nested), *(((key, name), kind) for name, kind in kinds.items())):
        share = settings.get(FACTORS[0])
        if share is not None and (type(share) not in (int, float) or not _is_share(share)):
            raise SpecError(Problem(expected(SHARE, share), (*config.path, *place, FACTORS[0])))
    return float(nested.get(FACTORS[0]) or 0)


def _is_size(value: float) -> bool:
    return type(value) is int and 0 < value <= MAX_SIZE


def _is_share(value: float) -> bool:
    return 0 < value <= 1


def _head_dim(config: Config) -> int:
    """A head's width where the config has one; what cannot be is for the builder to refuse."""
    head, heads, hidden = (config.get(key) for key in ("head_dim", "num_attention_heads", "hidden_size"))
    if type(head) is int:
        return head
    return hidden // heads if type(heads) is int and type(hidden) is int and heads > 0 else 0
