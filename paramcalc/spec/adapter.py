"""Adapters a model is described with: what is trained beside its weights, all of which are frozen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from paramcalc.components.base import Listed, Strict


class AdapterRule(Strict):
    """Modules whose matrices have a low-rank pair beside them."""

    modules: Listed[Annotated[str, Field(max_length=500)]] = Field(max_length=65536)
    """By their whole name in the checkpoint, with `*` for a repeated index."""
    rank: Annotated[int, Field(ge=1, le=2**16)]
    blocks: Listed[Annotated[str, Field(max_length=500)]] = Field(default=(), max_length=4096)
    """Only in layers of these blocks; in all when not given."""


Biases = Literal["none", "all", "lora_only"]


class Adapters(Strict):
    """LoRA as peft has it. arXiv:2106.09685; DoRA: arXiv:2402.09353."""

    rules: Listed[AdapterRule] = Field(max_length=65536)
    dora: bool = False
    """A magnitude for each output as well."""
    pair_bias: bool = False
    """The second matrix of a pair has a bias."""
    bias: Biases = "none"
    """Which biases of the model are trained."""
    saved: Listed[Annotated[str, Field(max_length=500)]] = Field(default=(), max_length=65536)
    """Modules, by their whole name, of which a copy is trained whole."""
    tokens: Annotated[int, Field(ge=0, le=2**24)] = 0
    """Rows of the token table that are trained on their own."""
    dtype: Annotated[str, Field(max_length=40)] | None = "fp32"
    """Adapters are kept in this type whatever the model's, as peft does (`autocast_adapter_dtype`)."""
