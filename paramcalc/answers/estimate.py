"""`estimate`: the figures of one page about a model: parameters, weights, cache, FLOPs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from paramcalc.answers.answer import Answer, head, hidden
from paramcalc.answers.count import Parameters, parameters
from paramcalc.estimates.effects import within_positions
from paramcalc.estimates.media import media_of
from paramcalc.measures.cache import Serving, exact, mixers, types
from paramcalc.measures.certainty import Certainty, least, of_model, size_certainty, tower_certainty
from paramcalc.measures.flops import Workload, flops
from paramcalc.measures.header_certainty import cache_unknown, flops_certainty, has_formats, weights_only
from paramcalc.measures.parameters import Counts, count
from paramcalc.measures.rules_of_thumb import six_n_d
from paramcalc.measures.weights import weight_bytes
from paramcalc.spec.media import STREAMS
from paramcalc.transforms.formats import in_formats

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.estimates.settings import PageSettings
    from paramcalc.readers.models import Reading
    from paramcalc.spec.media import Media
    from paramcalc.tree import Node

FORMATS = ("fp32", "bf16", "fp8", "int4")
"""Plain formats, without the scales a quantizer adds."""
STORED = "as stored"


class FormatWeights(NamedTuple):
    """Bytes of all weights in one format."""

    format: str
    """A number format, or `as stored`."""
    bytes: int
    known: Certainty


class CacheBytes(NamedTuple):
    """What one sequence of `context` tokens keeps between tokens, in bf16."""

    bytes: int
    known: Certainty
    bytes_per_token: int
    """Growth for one more token at this context."""
    kv_bytes: int
    state_bytes: int


class TokenFlops(NamedTuple):
    """FLOPs of one more token at the context."""

    forward_per_token: int
    known: Certainty
    towers: int | None = None
    """Of towers over the pictures and recordings of one sequence, with some."""


class TrainingFlops(NamedTuple):
    """FLOPs of one trained token by the rule of thumb, 6 × active parameters."""

    approximation_6nd_per_token: int
    known: Certainty


@dataclass(frozen=True, kw_only=True)
class Estimate(Answer):
    """What a model costs on one page."""

    command: ClassVar[str] = "estimate"
    parameters: Parameters
    weights: tuple[FormatWeights, ...]
    cache: CacheBytes
    flops: TokenFlops
    training: TrainingFlops
    context: int = hidden()
    """Tokens of the sequence, those of pictures and recordings included."""
    counts: Counts = hidden()

    def __getitem__(self, key: str) -> Any:  # noqa: ANN401 - any key of the JSON
        """A key of the JSON: `answer["parameters"]["total"]`."""
        return self.to_dict()[key]


def estimate(reading: Reading, settings: PageSettings) -> Estimate:
    """The page of a model, for one sequence. Raises UsageError for pictures and recordings the model has no rule for.
    """
    start = head(reading)
    model: Model = start["built"]
    spec, tree = model.spec, model.tree
    media = media_of(settings, spec)
    settings, length = within_positions(settings, spec, media)
    context = media.sequence(settings.context)
    counts = count(tree)
    serving = Serving(context, source=spec.source_tokens(), media=media)
    cache = exact(mixers(tree), serving, types("bf16"))
    cache_certainty: Certainty = "unknown" if cache_unknown(model) else of_model(spec, "cache")
    forward = flops(tree, Workload(1, 1, context - 1, serving.encoder, "causal")).forward
    return Estimate(
        **start | {"length": length, "warnings": (*start["warnings"], *media.notes), "assumptions": {
            "context": context, **media.summary(), "batch": 1, "cache_format": "bf16", "cache_policy": "exact",
            "flops_convention": "2 FLOPs a multiply-add, causal pairs", "rule": "6 x active parameters"}},
        parameters=parameters(counts, size_certainty(spec)),
        weights=tuple(FormatWeights(name, size, of_model(spec, "weights")) for name, size in _weights(model).items()),
        cache=CacheBytes(cache.bytes, cache_certainty, cache.per_token, cache.kv_bytes, cache.state_bytes),
        flops=TokenFlops(forward, least(flops_certainty(model), tower_certainty(spec, media)), _towers(tree, media)),
        training=TrainingFlops(six_n_d(tree, 1), of_model(spec, at_best="estimate")), context=context, counts=counts)


def _towers(tree: Node, media: Media) -> int | None:
    """FLOPs of the towers alone; None without pictures and recordings."""
    if not media.tokens:
        return None
    alone = tree.replace(children=tuple(child for child in tree.children if child.stream in STREAMS))
    return flops(alone, Workload(media=media)).forward


def _weights(model: Model) -> dict[str, int]:
    """Bytes in plain formats, and as stored where the model says in what; of a checkpoint only these."""
    stored = {STORED: weight_bytes(in_formats(model).tree).total} if has_formats(model) else {}
    if weights_only(model):
        return stored
    return stored | {name: weight_bytes(model.tree, name).total for name in FORMATS}
