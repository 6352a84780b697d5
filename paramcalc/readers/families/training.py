"""How a family's class computes while it trains: dropout and functions as its config says, the rest as its code does.

Read off transformers' modeling files: the return line of each RMSNorm, the softmax of eager attention, the dtype of
rotary tables and of the router's product.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from paramcalc.components.training import USUAL, Training

if TYPE_CHECKING:
    from paramcalc.readers.families.config import Config

MEASURED = frozenset([
    "albert", "bart", "bert", "bloom", "cohere", "deepseek_v2", "deepseek_v3", "distilbert", "electra", "falcon",
    "gemma", "gemma2", "gemma3_text", "glm4", "glm4_moe", "gpt2", "gpt_bigcode", "gpt_neo", "gpt_neox", "gpt_oss",
    "gptj", "granite", "llama", "mistral", "mixtral", "modernbert", "mpt", "nemotron", "olmo", "olmo2", "olmoe", "opt",
    "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "roberta", "stablelm", "starcoder2", "t5",
])
"""Model types whose saved bytes were held to what torch packed for a model of their class."""
FLOAT_NORM = frozenset([
    "afmoe", "deepseek_v4", "flex_olmo", "flint", "gpt_oss", "helium", "nemotron_h", "olmo2", "olmo3", "olmo_hybrid",
])
OFFSET_NORM = frozenset([
    "gemma", "gemma2", "gemma3_text", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_next", "recurrent_gemma",
    "t5gemma", "vaultgemma",
])
STREAM_NORM = frozenset(["longt5", "mt5", "switch_transformers", "t5", "umt5"])
FLOAT_LAYER_NORM = frozenset(["olmo"])
WRITTEN_LAYER_NORM = frozenset(["cohere", "cohere2", "cohere2_moe"])
FLOAT_SCORES = frozenset(["codegen", "gpt_neo", "gptj"])
FFN_DROPOUT_ALONE = frozenset(["distilbert", "stablelm"])
MODEL_SOFTMAX = frozenset([
    "albert", "bart", "bert", "bert-generation", "big_bird", "bigbird_pegasus", "biogpt", "blenderbot",
    "blenderbot-small", "camembert", "convbert", "cpmant", "ctrl", "deberta", "deberta-v2", "deepseek_v4",
    "distilbert", "electra", "ernie", "falcon", "flint", "funnel", "gpt-sw3", "gpt2", "gpt_neox_japanese",
    "gpt_oss", "gte", "hy_v4", "ibert", "jina_embeddings_v3", "led", "llama4_text", "longformer", "longt5",
    "m2m_100", "marian", "mbart", "megatron-bert", "mimo_v2_flash", "mobilebert", "mpnet", "mt5", "mvp", "nllb-moe",
    "nomic_bert", "nystromformer", "openai-gpt", "pegasus", "pegasus_x", "plbart", "rembert", "roberta",
    "roberta-prelayernorm", "roc_bert", "roformer", "speech_to_text", "squeezebert", "switch_transformers", "t5",
    "trocr", "umt5", "whisper", "xlm-roberta", "xlm-roberta-xl", "xlnet", "xmod",
])
FLOAT_ROTARY = frozenset([
    "ernie4_5", "ernie4_5_moe", "flex_olmo", "lfm3", "olmo", "olmo2", "olmo3", "olmo_hybrid",
])
COMPLEX_ROTARY = frozenset(["deepseek_v2", "llama4_text"])
FLOAT_ROUTER = frozenset([
    "axk1", "axk2", "deepseek_v2", "deepseek_v3", "deepseek_v32", "ernie4_5_moe", "exaone_moe", "flint", "glm4_moe",
    "glm4_moe_lite", "glm_moe_dsa", "hy_v3", "hy_v4", "kolibri1", "longcat_flash", "mimo_v2_flash", "nemotron_h",
    "solar_open",
])
T5_KIN = frozenset(["mt5", "switch_transformers", "t5", "umt5", "longt5"])
MASK_ARGUMENT = frozenset(["bart", "gpt-sw3", "gpt2", "mbart", "openai-gpt", "plbart"]) | T5_KIN
SCALED_QUERY = frozenset(["opt"])
ACTIVATIONS = ("hidden_act", "hidden_activation", "activation_function", "activation", "afn")
ATTENTION = ("attention_dropout", "attn_pdrop", "attention_probs_dropout_prob", "attn_dropout", "dropout_rate")
HIDDEN = ("resid_pdrop", "hidden_dropout_prob", "hidden_dropout", "residual_dropout", "resid_dropout", "dropout",
          "dropout_rate")
EMBEDDING = ("embd_pdrop", "embedding_dropout", "embed_dropout", "hidden_dropout_prob", "dropout", "dropout_rate")
NO_EMBEDDING_DROPOUT = frozenset(["opt", "phi3", "phimoe", "bloom", "falcon"])
TOLD_APART = frozenset(
    ["relu", "tanh", "sigmoid", "relu6", "gelu_new", "gelu_fast", "quick_gelu", "gelu_accurate", "relu2",
     "relu_squared"])
"""Activation functions that keep something else than their input (see `paramcalc.components.tape`)."""
Norm = Literal["cast", "float", "offset", "stream", "native"]


def training(config: Config) -> Training | None:
    """The facts of one config; None where all of them are the usual ones."""
    name = config.model_type
    fields: dict[str, Any] = _dropouts(config) | _rotation(config) | _routing(config)
    word = _activation(config)
    fields["activation"] = word if word in TOLD_APART else ""
    norms: tuple[tuple[frozenset[str], Norm], ...] = ((FLOAT_NORM, "float"), (OFFSET_NORM, "offset"),
                                                      (STREAM_NORM, "stream"))
    fields["norm"] = next((norm for names, norm in norms if name in names), "cast")
    fields["layer_norm"] = ("float" if name in FLOAT_LAYER_NORM else "written" if name in WRITTEN_LAYER_NORM else
                            "native")
    fields["float_scores"] = name in FLOAT_SCORES
    fields["attention_residual_dropout"] = name not in FFN_DROPOUT_ALONE
    fields["broadcast_kv"] = name == "falcon" and config.flag("multi_query") and not config.flag(
        "new_decoder_architecture")
    fields["softmax"] = "model" if name in MODEL_SOFTMAX else "float"
    fields["attention_softcap"] = config.get("attn_logit_softcapping") is not None
    fields["logit_softcap"] = config.get("final_logit_softcapping") is not None
    fields["scaled_query"] = name in SCALED_QUERY
    fields["relative_bias"] = name in T5_KIN
    fields["mask_argument"] = name in MASK_ARGUMENT
    fields["loss"] = "model" if config.task in ("masked", "seq2seq") and name != "modernbert" else "float"
    return _facts(tuple(fields.items()))


@lru_cache(256)
def _facts(fields: tuple[tuple[str, Any], ...]) -> Training | None:
    """Many configs share them, and to validate them again takes longer than to look them up."""
    found = Training.model_validate(dict(fields))
    return None if found == USUAL else found


def _first(config: Config, keys: tuple[str, ...]) -> float:
    """The first of the keys the config has; zero where it has none."""
    for key in keys:
        value = config.get(key)
        if type(value) in (int, float) and 0 <= value < 1:
            return float(value)
    return 0.0


def _dropouts(config: Config) -> dict[str, float]:
    t5 = config.model_type in T5_KIN
    rate = _first(config, ("dropout_rate",)) if t5 else 0.0
    inner = rate or _first(config, ("activation_dropout",)) * (config.model_type != "opt")
    embedding = 0.0 if config.model_type in NO_EMBEDDING_DROPOUT else _first(config, EMBEDDING)
    return {"attention_dropout": _first(config, ATTENTION), "hidden_dropout": _first(config, HIDDEN),
            "ffn_dropout": inner, "embedding_dropout": embedding, "final_dropout": rate}


def _activation(config: Config) -> str:
    if (projection := config.get("feed_forward_proj")) is not None:
        word = str(projection).split("-")[-1]
        return "gelu_new" if projection == "gated-gelu" else word
    for key in ACTIVATIONS:
        value = config.get(key)
        if type(value) is str:
            return value
    return ""


def _rotation(config: Config) -> dict[str, Any]:
    """Columns of the rotary tables where only a part of a head is rotated, and their type."""
    name = config.model_type
    found: dict[str, Any] = {}
    parameters = config.get("rope_parameters")
    nested = parameters.get("partial_rotary_factor") if isinstance(parameters, dict) else None
    share = next((v for v in (nested, config.get("partial_rotary_factor"), config.get("rotary_pct"))
                  if type(v) in (int, float)), 1)
    head = _head_dim(config)
    if share is not None and share != 1 and head:
        found["rotary_size"] = int(head * share)
    if name == "gpt_oss" and head:
        found["rotary_size"] = head // 2
    if share != 1 or name in ("gpt_oss", "phi3", "gpt_neox"):
        found["rotary_joined"] = True
    if name in FLOAT_ROTARY:
        found["rotary_dtype"] = "float"
    if name in COMPLEX_ROTARY:
        found["rotary_dtype"] = "complex"
    if name.startswith(("gemma3", "modernbert")):
        found["rotary_by_window"] = True
    return found


def _head_dim(config: Config) -> int:
    """A head's width where the config has one; what cannot be is for the builder to refuse."""
    head, heads, hidden = (config.get(key) for key in ("head_dim", "num_attention_heads", "hidden_size"))
    if type(head) is int:
        return head
    return hidden // heads if type(heads) is int and type(hidden) is int and heads > 0 else 0


def _routing(config: Config) -> dict[str, Any]:
    name = config.model_type
    if name == "gpt_oss":
        return {"router": "topk_softmax", "clamped_experts": True}
    normalized = config.get("norm_topk_prob")
    plain = name in FLOAT_ROUTER
    if config.get("scoring_func") == "sigmoid" or (plain and name != "deepseek_v2"):
        return {"router": "sigmoid", "router_float": plain, "router_weights": "float"}
    kind = "normalized" if normalized or name in ("mixtral", "phimoe") else "softmax"
    return {"router": kind if name != "deepseek_v2" else "softmax", "router_float": plain,
            "router_weights": "float" if plain else "model"}
