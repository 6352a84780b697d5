"""A stack of layers: named blocks laid out in order."""

from __future__ import annotations

from typing import Literal

from paramcalc.components.base import Component
from paramcalc.components.layout import Layout


class Stack(Component):
    """Layers at `path.0`, `path.1` …; each entry of `of` names a block of the specification."""

    kind: Literal["layers"] = "layers"
    of: Layout
    stream: Literal["token", "source"] = "token"
    """`source`: these layers run over the encoder's input."""
