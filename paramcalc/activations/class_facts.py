"""How a reference implementation computes while it trains: facts no count depends on, but saved activations do."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Probability = Annotated[float, Field(ge=0, lt=1)]


class ClassFacts(BaseModel):
    """Dropout of the config, activation functions, and in which type norms, softmax and loss work."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, defer_build=True)

    attention_dropout: Probability = 0.0
    """On the attention weights."""
    hidden_dropout: Probability = 0.0
    """On what attention and feed-forward give, before the residual sum."""
    ffn_dropout: Probability = 0.0
    """Between the two projections of a feed-forward."""
    streams: Annotated[int, Field(ge=1, le=1024)] = 1
    """Residual streams that a layer is handed (Gemma 3n)."""
    embedding_dropout: Probability = 0.0
    final_dropout: Probability = 0.0
    """On what a stack of layers gives (T5)."""
    activation: Annotated[str, Field(max_length=60)] = ""
    """silu in a gated feed-forward and gelu in a plain one when not given."""
    norm: Literal["cast", "float", "offset", "power", "stream", "native"] = "cast"
    """How an RMSNorm scales: after going back to the model's type (Llama), in float32 (OLMo 2), by a float32 copy of
    the weight (Helium) or one more than it (Gemma), the same with a power for the root (Gemma 4), from the unconverted
    input (T5), or in one kernel."""
    layer_norm: Literal["native", "float", "written", "offset"] = "native"
    """A LayerNorm in one kernel, one on a float32 copy (OLMo 1), one written out in float32 (Cohere), or one in one
    kernel that scales by one more than the weight (Nemotron)."""
    qk_layer_norm: bool = False
    """Queries and keys are normed by LayerNorms, though these have no shift (StableLM)."""
    qk_l2_norm: Literal["none", "chunked", "all"] = "none"
    """Queries and keys are divided by their length, in float32; in Llama 4 those of layers that attend within chunks.
    """
    value_norm: bool = False
    """Values are normed too, without a scale (Gemma 4)."""
    temperature: Literal["none", "unchunked", "all"] = "none"
    """Queries are multiplied by a factor each position has; in Llama 4, in float32, those of layers without chunks."""
    own_attention: bool = False
    """The class attends in its own way, whatever kernel is asked for (BLOOM)."""
    own_qkv: bool = False
    """Queries, keys and values are tensors of their own: copied out of the joint projection (CodeGen), or made apart
    though files join the matrices (GTE)."""
    sinks: Literal["column", "float_column", "scale"] = "column"
    """A sink is one more column of the softmax (gpt-oss), the same in float32 (Flint), or scales what attention gives
    (Granite)."""
    position_indices: bool = True
    """The model makes the indices of positions, rather than read them from a buffer."""
    type_indices: bool = False
    """It makes those of token types too."""
    floored_scores: bool = False
    """Scores are kept from falling below the smallest number, which keeps them (XGLM)."""
    kept_mask: bool = False
    """The causal mask fills the scores in, which keeps it (MPT)."""
    softmax: Literal["float", "model"] = "float"
    """The type in which eager attention takes its softmax."""
    float_scores: bool = False
    """Queries and keys are multiplied as float32 copies (GPT-J)."""
    picked_kv: bool = False
    """Keys and values are picked out of the joint projection by an index (Falcon)."""
    normed_context: bool = False
    """What attention gives is normed before it is projected (BitNet)."""
    broadcast_kv: bool = False
    """The one key and value head is copied out of the joint projection and then broadcast, never expanded (Falcon)."""
    attention_residual_dropout: bool = True
    """hidden_dropout falls on what attention gives too, not on the feed-forward alone."""
    ffn_residual_dropout: bool = True
    """hidden_dropout falls on what the feed-forward gives too, not on attention alone."""
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
    rotary_per: Literal["model", "layer", "call"] = "model"
    """Tables are spread out to the columns of a head once, in every layer (GLM), or for queries and for keys (GPT-J).
    """
    layer_bias: bool = False
    """Each layer looks up a bias of its own instead, and hands nothing on (UMT5)."""
    relative_bias: bool = False
    """A bias for each pair of positions is looked up once a stack and handed from layer to layer (T5)."""
    embedding_argument: bool = False
    """Layers that attend to it take the embeddings as an argument (Zamba)."""
    mask_argument: bool = False
    """Layers take the mask as an argument that checkpointing keeps."""
    router: Literal["softmax", "normalized", "topk_softmax", "sigmoid", "sparsemixer"] = "softmax"
    """Weights of the chosen experts: softmax over all, the same divided by its sum, softmax over the chosen,
    sigmoids divided by their sum, or one softmax for each choice (arXiv:2409.12136)."""
    router_scores: Literal["float", "model"] = "float"
    """The type of the scores and of the softmax over the chosen."""
    router_normed: bool = False
    """The router reads its input normed without a scale and times a vector, and a factor of each expert multiplies the
    weights it gives (Gemma 4)."""
    router_clamped: bool = False
    """The sum they are divided by is kept away from zero (Ernie 4.5)."""
    router_groups: Annotated[int, Field(ge=0, le=2**16)] = 0
    """Experts stand in so many groups, of which the router chooses `router_top_groups` by the best
    `router_group_best` of each."""
    router_top_groups: Annotated[int, Field(ge=0, le=2**16)] = 0
    router_group_best: Literal[1, 2] = 2
    every_expert: bool = False
    """Every expert computes every token, which its weight multiplies beforehand (Llama 4)."""
    router_float: bool = False
    """The router multiplies float32 copies of its input and weight."""
    router_weights: Literal["float", "model"] = "model"
    """The type in which the experts' outputs are weighted."""
    clamped_experts: bool = False
    """gpt-oss's `(clamp(up) + 1) · gate·σ(α·gate)`."""
    float_gate: bool = False
    """The sigmoid of a gate on latent attention is taken in float32 (Ling)."""
    bounded_decay: bool = False
    """Decays of Kimi delta attention are sigmoids above a bound (Ling)."""
    selection_norms: bool = False
    """dt, B and C of a Mamba layer are normed without learned scales (Falcon Mamba)."""
    float_stream: bool = False
    """The residual stream is in float32 (Mamba)."""
    scaled_mixers: bool = False
    """What attention and state mixers read is multiplied by a number first, a tensor of its own (Falcon-H1)."""
    loss: Literal["float", "masked", "model"] = "float"
    """The type of the logits in the loss; masked: float32, and labels that are not moved by a position (ModernBERT)."""


@cache
def usual() -> ClassFacts:
    """Where a specification says nothing."""
    return ClassFacts()
