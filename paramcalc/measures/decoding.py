"""Whether a model gives one token after another, as those that answer do: encoders and towers give none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.measures.header_certainty import weights_only

if TYPE_CHECKING:
    from paramcalc.build import Model


def gives_no_tokens(model: Model) -> str:
    """Why a model gives no token after another; empty where it does, or where only its tensors are known.

    It takes a head, from which the next token is drawn, and something that is kept of the tokens before it.
    """
    if weights_only(model):
        return ""
    nodes = list(model.tree.walk())
    if not any(_is_head(node.part) or any(tensor.component == "lm_head" for tensor in node.tensors)
               for _, node, _, _ in nodes):
        return "it has no head that predicts tokens"
    if not any(node.states(path) for path, node, _, _ in nodes):
        return "it keeps nothing between tokens: it reads a whole sequence at once"
    return ""


def _is_head(part: object) -> bool:
    return getattr(part, "kind", "") == "head"
