"""DeepSeek-V4's attention: a window of single-head keys, and one compressed entry for each group of older tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from paramcalc.axes import axis
from paramcalc.components.base import Component, Size
from paramcalc.components.problems import impossible
from paramcalc.tree import Context, State, Tensor, Work

if TYPE_CHECKING:
    from typing import Self


class CompressedAttention(Component):
    """Queries through a latent; one head `(head_dim,)` both key and value; an output in groups through `o_lora_rank`.

    `rate` tokens make one compressed entry. With an index (`index_heads`, `index_head_dim`, `top_k`) entries overlap,
    are made from doubled projections, and only the `top_k` best are attended to.
    """

    kind: Literal["compressed_attention"] = "compressed_attention"
    num_heads: Size
    head_dim: Size
    q_lora_rank: Size
    o_groups: Size
    o_lora_rank: Size
    window: Annotated[int, Field(ge=1, le=2**30)]
    rate: Size | None = None
    """Tokens of one compressed entry; none where a layer has only the window."""
    index_heads: Size | None = None
    index_head_dim: Size | None = None
    top_k: Annotated[int, Field(ge=1, le=2**30)] | None = None

    source: ClassVar[str] = "transformers DeepseekV4Attention, DeepseekV4CSACompressor, DeepseekV4HCACompressor"

    @model_validator(mode="after")
    def _possible(self) -> Self:
        present = [value is not None for value in (self.index_heads, self.index_head_dim, self.top_k)]
        if any(present) and not (all(present) and self.rate):
            raise impossible("an index needs index_heads, index_head_dim, top_k and rate", "give all or none")
        return self

    def tensors(self, context: Context) -> list[Tensor]:
        """Projections and norms, sinks, compressor, index."""
        width, heads = self.width(context), axis("heads", self.num_heads, self.head_dim)
        inner, out = self.num_heads * self.head_dim, self.o_groups * self.o_lora_rank
        tensors = self.linear("wq_a", self.q_lora_rank, width, "attention", axes=("latent", "hidden"))
        tensors += self.norm("q_norm", self.q_lora_rank, axis="latent")
        tensors += self.linear("wq_b", inner, self.q_lora_rank, "attention", axes=(heads, "latent"))
        tensors += self.linear("wkv", self.head_dim, width, "attention", axes=("head_dim", "hidden"))
        tensors += self.norm("norm", self.head_dim, axis="head_dim")
        groups = axis("o_groups", self.o_groups, self.o_lora_rank)
        tensors += self.linear("wo_a", out, inner // self.o_groups, "attention", axes=(groups, "head_dim"))
        tensors += self.linear("wo_b", width, out, "attention", axes=("hidden", groups))
        tensors.append(self.vector("attn_sink", (self.num_heads,), ("heads",), "attention"))
        if self.rate is None:
            return tensors
        tensors += self._compressor("compressor.", width, self.head_dim, self.rate)
        return tensors + (self._index(width, self.rate) if self.index_heads else [])

    def _compressor(self, prefix: str, width: int, head: int, rate: int) -> list[Tensor]:
        inner = head * (2 if self.index_heads else 1)
        tensors = self.linear(f"{prefix}wkv", inner, width, "attention", axes=("head_dim", "hidden"))
        tensors += self.linear(f"{prefix}wgate", inner, width, "attention", axes=("head_dim", "hidden"))
        tensors.append(self.vector(f"{prefix}ape", (rate, inner), ("rows", "head_dim"), "position_embedding"))
        return tensors + self.norm(f"{prefix}norm", head, axis="head_dim")

    def _index(self, width: int, rate: int) -> list[Tensor]:
        heads, head = self.index_heads or 0, self.index_head_dim or 0
        tensors = self._compressor("indexer.compressor.", width, head, rate)
        tensors += self.linear("indexer.wq_b", heads * head, self.q_lora_rank, "attention",
                             axes=("index_heads", "latent"))
        return tensors + self.linear("indexer.weights_proj", heads, width, "attention", axes=("index_heads", "hidden"))

    def states(self, context: Context) -> list[State]:
        """One entry for each token of the window and one for each `rate` tokens; of a group that is not yet full, what
        its entry will be made from; where entries overlap, half of the last group."""
        own = State("kv", (self.head_dim,), ("head_dim",), window=self.window)
        if self.rate is None:
            return [own._replace(library_copies=2)]
        states = [own, *self._compressed("kv", self.head_dim, self.rate)]
        return states + (self._compressed("index", self.index_head_dim, self.rate) if self.index_head_dim else [])

    def _compressed(self, name: str, head: int, rate: int) -> list[State]:
        inner = head * (2 if self.index_heads else 1)
        states = [State(f"compressed_{name}", (head,), ("head_dim",), stride=rate),
                 State(f"pending_{name}", (2, inner), ("one", "head_dim"), "sequence", kind="state", entries=rate - 1,
                       refilled=True)]
        if self.index_heads:
            states.append(State(f"overlap_{name}", (2, rate, head), ("one", "rows", "head_dim"), "sequence",
                               kind="state"))
        return states

    def work(self, context: Context) -> list[Work]:
        """Scores and weighted sums over the window and over the compressed entries, and the index's scores."""
        shape, axes = (self.num_heads, 2 * self.head_dim), ("heads", "head_dim")
        work = [Work("scores", shape, axes, "attention", window=self.window)]
        if self.rate is None:
            return work
        work.append(Work("compressed_scores", shape, axes, "attention", stride=self.rate, top_k=self.top_k))
        if self.index_heads and self.index_head_dim:
            work.append(Work("index_scores", (self.index_heads, self.index_head_dim), ("index_heads", "head_dim"),
                              "attention", stride=self.rate))
        return work
