"""How a reference implementation computes while it trains: facts no count depends on, but saved activations do."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, lt=1)]


class Training(BaseModel):
    """Dropout of the config, activation functions, and in which type norms, softmax and loss work."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)

    attention_dropout: Probability = 0.0
    """On the attention weights."""
    hidden_dropout: Probability = 0.0
    """On what attention and feed-forward give, before the residual sum."""
    ffn_dropout: Probability = 0.0
    """Between the two projections of a feed-forward."""
    embedding_dropout: Probability = 0.0
    final_dropout: Probability = 0.0
    """On what a stack of layers gives (T5)."""
    activation: Annotated[str, Field(max_length=60)] = ""
    """silu in a gated feed-forward and gelu in a plain one when not given."""
    norm: Literal["cast", "float", "offset", "stream", "native"] = "cast"
    """How an RMSNorm scales: after going back to the model's type (Llama), in float32 (OLMo 2), by one more than the
    weight in float32 (Gemma), from the unconverted input (T5), or in one kernel."""
    layer_norm: Literal["native", "float", "written"] = "native"
    """A LayerNorm in one kernel, one on a float32 copy (OLMo 1), or one written out in float32 (Cohere)."""
    softmax: Literal["float", "model"] = "float"
    """The type in which eager attention takes its softmax."""
    float_scores: bool = False
    """Queries and keys are multiplied as float32 copies (GPT-J)."""
    broadcast_kv: bool = False
    """The one key and value head is copied out of the joint projection and then broadcast, never expanded (Falcon)."""
    attention_residual_dropout: bool = True
    """hidden_dropout falls on what attention gives too, not on the feed-forward alone."""
    attention_softcap: bool = False
    """Scores go through a tanh (Gemma 2)."""
    logit_softcap: bool = False
    scaled_query: bool = False
    """Queries are multiplied before the scores are taken, as a tensor of their own."""
    rotary_size: Annotated[int, Field(ge=0, le=2**20)] | None = None
    """Columns of the tables of cosines and sines; the rotated part of a head when not given."""
    rotary_dtype: Literal["float", "model", "complex"] = "model"
    """complex: one table of complex numbers."""
    rotary_joined: bool = False
    """The rotated part of a head is joined with the rest, which lays heads apart: a fused kernel's output is copied."""
    rotary_by_window: bool = False
    """Layers with a window have tables of their own (Gemma 3)."""
    rotary_by_sequence: bool = False
    """Each sequence has tables of its own (Qwen3.5, whose positions have three axes)."""
    relative_bias: bool = False
    """A bias for each pair of positions is looked up once a stack and handed from layer to layer (T5)."""
    embedding_argument: bool = False
    """Layers that attend to it take the embeddings as an argument (Zamba)."""
    mask_argument: bool = False
    """Layers take the mask as an argument that checkpointing keeps."""
    router: Literal["softmax", "normalized", "topk_softmax", "sigmoid"] = "softmax"
    """Weights of the chosen experts: softmax over all, the same divided by its sum, softmax over the chosen, or
    sigmoids divided by their sum."""
    router_float: bool = False
    """The router multiplies float32 copies of its input and weight."""
    router_weights: Literal["float", "model"] = "model"
    """The type in which the experts' outputs are weighted."""
    clamped_experts: bool = False
    """gpt-oss's `(clamp(up) + 1) · gate·σ(α·gate)`."""
    selection_norms: bool = False
    """dt, B and C of a Mamba layer are normed without learned scales (Falcon Mamba)."""
    float_stream: bool = False
    """The residual stream is in float32 (Mamba)."""
    scaled_mixers: bool = False
    """What attention and state mixers read is multiplied by a number first, a tensor of its own (Falcon-H1)."""
    loss: Literal["float", "model"] = "float"
    """The type of the logits in the loss."""


@cache
def usual() -> Training:
    """Where a specification says nothing."""
    return Training()
