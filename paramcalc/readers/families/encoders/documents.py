"""BERTs that know where a word stands on a page or in a table: LayoutLM 1 and 3, TAPAS, MarkupLM; and VisualBERT.

arXiv:1912.13318, 2204.08387, 2004.02349, 2110.08518, 1908.03557; BROS, whose scores know how boxes lie to each other:
2108.04539.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.base import Parts
from paramcalc.components.convolution import Convolution
from paramcalc.components.embedding import Embedding
from paramcalc.components.linear import Linear, Parameter, Score
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoder import Encoder, heads
from paramcalc.readers.families.encoders.heads import BERT_TOPS, LABELLED, PAIR, PLAIN_TOPS, SPANS, TAGGED, Dense, Tops

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config

SIDES = ("x", "y", "h", "w")
"""Coordinates of a word's box and its height and width, each with a table."""


def boxes(config: Config) -> Parts:
    """A table for each side of a box, as wide as the model; in LayoutLM 3 narrower ones that are joined."""
    rows = config.integer("max_2d_position_embeddings")
    widths = {side: config.optional("coordinate_size" if side in "xy" else "shape_size") for side in SIDES}
    return {f"embeddings.{side}_position_embeddings": Embedding(rows=rows, hidden_size=widths[side],
                                                                component="position_embedding") for side in SIDES}


def patches(config: Config) -> Parts:
    """What embeds a page's picture, where the model sees it, and the biases by distance."""
    width, parts = config.integer("hidden_size"), Parts()
    if config.flag("visual_embed", default=True):
        size, side = config.integer("patch_size"), config.integer("input_size") // config.integer("patch_size")
        parts |= {
            "cls_token": Parameter(shape=(1, 1, width), component="other", added=True),
            "pos_embed": Parameter(shape=(1, side * side + 1, width), component="position_embedding", added=True),
            "patch_embed.proj": Convolution(out_channels=width, in_channels=config.integer("num_channels"),
                                            kernel=(size, size), component="other_embedding"),
            "LayerNorm": Norm(kind="layernorm"), "norm": Norm(kind="layernorm")}
    return parts | distances(config)


def distances(config: Config) -> Parts:
    """Biases by the distance of words, along the text and on the page, that all layers share."""
    parts, count = Parts(), config.integer("num_attention_heads")

    def bias(bins: str) -> Linear:
        return Linear(out_features=count, in_features=config.integer(bins), component="position_embedding")

    if config.flag("has_relative_attention_bias", default=True):
        parts["encoder.rel_pos_bias"] = bias("rel_pos_bins")
    if config.flag("has_spatial_attention_bias", default=True):
        parts |= {"encoder.rel_pos_x_bias": bias("rel_2d_pos_bins"), "encoder.rel_pos_y_bias": bias("rel_2d_pos_bins")}
    return parts


def xpaths(config: Config) -> Parts:
    """MarkupLM: the tags above a word and their places among their like, each depth with tables of its own."""
    width, narrow = config.integer("hidden_size"), config.integer("xpath_unit_hidden_size")
    depth, at = config.integer("max_depth"), "embeddings.xpath_embeddings"

    def tables(rows: str) -> Embedding:
        return Embedding(rows=config.integer(rows), hidden_size=narrow, component="other_embedding", copies=depth,
                         own_indices=True)

    def dense(out: int, into: int) -> Linear:
        return Linear(out_features=out, in_features=into, bias=True, component="other_embedding")

    unused = {word: Parameter(shape=shape, component="other_embedding", added=True)
              for word, shape in (("weight", (width, narrow * depth)), ("bias", (width,)))}
    return {**{f"{at}.xpath_unitseq2_embeddings.{word}": part for word, part in unused.items()},
            f"{at}.xpath_unitseq2_inner": dense(4 * width, narrow * depth),
            f"{at}.inner2emb": dense(width, 4 * width),
            f"{at}.xpath_tag_sub_embeddings.*": tables("max_xpath_tag_unit_embeddings"),
            f"{at}.xpath_subs_sub_embeddings.*": tables("max_xpath_subs_unit_embeddings")}


def types(config: Config) -> Parts:
    """TAPAS's tables of segments, columns, rows and ranks."""
    sizes = config.listed("type_vocab_sizes", int) or []
    return {f"embeddings.token_type_embeddings_{index}": Embedding(rows=rows, component="other_embedding")
            for index, rows in enumerate(sizes)}


def regions(config: Config) -> Parts:
    """Tables for regions of a picture, and what projects their features."""
    if config.flag("bypass_transformer"):
        raise config.error("bypass_transformer", "regions that pass the layers by are not described")
    return {
        "embeddings.visual_token_type_embeddings": Embedding(rows=config.integer("type_vocab_size"),
                                                             component="other_embedding"),
        "embeddings.visual_position_embeddings": Embedding(rows=config.integer("max_position_embeddings"),
                                                           component="position_embedding"),
        "embeddings.visual_projection": Linear(in_features=config.integer("visual_embedding_dim"), bias=True,
                                               component="other_embedding")}


