"""What plain projections, the head with its loss, and bare parameters keep for backward."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.activations.forward import UnknownActivationsError
from paramcalc.activations.tape import tape
from paramcalc.components.linear import AXES

if TYPE_CHECKING:
    from paramcalc.activations.forward import Forward
    from paramcalc.activations.saved import SavedActivation
    from paramcalc.activations.tape import Tape, Value
    from paramcalc.components.linear import Head, Linear, Parameter


def linear(part: Linear, run: Forward) -> list[SavedActivation]:
    """The input, unless it is the model's own, and what an activation on the output keeps."""
    t = tape(run, part.component)
    width = part.width(run.context)
    read = _read(part, t, part.in_features or width)
    outputs, axis = part.out_features or width, AXES[part.divided][0]
    own = run.entry and not t.facts.copied_input
    out = t.new((outputs,), (axis,), part.per) if own else t.linear(read, outputs, axis, weight="")
    if part.activated:
        out = t.activation(out, t.like(out), gated=False)
    if part.multiplied:
        t.keep(out, "out")
    if part.rescaled:
        _rescale(part, t, out)
    return t.saved


def _read(part: Linear, t: Tape, width: int) -> Value:
    if part.reads == "stream":
        return t.new((width,), AXES[part.divided][1:], part.per, shared="input")
    several = (part.copies + 1,) if part.reads == "streams" else ()
    first = t.policy.recompute == "full" and part.reads == "embedding" and t.facts.streams == 1
    return t.new((*several, width), (*("streams",) * len(several), "hidden"), shared=part.reads, elsewhere=first)


def _rescale(part: Linear, t: Tape, out: Value) -> None:
    """Its mean square, that at least something, and the product; of what it is made as long as, two more."""
    t.multiply(out, t.like(out), ("out", "out times length"))
    for name in ("mean square", "length"):
        t.keep(t.new((1,), ("one",)), name)
        t.keep(t.new((1,), ("one",), shared=f"{name} of the {part.reads}"), f"{name} read")


def head(part: Head, run: Forward) -> list[SavedActivation]:
    """The input; of the loss the logarithms of the softmax, and the labels moved by one position."""
    t = tape(run, "lm_head")
    rows = part.rows or run.context.vocab_size
    logits = t.linear(t.stream(part.width(run.context)), rows, "vocab", weight="")
    if t.facts.logit_softcap:
        t.keep(t.like(logits), "capped logits")
    in_float = run.policy.library == "megatron" or t.facts.loss != "model"
    loss = tape(run, "lm_head")
    loss.keep(loss.like(logits, "float32") if in_float else logits, "log-softmax")
    if run.policy.library == "transformers":
        loss.keep(loss.new((1,), ("one",), "once", "float32" if in_float else None), "weight of the loss")
        if in_float and t.facts.loss != "masked":
            loss.keep(loss.new((1,), ("one",), dtype="int64"), "labels")
            if run.policy.batch == 1:
                loss.keep(loss.new((1,), ("one",), "once", dtype="int64"), "the label behind the last")
    return t.saved + [leaf._replace(loss=True) for leaf in loss.saved]


def parameter(part: Parameter, run: Forward) -> list[SavedActivation]:
    """What a parameter saves: of a table of biases the index of each pair, of a scale what it multiplies, of a matrix
    its input; what else a value does is not said: UnknownActivationsError is raised."""
    t = tape(run, part.component)
    if part.role == "lookup":
        t.keep(t.new((1,), ("one",), "position_pair", "int64"), "indices")
    elif part.role == "matmul" and len(part.shape) == 2:
        t.linear(t.new(part.shape[:1], ("hidden",), part.per), part.shape[1], "out", weight="")
    elif part.scales:
        t.keep(t.new(part.shape[-1:], ("hidden",)), "scaled")
    elif not (part.added or part.buffer or part.frozen):
        raise UnknownActivationsError(part.kind)
    return t.saved
