"""How a model computes while it is trained: what its specification says, and what its library's class does.

The first is in the specification because it is the model's own (dropout, the activation function, how experts are
chosen); the second is looked up by `family`, in the rows of one release of the library (see `class_rows`). A
specification without a family, and a family without a row, computes as Llama does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from paramcalc.activations.class_rows import Row, class_row, tower_row
from paramcalc.activations.functions import DISTINCT
from paramcalc.components.altup import AltUp
from paramcalc.components.stack import Stack
from paramcalc.spec.behaviour import Dropout, Routing
from paramcalc.spec.lower import lower

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.components.base import Component
    from paramcalc.spec.lower import Lowered
    from paramcalc.spec.model import ModelSpec, Switch
    from paramcalc.spec.tower import Tower


Precision = Literal["float", "model"]
"""Computed in float32, or in the model's own type."""


@dataclass(frozen=True, slots=True)
class ClassFacts:
    """How a model computes while it is trained; the defaults are Llama's."""

    # What the specification says.
    attention_dropout: float = 0.0
    hidden_dropout: float = 0.0
    ffn_dropout: float = 0.0
    embedding_dropout: float = 0.0
    final_dropout: float = 0.0
    activation: str = ""
    """silu in a gated feed-forward and gelu in a plain one when not given; a row's where the class does not ask its
    config, or has a version of its own."""
    outer_activation: str = ""
    """Beside the layers, where it is another than in them."""
    attention_softcap: bool = False
    """Scores go through a tanh (Gemma 2)."""
    logit_softcap: bool = False
    streams: int = 1
    """Residual streams that a layer is handed (Gemma 3n)."""
    rotary_dim: int | None = None
    """Values of a head that are rotated, where not all are."""
    router_groups: int = 0
    """Experts stand in so many groups, of which the router chooses `router_top_groups`."""
    router_top_groups: int = 0

    # Norms.
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
    normed_context: bool = False
    """What attention gives is normed before it is projected (BitNet)."""
    selection_norms: bool = False
    """dt, B and C of a Mamba layer are normed without learned scales (Falcon Mamba)."""

    # Attention.
    own_attention: bool = False
    """The class attends in its own way, whatever kernel is asked for (BLOOM)."""
    copied_input: bool = False
    """The pictures are copied on their way in: those that fill a batch up are left out (Idefics 3), patches are
    unfolded (Llama 4) or scaled anew (Gemma 4)."""
    own_qkv: bool = False
    """Queries, keys and values are tensors of their own: copied out of the joint projection (CodeGen), or made apart
    though files join the matrices (GTE)."""
    own_qkv_above: int = 0
    """With how many heads the joint projection is still not copied."""
    picked_kv: bool = False
    """Keys and values that several heads share are picked out of the joint projection by an index; the one pair of
    multi-query attention is then broadcast, never expanded (Falcon)."""
    softmax: Precision = "float"
    """The type in which eager attention takes its softmax."""
    float_scores: bool = False
    """Queries and keys are multiplied as float32 copies (GPT-J)."""
    floored_scores: bool = False
    """Scores are kept from falling below the smallest number, which keeps them (XGLM)."""
    saved_mask: bool = False
    """The causal mask fills the scores in, which keeps it (MPT)."""
    mask_argument: bool = False
    """Layers take the mask as an argument that checkpointing keeps."""
    scaled_query: bool = False
    """Queries are multiplied before the scores are taken, as a tensor of their own."""
    temperature: Literal["none", "unchunked", "all"] = "none"
    """Queries are multiplied by a factor each position has; in Llama 4, in float32, those of layers without chunks."""
    sinks: Literal["column", "float_column", "scale"] = "column"
    """A sink is one more column of the softmax (gpt-oss), the same in float32 (Flint), or scales what attention gives
    (Granite)."""
    scaled_mixers: bool = False
    """What attention and state mixers read is multiplied by a number first, a tensor of its own (Falcon-H1)."""
    float_gate: bool = False
    """The sigmoid of a gate on latent attention is taken in float32 (Ling)."""
    bounded_decay: bool = False
    """Decays of Kimi delta attention are sigmoids above a bound (Ling)."""

    # Positions.
    position_indices: bool = True
    """The model makes the indices of positions, rather than read them from a buffer."""
    type_indices: bool = False
    """It makes those of token types too."""
    rotary_dtype: Literal[Precision, "complex"] = "model"
    """complex: one table of complex numbers."""
    rotary_share: float = 1
    """Columns of the tables for each column of a head; a half where they are not written twice (gpt-oss)."""
    rotary_joined: bool = False
    """The rotated part of a head is joined with the rest, which lays heads apart: a fused kernel's output is copied."""
    rotary_by_window: bool = False
    """Layers with a window have tables of their own (Gemma 3)."""
    rotary_by_sequence: bool = False
    """Each sequence has tables of its own (Qwen3.5, whose positions have three axes)."""
    rotary_per: Literal["model", "layer", "call"] = "model"
    """Tables are spread out to the columns of a head once, in every layer (GLM), or for queries and for keys (GPT-J).
    """
    relative_bias: bool = False
    """A bias for each pair of positions is looked up once a stack and handed from layer to layer (T5)."""
    layer_bias: bool = False
    """Each layer looks up a bias of its own instead, and hands nothing on (UMT5)."""

    # The residual stream, feed-forwards, the loss.
    attention_residual_dropout: bool = True
    """hidden_dropout falls on what attention gives too, not on the feed-forward alone."""
    ffn_residual_dropout: bool = True
    """hidden_dropout falls on what the feed-forward gives too, not on attention alone."""
    one_residual_dropout: bool = False
    """Where attention and feed-forward stand side by side, hidden_dropout falls on their sum alone (Falcon)."""
    float_stream: bool = False
    """The residual stream is in float32 (Mamba)."""
    embedding_argument: bool = False
    """Layers that attend to it take the embeddings as an argument (Zamba)."""
    loss: Literal[Precision, "masked"] = "float"
    """The type of the logits in the loss; masked: float32, and labels that are not moved by a position (ModernBERT)."""

    # Mixtures of experts.
    router: Literal["softmax", "normalized", "topk_softmax", "sigmoid", "sparsemixer"] = "softmax"
    """Weights of the chosen experts: softmax over all, the same divided by its sum, softmax over the chosen,
    sigmoids divided by their sum, or one softmax for each choice (arXiv:2409.12136)."""
    router_scores: Precision = "float"
    """The type of the scores and of the softmax over the chosen."""
    router_normed: bool = False
    """The router reads its input normed without a scale and times a vector, and a factor of each expert multiplies the
    weights it gives (Gemma 4)."""
    router_clamped: bool = False
    """The sum they are divided by is kept away from zero (Ernie 4.5)."""
    router_group_best: Literal[0, 1, 2] = 0
    """How many experts stand for a group of them; none where the class knows no groups."""
    router_float: bool = False
    """The router multiplies float32 copies of its input and weight."""
    router_weights: Precision = "model"
    """The type in which the experts' outputs are weighted."""
    every_expert: bool = False
    """Every expert computes every token, which its weight multiplies beforehand (Llama 4)."""
    clamped_experts: bool = False
    """gpt-oss's `(clamp(up) + 1) · gate·σ(α·gate)`."""


