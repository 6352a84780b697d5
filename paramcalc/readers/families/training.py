"""How a family's class computes while it trains: dropout and functions as its config says, the rest as its code does.

Every config that is read passes here: what the model type alone says is put together once, and of the config only the
keys are read that its class has.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.activations.class_facts import ClassFacts as Training
from paramcalc.activations.class_facts import usual
from paramcalc.readers.config.defaults import PUBLISHED, UNKNOWN_TO_THE_LIBRARY, family_data
from paramcalc.readers.families.training_facts import ROWS
from paramcalc.readers.families.training_facts import USUAL as USUAL_ROW

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config

ACTIVATIONS = ("hidden_act", "hidden_activation", "activation_function", "activation", "afn")
TOLD_APART = frozenset(
    ["relu", "tanh", "sigmoid", "relu6", "gelu_new", "gelu_fast", "quick_gelu", "gelu_accurate", "relu2",
     "relu_squared", "xielu"])
"""Activation functions that keep something else than their input (see `paramcalc.activations.policy`)."""
FLAGS = (("qk_l2_norm", "use_qk_norm"), ("temperature", "attn_temperature_tuning"),
         ("bounded_decay", "kda_safe_gate"), ("float_stream", "residual_in_fp32"))
"""Facts of a row that hold unless the config says otherwise."""
SHARES = ("partial_rotary_factor", "rotary_pct")
"""Where older files say the rotated part of a head; classes take both, whether or not their own config has them."""
CAPS = (("attention_softcap", "attn_logit_softcapping"), ("logit_softcap", "final_logit_softcapping"),
        ("logit_softcap", "logits_soft_cap"))


class ClassFacts(NamedTuple):
    """What is known of a model type before its config, and which of the keys asked for its class has."""

    fixed: dict[str, Any]
    rates: tuple[tuple[str, tuple[str, ...]], ...]
    activations: tuple[str, ...]
    caps: tuple[tuple[str, str], ...]
    rotary_dim: str
    """The key that says how many columns of a head are rotated, where the class has it."""
    routed: bool
    rotary_share: float
    rotary_part: float


def training(config: Config) -> Training | None:
    """The facts of one config; None where all of them are the usual ones."""
    of = class_facts(config.model_type)
    fields = of.fixed.copy()
    for field, keys in of.rates:
        if rate := _first(config, keys):
            fields[field] = rate
    if (word := _activation(config, of)) in TOLD_APART:
        fields["activation"] = word
    for field, key in of.caps:
        fields[field] = config.get(key) is not None
    _conditions(config, fields)
    _rotation(config, of, fields)
    if of.routed:
        _routing(config, fields)
    if "loss" not in fields and config.task in ("masked", "seq2seq"):
        fields["loss"] = "model"
    return _made(tuple(fields.items()))


def _conditions(config: Config, fields: dict[str, Any]) -> None:
    """Facts of a row that hold only where the config says so too."""
    for field, key in FLAGS:
        if field in fields and config.get(key) in (False, 0):
            del fields[field]
    if (fewest := fields.pop("own_qkv_above", None)) is not None:
        heads = config.get("num_attention_heads")
        fields["own_qkv"] = type(heads) is int and heads > fewest
    if type(streams := config.get(fields.pop("streams", ""))) is int and 0 < streams <= 1024:
        fields["streams"] = streams
    if "broadcast_kv" in fields:
        newer = config.flag("new_decoder_architecture")
        fields["picked_kv"] = newer or config.flag("multi_query")
        fields["broadcast_kv"] = fields["picked_kv"] and not newer
        fields["attention_residual_dropout"] = not (newer or config.flag("parallel_attn", default=True))


@lru_cache(1024)
def _made(fields: tuple[tuple[str, Any], ...]) -> Training | None:
    """Many configs share them, and to validate them again takes longer than to look them up."""
    found = Training.model_validate(dict(fields))
    return None if found == usual() else found


@cache
def class_facts(model_type: str) -> ClassFacts:
    """The row of a model type, and the keys of its class among those that are asked for."""
    row = USUAL_ROW | ROWS.get(PUBLISHED.get(model_type, model_type), {})
    rates = {field: keys for field, keys in row.items() if isinstance(keys, tuple)}
    has = _keys(model_type)
    asked = {field: tuple(key for key in keys if has is None or key in has) for field, keys in rates.items()}
    share, part = row.pop("rotary_share", 1), row.pop("rotary_part", 1)
    return ClassFacts(
        {field: value for field, value in row.items() if field not in rates},
        tuple((field, keys) for field, keys in asked.items() if keys),
        tuple(key for key in ("feed_forward_proj", *ACTIVATIONS) if has is None or key in has),
        tuple((field, key) for field, key in CAPS if has is not None and key in has),
        "rotary_dim" if "rotary_joined" in row or (has is not None and "rotary_dim" in has) else "",
        has is None or not has.isdisjoint(("norm_topk_prob", "scoring_func")) or "router" in row,
        share, part)


def _keys(model_type: str) -> frozenset[str] | None:
    """Every key a class has, however spelled; None where the class is not the library's."""
    found = None if model_type in UNKNOWN_TO_THE_LIBRARY else family_data(model_type)
    return None if found is None else found.spellings


