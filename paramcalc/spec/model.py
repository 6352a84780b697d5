"""The specification of a model: the short form people type, and the long form it is sugar for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from paramcalc.components import AnyComponent
from paramcalc.components.base import Count, Elsewhere, Listed, Parsed, Rows, Size, Strict, later
from paramcalc.components.layout import Layout
from paramcalc.components.problems import impossible
from paramcalc.sanitize import quote
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.layer import Block, LayerFields
from paramcalc.spec.quantize import QuantRule

if TYPE_CHECKING:
    from typing import Self

    from paramcalc.spec.adapter import Adapters
    from paramcalc.spec.audio import AudioRule
    from paramcalc.spec.behaviour import Dropout, Routing
    from paramcalc.spec.expect import Expect
    from paramcalc.spec.images import ImageRule
    from paramcalc.spec.tower import Tower
    from paramcalc.spec.videos import VideoRule
else:
    Adapters = AudioRule = Dropout = Expect = ImageRule = Routing = Tower = VideoRule = Strict
    # pydantic reads annotations; what loads the classes is `Elsewhere`


StateType = Literal["float32", "bfloat16", "float16"]
"""What recurrent states can be held in."""
Switch = Literal["use_qk_norm", "attn_temperature_tuning", "kda_safe_gate", "residual_in_fp32"]
"""What the class of a family does unless its config says otherwise, by the config's key."""

VERSION = 1
"""Of the specification language."""


def _version(value: object) -> int:
    """The version a document says it is written in: a whole number, which true and 1.0 are not."""
    if type(value) is not int or value != VERSION:
        raise impossible(f"must be {VERSION}, found {quote(value)}")
    return value


def _image_rule(value: object) -> ImageRule:
    """A rule for pictures, whose module is loaded when there is one."""
    from paramcalc.spec.images import parse_rule

    return parse_rule(value)


def _video_rule(value: object) -> VideoRule:
    """A rule for videos, whose module is loaded when there is one."""
    from paramcalc.spec.videos import parse_video_rule

    return parse_video_rule(value)


def _audio_rule(value: object) -> AudioRule:
    """A rule for recordings, whose module is loaded when there is one."""
    from paramcalc.spec.audio import parse_audio_rule

    return parse_audio_rule(value)


IMAGE_RULE: dict[str, object] = {
    "type": "object", "required": ["kind"],
    "properties": {"kind": {"enum": ["square", "area", "longest_edge", "budget", "padded", "bounded", "tiles",
                                     "rounded", "filled", "any_resolution", "split", "scanned", "crops", "slices",
                                     "mosaic", "covering", "overlapping", "views", "ranged", "aligned",
                                     "undescribed"]}}}
VIDEO_RULE: dict[str, object] = {"type": "object", "required": ["frame"],
                                 "properties": {"kind": {"enum": ["frames"]}}}
AUDIO_RULE: dict[str, object] = {
    "type": "object", "required": ["kind"],
    "properties": {"kind": {"enum": ["windows", "chunks", "queried", "subsampled", "convolved", "steps",
                                     "undescribed"]}}}


class ModelSpec(LayerFields):
    """A whole model. Short form: flat fields, optionally `blocks` and `layers`. Long form: `modules` and `blocks`."""

    __slots__ = ("_lowered",)  # what `lower` made of it: no field, so that a copy with other fields does not inherit it

    paramcalc: Annotated[int, Parsed(_version, {"const": VERSION, "type": "integer"})] = VERSION
    name: Annotated[str, Field(min_length=1, max_length=200)] = ""
    family: Annotated[str, Field(max_length=100)] = ""
    composite: Annotated[str, Field(max_length=100)] = ""
    """Model type of the config its text model is a part of, by whose class runtimes serve it with its towers."""
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
    state_dtype: StateType | None = None
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
    videos: Annotated[VideoRule, Parsed(_video_rule, VIDEO_RULE)] | None = None
    """How a video becomes tokens, by its size in pixels and its frames."""
    audio: Annotated[AudioRule, Parsed(_audio_rule, AUDIO_RULE)] | None = None
    """How a recording becomes tokens, by its seconds."""
    apart: dict[str, dict[str, AnyComponent]] = Field(default_factory=dict)
    """Parts that files may hold but a plain forward pass leaves out (multi-token prediction): counted apart."""
    quantize: Annotated[tuple[Annotated[QuantRule, later(QuantRule)], ...], Field(strict=False, max_length=4096)] = ()
    """Formats of tensors, by ordered rules; what none fits is in the model's dtype."""
    adapters: Annotated[Adapters, Elsewhere("spec.adapter", "Adapters")] | None = None
    """What is trained beside its weights, all of which are then frozen."""
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
    unread: Listed[str] = ()
    """Keys of the source that could change a size and are not used: every size is then a lower bound."""
    defaults: dict[str, int] = Field(default_factory=dict)
    """Sizes the source does not say, from the defaults of its class, by the key that would say them."""
    caveats: Listed[Annotated[Caveat, later(Caveat)]] = ()
    """Figures that are less than exact, and why: a setting of the source that was not understood."""
    notes: Listed[str] = ()
    """What a reader of the numbers must know: said with every answer."""

    @property
    def encodes(self) -> bool:
        """Whether an encoder stands beside the decoder."""
        parts = (*(self.modules or {}).values(), *self.towers.values())
        return any(getattr(part, "stream", "") == "source" for part in parts)

    def source_tokens(self, tokens: int | None = None) -> int | None:
        """Tokens of an encoder's input: those given; without them None (as many as the sequence has), and 0 where the
        model has no encoder, so that it attends to nothing but pictures and recordings."""
        return 0 if tokens is None and not self.encodes else tokens

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
