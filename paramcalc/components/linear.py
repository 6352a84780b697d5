"""A plain projection, the output head, and bare parameters: what any odd architecture can be said with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from paramcalc.components.base import NO_ROWS, Component, Listed, Refusal, Rows, Site, Size, UnknownActivationsError
from paramcalc.components.problems import impossible
from paramcalc.components.tape import tape
from paramcalc.tree import Per, Role, Tensor

if TYPE_CHECKING:
    from typing import Self

    from paramcalc.components.tape import Policy, Tape, Value
    from paramcalc.tree import Saved, Work

Bucket = Literal[
    "token_embedding", "position_embedding", "other_embedding", "attention", "state_mixer", "ffn", "moe_router",
    "moe_experts", "moe_shared", "norm", "lm_head", "pooler", "vision", "audio", "projector", "other",
]
"""The components a count is broken down into."""


class Linear(Component):
    """A projection `(out_features, in_features)` with or without bias."""

    kind: Literal["linear"] = "linear"
    out_features: Rows | None = None
    """The residual width when not given."""
    in_features: Rows | None = None
    bias: bool = False
    component: Bucket = "other"
    transposed: bool = False
    per: Per = "token"
    activated: bool = False
    """The model's activation function follows."""
    multiplied: bool = False
    """Another activation multiplies what it gives in the end."""
    reads: Literal["stream", "embedding", "streams"] = "stream"
    """The residual stream where it stands; the embedding of the token, whoever else reads it; or one of several
    residual streams, of which each copy reads another."""
    rescaled: bool = False
    """What it gives is made as long as what it reads, or as the first of the streams (Gemma 3n)."""

    source: ClassVar[str] = "torch.nn.Linear"

    def tensors(self, site: Site) -> list[Tensor]:
        """Weight and bias."""
        width = self.width(site)
        return self.linear("", self.out_features or width, self.in_features or width, self.component, bias=self.bias,
                           transposed=self.transposed, per=self.per)

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """The input, and what an activation on the output keeps."""
        t = tape(site, policy, self.component)
        width = self.width(site)
        out = t.linear(self._read(t, self.in_features or width), self.out_features or width, "out", weight="")
        if self.activated:
            out = t.activation(out, t.like(out), gated=False)
        if self.multiplied:
            t.keep(out, "out")
        if self.rescaled:
            self._rescale(t, out)
        return t.saved

    def _read(self, t: Tape, width: int) -> Value:
        if self.reads == "stream":
            return t.new((width,), ("hidden",), self.per, shared="input")
        several = (self.copies + 1,) if self.reads == "streams" else ()
        first = t.policy.recompute == "full" and self.reads == "embedding" and t.how.streams == 1
        return t.new((*several, width), (*("streams",) * len(several), "hidden"), shared=self.reads, held=first)

    def _rescale(self, t: Tape, out: Value) -> None:
        """Its mean square, that at least something, and the product; of what it is made as long as, two more."""
        t.multiply(out, t.like(out), ("out", "out times length"))
        for name in ("mean square", "length"):
            t.keep(t.new((1,), ("one",)), name)
            t.keep(t.new((1,), ("one",), shared=f"{name} of the {self.reads}"), f"{name} read")


