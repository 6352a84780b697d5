"""What a config says of its model that no count depends on, but training does: dropout, activation, caps, routing."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, get_args

from paramcalc.numbers import many
from paramcalc.readers.config.config import MAX_NUMBER
from paramcalc.readers.config.patterns import EXPERTS
from paramcalc.readers.families import family_of
from paramcalc.spec.model import Switch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.readers.config.config import Config
    from paramcalc.readers.config.type_facts import Keys
    from paramcalc.spec.behaviour import Dropout, Routing
    from paramcalc.spec.caveats import Caveat, Figure
    from paramcalc.spec.model import ModelSpec

ACTIVATIONS = ("feed_forward_proj", "hidden_act", "hidden_activation", "activation_function", "activation", "afn")
CAPS = ("attn_logit_softcapping", "final_logit_softcapping", "logits_soft_cap")
CAPPED = {"logits_soft_cap": "final_logit_softcapping"}
"""Key of a config to the field of the specification, where that has another name."""
SWITCHES: tuple[str, ...] = get_args(Switch)

LEARNED = ("prelu", "xielu")
"""Functions with values that are trained, of those a config may name (transformers activations.py, ACT2CLS)."""

DROPOUTS: Keys = {
    "attention": ("attention_dropout", "attn_pdrop", "attention_probs_dropout_prob", "attn_dropout", "dropout_rate"),
    "hidden": ("resid_pdrop", "hidden_dropout_prob", "hidden_dropout", "residual_dropout", "resid_dropout", "dropout",
               "dropout_rate"),
    "embedding": ("embd_pdrop", "embedding_dropout", "embed_dropout", "hidden_dropout_prob", "dropout", "dropout_rate"),
    "ffn": ("activation_dropout",),
}
"""Keys that say a dropout, of which the first that the class has does."""


def behaviour(config: Config, spec: ModelSpec) -> dict[str, Any]:
    """The fields of the specification, without those that hold the usual. Raises SpecError for other values."""
    fields: dict[str, Any] = {CAPPED.get(key, key): cap for key in config.family.spelled(CAPS)
                              if (cap := config.bounded(key, "a number above 0", _is_cap))}
    if rates := {place: rate for place, keys in _dropout_keys(config.model_type) if (rate := _rate(config, keys))}:
        fields["dropout"] = _dropout(tuple(rates.items()))
    word = activation(config)
    if word and word != ("gelu" if spec.gated is False else "silu"):
        fields["activation"] = word
    if config.task == "masked":
        fields["objective"] = "masked"
    if routing := _routing(config):
        fields["routing"] = _chosen(tuple(routing.items()))
    if off := tuple(key for key in config.family.spelled(SWITCHES)
                    if config.family.defaults.get(key) is True and config.get(key) in (False, 0)):
        fields["switched_off"] = off
    return fields


# Few different ones are in use, so that each is validated once.


@lru_cache(maxsize=256)
def _dropout(rates: tuple[tuple[str, float], ...]) -> Dropout:
    from paramcalc.spec.behaviour import Dropout

    return Dropout(**dict(rates))


@lru_cache(maxsize=256)
def _chosen(routing: tuple[tuple[str, Any], ...]) -> Routing:
    from paramcalc.spec.behaviour import Routing

    return Routing(**dict(routing))


@cache
def _dropout_keys(model_type: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Each dropout with the keys of it that the class has; all of them where the class is not the library's."""
    entry = family_of(model_type)
    data = None if entry.published else entry.data
    by_place = {place: tuple(key for key in keys if data is None or key in data.spellings)
                for place, keys in (DROPOUTS | entry.dropouts).items()}
    return tuple((place, keys) for place, keys in by_place.items() if keys)


def _has(config: Config, key: str) -> bool:
    return key in config.family.spellings


def _rate(config: Config, keys: tuple[str, ...]) -> float:
    """The first of the keys the config has; zero where it has none. Raises SpecError for what is no probability."""
    rates = [config.bounded(key, "a probability of at least 0 and below 1", lambda rate: 0 <= rate < 1)
             for key in keys if config.get(key) is not None]
    return rates[0] if rates else 0.0


def activation(config: Config) -> str:
    """The function's name; of T5's two words the second, whose gated gelu is the approximation of GPT-2."""
    published = family_of(config.model_type).published is not None
    for key in ACTIVATIONS if published else config.family.spelled(ACTIVATIONS):
        value = config.get(key)
        if type(value) is str and len(value) <= 60:
            if key != "feed_forward_proj":
                return value
            return "gelu_new" if value == "gated-gelu" else value.split("-")[-1]
    return ""


def learned_functions(configs: Iterable[Config]) -> tuple[Caveat, ...]:
    """That a function named somewhere has values of its own, which nobody counts."""
    places = [".".join((*config.path, key)) for config in configs for key in config.data
              if "act" in key and config.data[key] in LEARNED and key not in config.learned]
    if not places:
        return ()
    from paramcalc.spec.caveats import Caveat

    reason = f"the function that {', '.join(places)[:200]} names has values of its own, which are left out"
    figures: tuple[Figure, ...] = ("parameters", "weights")
    return tuple(Caveat(figure=figure, known="bound", reason=reason) for figure in figures)


def _is_cap(value: float) -> bool:
    return 0 <= value <= MAX_NUMBER


def _is_group_count(value: float) -> bool:
    return type(value) is int and 0 <= value < 2**16


def _routing(config: Config) -> dict[str, Any]:
    """How experts are chosen; groups where the class's way of choosing knows them. Raises SpecError for others."""
    fields: dict[str, Any] = {}
    unknown = family_of(config.model_type).published is not None
    if unknown or _has(config, "norm_topk_prob") or _has(config, "scoring_func"):
        if config.get("scoring_func") == "sigmoid":
            fields["scoring_func"] = "sigmoid"
        if config.get("norm_topk_prob"):
            fields["norm_topk_prob"] = True
    if not unknown and not _has(config, "topk_group"):
        return fields
    groups, top = (int(config.bounded(key, "an integer of 0 to 65,535", _is_group_count)) for key in
                   ("n_group" if config.get("n_group") else "num_expert_group", "topk_group"))
    grouped = not _has(config, "topk_method") or config.get("topk_method") == "group_limited_greedy"
    if grouped and groups and top:
        _refuse_groups(config, groups, top)
        fields |= {"n_group": groups, "topk_group": top}
    return fields


def _refuse_groups(config: Config, groups: int, top: int) -> None:
    """Groups that the classes' routers fail at: they view the experts as groups of one size, and choose among those
    (transformers 5.24, modeling_deepseek_v2.py and modeling_deepseek_v3.py). Raises SpecError."""
    key = "n_group" if config.get("n_group") else "num_expert_group"
    experts = next((config.sizes[name] for name in EXPERTS if name in config.sizes), 0)
    if experts % groups:
        raise config.error(key, f"{groups} does not divide the {many(experts, 'expert')}", "each group has as many")
    if top > groups:
        raise config.error("topk_group", f"a token visits {many(top, 'group')} of experts, of which there are {groups}",
                           f"at most {key}")