def _first(config: Config, keys: tuple[str, ...]) -> float:
    """The first of the keys the config has; zero where it has none."""
    for key in keys:
        value = config.get(key)
        if type(value) in (int, float) and 0 <= value < 1:
            return float(value)
    return 0.0


def _activation(config: Config, of: ClassFacts) -> str:
    for key in of.activations:
        value = config.get(key)
        if type(value) is str:
            if key != "feed_forward_proj":
                return value
            return "gelu_new" if value == "gated-gelu" else value.split("-")[-1]
    return ""


def _rotation(config: Config, of: ClassFacts, fields: dict[str, Any]) -> None:
    """Columns of the rotary tables where only a part of a head is rotated, and the joining of the two parts."""
    parameters = config.get("rope_parameters")
    nested = parameters.get("partial_rotary_factor") if isinstance(parameters, dict) else None
    share = next((v for v in (nested, *map(config.get, SHARES)) if type(v) in (int, float)), of.rotary_part)
    if (share != 1 or of.rotary_share != 1) and (head := _head_dim(config)):
        columns = -(-int(head * share) // 2) * 2
        fields["rotary_size"] = columns if of.rotary_share == 1 else int(head * of.rotary_share)
    if of.rotary_dim and type(size := config.get(of.rotary_dim)) is int and size > 0:
        share, fields["rotary_size"] = 0, size
    fields["rotary_joined"] = share != 1 or of.fixed.get("rotary_joined", False)


def _head_dim(config: Config) -> int:
    """A head's width where the config has one; what cannot be is for the builder to refuse."""
    head, heads, hidden = (config.get(key) for key in ("head_dim", "num_attention_heads", "hidden_size"))
    if type(head) is int:
        return head
    return hidden // heads if type(heads) is int and type(hidden) is int and heads > 0 else 0


def _routing(config: Config, fields: dict[str, Any]) -> None:
    """How the weights of the chosen experts are made, and in which type; groups, where experts stand in some."""
    if best := fields.pop("router_grouped", 0):
        groups, top = config.get("n_group") or config.get("num_expert_group"), config.get("topk_group")
        grouped = best == 2 or config.get("topk_method") == "group_limited_greedy"
        if grouped and type(groups) is int and type(top) is int and 0 < groups < 2**16 and 0 < top < 2**16:
            fields |= {"router_groups": groups, "router_top_groups": top, "router_group_best": best}
    plain = fields.get("router_float", False)
    if config.get("scoring_func") == "sigmoid":
        fields["router"] = "sigmoid"
    elif "router" not in fields and config.get("norm_topk_prob"):
        fields["router"] = "normalized"
    if "router_weights" not in fields and (plain or fields.get("router") == "sigmoid"):
        fields["router_weights"] = "float"
