"""Whether the cache is known at all: a checkpoint's header tells tensors, not how they work together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.measures.certainty import of_model

if TYPE_CHECKING:
    from paramcalc.build import Model
    from paramcalc.measures.certainty import Certainty


def has_formats(model: Model) -> bool:
    """Whether it says in what its weights are held: by rules, or tensor by tensor, as a checkpoint does."""
    return bool(model.spec.quantize) or weights_only(model)


def weights_only(model: Model) -> bool:
    """Whether it is known by its tensors alone, as a checkpoint's header tells them: how they work together is not."""
    return not model.spec.quantize and all(tensor.dtype for node in model.tree.nodes() for tensor in node.tensors)


def cache_unknown(model: Model) -> str:
    """Why it is not known what is kept between tokens; empty where it is."""
    if not weights_only(model):
        return ""
    if any(node.part is not None and node.part.without_weights for node in model.tree.nodes()):
        return ""
    if not model.spec.family:
        return "a checkpoint's header does not say"
    from paramcalc.sanitize import quote

    return f"the header of a GGUF file of {quote(model.spec.family)} does not say"


def flops_certainty(model: Model) -> Certainty:
    """How the FLOPs of its text model are known: of a checkpoint's header only the products of weights are counted."""
    return of_model(model.spec, "flops", at_best="bound" if cache_unknown(model) else "exact")
