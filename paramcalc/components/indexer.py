"""The lightning indexer: a small attention that scores every key and keeps the best for the large one."""

from __future__ import annotations

from typing import ClassVar, Literal

from paramcalc.components.base import Component, Size
from paramcalc.tree import Context, State, Tensor, Work


class Indexer(Component):
    """q `(num_heads·head_dim, query_size)`, one k `(head_dim, hidden_size)`, a weight for each head."""

    kind: Literal["indexer"] = "indexer"
    num_heads: Size
    head_dim: Size
    query_size: Size | None = None
    """Width the queries are made from: the query latent's rank; the residual width when not given."""
    query_norm: bool = False
    key_norm: Literal["none", "rmsnorm", "layernorm"] = "layernorm"
    head_weights: bool = True
    """Each head's score is weighted by a projection of the token; False where scores are kept a head."""
    key_dtype: Literal["float32"] | None = None
    """What keys are held in, where the rotation leaves them in another type than the model's (dots3)."""
    pool: Size | None = None
    """Keys of this many tokens are pooled to one, weighted by a learned gate and position (GLM-5 Next)."""
    averaged: Size | None = None
    """Keys of this many tokens are averaged before they are scored, though each is kept (Qwen4-Exp)."""
    joined: bool = False
    """Queries and the key are one matrix, `qk_proj`."""

    source: ClassVar[str] = ("arXiv:2512.02556 section 2; transformers DeepseekV32Indexer, MiniMaxM3VLIndexer, "
                             "Qwen4ExpTextQSAIndexer")

    def tensors(self, context: Context) -> list[Tensor]:
        """Weights of the projections and norms that score keys."""
        width, heads = self.width(context), self.num_heads * self.head_dim
        if self.joined:
            tensors = self.linear("qk_proj", heads + self.head_dim, width, "attention", axes=("index_heads", "hidden"))
        else:
            tensors = self.linear("q_proj", heads, self.query_size or width, "attention",
                                  axes=("index_heads", "latent"))
            tensors += self.linear("k_proj", self.head_dim, width, "attention", axes=("index_key", "hidden"))
        if self.query_norm:
            tensors += self.norm("q_norm", self.head_dim, axis="head_dim")
        if self.key_norm != "none":
            tensors += self.norm("k_norm", self.head_dim, bias=self.key_norm == "layernorm", axis="head_dim")
        if self.head_weights:
            tensors += self.linear("weights_proj", self.num_heads, width, "attention", axes=("index_heads", "hidden"))
        if self.pool:
            tensors += [self.vector("index_kpool_compress_ape", (self.pool, self.head_dim), ("rows", "head_dim"),
                                  "attention"),
                      self.vector("index_kpool_compress_gate", (self.head_dim, width), ("index_key", "hidden"),
                                  "attention", "matmul")]
        return [tensor._replace(detached=True) for tensor in tensors]

    def states(self, context: Context) -> list[State]:
        """One key a token, shared by the heads; where keys are pooled, its gate and whether it is valid as well."""
        width = 2 * self.head_dim + 1 if self.pool else self.head_dim
        return [State("index_key", (width,), ("index_key",), dtype=self.key_dtype)]

    def work(self, context: Context) -> list[Work]:
        """A score a head for every pair and, where heads are weighted, their sum."""
        each = self.head_dim + (1 if self.head_weights else 0)
        return [Work("index_scores", (self.num_heads, each), ("index_heads", "head_dim"), "attention",
                     stride=self.pool or self.averaged or 1, detached=True)]
