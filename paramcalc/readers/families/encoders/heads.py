"""What stands on an encoder, by the class that is named: prediction heads, poolers, classifiers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from paramcalc.components.base import Parts
from paramcalc.components.linear import Head, Linear, Parameter
from paramcalc.components.norm import Norm

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config



@dataclass(frozen=True, slots=True)
class PredictionHead:
    """Where a head that predicts tokens keeps its tensors; '' where it has no such part."""

    dense: str = "cls.predictions.transform.dense"
    norm: str = "cls.predictions.transform.LayerNorm"
    decoder: str = "cls.predictions.decoder"
    bias: str = "cls.predictions.bias"
    """A bias beside the decoder, which shares it where it is tied; '' where the decoder's own is all there is."""
    width: str = "hidden_size"
    """The key that says the width between the dense layer and the decoder."""
    ties: bool = True
    """False where the decoder is never the embedding's matrix, whatever the config says."""
    biased: bool = True
    """False where a decoder of its own has no bias either, and only that beside it is added."""

    def __call__(self, config: Config) -> Parts:
        """The head's modules."""
        hidden = config.integer("hidden_size")
        width = config.integer(self.width, hidden)
        tied = self.ties and config.tied
        parts: Parts = {}
        if self.dense:
            parts[self.dense] = Linear(out_features=width, in_features=hidden, bias=True, component="lm_head",
                                       activated=True)
        if self.norm:
            parts[self.norm] = Norm(kind="layernorm", component="lm_head", hidden_size=width)
        if self.bias:
            parts[self.bias] = Parameter(shape=(config.integer("vocab_size"),), component="lm_head", added=True)
        parts[self.decoder] = Head(tied=tied, bias=self.biased and not (tied and self.bias), hidden_size=width)
        return parts


@dataclass(frozen=True, slots=True)
class Dense:
    """A layer with bias at `name`."""

    name: str
    out: int | str = "hidden_size"
    """Its outputs, the key that says how many, or `labels`."""
    into: str = "hidden_size"
    per: Literal["token", "sequence"] = "sequence"
    component: Literal["lm_head", "pooler", "other"] = "lm_head"

    def __call__(self, config: Config) -> Parts:
        """The layer."""
        width = config.integer("hidden_size")
        if isinstance(self.out, int):
            out = self.out
        else:
            out = config.labels if self.out == "labels" else config.integer(self.out, width)
        return {self.name: Linear(out_features=out, in_features=config.integer(self.into, width), bias=True,
                                  component=self.component, per=self.per)}


@dataclass(frozen=True, slots=True)
class SpanAnswers:
    """SQuAD's head in three parts: where an answer starts, where it ends given that, and whether there is one."""

    prefix: str
    component: Literal["lm_head", "other"]

    def __call__(self, config: Config) -> Parts:
        """The layers."""
        width = config.integer("hidden_size")
        one = Linear(out_features=1, bias=True, component=self.component)
        both = Linear(in_features=2 * width, bias=True, component=self.component)
        norm = Norm(kind="layernorm", component="norm" if self.component == "other" else "lm_head")
        parts: Parts = {
            "start_logits.dense": one, "end_logits.dense_0": both, "end_logits.dense_1": one,
            "end_logits.LayerNorm": norm,
            "answer_class.dense_0": both.model_copy(update={"per": "sequence"}),
            "answer_class.dense_1": one.model_copy(update={"per": "sequence", "bias": False}),
        }
        return {self.prefix + name: part for name, part in parts.items()}


Piece = Literal["pooler", "head"] | Callable[["Config"], Parts]
Tops = Mapping[str, tuple[Piece, ...]]
"""The end of a class's name, after `For`, to what it puts on the encoder; `Model` for the encoder alone, `Backbone`
where it gives its inner layers' output too."""

TAGGED = Dense("classifier", "labels", per="token")
SPANS = Dense("qa_outputs", "labels", per="token")
ENDS = Dense("qa_outputs", 2, per="token")
"""Where an answer starts and where it ends, however many labels the config names."""
PAIR = Dense("cls.seq_relationship", 2)
LABELLED = Dense("classifier", "labels")
CHOSEN = Dense("classifier", 1)
TWO_LAYERS = (Dense("classifier.dense"), Dense("classifier.out_proj", "labels"))
BEFORE = Dense("pre_classifier", component="other")
DISCRIMINATOR = (
    Dense("discriminator_predictions.dense", per="token", component="other"),
    Dense("discriminator_predictions.dense_prediction", 1, per="token", component="other"),
)

PLAIN_TOPS: Tops = {
    "Model": (), "MaskedLM": ("head",), "CausalLM": ("head",), "TokenClassification": (TAGGED,),
    "QuestionAnswering": (SPANS,), "SequenceClassification": TWO_LAYERS,
}
BERT_TOPS: Tops = {
    **PLAIN_TOPS,
    "Model": ("pooler",), "SequenceClassification": ("pooler", LABELLED), "MultipleChoice": ("pooler", CHOSEN),
    "NextSentencePrediction": ("pooler", PAIR), "PreTraining": ("pooler", "head", PAIR),
}
ROBERTA_TOPS: Tops = {**PLAIN_TOPS, "Model": ("pooler",), "MultipleChoice": ("pooler", CHOSEN)}
CHOICE_TOPS: Tops = {**PLAIN_TOPS, "MultipleChoice": (CHOSEN,)}
ELECTRA_TOPS: Tops = {
    **PLAIN_TOPS,
    "PreTraining": DISCRIMINATOR, "MultipleChoice": (Dense("sequence_summary.summary", component="other"), CHOSEN),
}
ROC_TOPS: Tops = {**BERT_TOPS, "PreTraining": ("pooler", "head")}
LONG_TOPS: Tops = {**PLAIN_TOPS, "MultipleChoice": (BEFORE, CHOSEN), "QuestionAnswering": (ENDS,)}

BERT_HEAD = PredictionHead()
GTE_HEAD = PredictionHead("lm_head.dense", "lm_head.norm", "lm_head.decoder", "")
ROBERTA_HEAD = PredictionHead("lm_head.dense", "lm_head.layer_norm", "lm_head.decoder", "lm_head.bias")
GENERATOR_HEAD = PredictionHead("generator_predictions.dense", "generator_predictions.LayerNorm", "generator_lm_head",
                                "", "embedding_size")


def pooled(tops: Tops) -> Tops:
    """The same with a pooler in every class."""
    return {word: ("pooler", *(piece for piece in pieces if piece != "pooler")) for word, pieces in tops.items()}


def top_of(config: Config, tops: Tops, silent: str = "MaskedLM") -> str:
    """Which of the known tops the config's class puts on the encoder; where the config names no class, `silent`, or the
    bare model of a family that has no such class.

    Raises SpecError for a class this family is not known to have.
    """
    name = config.architecture
    if not name:
        return silent if silent in tops else "Model"
    if "LMHead" in name or name.endswith("GenerationDecoder"):
        word = "CausalLM"
    elif name.endswith(("Encoder", "Model")) and not name.endswith("BaseModel"):
        word = "Model"
    elif name.endswith("Backbone"):
        word = "Backbone"
    else:
        word = "BaseModel" if name.endswith("BaseModel") else name.rpartition("For")[2]
    if word not in tops:
        raise config.unknown_class()
    return word
