"""What the modeling code of each model type does while it trains, whatever a config says: one row a type.

A row's words are fields of `ClassFacts`. Read off transformers' modeling files: the return line of each
RMSNorm, the softmax of eager attention, the dtype of rotary tables and of the router's product. Types without a row
compute as Llama does.
"""

from __future__ import annotations

from typing import Any

from paramcalc.catalog.same_types import library_type

Row = dict[str, Any]

MEASURED = frozenset([
    "afmoe", "albert", "apertus", "arcee", "aria_text", "axk1", "bailing_hybrid", "bamba", "bart", "bert", "biogpt",
    "bitnet", "blenderbot", "blenderbot-small", "bloom", "camembert", "codegen", "cohere", "cohere2", "cohere2_moe",
    "ctrl", "cwm", "data2vec-text", "deepseek_v2", "deepseek_v3", "deepseek_v32", "diffllama", "distilbert", "electra",
    "emu3_text_model", "ernie", "ernie4_5", "ernie4_5_moe", "eurobert", "exaone4", "exaone_moe", "falcon", "falcon_h1",
    "falcon_mamba", "flex_olmo", "flint", "gemma", "gemma2", "gemma3_text", "gemma3n_text", "gemma4_text",
    "gemma4_unified_text", "glm", "glm4", "glm4_moe", "glm4_moe_lite", "glm_moe_dsa", "gpt2", "gpt_bigcode", "gpt_neo",
    "gpt_neox", "gpt_neox_japanese", "gpt_oss", "gptj", "granite", "granite_swa", "granitemoe", "granitemoe_swa",
    "granitemoehybrid", "granitemoeshared", "gte", "helium", "hunyuan_v1_dense", "hunyuan_v1_moe", "hy_v3",
    "hyperclovax", "internlm3", "iquestcoder", "jais2", "jamba", "jina_embeddings_v3", "kimi_linear", "kolibri1",
    "lfm2", "lfm2_moe", "lfm3", "llama", "llama4_text", "m2m_100", "mamba", "mamba2", "mbart", "mellum",
    "mimo_v2_flash", "minicpm3", "minimax", "minimax_m2", "ministral", "ministral3", "mistral", "mistral4", "mixtral",
    "modernbert", "modernbert-decoder", "mpnet", "mpt", "mt5", "nanochat", "nemotron", "nemotron_h", "nomic_bert",
    "olmo", "olmo2", "olmo3", "olmo_hybrid", "olmoe", "openai-gpt", "opt", "pegasus", "persimmon", "phi", "phi3",
    "phimoe", "plbart", "qwen2", "qwen2_moe", "qwen3", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_moe", "qwen3_next",
    "recurrent_gemma", "roberta", "roberta-prelayernorm", "roc_bert", "rwkv", "seed_oss", "smollm3", "solar_open",
    "stablelm", "starcoder2", "t5", "umt5", "vaultgemma", "xglm", "xlm-roberta", "xlm-roberta-xl", "youtu", "zamba",
    "zamba2",
])
"""Model types whose saved bytes were held to what torch packed for a model of their class."""

POWER: Row = {"norm": "power", "rotary_by_window": True, "value_norm": True}
MODEL: Row = {"softmax": "model"}
OFFSET: Row = {"norm": "offset"}
FLOAT_ROUTER: Row = {"router_float": True, "router": "sigmoid"}
MODERN_BERT: Row = {"rotary_by_window": True, "ffn_residual_dropout": False}
OLMO2: Row = {"norm": "float", "rotary_dtype": "float"}
T5: Row = MODEL | {"norm": "stream", "relative_bias": True, "mask_argument": True}


def alike(names: str, row: Row | None = None, **more: Any) -> dict[str, Row]:  # noqa: ANN401 - fields of all types
    """A mapping that gives each of several model types the same row of facts."""
    return {name: (row or {}) | more for name in names.split()}