class Head(Component):
    """From the last hidden state to logits: `(vocab, width)`; a tied head is stored 0 times and used once."""

    kind: Literal["head"] = "head"
    rows: Rows | None = None
    """The vocabulary when not given."""
    bias: bool = False
    tied: bool = False

    source: ClassVar[str] = "tied weights: arXiv:1608.05859"

    def unfit(self, site: Site) -> tuple[Refusal, ...]:
        """Its rows are the vocabulary, where nothing else is said."""
        return () if self.rows or site.vocab_size else (NO_ROWS,)

    def tensors(self, site: Site) -> list[Tensor]:
        """The matrix and its bias; only the matrix can be tied."""
        weight, *bias = self.linear("", self.rows or site.vocab_size, self.width(site), "lm_head", bias=self.bias,
                                    axes=("vocab", "hidden"))
        return [weight._replace(stored=0) if self.tied else weight, *bias]

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """The input; of the loss the logarithms of the softmax, and the labels moved by one position."""
        t = tape(site, policy, "lm_head")
        rows = self.rows or site.vocab_size
        logits = t.linear(t.stream(self.width(site)), rows, "vocab", weight="")
        if t.how.logit_softcap:
            t.keep(t.like(logits), "capped logits")
        wide = policy.library == "megatron" or t.how.loss != "model"
        loss = tape(site, policy, "lm_head")
        loss.keep(loss.like(logits, "float32") if wide else logits, "log-softmax")
        if policy.library == "transformers":
            loss.keep(loss.new((1,), ("one",), "once", "float32" if wide else None), "weight of the loss")
            if wide and t.how.loss != "masked":
                loss.keep(loss.new((1,), ("one",), dtype="int64"), "labels")
                if policy.batch == 1:
                    loss.keep(loss.new((1,), ("one",), "once", dtype="int64"), "the label behind the last")
        return t.saved + [leaf._replace(loss=True) for leaf in loss.saved]


class Parameter(Component):
    """Any other named value: a vector, a matrix, a convolution kernel, or a buffer."""

    kind: Literal["parameter"] = "parameter"
    shape: Listed[Rows] = Field(max_length=6)
    component: Bucket = "other"
    role: Role = "vector"
    buffer: bool = False
    frozen: bool = False
    per: Per = "token"
    dtype: Annotated[str, Field(max_length=40)] | None = None
    """A number format it is held in, whatever the model's."""
    experts: Size | None = None
    """There is one of these for each expert, all in one array whose first dimension they are."""
    top_k: Size | None = None
    """Experts a token visits; all of them when not given."""
    axes: Listed[Annotated[str, Field(max_length=40)]] = ()
    """What its dimensions are, where that is known: `hidden` is the residual stream."""
    tied: bool = False
    """The array of another one, used here once more."""
    added: bool = False
    """Only added to an activation, so that backward needs nothing of it; or what it takes part in says what is kept."""

    source: ClassVar[str] = "torch.nn.Parameter"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.axes and len(self.axes) != len(self.shape):
            raise impossible(f"{len(self.axes)} names for {len(self.shape)} dimensions", "", "axes")
        return self

    def tensors(self, site: Site) -> list[Tensor]:
        """The value itself, named as the path it stands at."""
        axes = self.axes or tuple(f"axis{i}" for i in range(len(self.shape)))
        count = self.experts or 1
        stored = 0 if self.tied else count
        return [Tensor(self.spell(""), self.shape, axes, self.role, self.component, stored, self.top_k or count,
                       stacked=self.experts is not None, buffer=self.buffer, frozen=self.frozen, per=self.per,
                       dtype=self.dtype)]

    def saved(self, site: Site, policy: Policy) -> list[Saved]:
        """Of a table of biases the index of each pair; what else a value does is not said."""
        t = tape(site, policy, self.component)
        if self.role == "lookup":
            t.keep(t.new((1,), ("one",), "position_pair", "int64"), "indices")
        elif not (self.added or self.buffer or self.frozen):
            raise UnknownActivationsError(self.kind)
        return t.saved


class Score(Component):
    """Multiply-adds between activations that no other component states: `sizes` multiplied, for each `per`."""

    kind: Literal["work"] = "work"
    sizes: Listed[Size] = Field(max_length=6)
    component: Bucket = "other"
    per: Per = "token"
    causal: bool = True
    """Of pairs: a causal mask forbids the later half."""
    window: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Of pairs: tokens a query can see, itself included."""

    source: ClassVar[str] = "stated by the specification"

    def work(self, site: Site) -> list[Work]:
        """The stated work."""
        from paramcalc.tree import Work

        axes = tuple(f"axis{i}" for i in range(len(self.sizes)))
        return [Work("work", self.sizes, axes, self.component, self.per, self.window, causal=self.causal)]