SWITCHES: dict[Switch, str] = {"use_qk_norm": "qk_l2_norm", "attn_temperature_tuning": "temperature",
                               "kda_safe_gate": "bounded_decay", "residual_in_fp32": "float_stream"}
"""What of a row no longer holds where the specification switches it off."""


def class_facts(spec: ModelSpec) -> ClassFacts:
    """How the model of a specification computes while it is trained."""
    row = {field: value for field, value in class_row(spec.family).items()
           if field not in [SWITCHES[switch] for switch in spec.switched_off]}
    dropout, lowered = spec.dropout or Dropout(), lower(spec)
    fields = row | _routing(row, spec.routing or Routing()) | {
        "attention_dropout": dropout.attention, "hidden_dropout": dropout.hidden, "ffn_dropout": dropout.ffn,
        "embedding_dropout": dropout.embedding, "final_dropout": dropout.final,
        "attention_softcap": spec.attn_logit_softcapping is not None,
        "logit_softcap": spec.final_logit_softcapping is not None,
        "streams": next((part.streams for part in _parts(lowered) if isinstance(part, AltUp)), 1),
        "loss": row.get("loss") or _loss(spec, lowered),
    }
    if spec.activation in DISTINCT:
        fields["activation"] = spec.activation
    if spec.rotary_dim is not None:
        fields |= {"rotary_dim": spec.rotary_dim, "rotary_joined": True}
    if row.get("one_residual_dropout") and spec.norm_placement in ("parallel", "parallel_norms"):
        fields["attention_residual_dropout"] = False
    return ClassFacts(**fields)


def tower_facts(tower: Tower) -> ClassFacts:
    """How a tower computes while it is trained; a tower without a row computes as CLIP's does."""
    fields: Row = {"position_indices": False, "outer_activation": "gelu"} | tower_row(tower.family)
    if tower.activation in DISTINCT:
        fields["activation"] = tower.activation
    return ClassFacts(**fields)


def _routing(row: Row, routing: Routing) -> Row:
    """How the weights of the chosen experts are made, and in which type; groups, where the class knows some.

    Experts are weighted in float32 where the router takes sigmoids or multiplies in float32, unless the row says else.
    """
    router = row.get("router") or ("normalized" if routing.norm_topk_prob else "softmax")
    if routing.scoring_func == "sigmoid":
        router = "sigmoid"
    in_float = row.get("router_float", False) or router == "sigmoid"
    fields: Row = {"router": router, "router_weights": row.get("router_weights") or ("float" if in_float else "model")}
    if row.get("router_group_best"):
        fields |= {"router_groups": routing.n_group, "router_top_groups": routing.topk_group}
    return fields


def _parts(lowered: Lowered) -> Iterator[Component]:
    """Every component of a model, those of each block once."""
    for parts in (lowered.modules, *lowered.blocks.values()):
        yield from parts.values()


def _loss(spec: ModelSpec, lowered: Lowered) -> Precision:
    """The type of the logits in the library's loss: the model's where tokens are filled in, or answered to a source.

    `ForCausalLM` classes take it in float32; those of masked models and of encoder-decoders hand the logits to torch
    as they are.
    """
    answers = any(isinstance(part, Stack) and part.stream == "source" for part in lowered.modules.values())
    return "model" if answers or spec.objective == "masked" else "float"
