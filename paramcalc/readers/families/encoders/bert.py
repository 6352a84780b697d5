"""BERT and the encoders with its skeleton: a row each.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Linear
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoder import Encoder, heads
from paramcalc.readers.families.encoders.heads import (
    BEFORE,
    BERT_TOPS,
    CHOICE_TOPS,
    CHOSEN,
    ELECTRA_TOPS,
    ENDS,
    GENERATOR_HEAD,
    GTE_HEAD,
    LABELLED,
    PLAIN_TOPS,
    ROBERTA_HEAD,
    ROBERTA_TOPS,
    ROC_TOPS,
    TWO_LAYERS,
    PredictionHead,
    pooled,
)

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops


def task_types(config: Config) -> Parts:
    """ERNIE's table of tasks, where it is asked for."""
    if not config.flag("use_task_id"):
        return {}
    return {"embeddings.task_type_embeddings": Embedding(rows=config.integer("task_type_vocab_size"),
                                                         component="other_embedding")}


def glyphs(config: Config) -> Parts:
    """RoCBERT's tables of sounds and shapes, and what joins them to the token."""
    sound, shape = config.integer("pronunciation_embed_dim"), config.integer("shape_embed_dim")
    parts: Parts = {
        "embeddings.pronunciation_embed": Embedding(rows=config.integer("pronunciation_vocab_size"), hidden_size=sound,
                                                    component="other_embedding"),
        "embeddings.shape_embed": Embedding(rows=config.integer("shape_vocab_size"), hidden_size=shape,
                                            component="other_embedding"),
    }
    if config.flag("concat_input"):
        width = config.integer("hidden_size")
        width += sound if config.flag("enable_pronunciation") else 0
        width += shape if config.flag("enable_shape") else 0
        parts["embeddings.map_inputs_layer"] = Linear(in_features=width, bias=True, component="other_embedding")
    return parts


def sinusoids(config: Config) -> Parts:
    """RoFormer keeps the table it rotates with."""
    width = config.integer("hidden_size") // heads(config)
    return {"encoder.embed_positions": Embedding(rows=config.integer("max_position_embeddings"), hidden_size=width,
                                                 component="position_embedding", frozen=True)}


def buckets(config: Config) -> Parts:
    """MPNet's table of relative distances."""
    return {"encoder.relative_attention_bias": Embedding(rows=config.integer("relative_attention_num_buckets"),
                                                         hidden_size=heads(config), component="position_embedding",
                                                         pairs=True)}


def gte_feed(config: Config, _: str) -> Parts:
    """GTE's gated feed-forward, with a bias at its end only. Queries, keys and values are as large joined or apart."""
    config.choice("layer_norm_type", ("layer_norm",), "layer_norm")
    config.read.add("pack_qkv")
    return {"mlp": FeedForward(intermediate_size=config.integer("intermediate_size"), fused=True, down_bias=True,
                               names={"gate_up_proj": "up_gate_proj"})}


def spans_of_big_bird(config: Config) -> Parts:
    """BigBird answers questions through a feed-forward of its own."""
    return {
        "qa_classifier": FeedForward(intermediate_size=config.integer("intermediate_size"), gated=False, bias=True,
                                     names={"up_proj": "intermediate.dense", "down_proj": "output.dense"}),
        "qa_classifier.output.LayerNorm": Norm(kind="layernorm"),
        "qa_classifier.qa_outputs": Linear(out_features=2, bias=True, component="other"),
    }


PRE_XL = {"attention_norm": "attention.self_attn_layer_norm", "ffn_norm": "LayerNorm", "embedding_norm": ""}
PRE_FAIRSEQ = {"attention_norm": "attention.LayerNorm", "ffn_norm": "intermediate.LayerNorm", "final_norm": "LayerNorm"}
MEGATRON = {"attention_norm": "attention.ln", "ffn_norm": "ln", "final_norm": "encoder.ln", "embedding_norm": ""}
FACTORS = {"project": "encoder.embedding_hidden_mapping_in"}
DISTIL = {
    "types": "", "layers": "transformer.layer", "q_proj": "q_lin", "k_proj": "k_lin", "v_proj": "v_lin",
    "o_proj": "out_lin", "attention_norm": "sa_layer_norm", "ffn": "ffn", "up_proj": "lin1", "down_proj": "lin2",
    "ffn_norm": "output_layer_norm",
}
MPNET = {"types": "", "q_proj": "attn.q", "k_proj": "attn.k", "v_proj": "attn.v", "o_proj": "attn.o",
         "attention_norm": "attention.LayerNorm"}
