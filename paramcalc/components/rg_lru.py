"""The recurrent block of Griffin: a gated branch with a short convolution and a linear recurrence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from paramcalc.components.base import Component, Site, Size
from paramcalc.components.mamba import convolution
from paramcalc.components.scans import FLOAT, MIXER, ScanTape
from paramcalc.components.tape import Value
from paramcalc.tree import State, Tensor, Work

if TYPE_CHECKING:
    from collections.abc import Iterable

    from paramcalc.components.tape import Policy
    from paramcalc.tree import Saved


class RecurrentBlock(Component):
    """Two branches to `lru_width`, one through a convolution and the RG-LRU whose gates are block-diagonal."""

    kind: Literal["rg_lru"] = "rg_lru"
    lru_width: Size
    num_heads: Size
    """Blocks of the gates' matrices: `(num_heads, lru_width/num_heads, lru_width/num_heads)`, rounded down as in the
    class: a model whose blocks do not make up the width can be counted, not run."""
    conv_kernel: Annotated[int, Field(ge=1, le=1024)] = 4

    source: ClassVar[str] = "arXiv:2402.19427 section 2.4; transformers RecurrentGemmaRecurrentBlock"

    def tensors(self, site: Site) -> list[Tensor]:
        """Branches, convolution, recurrence, output; all with biases."""
        width, inner, heads = self.width(site), self.lru_width, self.num_heads
        found = self.linear("linear_y", inner, width, MIXER, bias=True, axes=("inner", "hidden"))
        found += self.linear("linear_x", inner, width, MIXER, bias=True, axes=("inner", "hidden"))
        found += self.linear("linear_out", width, inner, MIXER, bias=True, axes=("hidden", "inner"))
        found += convolution(self, inner, self.conv_kernel, bias=True, name="conv_1d")
        found.append(self.vector("rg_lru.recurrent_param", (inner,), ("inner",), MIXER))
        part = inner // heads
        for gate in ("input_gate", "recurrent_gate"):
            found.append(self.vector(f"rg_lru.{gate}_weight", (heads, part, part), ("heads", "one", "one"), MIXER,
                                     "matmul"))
            found.append(self.vector(f"rg_lru.{gate}_bias", (heads, part), ("heads", "one"), MIXER))
        return found

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Both branches, the gates, the recurrence token by token in float32, output: no kernel does it."""
        t, size = ScanTape(site, policy, self.kind), (self.lru_width,)
        if policy.recompute == "full":
            t.keep(t.new((1,), ("one",), "position", "int64", "positions", argument=True), "positions")
            return t.saved
        source = t.stream(self.width(site))
        first = t.linear(source, self.lru_width, "inner", weight="linear_y")
        t.linear(source, self.lru_width, "inner", weight="linear_x")
        y = t.activation(first, t.new(size, ("inner",)), gated=False)
        t.keep(t.new(size, ("inner",)), "convolution input")
        convolved = t.padded(self.lru_width, "inner", self.conv_kernel)
        t.keep(convolved, "convolution output")
        if policy.batch > 1:
            t.keep(t.new(size, ("inner",)), "gates' input")
        self._gates(t)
        t.keep(t.new(size, ("inner",), dtype=FLOAT), "states")
        each = Value(size, ("inner",), dtype=FLOAT, more=-1) if t.narrow else t.new(size, ("inner",))
        t.keep(each, "gate of a token")
        x = t.multiply(t.new(size, ("inner",)), y, ("recurrence", "y branch"))
        t.linear(x, self.width(site), "hidden", "output", "linear_out")
        return t.saved

    def _gates(self, t: ScanTape) -> None:
        """Sigmoids, decay and its square, what normalizes the input, and which positions do not start anew."""
        for name in ("input gate", "recurrent gate", "recurrent gate scaled", "decay", "decay squared",
                     "one less decay squared", "gated input", "multiplier"):
            t.keep(t.new((self.lru_width,), ("inner",)), name)
        t.keep(t.new((self.lru_width,), ("inner",), "once"), "softplus")
        for name in ("goes on", "goes on in the scan"):
            t.keep(t.new((1,), ("one",), "position", "bool"), name)

    def states(self, site: Site) -> Iterable[State]:
        """The last `conv_kernel - 1` inputs of the convolution and one value a channel in float32."""
        return [State("conv", (self.lru_width, self.conv_kernel - 1), ("inner", "reach"), "sequence",
                      component=MIXER, kind="state"),
                State("recurrent", (self.lru_width,), ("inner",), "sequence", dtype="float32", component=MIXER,
                      kind="state")]

    def work(self, site: Site) -> Iterable[Work]:
        """The recurrence: decay and input, two multiply-adds a channel."""
        return [Work("scan", (2, self.lru_width), ("one", "inner"), MIXER, "token", fused=True)]