def sines(config: Config) -> Parts:
    """BROS: sines of the distances between boxes, projected once to a head's width for the scores of all layers."""
    each = config.integer("hidden_size") // 4
    spans = config.integer("dim_bbox_sinusoid_emb_2d", each)
    out = config.integer("dim_bbox_projection", config.integer("hidden_size") // config.integer("num_attention_heads"))
    steps = -(-config.integer("dim_bbox_sinusoid_emb_1d", each // config.integer("dim_bbox")) // 2)
    at = "bbox_embeddings"
    rows = (1, config.integer("max_position_embeddings"))
    return {**{f"{at}.bbox_sinusoid_emb.{side}_pos_emb.inv_freq": Parameter(
        shape=(steps,), component="position_embedding", buffer=True) for side in "xy"},
            f"{at}.bbox_projection.weight": Parameter(shape=(out, spans), component="other_embedding"),
            "boxes": Score(sizes=(out, spans), per="pair", causal=False, component="other_embedding"),
            "embeddings.position_ids": Parameter(shape=rows, component="position_embedding", buffer=True,
                                                 dtype="int64")}


def between_boxes(config: Config) -> Parts:
    """What a layer of BROS adds to its scores: each query by what was made of the distance."""
    count = heads(config)
    return {"box_scores": Score(sizes=(count, config.integer("hidden_size") // count), per="pair", causal=False,
                                component="attention")}


def two_layers(config: Config) -> Parts:
    """LayoutLM 3's classifier of few labels is one layer, of many two."""
    if config.labels < 10:
        return Dense("classifier", "labels", per="token")(config)
    return Dense("classifier.dense", component="lm_head")(config) | Dense("classifier.out_proj", "labels")(config)


LAYOUT: Tops = {**BERT_TOPS, "MaskedLM": ("pooler", "head"), "TokenClassification": ("pooler", TAGGED),
                "QuestionAnswering": ("pooler", Dense("qa_outputs", "labels", per="token"))}
V3: Tops = {"Model": (), "TokenClassification": (two_layers,),
            "QuestionAnswering": (Dense("qa_outputs.dense", per="token"),
                                  Dense("qa_outputs.out_proj", "labels", per="token")),
            "SequenceClassification": (Dense("classifier.dense", component="lm_head"),
                                       Dense("classifier.out_proj", "labels"))}
def cells(config: Config) -> Parts:
    """TAPAS chooses cells and columns by a score each, and what to do with them where it can do several things."""
    width, labels = config.integer("hidden_size"), config.integer("num_aggregation_labels", 0, least=0)
    parts: Parts = {}
    for name in ("output", "column_output"):
        parts |= {f"{name}_weights": Parameter(shape=(width,), component="lm_head", role="matmul"),
                  f"{name}_bias": Parameter(shape=(), component="lm_head", added=True)}
    if labels:
        parts["aggregation_classifier"] = Linear(out_features=labels, bias=True, component="lm_head", per="sequence")
    return parts


def related(config: Config, at: str) -> Parts:
    """Which words belong to which: a query and a key a word and a relation, and what stands for no word."""
    width = config.integer("hidden_size")
    side = Linear(out_features=config.integer("n_relations") * width, in_features=width, bias=True, component="lm_head")
    return {f"{at}.query": side, f"{at}.key": side,
            f"{at}.dummy_node": Parameter(shape=(1, width), component="lm_head", added=True)}


def spade(config: Config) -> Parts:
    """The class that finds first words and then what follows them, and the one that links them."""
    if "SpadeEL" in config.architecture:
        return related(config, "entity_linker")
    if "SpadeEE" not in config.architecture:
        return TAGGED(config)
    first = Dense("initial_token_classifier.1", per="token")(config)
    second = Dense("initial_token_classifier.3", "labels", per="token")(config)
    return first | second | related(config, "subsequent_token_classifier")


BROS: Tops = {"Model": ("pooler",), "TokenClassification": ("pooler", spade)}
TAPAS: Tops = {**PLAIN_TOPS, "Model": ("pooler",), "MaskedLM": ("head",),
               "QuestionAnswering": ("pooler", cells), "SequenceClassification": ("pooler", LABELLED)}
MARKUP: Tops = {"Model": ("pooler",), "TokenClassification": (TAGGED,), "QuestionAnswering": (SPANS,),
                "SequenceClassification": ("pooler", LABELLED)}
ANSWER = Dense("cls", "labels")
VISUAL_BERT: Tops = {"Model": ("pooler",), "PreTraining": ("pooler", "head", PAIR),
                     "QuestionAnswering": ("pooler", ANSWER), "VisualReasoning": ("pooler", ANSWER),
                     "MultipleChoice": ("pooler", Dense("cls", 1))}


def page(config: Config) -> Parts:
    """LayoutLM 3: the page's picture is read by the same encoder."""
    if not config.flag("text_embed", default=True):
        raise config.error("text_embed", "a model without tables of words is not described")
    return boxes(config) | patches(config)


ROWS = {
    "bros": Encoder("bros", tops=BROS, tables=sines, further=between_boxes),
    "layoutlm": Encoder("layoutlm", tops=LAYOUT, tables=boxes),
    "layoutlmv3": Encoder("layoutlmv3", tops=V3, tables=page),
    "markuplm": Encoder("markuplm", tops=MARKUP, tables=xpaths),
    "tapas": Encoder("tapas", {"types": ""}, tops=TAPAS, tables=types),
    "visual_bert": Encoder("visual_bert", tops=VISUAL_BERT, tables=regions),
}
