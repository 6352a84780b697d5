"""The specification of a model: the short form people type, and the long form it is sugar for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from paramcalc.components import AnyComponent, component_class
from paramcalc.components.base import Component, Count, Elsewhere, Listed, Parsed, Rows, Size, Strict, later
from paramcalc.components.problems import impossible
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.layout import Layout
from paramcalc.spec.quantize import QuantRule

if TYPE_CHECKING:
    from typing import Self

    from paramcalc.spec.behaviour import Dropout, Routing
    from paramcalc.spec.expect import Expect
    from paramcalc.spec.images import ImageRule
    from paramcalc.spec.tower import Tower
else:
    Dropout = Expect = ImageRule = Routing = Tower = Strict
    # pydantic reads annotations; what loads the classes is `Elsewhere`


Switch = Literal["use_qk_norm", "attn_temperature_tuning", "kda_safe_gate", "residual_in_fp32"]
"""What the class of a family does unless its config says otherwise, by the config's key."""


def _image_rule(value: object) -> ImageRule:
    """A rule for pictures, whose module is loaded when there is one."""
    from paramcalc.spec.images import parse_rule

    return parse_rule(value)


IMAGE_RULE: dict[str, object] = {
    "type": "object", "required": ["kind"],
    "properties": {"kind": {"enum": ["square", "area", "longest_edge", "tiles", "any_resolution", "split"]}}}


def _mixture(value: object) -> Component:
    """A mixture of experts, whose class is loaded when there is one."""
    mixture = component_class("moe")
    return value if isinstance(value, mixture) else mixture.model_validate(value)


class LayerFields(Strict):
    """What describes a layer in the short form. For the whole model they hold for blocks that say nothing else."""

    num_heads: Size | None = None
    num_kv_heads: Size | None = None
    """As many as heads when not given."""
    head_dim: Size | None = None
    """hidden_size / num_heads when not given."""
    qkv_bias: bool | None = None
    o_bias: bool | None = None
    qk_norm: Literal["none", "head", "full", "heads", "each"] | None = None
    qk_norm_bias: bool | None = None
    output_gate: Literal["none", "query", "full", "head"] | None = None
    sinks: bool | None = None
    window: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Tokens a query can see."""
    chunk: Annotated[int, Field(ge=1, le=2**30)] | None = None
    top_k: Annotated[int, Field(ge=1, le=2**30)] | None = None
    """Keys a query attends to at most, where an indexer chooses them."""
    causal: bool | None = None
    """False where a token also sees those after it; a window then counts both sides and the token itself."""
    fused_qkv: bool | None = None
    intermediate_size: Size | None = None
    ffn_ratio: Annotated[float, Field(gt=0, le=1024)] | None = None
    """intermediate_size / hidden_size; must give an integer unless `multiple_of` rounds it up."""
    multiple_of: Size | None = None
    gated: bool | None = None
    """Feed-forwards are gated unless said otherwise."""
    mlp_bias: bool | None = None
    fused_gate_up: bool | None = None
    transposed: bool | None = None
    """Weights are stored `(in, out)`."""
    norm: Literal["rmsnorm", "layernorm"] | None = None
    norm_bias: bool | None = None
    norm_scale: bool | None = None
    norm_placement: Literal["pre", "post", "sandwich", "parallel", "parallel_norms", "ffn", "none"] | None = None
    """pre: before attention and feed-forward; post: after each; sandwich: both; parallel: one before both at once;
    parallel_norms: both at once, a norm before each; ffn: before the feed-forward only."""
    moe: Annotated[Component, Parsed(_mixture, {"$ref": "#/$defs/MixtureOfExperts"})] | None = None
    mixer: AnyComponent | None = None
    """What mixes tokens, where it is not plain attention."""
    ffn: AnyComponent | Literal["none"] | None = None
    """What follows it, where it is not said by the fields above; `none` where nothing does."""
    beside: dict[str, AnyComponent] | None = None
    """Further parts of the layer, by their place in it: `{self_attn.indexer: {kind: indexer, ...}}`."""


class Block(LayerFields):
    """A named layer: short fields that differ from the model's, or every part by its place in the checkpoint."""

    parts: dict[str, AnyComponent] | None = None


