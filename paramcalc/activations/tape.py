"""What an operation keeps for its backward pass: a component runs its forward pass over symbolic tensors, and the tape
notes each storage that is kept, once however many operations need it.

Sources: torch `derivatives.yaml` (what each operation saves); the modules of transformers; for the other policy
arXiv:2205.05198 section 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

from paramcalc.activations.functions import EXTRA, OUTPUT_ONLY, SQUARED_RELU
from paramcalc.activations.saved import Operation, SavedActivation
from paramcalc.activations.weights import RANK

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import Blocks, SavedPer
    from paramcalc.activations.weights import Adapter

GPT_DROPOUTS = frozenset({"attention", "output", "embedding"})


@dataclass(frozen=True, eq=False, slots=True)
class Value:
    """A tensor's storage. Views of it are the same value."""

    shape: tuple[int, ...]
    axes: tuple[str, ...]
    per: SavedPer = "token"
    dtype: str | None = None
    shared: str = ""
    argument: bool = False
    block: int = 1
    more: int = 0
    blocks: Blocks = "any"
    padded: bool = True
    elsewhere: bool = False
    """An earlier layer keeps it."""


class Tape:
    """The operations of transformers in torch; methods give the result and note what is kept."""

    def __init__(self, run: Forward, component: str) -> None:
        self.policy = run.policy
        self.facts = run.facts
        self.component = component
        self.width = run.context.hidden_size
        self.weights = run.weights
        self.in_layer = run.layer
        self._storages: dict[int, tuple[Value, str]] = {}
        self._results: list[tuple[Value, Operation]] = []
        self._by_operation = run.layer and run.policy.recompute == "per-op"
        self._tables: dict[str, Value] = {}

    @property
    def saved(self) -> list[SavedActivation]:
        """Everything kept, each storage once; of a layer computed again by operations, their results alone."""
        storages = [self._leaf(value, name) for value, name in self._storages.values()
                    if value.argument or not self._by_operation]
        return storages + [self._leaf(value, op)._replace(op=op) for value, op in self._results]

    def _leaf(self, v: Value, name: str) -> SavedActivation:
        return SavedActivation(name, v.shape, v.axes, self.component, v.per, v.dtype, shared=v.shared,
                               argument=v.argument, block=v.block, more=v.more, blocks=v.blocks, padded=v.padded)

    def result(self, value: Value, op: Operation) -> Value:
        """Note what an operation gives, where layers are computed again operation by operation."""
        if self._by_operation:
            self._results.append((value, op))
        return value

    def keep(self, value: Value, name: str) -> None:
        """Note a storage that backward needs."""
        if not value.elsewhere:
            self._storages.setdefault(id(value), (value, name))

    def new(self, shape: tuple[int, ...], axes: tuple[str, ...], per: SavedPer = "token", dtype: str | None = None,
            shared: str = "", *, argument: bool = False, elsewhere: bool = False) -> Value:
        """A tensor of its own."""
        return Value(shape, axes, per, self._type(dtype), shared, argument, elsewhere=elsewhere)

    def like(self, value: Value, dtype: str | None = None) -> Value:
        """Another tensor of the same shape; in `value`'s type when not given."""
        return Value(value.shape, value.axes, value.per, self._type(dtype) if dtype else value.dtype,
                     block=value.block, padded=value.padded)

    def stream(self, width: int, per: SavedPer = "token") -> Value:
        """What the component reads: `width` values of each `per`, shared with others that read the same."""
        own = self.facts.scaled_mixers and self.component in ("attention", "state_mixer")
        return self.new((width,), ("hidden",), per, shared="" if own else "input")

    def part(self, value: Value, shape: tuple[int, ...], axes: tuple[str, ...], dtype: str | None = None) -> Value:
        """A part of a storage copied in another type; the storage itself where it has that type."""
        return value if value.dtype == self._type(dtype) else self.new(shape, axes, value.per, dtype)

    def _type(self, dtype: str | None) -> str | None:
        return None if dtype == "float32" and self.policy.dtype in ("fp32", "float32") else dtype

    @property
    def fused(self) -> bool:
        """Scans run in a kernel of their own, as attention does."""
        return self.policy.attention == "flash"

    def to(self, value: Value, dtype: str | None) -> Value:
        """A copy in another type; the same tensor where it has it."""
        name = self._type(dtype)
        return value if value.dtype == name else Value(value.shape, value.axes, value.per, name, block=value.block,
                                                       padded=value.padded)

    def linear(self, value: Value, out: int, axis: str, name: str = "input", weight: str | None = None) -> Value:
        """A projection keeps its input where its weight (our word for it) is trained, and what its adapter keeps."""
        if self.trains(weight):
            self.keep(value, name)
        product = self._instead(value, out, axis)
        if value.axes[0] not in ("chosen", "experts"):  # whose products are one grouped operation
            self.result(product, "product")
        if self.weights and weight in self.weights.adapters:
            self._adapted(value, product, self.weights.adapters[weight], name)
        return product

    def _adapted(self, value: Value, product: Value, adapter: Adapter, name: str) -> None:
        """A keeps the input in the adapter's type, B what A gives; the sum nothing. What is dropped of the input is a
        copy, with a mask of one byte (torch derivatives.yaml, native_dropout)."""
        read = self.to(value, adapter.dtype) if adapter.dtype else value
        if adapter.dropout:
            read = self.like(read)
            self.keep(self.like(read, "bool"), "adapter mask")
        self.keep(read, name)
        self.keep(self.result(self._instead(value, adapter.rank, RANK, adapter.dtype), "product"), "adapter")
        self.result(self.like(product, adapter.dtype), "product")
        if adapter.dora:
            self._scaled(value, product, adapter)

    def _scaled(self, value: Value, product: Value, adapter: Adapter) -> None:
        """Both summands, for the magnitudes; and what the adapter keeps of the unit matrix, which gives its norm."""
        self.keep(self.like(product), "frozen output")
        self.keep(self.like(product, adapter.dtype), "adapter output")
        width = value.shape if value.axes[0] not in ("chosen", "experts") else value.shape[1:]
        axes = value.axes[-len(width):]
        for shape, named in (((*width, prod(width)), (*axes, "unit")), ((*width, adapter.rank), (*axes, RANK)),
                             *(((product.shape[-1],), product.axes[-1:]),) * 3):
            self.keep(self.new(shape, named, "once", adapter.dtype), "magnitudes")

    def trains(self, weight: str | None = None) -> bool:
        """Whether the component's weight of that name is trained; any of them where none is named."""
        return self.weights is None or self.weights.trains(weight)

    def _instead(self, value: Value, size: int, axis: str, dtype: str | None = None) -> Value:
        """What a product makes of a value, for each expert where there are several."""
        several = len(value.shape) > 1 and value.axes[0] in ("chosen", "experts")
        head = slice(0, -1) if several else slice(0, 0)
        return self.new((*value.shape[head], size), (*value.axes[head], axis), value.per, dtype)

    def activation(self, value: Value, out: Value, *, gated: bool) -> Value:
        """An elementwise function keeps its input, or its output `out` where that is enough."""
        within = self.in_layer or not self.facts.outer_activation
        which = (self.facts.activation if within else self.facts.outer_activation) or ("silu" if gated else "gelu")
        if which in SQUARED_RELU:
            self.keep(self.like(out), "relu")
            return out
        if which in OUTPUT_ONLY:
            self.keep(out, which)
            return out
        self.keep(value, f"{which} input")
        for place in range(EXTRA.get(which, 0)):
            self.keep(self.like(out), f"{which} {place}")
        if which == "xielu":
            self.keep(self.like(out, "bool"), "positive")
            for name in ("slope of the positive", "slope of the negative"):
                self.keep(self.new((1,), ("one",), "once"), name)
        return out

    def multiply(self, left: Value, right: Value, names: tuple[str, str], out: Value | None = None) -> Value:
        """A product keeps both factors."""
        self.keep(left, names[0])
        self.keep(right, names[1])
        return out or self.like(left)

    def dropout(self, value: Value, probability: float, name: str) -> Value:
        """Dropout keeps its noise, in the type of what it falls on."""
        if not probability:
            return value
        self.keep(self.like(value), f"{name} noise")
        return self.like(value)

    def norm(self, value: Value, kind: str, shape: tuple[int, ...] | None = None, *, scale: bool = True,
             scale_per_head: bool = False) -> Value:
        """A norm over the last dimension; `shape` where that is a view of several (heads, head_dim).

        `scale_per_head`: every head has a scale of its own.
        """
        axes: tuple[str, ...] = ("heads", "head_dim") if shape and len(shape) > 1 else value.axes
        view = value if shape is None else Value(shape, axes, value.per, value.dtype)
        how = self.facts.layer_norm if kind == "layernorm" else self.facts.norm
        if how == "written":
            return self._written(view, scale=scale, scale_per_head=scale_per_head)
        if how == "native" or kind == "layernorm":
            return self._one_kernel(value, view, kind, how)
        float_view = self.to(view, "float32")
        self.keep(value if float_view is view else float_view, "norm input")
        self.keep(self._one_each(view), "norm scale")
        if how == "power":
            self.keep(self._one_each(view), "mean square")
        if how == "stream":
            self.keep(value, "input")
        normed = self.like(float_view)
        if not scale:
            return self.to(normed, value.dtype)
        trained = self.weights is None or self.weights.vectors
        if how in ("float", "offset", "power"):
            if trained:
                self.keep(normed, "normalized")
            if how != "float":
                self.keep(self.new(view.shape[-1:], view.axes[-1:], "once", "float32"), "norm weight")
            return self.like(view)
        normed = self.to(normed, value.dtype)
        if trained:
            self.keep(normed, "normalized")
        return self.like(normed)

    def _one_kernel(self, value: Value, view: Value, kind: str, how: str) -> Value:
        float_view = self.to(view, "float32") if how == "float" else view
        self.keep(value if float_view is view else float_view, "norm input")
        for name in ("mean", "scale") if kind == "layernorm" else ("scale",):
            self.keep(self._one_each(view), f"norm {name}")
        if how == "offset":
            self.keep(self.new(view.shape[-1:], view.axes[-1:], "once"), "norm weight")
        return self.like(view)

    def l2_norm(self, value: Value, shape: tuple[int, int]) -> Value:
        """Each head divided by its length in float32: a copy and the factor."""
        float_value = self.new(shape, ("heads", "head_dim"), value.per, "float32")
        self.keep(float_value, "norm input")
        self.keep(self._one_each(float_value), "norm scale")
        return self.new(shape, float_value.axes, value.per)

    def _written(self, view: Value, *, scale: bool, scale_per_head: bool = False) -> Value:
        """The centred input for its square and for its product anew, the result and the weight, in float32."""
        trained = scale and (self.weights is None or self.weights.vectors)
        for name in ("centred squared", "centred", *(("normalized",) if trained else ())):
            self.keep(self.like(view, "float32"), name)
        self.keep(self._one_each(view), "norm scale")
        if scale:
            last = 0 if scale_per_head else -1
            self.keep(self.new(view.shape[last:], view.axes[last:], "once", "float32"), "norm weight")
        return self.like(view)

    def _one_each(self, value: Value) -> Value:
        return self.new((*value.shape[:-1], 1), (*value.axes[:-1], "one"), value.per, "float32")

    def softmax(self, scores: Value) -> Value:
        """Attention weights, in the model's type; in eager attention by way of the type the class takes."""
        weights = self.like(scores, "float32" if self.facts.softmax == "float" else None)
        self.keep(weights, "attention weights")
        return self.to(weights, None)

    def rotate(self, shape: tuple[int, ...], size: int, *, windowed: bool, like: Value, axis: str = "heads") -> Value:
        """Rotary positions keep the tables of cosines and sines, which all layers share."""
        key = "windowed " if windowed and self.facts.rotary_by_window else ""
        columns = self._rotated(size)
        if self.facts.rotary_dtype == "complex":
            self._table(f"{key}rotations", columns // 2, "complex64", axis)
        else:
            dtype = "float32" if self.facts.rotary_dtype == "float" else None
            self._table(f"{key}cosines", columns, dtype, axis)
            self._table(f"{key}sines", columns, dtype, axis)
        return self.new(shape, (axis, "head_dim"), like.per)

    def _rotated(self, size: int) -> int:
        """Columns of the tables: an even number where only a part of a head is rotated."""
        part = self.facts.rotary_dim
        return int((size if part is None else -(-part // 2) * 2) * self.facts.rotary_share)

    def _table(self, name: str, columns: int, dtype: str | None, axis: str) -> None:
        """One for all layers, one a layer, or one a layer for each that is rotated."""
        if self.facts.rotary_per == "model":
            self.keep_shared(name, (columns,), dtype, "token" if self.facts.rotary_by_sequence else "position")
            return
        key = name if self.facts.rotary_per == "layer" else f"{name} of {axis}"
        self.keep(self._tables.setdefault(key, self.new((columns,), ("rope",), "position", dtype)), key)

    def keep_shared(self, name: str, shape: tuple[int, ...], dtype: str | None, per: SavedPer = "position") -> None:
        """A storage all components of the model share, whatever the batch."""
        self.keep(self.new(shape, ("rope",) * len(shape), per, dtype, name), name)


class MegatronTape(Tape):
    """Megatron's accounting: 16-bit activations, one-byte dropout masks, no statistics, tables or logits of attention.

    Norms keep their input, softmax and dropout their output (arXiv:2205.05198 section 4.1, equation 1).
    """

    def norm(self, value: Value, kind: str, shape: tuple[int, ...] | None = None, *, scale: bool = True,
             scale_per_head: bool = False) -> Value:
        """A norm keeps its input; statistics are small and left out."""
        self.keep(value, "norm input")
        return self.like(value)

    def activation(self, value: Value, out: Value, *, gated: bool) -> Value:
        """Any activation keeps its input."""
        self.keep(value, "activation input")
        return out

    def dropout(self, value: Value, probability: float, name: str) -> Value:
        """A mask of one byte, whatever the probability: the formulas always count those a GPT has."""
        if name not in GPT_DROPOUTS:
            return value
        self.keep(self.like(value, "uint8"), f"{name} mask")
        return self.like(value)

    def multiply(self, left: Value, right: Value, names: tuple[str, str], out: Value | None = None) -> Value:
        """The right factor: the left, an activation's output, is computed again by the fused kernel."""
        self.keep(right, names[1])
        return out or self.like(left)

    def softmax(self, scores: Value) -> Value:
        """Keep the output alone, the attention weights, in the shape and type of the scores."""
        weights = self.like(scores)
        self.keep(weights, "attention weights")
        return weights

    def rotate(self, shape: tuple[int, ...], size: int, *, windowed: bool, like: Value, axis: str = "heads") -> Value:
        """Keep nothing: of a rotation backward needs the angles alone."""
        return self.new(shape, (axis, "head_dim"), like.per)


def tape(run: Forward, component: str) -> Tape:
    """The tape of a policy's library."""
    return (MegatronTape if run.policy.library == "megatron" else Tape)(run, component)
