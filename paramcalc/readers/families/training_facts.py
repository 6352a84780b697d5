"""What the modeling code of each model type does while it trains, whatever a config says: one row a type.

A row's words are fields of `paramcalc.components.training.Training`. Where a dropout is a tuple of words, these are
config keys, of which the first that the class has says it; `()` where the class drops nothing there, whatever its
config says. `rotary_share` is the part of a head that the rotary tables have columns for.

Read off transformers' modeling files: the return line of each RMSNorm, the softmax of eager attention, the dtype of
rotary tables and of the router's product. Types without a row compute as Llama does.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

MEASURED = frozenset([
    "albert", "bamba", "bart", "bert", "bloom", "cohere", "deepseek_v2", "deepseek_v3", "distilbert", "electra",
    "falcon", "falcon_h1", "falcon_mamba", "gemma", "gemma2", "gemma3_text", "glm4", "glm4_moe", "gpt2",
    "gpt_bigcode", "gpt_neo", "gpt_neox", "gpt_oss", "gptj", "granite", "jamba", "lfm2", "lfm3", "llama", "mamba",
    "mamba2", "minimax", "mistral", "mixtral", "modernbert", "mpt", "nemotron", "olmo", "olmo2", "olmo_hybrid",
    "olmoe", "opt", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_moe",
    "qwen3_next", "roberta", "stablelm", "starcoder2", "t5", "zamba", "zamba2",
])
"""Model types whose saved bytes were held to what torch packed for a model of their class."""

USUAL: Row = {
    "attention_dropout": ("attention_dropout", "attn_pdrop", "attention_probs_dropout_prob", "attn_dropout",
                          "dropout_rate"),
    "hidden_dropout": ("resid_pdrop", "hidden_dropout_prob", "hidden_dropout", "residual_dropout", "resid_dropout",
                       "dropout", "dropout_rate"),
    "embedding_dropout": ("embd_pdrop", "embedding_dropout", "embed_dropout", "hidden_dropout_prob", "dropout",
                          "dropout_rate"),
    "ffn_dropout": ("activation_dropout",),
    "final_dropout": (),
}
MODEL: Row = {"softmax": "model"}
OFFSET: Row = {"norm": "offset"}
FLOAT_ROUTER: Row = {"router_float": True, "router": "sigmoid"}
OLMO2: Row = {"norm": "float", "rotary_dtype": "float"}
T5: Row = MODEL | {"norm": "stream", "relative_bias": True, "mask_argument": True, "ffn_dropout": ("dropout_rate",),
                   "final_dropout": ("dropout_rate",)}


def alike(names: str, row: Row | None = None, **more: Any) -> dict[str, Row]:  # noqa: ANN401 - fields of all types
    """The same row for several model types."""
    return {name: (row or {}) | more for name in names.split()}


ROWS: dict[str, Row] = {
    **alike("albert bert bert-generation big_bird bigbird_pegasus biogpt blenderbot blenderbot-small camembert "
            "convbert cpmant ctrl deberta deberta-v2 electra ernie funnel gpt_neox_japanese gte ibert "
            "jina_embeddings_v3 led longformer m2m_100 marian megatron-bert mobilebert mpnet mvp nllb-moe "
            "nomic_bert nystromformer pegasus pegasus_x rembert roberta roberta-prelayernorm roc_bert roformer "
            "speech_to_text squeezebert trocr whisper xlm-roberta xlm-roberta-xl xlnet xmod", MODEL),
    **alike("bart gpt-sw3 gpt2 mbart openai-gpt plbart", MODEL, mask_argument=True),
    **alike("longt5 mt5 switch_transformers t5 umt5", T5),
    **alike("axk1 axk2 deepseek_v3 deepseek_v32 exaone_moe glm4_moe glm4_moe_lite glm_moe_dsa hy_v3 kolibri1 "
            "longcat_flash solar_open", FLOAT_ROUTER),
    **alike("hy_v4 mimo_v2_flash", FLOAT_ROUTER | MODEL),
    **alike("gemma gemma2 qwen3_next t5gemma vaultgemma", OFFSET),
    **alike("flex_olmo olmo2 olmo3 olmo_hybrid", OLMO2),
    **alike("cohere cohere2 cohere2_moe", layer_norm="written"),
    **alike("codegen gpt_neo gptj", float_scores=True),
    **alike("afmoe helium", norm="float"),
    **alike("mamba mamba2", float_stream=True),
    **alike("zamba zamba2", mask_argument=True, embedding_argument=True),
    "bloom": {"embedding_dropout": ()},
    "deepseek_v2": {"rotary_dtype": "complex", "router_float": True, "router": "softmax"},
    "deepseek_v4": {"norm": "float", "softmax": "model"},
    "distilbert": MODEL | {"attention_residual_dropout": False},
    "ernie4_5": {"rotary_dtype": "float"},
    "ernie4_5_moe": FLOAT_ROUTER | {"rotary_dtype": "float"},
    "falcon": MODEL | {"embedding_dropout": (), "broadcast_kv": True},
    "falcon_h1": {"scaled_mixers": True},
    "falcon_mamba": {"float_stream": True, "selection_norms": True},
    "flint": FLOAT_ROUTER | MODEL | {"norm": "float"},
    "gemma3_text": OFFSET | {"rotary_by_window": True},
    "gemma3n_text": {"rotary_by_window": True},
    "gpt_neox": {"rotary_joined": True},
    "gpt_oss": MODEL | {"norm": "float", "router": "topk_softmax", "clamped_experts": True, "rotary_share": 0.5,
                        "rotary_joined": True},
    "lfm3": {"rotary_dtype": "float", "rotary_by_window": True},
    "llama4_text": MODEL | {"rotary_dtype": "complex"},
    "minimax": {"router": "normalized", "router_weights": "float"},
    "mixtral": {"router": "normalized"},
    "modernbert": {"rotary_by_window": True, "loss": "float"},
    "modernbert-decoder": {"rotary_by_window": True},
    "nemotron_h": FLOAT_ROUTER | OFFSET,
    "olmo": {"layer_norm": "float", "rotary_dtype": "float"},
    "opt": {"embedding_dropout": (), "ffn_dropout": (), "scaled_query": True},
    "phi3": {"embedding_dropout": (), "rotary_joined": True},
    "phimoe": {"embedding_dropout": (), "router": "normalized"},
    "qwen3_5_moe_text": OFFSET | {"router": "normalized", "rotary_by_sequence": True},
    "qwen3_5_text": OFFSET | {"rotary_by_sequence": True},
    "recurrent_gemma": OFFSET | {"mask_argument": True},
    "stablelm": {"attention_residual_dropout": False},
}
