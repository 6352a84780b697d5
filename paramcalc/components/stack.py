"""A stack of layers: named blocks laid out in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from paramcalc.components.base import Component, Site
from paramcalc.components.tape import tape
from paramcalc.spec.layout import Layout

if TYPE_CHECKING:
    from paramcalc.components.tape import Policy
    from paramcalc.tree import Saved


class Stack(Component):
    """Layers at `path.0`, `path.1` …; each entry of `of` names a block of the specification."""

    kind: Literal["layers"] = "layers"
    of: Layout
    stream: Literal["token", "source"] = "token"
    """`source`: these layers run over the encoder's input."""

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Noise of a dropout on what the stack gives."""
        t = tape(site, policy, "other")
        t.dropout(t.new((self.width(site),), ("hidden",)), t.how.final_dropout, "final")
        return t.saved

    def checkpoint(self, site: Site, policy: Policy, layers: int) -> list[Saved]:
        """What is kept of layers that are computed again: their inputs, the first as the embedding gives it."""
        t = tape(site, policy, "other")
        several = (t.how.streams,) if t.how.streams > 1 else ()
        first = t.new((*several, self.width(site)), (*("streams",) * len(several), "hidden"))
        t.keep(first, "layer input")
        t.keep(t.to(first, "float32") if t.how.float_stream else first, "layer input")
        *rest, last = t.saved
        return [*(leaf._replace(used=1) for leaf in rest), last._replace(used=layers - len(rest))]
