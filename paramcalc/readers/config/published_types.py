"""Class defaults of model types whose class lives in a repository of its own, not in transformers.

Sizes have no defaults here: published files always state them. `classes` lists the class names that files use for the
architecture, `aliases` the key spellings. The source is the repository's own modeling or configuration file.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Published(NamedTuple):
    """What the class of one model type says when a config.json is silent."""

    classes: tuple[str, ...]
    aliases: dict[str, str]
    """Attribute to the key files use."""
    defaults: dict[str, Any]
    source: str
    text_key: str = "text_config"
    """Where a composite config has its text model."""
    renamed: dict[str, str] = {}  # noqa: RUF012 - never changed
    """Class names of files to the class they mean: ChatGLM's files name the body and hold the head."""
    text_type: str | None = None
    """Type of the text model inside, where its config says none or its keys stand at the top."""
    front: tuple[str, str] | None = None
    """What files put before the text model's parts, and what they call its head."""
    verified: bool = True
    """Whether its count equals a published total; what does not is a lower bound, and says so."""


UNTIED: dict[str, Any] = {"num_key_value_heads": None, "head_dim": None, "tie_word_embeddings": False}
TIED = UNTIED | {"tie_word_embeddings": True}
GPT_KEYS = {"hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
            "intermediate_size": "n_inner", "max_position_embeddings": "n_positions"}
LAYERS = {"num_hidden_layers": "num_layers"}
BAILING = UNTIED | {"use_bias": False, "use_qkv_bias": False, "first_k_dense_replace": 0, "num_shared_experts": 0,
                    "num_experts_per_tok": None, "moe_intermediate_size": None}

