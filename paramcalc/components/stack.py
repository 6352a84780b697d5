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

    def checkpoint(self, site: Site, policy: Policy) -> list[Saved]:
        """What is kept of a layer that is computed again: its input."""
        t = tape(site, policy, "other")
        t.keep(t.new((self.width(site),), ("hidden",)), "layer input")
        return t.saved
