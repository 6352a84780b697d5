"""Encoders of embedding models with code of their own: Jina 2 and 3, Nomic 1.5 and 2.

Sources: transformers' modeling file of those it has; the repositories of the others, which
`readers/config/published_types.py` names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from paramcalc.components.embedding import Positions
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Parameter
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.readers.families.encoder import Encoder
from paramcalc.readers.families.encoders.bert import POOLED_CLASSIFIER
from paramcalc.readers.families.encoders.heads import PLAIN_TOPS, ROBERTA_HEAD, PredictionHead

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoders.heads import Tops

FLASH = {"embedding_norm": "emb_ln", "layers": "encoder.layers", "qkv_proj": "Wqkv", "o_proj": "out_proj",
         "attention_norm": "norm1", "ffn_norm": "norm2", "ffn": "mlp", "down_proj": "fc2"}
JINA = FLASH | {"attention": "mixer", "up_proj": "fc1"}
NOMIC = FLASH | {"attention": "attn", "gate_proj": "fc12", "up_proj": "fc11"}
JINA_2 = {"ffn_norm": "mlp.layernorm"}
JINA_TOPS: Tops = {**PLAIN_TOPS, "Model": ("pooler",)}
GATED = ("geglu", "glu", "swiglu", "reglu")


def _alibi(config: Config) -> Parts:
    """Attention falls off with distance: no table of positions. arXiv:2310.19923."""
    config.read |= {"position_embedding_type", "attn_implementation", "emb_pooler"}
    return {"positions": Positions(kind="alibi")}


def _jina_feed(config: Config, _: str) -> Parts:
    """Gated where the config says so: gate and input as one matrix without a bias, and a bias at the end."""
    size = config.integer("intermediate_size")
    if config.text("feed_forward_type", "original") in GATED:
        return {"mlp": FeedForward(intermediate_size=size, fused=True, down_bias=True,
                                   names={"gate_up_proj": "gated_layers", "down_proj": "wo"})}
    return {"mlp": FeedForward(intermediate_size=size, gated=False, bias=True,
                               names={"up_proj": "up_layer", "down_proj": "wo"})}


AT = "parametrizations.weight.0"


def _low_rank(config: Config, path: str, out: int, into: int) -> Parts:
    """One pair of low-rank matrices for each task, beside a matrix. arXiv:2409.10173."""
    tasks = config.get("lora_adaptations")
    if not tasks:
        return {}
    if not isinstance(tasks, list) or len(tasks) > 1024:
        raise config.expected("lora_adaptations", "a list of at most 1,024 tasks")
    rank = config.integer("lora_rank", 4)
    pair = {"lora_A": (len(tasks), rank, into), "lora_B": (len(tasks), out, rank)}
    return {f"{path}.{AT}.{name}": Parameter(shape=shape) for name, shape in pair.items()}


def _table_adapters(config: Config) -> Parts:
    config.read |= {"position_embedding_type", "lora_alpha", "lora_dropout_p", "lora_main_params_trainable",
                    "load_trained_adapters", "task_instructions", "matryoshka_dimensions", "truncate_dim",
                    "use_flash_attn", "emb_pooler", "rotary_emb_base"}
    width, kinds = config.integer("hidden_size"), config.integer("type_vocab_size")
    return {**_low_rank(config, "embeddings.word_embeddings", width, config.integer("vocab_size")),
            **_low_rank(config, "embeddings.token_type_embeddings", width, kinds)}


def _layer_adapters(config: Config) -> Parts:
    width, inner = config.integer("hidden_size"), config.integer("intermediate_size")
    matrices = {"mixer.Wqkv": (3 * width, width), "mixer.out_proj": (width, width), "mlp.fc1": (inner, width),
                "mlp.fc2": (width, inner)}
    return {key: part for path, shape in matrices.items() for key, part in _low_rank(config, path, *shape).items()}


def _pooler_adapter(config: Config) -> Parts:
    width = config.integer("hidden_size")
    return {f"roberta.{key}": part for key, part in _low_rank(config, "pooler.dense", width, width).items()}


def _nomic_layers(config: Config) -> list[str]:
    """Experts in each `moe_every_n_layers`-th layer, from the second on where that is two."""
    config.read |= {"moe_impl", "moe_normalize_expert_weights", "moe_resid_pdrop", "ffn_div", "expert_choice_router",
                    "num_shared_experts", "router_aux_loss_coef", *NOMIC_UNREAD}
    step = config.optional("moe_every_n_layers", least=0) or 0
    return ["moe" if step > 0 and i % step == 1 % step else "layer" for i in range(config.layers)]


NOMIC_UNREAD = {"activation_function", "causal", "dense_seq_output", "fused_bias_fc", "fused_dropout_add_ln",
                "max_trained_positions", "pad_vocab_size_multiple", "parallel_block", "parallel_block_tied_norm",
                "prenorm", "rotary_emb_fraction", "rotary_emb_interleaved", "rotary_emb_scale_base",
                "rotary_scaling_factor", "use_rms_norm", "use_xentropy", "summary_activation", "add_pooling_layer",
                "last_layer_subset", "assume_tied"}
"""Keys of Nomic's own class that change no size at the values its files have."""


def _nomic_feed(config: Config, word: str) -> Parts:
    """Gated by a SwiGLU in version 1.5; plain, and in turns experts that share one bias, in version 2 MoE."""
    size, plain = config.integer("intermediate_size"), config.text("activation_function", "swiglu") not in GATED
    if word == "moe":
        names = {"router": "router.layer", "experts": "experts.mlp", "up_proj": "w1", "down_proj": "w2"}
        width = config.integer("hidden_size")
        return {"mlp": MixtureOfExperts(experts=config.integer("num_experts"), top_k=config.integer("moe_top_k"),
                                        intermediate_size=size, gated=not plain, layout="rows", names=names),
                "mlp.experts.bias": Parameter(shape=(width,), component="ffn")}
    return {"mlp": FeedForward(
        intermediate_size=size, gated=not plain, bias=config.flag("mlp_fc1_bias"),
        down_bias=config.flag("mlp_fc2_bias"),
        names={"gate_proj": "fc12", "up_proj": "fc1" if plain else "fc11", "down_proj": "fc2"})}


ROWS: dict[str, Encoder] = {
    "jina_bert": Encoder("bert", JINA_2, tops=JINA_TOPS, learned=False, tables=_alibi, feed=_jina_feed),
    "jina_embeddings_v3": Encoder("roberta", JINA, ROBERTA_HEAD, JINA_TOPS, learned=False, rotary=True, fused=True),
    "jina_xlm_roberta": Encoder("roberta", JINA, ROBERTA_HEAD, {"Model": ("pooler", _pooler_adapter)}, learned=False,
                                rotary=True, fused=True, tables=_table_adapters, further=_layer_adapters),
    "nomic_bert": Encoder("nomic_bert", NOMIC, PredictionHead(norm="cls.predictions.transform.layer_norm"),
                          POOLED_CLASSIFIER, learned=False, rotary=True, fused=True, qkv_bias="qkv_proj_bias",
                          o_bias="qkv_proj_bias", words=_nomic_layers, feed=_nomic_feed),
}
