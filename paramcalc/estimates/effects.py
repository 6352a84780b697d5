"""Settings beside a model: options that would have no effect are refused, lengths are held to its positions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeVar

from paramcalc.errors import Problem, UsageError
from paramcalc.numbers import many

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.settings import Settings
    from paramcalc.spec.media import Media
    from paramcalc.spec.model import ModelSpec

S = TypeVar("S", bound="Settings")


class Length(NamedTuple):
    """What is to be said of the length of a sequence beside the positions a model was made for."""

    note: str = ""
    beyond: bool = False
    """It is longer, which somebody asked for."""


def within_positions(settings: S, spec: ModelSpec, media: Media) -> tuple[S, Length]:
    """The settings, a `context` or `seq` nobody said cut to the positions the model was made for, and what to say.

    Pictures and recordings in a sequence take positions too; an encoder of nothing else has no other length.
    """
    beside = media.tokens
    name = "context" if "context" in type(settings).model_fields else "seq"
    value, positions = getattr(settings, name), spec.max_position_embeddings
    length = (max(value) if isinstance(value, tuple) else value) + beside
    if media.main or not positions or length <= positions:
        return settings, Length()
    if settings.is_set(name) or beside >= positions:
        among = f", of which {beside:,} of pictures and recordings," if beside else ""
        return settings, beyond_positions(spec, f"a {name}", length, among)
    rest = positions - beside
    note = f"{name} {rest:,}, as many as the model has positions for: the default is {length - beside:,}"
    return settings.model_copy(update={name: (rest,) if isinstance(value, tuple) else rest}), Length(note)


def beyond_positions(spec: ModelSpec, what: str, length: int, among: str = "") -> Length:
    """What is to be said where something is longer than the positions a model was made for."""
    positions = spec.max_position_embeddings
    if not positions or length <= positions:
        return Length()
    limit = many(positions, "position")
    return Length(f"{what} of {length:,}{among} is longer than the {limit} the model was made for", beyond=True)


def need(settings: Settings, names: tuple[str, ...], *, present: bool, what: str, hint: str = "") -> None:
    """Raise UsageError where one of the fields was said though what it needs is not there."""
    for name in names:
        if settings.is_set(name) and not present:
            raise UsageError(Problem(f"--{name.replace('_', '-')} has no effect without {what}", hint=hint))


def need_encoder(settings: Settings, model: Model) -> None:
    """Raise UsageError for --source on a model without an encoder."""
    encodes = model.spec.encodes or any(
        tensor.per in ("source", "sequence") for node in model.tree.nodes() for tensor in node.tensors)
    need(settings, ("source",), present=encodes or _crosses(model), what="an encoder, and this model has none",
         hint="leave --source out")


def _crosses(model: Model) -> bool:
    """Whether something attends to tokens of an encoder that is not part of the tree."""
    return any(state.per == "source" for path, node, _, _ in model.tree.walk() for state in node.states(path))