GTE = {"o_proj": "o_proj", "attention_norm": "attn_ln", "ffn_norm": "mlp_ln"}
DISTIL_HEAD = PredictionHead("vocab_transform", "vocab_layer_norm", "vocab_projector", "")
REMBERT_HEAD = PredictionHead("cls.predictions.dense", "cls.predictions.LayerNorm", bias="", ties=False,
                              width="output_embedding_size")
DISTIL_TOPS: Tops = {**PLAIN_TOPS, "SequenceClassification": (BEFORE, LABELLED), "MultipleChoice": (BEFORE, CHOSEN)}
BIG_BIRD_TOPS: Tops = {
    **pooled({**BERT_TOPS, "SequenceClassification": TWO_LAYERS}), "QuestionAnswering": (spans_of_big_bird,),
}
ROFORMER_TOPS: Tops = {**CHOICE_TOPS, "QuestionAnswering": (ENDS,)}
POOLED_CLASSIFIER: Tops = {**PLAIN_TOPS, "SequenceClassification": ("pooler", LABELLED)}


def adapters(config: Config) -> Parts:
    """X-MOD's bottleneck for each language, after the feed-forward."""
    inner = config.integer("hidden_size") // config.integer("adapter_reduction_factor")
    parts: Parts = {}
    if config.flag("adapter_layer_norm"):
        parts["output.adapter_layer_norm"] = Norm(kind="layernorm")
    for language in config.listed("languages", str) or []:
        at = f"output.adapter_modules.{language}"
        parts[f"{at}.dense1"] = Linear(out_features=inner, bias=True, component="other")
        parts[f"{at}.dense2"] = Linear(in_features=inner, bias=True, component="other")
    return parts


ROWS: dict[str, Encoder] = {
    "bert": Encoder(),
    "roberta": Encoder("roberta", head=ROBERTA_HEAD, tops=ROBERTA_TOPS),
    "xlm-roberta": Encoder("roberta", head=ROBERTA_HEAD, tops=ROBERTA_TOPS),
    "camembert": Encoder("roberta", head=ROBERTA_HEAD, tops=ROBERTA_TOPS),
    "data2vec-text": Encoder("data2vec_text", head=ROBERTA_HEAD, tops=ROBERTA_TOPS),
    "xlm-roberta-xl": Encoder("roberta", PRE_XL, ROBERTA_HEAD, ROBERTA_TOPS, pre=True),
    "roberta-prelayernorm": Encoder("roberta_prelayernorm", PRE_FAIRSEQ, ROBERTA_HEAD, ROBERTA_TOPS, pre=True),
    "distilbert": Encoder("distilbert", DISTIL, DISTIL_HEAD, DISTIL_TOPS, size="hidden_dim"),
    "ernie": Encoder("ernie", tables=task_types),
    "megatron-bert": Encoder("bert", MEGATRON, pre=True),
    "bert-generation": Encoder(names={"types": ""}, head=PredictionHead("", "", "lm_head.decoder", "lm_head.bias"),
                               tops=PLAIN_TOPS),
    "electra": Encoder("electra", head=GENERATOR_HEAD, tops=ELECTRA_TOPS, embedding_size="embedding_size"),
    "big_bird": Encoder("bert", {"pooler": "pooler"}, tops=BIG_BIRD_TOPS, qkv_bias="use_bias"),
    "rembert": Encoder("rembert", FACTORS, REMBERT_HEAD, embedding_size="input_embedding_size", projected=True),
    "roc_bert": Encoder("roc_bert", tops=ROC_TOPS, tables=glyphs),
    "roformer": Encoder("roformer", {}, PredictionHead(width="embedding_size"), ROFORMER_TOPS,
                        learned=False, rotary=True, embedding_size="embedding_size", tables=sinusoids),
    "mpnet": Encoder("mpnet", MPNET, ROBERTA_HEAD, ROBERTA_TOPS, tables=buckets),
    "gte": Encoder("gte", GTE, GTE_HEAD, POOLED_CLASSIFIER, learned=False, rotary=True, fused=True, feed=gte_feed),
    "xmod": Encoder("roberta", head=ROBERTA_HEAD, tops=ROBERTA_TOPS, pre="pre_norm", further=adapters),
}
