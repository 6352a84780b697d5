"""Model types whose class lives in a repository of its own, not in transformers: the text models, and all of them."""

from __future__ import annotations

from paramcalc.readers.config.published_type import GPT_KEYS, TIED, UNTIED, Published
from paramcalc.readers.config.published_wholes import COMPOSITES

LAYERS = {"num_hidden_layers": "num_layers"}
BAILING = UNTIED | {"use_bias": False, "use_qkv_bias": False, "first_k_dense_replace": 0, "num_shared_experts": 0,
                    "num_experts_per_tok": None, "moe_intermediate_size": None}

PUBLISHED_TYPES: dict[str, Published] = {
    "aquila": Published(("AquilaForCausalLM", "AquilaModel"), {}, UNTIED, "BAAI/AquilaChat2-34B modeling_aquila.py",
                        verified=False),
    "arctic": Published(
        ("ArcticForCausalLM", "ArcticModel"), {},
        UNTIED | {"moe_layer_frequency": 2, "parallel_attn_mlp_res": False, "num_local_experts": 8,
                  "num_experts_per_tok": 1},
        "Snowflake/snowflake-arctic-base modeling_arctic.py", verified=False),
    "baichuan": Published(
        ("BaichuanForCausalLM", "BaiChuanForCausalLM", "BaichuanModel"), {}, UNTIED,
        "baichuan-inc/Baichuan2-13B-Base modeling_baichuan.py",
        renamed={"BaiChuanForCausalLM": "BaichuanForCausalLM"}),
    "baichuan_m1": Published(
        ("BaichuanM1ForCausalLM", "BaichuanM1Model"), {},
        UNTIED | {"num_swa_attention_heads": None, "num_swa_key_value_heads": None, "sliding_window_layers": None,
                  "conv_window": 2},
        "baichuan-inc/Baichuan-M1-14B-Base modeling_baichuan.py, by ml-explore/mlx-lm baichuan_m1.py", verified=False),
    "bailing_moe": Published(("BailingMoeForCausalLM", "BailingMoeModel"), {}, BAILING,
                             "inclusionAI/Ling-lite modeling_bailing_moe.py"),
    "bailing_moe_v2": Published(
        ("BailingMoeV2ForCausalLM", "BailingMoeV2Model"), {},
        BAILING | {"use_qk_norm": True, "moe_router_enable_expert_bias": True,
                   "moe_shared_expert_intermediate_size": None, "num_nextn_predict_layers": 0},
        "inclusionAI/Ling-mini-2.0 modeling_bailing_moe_v2.py"),
    "chatglm": Published(
        ("ChatGLMForConditionalGeneration", "ChatGLMModel", "ChatGLMForSequenceClassification"),
        {"num_hidden_layers": "num_layers", "intermediate_size": "ffn_hidden_size", "head_dim": "kv_channels",
         "vocab_size": "padded_vocab_size", "max_position_embeddings": "seq_length",
         "num_key_value_heads": "multi_query_group_num"},
        UNTIED | {"add_bias_linear": False, "add_qkv_bias": False, "multi_query_attention": False, "rmsnorm": True,
                  "post_layer_norm": True, "inner_hidden_size": None},
        "THUDM/chatglm2-6b and THUDM/chatglm-6b modeling_chatglm.py",
        renamed={"ChatGLMModel": "ChatGLMForConditionalGeneration"}),
    "deepseek": Published(
        ("DeepseekForCausalLM", "DeepseekModel"), {},
        {"attention_bias": False, "first_k_dense_replace": 0, "moe_layer_freq": 1, "num_key_value_heads": None,
         "n_shared_experts": None, "n_routed_experts": None, "tie_word_embeddings": False},
        "deepseek-ai/deepseek-moe-16b-base modeling_deepseek.py (DeepSeekMoE, arXiv:2401.06066)"),
    "Dream": Published(("DreamModel", "DreamBaseModel"), {}, UNTIED, "Dream-org/Dream-v0-Base-7B modeling_dream.py",
                       renamed={"DreamModel": "DreamForCausalLM"}),
    "grok-1": Published(
        ("Grok1ModelForCausalLM", "Grok1Model"), {}, TIED,
        "hpcai-tech/grok-1 modeling_grok1.py", renamed={"Grok1ForCausalLM": "Grok1ModelForCausalLM"}),
    "hunyuan": Published(
        ("HunYuanForCausalLM", "HunYuanModel"), {},
        TIED | {"attention_bias": False, "mlp_bias": False, "num_experts": 1, "moe_topk": 1, "num_shared_expert": 1,
                "use_mixed_mlp_moe": False, "use_qk_norm": False, "use_cla": False, "cla_share_factor": 1,
                "moe_intermediate_size": None},
        "tencent/Tencent-Hunyuan-Large modeling_hunyuan.py", verified=False),
    "hymba": Published(
        ("HymbaForCausalLM", "HymbaModel"), {},
        {"num_key_value_heads": None, "tie_word_embeddings": False, "mamba_d_state": 16, "mamba_d_conv": 4,
         "mamba_expand": 2, "mamba_dt_rank": "auto", "mamba_conv_bias": True, "mamba_proj_bias": False,
         "mamba_inner_layernorms": True, "kv_reuse_every_i_layer": -1, "kv_reuse_group": None, "kq_norm": "none",
         "global_attn_idx": None, "num_memory_tokens": 0, "rope": False, "sliding_window": None},
        "nvidia/Hymba-1.5B-Base modeling_hymba.py"),
    "internlm": Published(("InternLMForCausalLM", "InternLMModel"), {}, UNTIED | {"bias": True},
                          "internlm/internlm-7b modeling_internlm.py"),
    "internlm2": Published(
        ("InternLM2ForCausalLM", "InternLM2Model", "InternLM2ForRewardModel"), {}, UNTIED | {"bias": True},
        "internlm/internlm2-7b modeling_internlm2.py"),
    "jais": Published(
        ("JAISLMHeadModel", "JAISModel"), GPT_KEYS,
        {"num_key_value_heads": None, "position_embedding_type": "learned", "activation_function": "gelu",
         "tie_word_embeddings": True, "head_dim": None, "n_inner": None},
        "inceptionai/jais-13b modeling_jais.py", verified=False),
    "jina_bert": Published(
        ("JinaBertModel",), {},
        {"type_vocab_size": 2, "feed_forward_type": "original", "is_decoder": False, "use_qk_norm": False},
        "jinaai/jina-bert-implementation modeling_bert.py",
        renamed={"JinaBertForMaskedLM": "JinaBertModel", "BertModel": "JinaBertModel"}),
    "jina_xlm_roberta": Published(
        ("XLMRobertaModel", "XLMRobertaLoRA"), {},
        {"lora_adaptations": None, "lora_rank": 4, "is_decoder": False},
        "jinaai/xlm-roberta-flash-implementation modeling_lora.py",
        renamed={"XLMRobertaLoRA": "XLMRobertaModel", "XLMRobertaForMaskedLM": "XLMRobertaModel"}),
    "llada": Published(
        ("LLaDAModelLM", "LLaDAModel"),
        {"hidden_size": "d_model", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
         "num_key_value_heads": "n_kv_heads", "intermediate_size": "mlp_hidden_size",
         "max_position_embeddings": "max_sequence_length", "tie_word_embeddings": "weight_tying"},
        UNTIED | {"include_bias": False, "include_qkv_bias": False, "embedding_size": None},
        "GSAI-ML/LLaDA-8B-Base modeling_llada.py", renamed={"LLaDAModelLM": "LLaDAForCausalLM"}),
    "mamba_ssm": Published(
        ("MambaLMHeadModel",), {"hidden_size": "d_model", "num_hidden_layers": "n_layer",
                                "tie_word_embeddings": "tie_embeddings"},
        {"ssm_cfg": {}, "attn_layer_idx": [], "attn_cfg": {}, "d_intermediate": 0, "pad_vocab_size_multiple": 8,
         "tie_embeddings": True, "rms_norm": True},
        "state-spaces/mamba mamba_ssm/models/config_mamba.py"),
    "mimo": Published(("MiMoForCausalLM", "MiMoModel"), {}, UNTIED | {"attention_bias": True,
                                                                     "num_nextn_predict_layers": 0},
                      "XiaomiMiMo/MiMo-7B-Base modeling_mimo.py"),
    "minicpm": Published(("MiniCPMForCausalLM", "MiniCPMModel"), {}, TIED | {"attention_bias": False},
                         "openbmb/MiniCPM-2B-sft-bf16 modeling_minicpm.py"),
    "nemotron-nas": Published(("DeciLMForCausalLM", "DeciLMModel"), {},
                              UNTIED | {"attention_bias": False, "mlp_bias": False},
                              "nvidia/Llama-3_3-Nemotron-Super-49B-v1 modeling_decilm.py"),
    "openelm": Published(
        ("OpenELMForCausalLM", "OpenELMModel"),
        {"hidden_size": "model_dim", "num_hidden_layers": "num_transformer_layers",
         "max_position_embeddings": "max_context_length"},
        {"ffn_dim_divisor": 256, "normalize_qk_projections": False, "share_input_output_layers": True,
         "ffn_with_glu": True, "tie_word_embeddings": True},
        "apple/OpenELM-270M modeling_openelm.py"),
    "orion": Published(("OrionForCausalLM", "OrionModel"), {}, UNTIED | {"attention_bias": False},
                       "OrionStarAI/Orion-14B-Base modeling_orion.py", verified=False),
    "params": Published(
        ("TransformerForCausalLM",),
        {"hidden_size": "dim", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
         "num_key_value_heads": "n_kv_heads", "tie_word_embeddings": "tied_embeddings"},
        {"n_kv_heads": None, "head_dim": None, "hidden_dim": None, "multiple_of": 256, "ffn_dim_multiplier": None,
         "moe": None, "tied_embeddings": False,
         "q_lora_rank": None, "qk_nope_head_dim": None, "attention_bias": False},
        "meta-llama/llama-models model.py; mistralai/mistral-inference args.py"),
    "phi-msft": Published(
        ("PhiForCausalLM", "MixFormerSequentialForCausalLM", "PhiModel"),
        GPT_KEYS | {"num_key_value_heads": "n_head_kv"},
        {"n_inner": None, "n_head_kv": None, "head_dim": None, "tie_word_embeddings": False},
        "microsoft/phi-2 modeling_phi.py of 2023"),
    "phi3small": Published(
        ("Phi3SmallForCausalLM", "Phi3SmallModel"), {"intermediate_size": "ff_intermediate_size"}, TIED,
        "microsoft/Phi-3-small-8k-instruct modeling_phi3_small.py"),
    "plamo": Published(
        ("PlamoForCausalLM", "PlamoModel"), {}, {"n_shared_head": 8, "tie_word_embeddings": False, "head_dim": None},
        "pfnet/plamo-13b modeling_plamo.py", verified=False),
    "plamo2": Published(
        ("Plamo2ForCausalLM", "Plamo2Model"), {"head_dim": "hidden_size_per_head"},
        {"mamba_enabled": True, "mamba_step": 2, "mamba_d_state": 64, "mamba_d_conv": 4, "mamba_num_heads": 64,
         "mamba_chunk_size": 256, "attention_window_size": 2048, "hidden_size_per_head": 128,
         "tie_word_embeddings": True},
        "pfnet/plamo-2-1b modeling_plamo.py", renamed={"PlamoForCausalLM": "Plamo2ForCausalLM",
                                                       "PlamoModel": "Plamo2Model"}),
    "plamo3": Published(
        ("Plamo3ForCausalLM", "Plamo3Model"), {},
        {"window_size": 2048, "sliding_window_pattern": 8, "head_dim": 128, "tie_word_embeddings": True},
        "pfnet/plamo-3-nict-2b-base modeling_plamo.py", verified=False),
    "qwen": Published(("QWenLMHeadModel", "QWenModel"), {"head_dim": "kv_channels"},
                      {"num_key_value_heads": None, "tie_word_embeddings": False, "no_bias": True},
                      "Qwen/Qwen-7B modeling_qwen.py"),
    "RefinedWeb": Published(
        ("RWForCausalLM", "RWModel"),
        {"num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "num_kv_heads": "n_head_kv"},
        {"alibi": False, "bias": False, "multi_query": False, "parallel_attn": True, "n_head_kv": None,
         "new_decoder_architecture": True, "num_ln_in_parallel_attn": None, "ffn_hidden_size": None,
         "tie_word_embeddings": True},
        "tiiuae/falcon-40b modelling_RW.py"),
    "RefinedWebModel": Published(
        ("RWForCausalLM", "RWModel"),
        {"num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "num_kv_heads": "n_head_kv"},
        {"alibi": False, "bias": False, "multi_query": True, "parallel_attn": True, "n_head_kv": None,
         "new_decoder_architecture": False, "num_ln_in_parallel_attn": None, "ffn_hidden_size": None,
         "tie_word_embeddings": True},
        "tiiuae/falcon-7b modelling_RW.py"),
    "rwkv5": Published(
        ("Rwkv5ForCausalLM", "Rwkv5Model"), {}, {"attention_hidden_size": None, "intermediate_size": None,
                                                 "head_size": 64, "tie_word_embeddings": False},
        "RWKV/v5-Eagle-7B-HF modeling_rwkv5.py"),
    "rwkv6": Published(
        ("Rwkv6ForCausalLM", "Rwkv6Model"), {}, {"attention_hidden_size": None, "intermediate_size": None,
                                                 "head_size": 64, "tie_word_embeddings": False},
        "RWKV/v6-Finch-1B6-HF modeling_rwkv6.py"),
    "rwkv7": Published(
        ("RWKV7ForCausalLM", "RWKV7Model"), {},
        {"head_dim": 64, "intermediate_size": None, "hidden_ratio": 4.0, "norm_bias": True, "norm_first": True,
         "tie_word_embeddings": False},
        "flash-linear-attention rwkv7 (RWKV/RWKV7-Goose-World3-2.9B-HF)"),
    "skywork": Published(("SkyworkForCausalLM", "SkyworkModel"), {}, UNTIED, "Skywork/Skywork-13B-base",
                         verified=False),
    "telechat": Published(
        ("TelechatForCausalLM", "TeleChatForCausalLM", "TelechatModel"),
        {"num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "intermediate_size": "ffn_hidden_size",
         "num_key_value_heads": "num_key_value_heads"},
        UNTIED, "Tele-AI/telechat-7B modeling_telechat.py", renamed={"TeleChatForCausalLM": "TelechatForCausalLM"},
        verified=False),
    "Yi": Published(("YiForCausalLM", "YiModel"), {}, UNTIED, "01-ai/Yi-34B modeling_yi.py of 2023"),
    "xverse": Published(("XverseForCausalLM", "XverseModel"), {}, UNTIED, "xverse/XVERSE-13B modeling_xverse.py",
                        verified=False),
} | COMPOSITES