OUTSIDE = ("language_model.model.", "language_model.lm_head")

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
    "deepseek_vl_v2": Published(
        ("DeepseekVLV2ForCausalLM",), {},
        {"tile_tag": "2D", "tie_word_embeddings": False},
        "deepseek-ai/deepseek-vl2-tiny modeling_deepseek_vl_v2.py", "language_config", text_type="deepseek_v2",
        renamed={"DeepseekVLV2ForCausalLM": "DeepseekVLV2ForConditionalGeneration"},
        front=("language.model.", "language.lm_head")),
    "deepseek_ocr": Published(
        ("DeepseekOCRForCausalLM",), {}, {"tie_word_embeddings": False},
        "deepseek-ai/DeepSeek-OCR modeling_deepseekocr.py and deepencoder.py", "language_config",
        text_type="deepseek_v2", renamed={"DeepseekOCRForCausalLM": "DeepseekOCRForConditionalGeneration"},
        front=("model.", "lm_head")),
    "deepseek_ocr_2": Published(
        ("DeepseekOCR2ForCausalLM",), {}, {"tie_word_embeddings": False},
        "deepseek-ai/DeepSeek-OCR-2 modeling_deepseekocr2.py and deepencoderv2.py", "language_config",
        text_type="deepseek_v2", renamed={"DeepseekOCR2ForCausalLM": "DeepseekOCR2ForConditionalGeneration"},
        front=("model.", "lm_head")),
    "dots_ocr": Published(
        ("DotsOCRForCausalLM",), {}, {"tie_word_embeddings": False},
        "rednote-hilab/dots.ocr modeling_dots_ocr.py", text_type="qwen2",
        renamed={"DotsOCRForCausalLM": "DotsOCRForConditionalGeneration"}, front=("model.", "lm_head")),
    "dots_vit": Published(
        (), {}, {"embed_dim": 1536, "hidden_size": 1536, "intermediate_size": 4224, "num_hidden_layers": 42,
                 "num_attention_heads": 12, "num_channels": 3, "patch_size": 14, "spatial_merge_size": 2,
                 "use_bias": False, "post_norm": True},
        "vLLM transformers_utils/configs/dotsocr.py, DotsVisionConfig"),
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
    "intern_vit_6b": Published(
        ("InternVisionModel",), {},
        {"qkv_bias": False, "qk_normalization": True, "norm_type": "rms_norm", "num_channels": 3, "image_size": 224,
         "patch_size": 14},
        "OpenGVLab/InternVL2-2B configuration_intern_vit.py"),
    "internvl_chat": Published(
        ("InternVLChatModel",), {}, {"downsample_ratio": 0.5},
        "OpenGVLab/InternVL2-2B modeling_internvl_chat.py", "llm_config",
        {"InternVLChatModel": "InternVLChatForConditionalGeneration"}, front=OUTSIDE),
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
    "kimi_k3": Published(("KimiK3ForConditionalGeneration",), {}, {"tie_word_embeddings": False},
                         "moonshotai/Kimi-K3 modeling_kimi_k3.py and the headers of its files", front=OUTSIDE),
    "kimi_k3_vision": Published(
        (), {"hidden_size": "vt_hidden_size", "num_hidden_layers": "vt_num_hidden_layers",
             "num_attention_heads": "vt_num_attention_heads", "intermediate_size": "vt_intermediate_size",
             "pos_emb_height": "init_pos_emb_height",
             "pos_emb_width": "init_pos_emb_width"},
        {"attn_bias": False, "linear_bias": False, "patch_embed_proj_bias": False},
        "moonshotai/Kimi-K3, the headers of its files"),
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
    "minicpmv": Published(
        ("MiniCPMV",), {}, {"query_num": 64, "drop_vision_last_layer": False, "tie_word_embeddings": False},
        "openbmb/MiniCPM-Llama3-V-2_5 modeling_minicpmv.py and resampler.py", text_type="llama",
        renamed={"MiniCPMV": "MiniCPMVForConditionalGeneration"}, front=("llm.model.", "llm.lm_head")),
    **{f"minicpmv_{kind}": Published(
        ("MiniCPMV",), {}, {"query_num": 64, "drop_vision_last_layer": False,
                            "tie_word_embeddings": kind == "minicpm"},
        f"openbmb/{model} modeling_minicpmv.py and resampler.py", text_type=kind,
        renamed={"MiniCPMV": "MiniCPMVForConditionalGeneration"}, front=("llm.model.", "llm.lm_head"),
        verified=kind != "minicpm")
       for kind, model in (("qwen2", "MiniCPM-V-2_6"), ("qwen3", "MiniCPM-V-4_5"), ("minicpm", "MiniCPM-V-2"))},
    "minicpmo": Published(
        ("MiniCPMO",), {}, {"query_num": 64, "drop_vision_last_layer": False, "tie_word_embeddings": False,
                            "init_vision": True, "init_audio": True, "init_tts": True, "audio_pool_step": 2},
        "openbmb/MiniCPM-o-2_6 modeling_minicpmo.py", text_type="qwen2",
        renamed={"MiniCPMO": "MiniCPMOForConditionalGeneration"}, front=("llm.model.", "llm.lm_head"),
        verified=False),
    "minicpmv_vision": Published(
        (), {}, {"num_channels": 3, "patch_size": 14, "image_size": 980, "vision_use_head": False},
        "openbmb/MiniCPM-V-2_6 modeling_navit_siglip.py"),
    "molmo": Published(
        ("MolmoForCausalLM",), {},
        {"tie_word_embeddings": False, "weight_tying": False, "additional_vocab_size": 128},
        "allenai/Molmo-7B-D-0924 modeling_molmo.py", text_type="molmo_text",
        renamed={"MolmoForCausalLM": "MolmoForConditionalGeneration"},
        front=("model.transformer.", "model.transformer.ff_out")),
    "moondream1": Published(("HfMoondream", "Moondream"), {}, {"config": {}},
                            "vikhyatk/moondream2 config.py, text.py, vision.py and region.py"),
    "molmo_text": Published(
        ("MolmoTextModel", "MolmoTextForCausalLM"), {}, {
            "num_key_value_heads": None, "head_dim": None, "qkv_bias": False, "attention_layer_norm": False,
            "norm_after": False, "tie_word_embeddings": False, "embedding_size": None},
        "allenai/Molmo-7B-D-0924 modeling_molmo.py"),
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
    "ovis": Published(
        ("Ovis",), {}, {"tie_word_embeddings": False}, "AIDC-AI/Ovis2-1B modeling_ovis.py", "llm_config",
        renamed={"Ovis": "OvisForConditionalGeneration"}, front=("llm.model.", "llm.lm_head")),
    "ovis2_5": Published(
        ("Ovis2_5",), {}, {"tie_word_embeddings": False, "visual_vocab_size": 65536},
        "AIDC-AI/Ovis2.5-2B modeling_ovis2_5.py", "llm_config",
        renamed={"Ovis2_5": "Ovis2_5ForConditionalGeneration"}, front=("llm.model.", "llm.lm_head")),
    "siglip2_navit": Published(
        (), {}, {"hidden_size": 1152, "intermediate_size": 4304, "num_hidden_layers": 27, "num_attention_heads": 16,
                 "num_channels": 3, "image_size": 512, "patch_size": 16, "hidden_stride": 2,
                 "preserve_original_pe": True, "use_rope": True},
        "AIDC-AI/Ovis2.5-2B configuration_ovis2_5.py"),
    "ovis_vision": Published(
        (), {}, {"num_channels": 3, "qkv_bias": False, "mlp_bias": False, "vision_use_head": True},
        "AIDC-AI/Ovis2-1B modeling_ovis.py"),
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
    "phi3_v": Published(
        ("Phi3VForCausalLM",), {}, {"tie_word_embeddings": False},
        "microsoft/Phi-3.5-vision-instruct modeling_phi3_v.py", text_type="phi3",
        renamed={"Phi3VForCausalLM": "Phi3VForConditionalGeneration"}, front=("model.", "lm_head")),
    "phi4mm": Published(
        ("Phi4MMForCausalLM",), {}, {"tie_word_embeddings": True},
        "microsoft/Phi-4-multimodal-instruct modeling_phi4mm.py", text_type="phi3",
        renamed={"Phi4MMForCausalLM": "Phi4MMForConditionalGeneration"}, front=("model.", "lm_head")),
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
    "step3_text": Published(
        ("Step3TextModel", "Step3ForCausalLM"),
        {"num_local_experts": "moe_num_experts", "num_experts_per_tok": "moe_top_k",
         "num_key_value_heads": "num_attention_groups", "max_position_embeddings": "max_seq_len"},
        {"tie_word_embeddings": False, "moe_layers_enum": None, "head_dim": 256, "share_q_dim": 2048,
         "num_attention_groups": 1},
        "stepfun-ai/step3 modeling_step3.py"),
    "step3_vl": Published(
        ("Step3VLForConditionalGeneration",), {}, {"understand_projector_stride": 2, "projector_bias": False,
                                                   "tie_word_embeddings": False},
        "stepfun-ai/step3 modeling_step3.py and vision_encoder.py", text_type="step3_text",
        front=("model.", "lm_head")),
    "step3_vision": Published(
        (), {}, {"hidden_size": 1792, "intermediate_size": 3072, "output_hidden_size": 4096, "num_hidden_layers": 63,
                 "num_attention_heads": 16, "num_channels": 3, "image_size": 728, "patch_size": 14},
        "stepfun-ai/step3 configuration_step3.py"),
    "telechat": Published(
        ("TelechatForCausalLM", "TeleChatForCausalLM", "TelechatModel"),
        {"num_hidden_layers": "n_layer", "num_attention_heads": "n_head", "intermediate_size": "ffn_hidden_size",
         "num_key_value_heads": "num_key_value_heads"},
        UNTIED, "Tele-AI/telechat-7B modeling_telechat.py", renamed={"TeleChatForCausalLM": "TelechatForCausalLM"},
        verified=False),
    "Yi": Published(("YiForCausalLM", "YiModel"), {}, UNTIED, "01-ai/Yi-34B modeling_yi.py of 2023"),
    "xverse": Published(("XverseForCausalLM", "XverseModel"), {}, UNTIED, "xverse/XVERSE-13B modeling_xverse.py",
                        verified=False),
}