class ModelSpec(LayerFields):
    """A whole model. Short form: flat fields, optionally `blocks` and `layers`. Long form: `modules` and `blocks`."""

    __slots__ = ("_lowered",)  # what `lower` made of it: no field, so that a copy with other fields does not inherit it

    paramcalc: Literal[1] = 1
    name: Annotated[str, Field(max_length=200)] = ""
    family: Annotated[str, Field(max_length=100)] = ""
    source: Annotated[str, Field(max_length=2000)] = ""
    """Where the numbers came from."""
    expect: Annotated[Expect, Elsewhere("spec.expect", "Expect")] | None = None
    training_tokens: Annotated[int, Field(ge=1, le=10**18)] | None = None
    """Tokens it is to be trained on."""
    hidden_size: Size
    vocab_size: Rows | None = None
    num_layers: Annotated[int, Field(ge=1, le=4096)] | None = None
    max_position_embeddings: Rows | None = None
    """Rows of a learned position table; otherwise the positions a runtime makes rotary tables for."""
    rotary_dim: Size | None = None
    """Values of a head that are rotated, where not all are."""
    rotary_tables: Annotated[int, Field(ge=1, le=16)] = 1
    """Rotary tables that differ: Gemma 3's layers with a window have another base than those without."""
    state_dtype: Literal["float32", "bfloat16", "float16"] | None = None
    """What runtimes are told to hold recurrent states in, where that is not the model's own type."""
    position: Literal["rotary", "learned", "alibi", "sinusoidal", "none"] = "rotary"
    position_offset: Count = 0
    """Rows of a learned position table before that of the first position (OPT has 2)."""
    embedding_size: Size | None = None
    """Width of the token table and of the head, where it is not hidden_size."""
    embedding_rows: Rows | None = None
    """Rows of the token table, where they are not the vocabulary the head gives."""
    tie_embeddings: bool = False
    head: bool = True
    """False for a model without an output matrix."""
    head_bias: bool = False
    head_rows: Rows | None = None
    """Outputs of the head where they are not the vocabulary: the labels of a classifier."""
    embedding_norm: bool = False
    final_norm: bool = True
    inputs: dict[str, AnyComponent] = Field(default_factory=dict)
    """Further modules before the layers, by their place in the checkpoint."""
    outputs: dict[str, AnyComponent] = Field(default_factory=dict)
    """Further modules between the layers and the head."""
    names: dict[str, str] = Field(default_factory=dict)
    """How the checkpoint spells our names, where it is not as Llama's: `{layers: transformer.h, q_proj: query}`."""
    blocks: dict[str, Annotated[Block, later(Block)]] = Field(default_factory=dict, max_length=4096)
    layers: Layout | None = None
    modules: dict[str, AnyComponent] | None = Field(default=None, max_length=4096)
    towers: dict[str, Annotated[Tower, Elsewhere("spec.tower", "Tower")]] = Field(default_factory=dict, max_length=64)
    """What it has beside the text model: towers for images and sound, and what leads from them into it."""
    images: Annotated[ImageRule, Parsed(_image_rule, IMAGE_RULE)] | None = None
    """How a picture becomes tokens, by its size in pixels."""
    apart: dict[str, dict[str, AnyComponent]] = Field(default_factory=dict)
    """Parts that files may hold but a plain forward pass leaves out (multi-token prediction): counted apart."""
    quantize: Annotated[tuple[Annotated[QuantRule, later(QuantRule)], ...], Field(strict=False, max_length=4096)] = ()
    """Formats of tensors, by ordered rules; what none fits is in the model's dtype."""
    objective: Literal["causal", "masked"] = "causal"
    """What the head learns to give: the next token, or one that is left out."""
    dropout: Annotated[Dropout, Elsewhere("spec.behaviour", "Dropout")] | None = None
    """Where values are dropped while it is trained; nowhere when not given."""
    activation: Annotated[str, Field(max_length=60)] = ""
    """Of feed-forwards; silu where they are gated and gelu where they are plain when not given."""
    attn_logit_softcapping: Annotated[float, Field(gt=0)] | None = None
    """Scores of attention are kept below this by a tanh (Gemma 2)."""
    final_logit_softcapping: Annotated[float, Field(gt=0)] | None = None
    """Logits are."""
    routing: Annotated[Routing, Elsewhere("spec.behaviour", "Routing")] | None = None
    """How experts are chosen, where the family leaves that open."""
    switched_off: Listed[Switch] = ()
    """What the class of the family does unless its config says otherwise, as this model's does."""
    uncounted: Listed[str] = ()
    """Parts of the source that are not described here (a vision tower): said with every answer."""
    caveats: Listed[Annotated[Caveat, later(Caveat)]] = ()
    """Figures that are less than exact, and why: a setting of the source that was not understood."""
    notes: Listed[str] = ()
    """What a reader of the numbers must know: said with every answer."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if self.modules is None:
            missing = [] if self.vocab_size else ["vocab_size"]
            if self.layers is None and self.num_layers is None:
                missing.append("num_layers")
            if missing:
                raise impossible(f"{' and '.join(missing)} must be given", "or describe the model by modules",
                                 missing[0])
        elif self.layers is not None:
            raise impossible("layers and modules cannot both be given", "lay out blocks in a module of kind layers",
                             "layers")
        return self
