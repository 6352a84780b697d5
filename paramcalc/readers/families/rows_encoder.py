"""Families that have BERT's skeleton: a row each, saying how they differ. Sources: the library's modeling file."""

from __future__ import annotations

from paramcalc.components.embedding import Embedding
from paramcalc.readers.families.config import Config
from paramcalc.readers.families.encoder import Encoder, Parts
from paramcalc.readers.families.tops import (
    BERT_TOPS,
    ELECTRA_TOPS,
    GENERATOR_HEAD,
    PLAIN_TOPS,
    ROBERTA_HEAD,
    ROBERTA_TOPS,
    PredictionHead,
)


def task_types(config: Config) -> Parts:
    """ERNIE's table of tasks, where it is asked for."""
    if not config.flag("use_task_id"):
        return {}
    return {"embeddings.task_type_embeddings": Embedding(rows=config.integer("task_type_vocab_size"),
                                                         component="other_embedding")}


PRE_XL = {"attention_norm": "attention.self_attn_layer_norm", "ffn_norm": "LayerNorm", "embedding_norm": ""}
PRE_FAIRSEQ = {"attention_norm": "attention.LayerNorm", "ffn_norm": "intermediate.LayerNorm", "final_norm": "LayerNorm"}
MEGATRON = {"attention_norm": "attention.ln", "ffn_norm": "ln", "final_norm": "encoder.ln", "embedding_norm": ""}

ROWS: dict[str, Encoder] = {
    "bert": Encoder(),
    "roberta": Encoder("roberta", head=ROBERTA_HEAD, tops=ROBERTA_TOPS),
    "xlm-roberta": Encoder("roberta", head=ROBERTA_HEAD, tops=ROBERTA_TOPS),
    "camembert": Encoder("roberta", head=ROBERTA_HEAD, tops=ROBERTA_TOPS),
    "data2vec-text": Encoder("data2vec_text", head=ROBERTA_HEAD, tops=ROBERTA_TOPS),
    "xlm-roberta-xl": Encoder("roberta", PRE_XL, ROBERTA_HEAD, ROBERTA_TOPS, pre=True),
    "roberta-prelayernorm": Encoder("roberta_prelayernorm", PRE_FAIRSEQ, ROBERTA_HEAD, ROBERTA_TOPS, pre=True),
    "ernie": Encoder("ernie", tables=task_types),
    "megatron-bert": Encoder("bert", MEGATRON, pre=True),
    "bert-generation": Encoder(names={"types": ""}, head=PredictionHead("", "", "lm_head.decoder", "lm_head.bias"),
                               tops=PLAIN_TOPS),
    "electra": Encoder("electra", head=GENERATOR_HEAD, tops=ELECTRA_TOPS, embedding_size="embedding_size"),
    "big_bird": Encoder("bert", {"pooler": "pooler"}, tops=BERT_TOPS, pooled=True, qkv_bias="use_bias"),
}