ROWS: dict[str, Row] = {
    **alike("bert bert-generation big_bird bigbird_pegasus biogpt convbert cpmant deberta deberta-v2 electra "
            "funnel ibert led longformer megatron-bert mobilebert nllb-moe "
            "nystromformer pegasus_x rembert roformer speech_to_text squeezebert trocr whisper xlnet", MODEL),
    **alike("bart blenderbot blenderbot-small gpt-sw3 gpt2 m2m_100 mbart mvp plbart", MODEL, mask_argument=True),
    **alike("marian pegasus", MODEL, mask_argument=True, position_indices=False),
    **alike("camembert data2vec-text roberta roberta-prelayernorm xlm-roberta xmod",
            MODEL, type_indices=True),
    "nomic_bert": MODEL | {"own_qkv": True, "type_indices": True},
    **alike("longt5 mt5 switch_transformers t5", T5),
    "glm4_moe": FLOAT_ROUTER | {"router_group_best": 2},
    **alike("axk1 axk2 deepseek_v3 deepseek_v32 dots1 exaone_moe glm4_moe_lite glm_moe_dsa "
            "kimi_linear solar_open", FLOAT_ROUTER, router_group_best=2),
    **alike("hy_v3 kolibri1 longcat_flash", FLOAT_ROUTER),
    **alike("hy_v4 mimo_v2_flash", FLOAT_ROUTER | MODEL, router_group_best=2),
    **alike("granitemoe granitemoehybrid granitemoeshared", router="topk_softmax"),
    **alike("gemma gemma2 t5gemma vaultgemma", OFFSET),
    **alike("flex_olmo olmo2 olmo_hybrid", OLMO2),
    **alike("cohere cohere2", layer_norm="written", qk_layer_norm=True),
    **alike("glm glm4", rotary_per="layer"),
    "gemma3n_text": POWER,
    "gemma4_unified_text": POWER,
    **alike("mamba mamba2", float_stream=True),
    **alike("zamba zamba2", mask_argument=True, embedding_argument=True),
    "afmoe": {"norm": "float", "router": "sigmoid"},
    "aria_text": {"router": "topk_softmax", "router_scores": "model"},
    "bailing_hybrid": FLOAT_ROUTER | {"router_group_best": 2, "bounded_decay": True, "float_gate": True},
    "bloom": {"own_attention": True},
    "bitnet": {"normed_context": True},
    "ctrl": MODEL | {"activation": "relu"},
    "ernie": MODEL | {"position_indices": False, "type_indices": True},
    "jina_embeddings_v3": MODEL | {"own_qkv": True, "type_indices": True},
    "roc_bert": MODEL | {"position_indices": False, "type_indices": True},
    "cohere2_moe": {"layer_norm": "written", "qk_layer_norm": True, "router": "topk_softmax"},
    "codegen": {"float_scores": True, "own_attention": True, "own_qkv": True, "own_qkv_above": 4, "rotary_per": "call"},
    "deepseek_v2": {"rotary_dtype": "complex", "router_float": True, "router": "softmax", "router_group_best": 1},
    "deepseek_v4": {"norm": "float", "softmax": "model"},
    "albert": MODEL | {"ffn_residual_dropout": False},
    "distilbert": MODEL | {"attention_residual_dropout": False, "position_indices": False},
    "ernie4_5": {"rotary_dtype": "float", "rotary_per": "layer"},
    "ernie4_5_moe": {"rotary_dtype": "float", "rotary_per": "layer", "router": "normalized", "router_float": True,
                     "router_weights": "model", "router_clamped": True},
    "falcon": MODEL | {"picked_kv": True, "one_residual_dropout": True},
    "falcon_h1": {"scaled_mixers": True},
    "falcon_mamba": {"float_stream": True, "selection_norms": True},
    "flint": FLOAT_ROUTER | {"norm": "float", "float_scores": True, "sinks": "float_column"},
    "gemma3_text": OFFSET | {"rotary_by_window": True},
    "gemma4_text": POWER | {"router_normed": True, "router": "normalized", "router_weights": "float"},
    "gpt_neo": {"float_scores": True},
    "gpt_neox": {"rotary_joined": True},
    "gpt_neox_japanese": MODEL | {"own_attention": True},
    "gpt_oss": MODEL | {"norm": "float", "router": "topk_softmax", "router_scores": "model", "clamped_experts": True,
                        "rotary_share": 0.5, "rotary_joined": True},
    "gptj": {"float_scores": True, "rotary_per": "call"},
    "gte": MODEL | {"own_qkv": True, "type_indices": True},
    "granite_swa": {"sinks": "scale"},
    "granitemoe_swa": {"sinks": "scale", "router": "topk_softmax"},
    "helium": {"norm": "offset", "rotary_per": "layer"},
    "hunyuan_v1_moe": {"router": "normalized"},
    "lfm2_moe": {"router": "sigmoid", "router_scores": "model", "router_weights": "model"},
    "lfm3": {"rotary_dtype": "float", "rotary_by_window": True},
    "llama4_text": MODEL | {"rotary_dtype": "complex", "every_expert": True, "qk_l2_norm": "chunked",
                            "temperature": "unchunked"},
    "minimax": {"router": "normalized", "router_weights": "float"},
    "minimax_m2": {"router": "sigmoid", "rotary_joined": True},
    "ministral3": {"temperature": "all"},
    "mistral4": {"temperature": "all", "router": "normalized", "router_scores": "model", "router_weights": "model",
                 "router_group_best": 2},
    "mixtral": {"router": "normalized", "router_weights": "float"},
    "modernbert": MODERN_BERT | {"loss": "masked"},
    "modernbert-decoder": MODERN_BERT,
    "mpnet": MODEL | {"own_attention": True},
    "mpt": {"saved_mask": True},
    "nanochat": {"qk_l2_norm": "all"},
    "nemotron": {"layer_norm": "offset"},
    "openai-gpt": MODEL | {"mask_argument": True, "position_indices": False, "own_attention": True,
                           "activation": "gelu_new"},
    "nemotron_h": FLOAT_ROUTER | OFFSET | {"router_group_best": 2},
    "olmo": {"layer_norm": "float", "rotary_dtype": "float"},
    "opt": {"scaled_query": True},
    "phi3": {"rotary_joined": True},
    "olmo3": OLMO2 | {"rotary_by_window": True},
    "persimmon": {"attention_residual_dropout": False},
    "phimoe": {"router": "sparsemixer"},
    "qwen3_5_moe_text": OFFSET | {"router": "normalized", "rotary_by_sequence": True},
    "qwen3_5_text": OFFSET | {"rotary_by_sequence": True},
    "qwen3_next": OFFSET,
    "recurrent_gemma": OFFSET | {"mask_argument": True, "rotary_per": "layer"},
    "stablelm": {"attention_residual_dropout": False, "qk_layer_norm": True},
    "xlm-roberta-xl": MODEL | {"type_indices": True, "ffn_residual_dropout": False},
    "eurobert": {"loss": "masked"},
    "ultrabert": {"loss": "masked"},
    "xglm": MODEL | {"own_attention": True, "mask_argument": True, "floored_scores": True, "position_indices": False},
    "umt5": T5 | {"layer_bias": True},
}

