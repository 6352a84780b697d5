"""A plain projection, the output head, and bare parameters: what any odd architecture can be said with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from paramcalc.component_names import ComponentName
from paramcalc.components.base import NO_ROWS, Component, Listed, Rows, Size
from paramcalc.components.problems import impossible
from paramcalc.tree import Context, Per, Role, Tensor

if TYPE_CHECKING:
    from typing import Self

    from paramcalc.errors import Problem
    from paramcalc.tree import Work

Side = Literal["", "out", "in"]
AXES: dict[Side, tuple[str, str]] = {"": ("out", "hidden"), "out": ("ffn", "hidden"), "in": ("hidden", "ffn")}
"""Names of a projection's dimensions, by the side that is divided."""


class Linear(Component):
    """A projection `(out_features, in_features)` with or without bias."""

    kind: Literal["linear"] = "linear"
    out_features: Rows | None = None
    """The residual width when not given."""
    in_features: Rows | None = None
    bias: bool = False
    component: ComponentName = "other"
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
    divided: Side = ""
    """What tensor parallelism may divide: its outputs (column parallel), or its inputs, made by one whose outputs are
    (row parallel). Neither where not given: every device holds all of it."""

    source: ClassVar[str] = "torch.nn.Linear"

    def tensors(self, context: Context) -> list[Tensor]:
        """The weight `(out_features, in_features)` and the bias."""
        width = self.width(context)
        return self.linear("", self.out_features or width, self.in_features or width, self.component, bias=self.bias,
                           axes=AXES[self.divided], transposed=self.transposed, per=self.per)


class Head(Component):
    """From the last hidden state to logits: `(vocab, width)`; a tied head is stored 0 times and used once."""

    kind: Literal["head"] = "head"
    rows: Rows | None = None
    """The vocabulary when not given."""
    bias: bool = False
    tied: bool = False

    source: ClassVar[str] = "tied weights: arXiv:1608.05859"

    def problems(self, context: Context) -> tuple[Problem, ...]:
        """Its rows are the vocabulary, where nothing else is said."""
        return () if self.rows or context.vocab_size else (NO_ROWS,)

    def tensors(self, context: Context) -> list[Tensor]:
        """The matrix and its bias; only the matrix can be tied."""
        weight, *bias = self.linear("", self.rows or context.vocab_size, self.width(context), "lm_head", bias=self.bias,
                                    axes=("vocab", "hidden"))
        return [weight._replace(stored=0) if self.tied else weight, *bias]


class Parameter(Component):
    """Any other named value: a vector, a matrix, a convolution kernel, or a buffer."""

    kind: Literal["parameter"] = "parameter"
    shape: Listed[Rows] = Field(max_length=6)
    component: ComponentName = "other"
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
    scales: bool = False
    """It multiplies an activation, value by value."""
    added: bool = False
    """Only added to an activation, so that backward needs nothing of it; or what it takes part in says what is kept."""

    source: ClassVar[str] = "torch.nn.Parameter"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.axes and len(self.axes) != len(self.shape):
            raise impossible(f"{len(self.axes)} names for {len(self.shape)} dimensions", "", "axes")
        return self

    def tensors(self, context: Context) -> list[Tensor]:
        """The value itself, named as the path it stands at."""
        axes = self.axes or tuple(f"axis{i}" for i in range(len(self.shape)))
        count = self.experts or 1
        stored = 0 if self.tied else count
        return [Tensor(self.spell(""), self.shape, axes, self.role, self.component, stored, self.top_k or count,
                       stacked=self.experts is not None, buffer=self.buffer, frozen=self.frozen, per=self.per,
                       dtype=self.dtype)]


class Score(Component):
    """Multiply-adds between activations that no other component states: `sizes` multiplied, for each `per`."""

    kind: Literal["work"] = "work"
    sizes: Listed[Size] = Field(max_length=6)
    component: ComponentName = "other"
    per: Per = "token"
    causal: bool = True
    """Of pairs: a causal mask forbids the later half."""
    window: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Of pairs: tokens a query can see, itself included."""
    chunk: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Of pairs: only those within stretches of so many tokens."""

    source: ClassVar[str] = "stated by the specification"

    def work(self, context: Context) -> list[Work]:
        """The multiply-adds that the specification states."""
        from paramcalc.tree import Work

        axes = tuple(f"axis{i}" for i in range(len(self.sizes)))
        return [Work("work", self.sizes, axes, self.component, self.per, self.window, self.chunk, causal=self.causal)]