FLOAT_ROTARY: Row = {"rotary_dtype": "float", "rotary_by_sequence": True}
WHISPER: Row = MODEL | {"rotary_joined": True}
"""Heads are laid apart before a fused kernel reads them, which gives them back so."""
TOWER_ROWS: dict[str, Row] = {
    **alike("glm4v_moe_vision glm4v_vision qwen2_5_omni_vision_encoder qwen2_5_vl_vision qwen2_vl_vision "
            "qwen3_5_moe_vision qwen3_5_vision qwen3_omni_moe_vision_encoder qwen3_vl_moe_vision qwen3_vl_vision",
            FLOAT_ROTARY),
    **alike("audioflamingo3_encoder moss_transcribe_diarize_audio qwen2_audio_encoder voxtral_encoder", WHISPER),
    **alike("blip_vision_model blip_2_vision_model instructblip_vision_model instructblipvideo_vision_model "
            "florence_vision intern_vit_6b internvl_vision", MODEL),
    **alike("kimi_k25_vision paddleocr_vl_vision", FLOAT_ROTARY),
    "gemma4_vision": {"norm": "power", "value_norm": True, "copied_input": True},
    "llama4_vision_model": MODEL | {"copied_input": True},
    **alike("idefics2_vision idefics3_vision smolvlm_vision", {"copied_input": True}),
}
"""The same for towers, by the model type of their own config."""

MEASURED_TOWERS = frozenset([
    "audioflamingo3_encoder", "clip_vision_model", "exaone4_5_vision", "gemma4_vision", "glm4v_vision",
    "glmasr_encoder", "idefics3_vision", "internvl_vision", "llama4_vision_model", "paddleocr_vl_vision", "pixtral",
    "qwen2_5_omni_audio_encoder", "qwen2_5_vl_vision", "qwen2_vl_vision", "qwen3_omni_moe_audio_encoder",
    "qwen3_vl_vision", "siglip_vision_model", "video_llama_3_vision", "voxtral_encoder",
])
"""Model types of towers whose saved bytes were held to what torch packed for a model of their class, of two layers: to
within 4% of it, most of which is what stands beside the layers."""


def class_row(model_type: str) -> Row:
    """The row of a model type, or of the type whose class it repeats; empty where it computes as Llama does."""
    return ROWS.get(library_type(model_type), {})


def tower_row(model_type: str) -> Row:
    """The row of a tower's model type; empty where it computes as CLIP's does."""
    return TOWER_ROWS.get(library_type(model_type), {})
