"""Model types with towers, and the towers themselves, whose class lives in a repository of its own."""

from __future__ import annotations

from paramcalc.readers.config.published_type import UNTIED, Published

OUTSIDE = ("language_model.model.", "language_model.lm_head")
"""What files put before a text model that stands whole inside, and what they call its head."""
MOLMOE = "allenai/MolmoE-1B-0924 modeling_molmoe.py"
MOLMOE_KEYS = {"hidden_size": "d_model", "num_hidden_layers": "n_layers", "num_attention_heads": "n_heads",
               "num_key_value_heads": "n_kv_heads", "intermediate_size": "mlp_hidden_size",
               "num_local_experts": "moe_num_experts", "num_experts_per_tok": "moe_top_k"}

COMPOSITES: dict[str, Published] = {
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
    "intern_vit_6b": Published(
        ("InternVisionModel",), {},
        {"qkv_bias": False, "qk_normalization": True, "norm_type": "rms_norm", "num_channels": 3, "image_size": 224,
         "patch_size": 14},
        "OpenGVLab/InternVL2-2B configuration_intern_vit.py"),
    "internvl_chat": Published(
        ("InternVLChatModel",), {}, {"downsample_ratio": 0.5},
        "OpenGVLab/InternVL2-2B modeling_internvl_chat.py", "llm_config",
        {"InternVLChatModel": "InternVLChatForConditionalGeneration"}, front=OUTSIDE),
    "kimi_k3": Published(("KimiK3ForConditionalGeneration",), {}, {"tie_word_embeddings": False},
                         "moonshotai/Kimi-K3 modeling_kimi_k3.py and the headers of its files", front=OUTSIDE),
    "kimi_k3_vision": Published(
        (), {"hidden_size": "vt_hidden_size", "num_hidden_layers": "vt_num_hidden_layers",
             "num_attention_heads": "vt_num_attention_heads", "intermediate_size": "vt_intermediate_size",
             "pos_emb_height": "init_pos_emb_height",
             "pos_emb_width": "init_pos_emb_width"},
        {"attn_bias": False, "linear_bias": False, "patch_embed_proj_bias": False},
        "moonshotai/Kimi-K3, the headers of its files"),
    "kimi_vl": Published(("KimiVLForConditionalGeneration",), {}, {"tie_word_embeddings": False},
                         "moonshotai/Kimi-VL-A3B-Instruct modeling_kimi_vl.py", text_type="deepseek_v3",
                         front=OUTSIDE),
    "moonvit": Published(
        (), {}, {"patch_size": 14, "init_pos_emb_height": 64, "init_pos_emb_width": 64, "num_attention_heads": 16,
                 "num_hidden_layers": 27, "hidden_size": 1152, "intermediate_size": 4304, "merge_kernel_size": [2, 2]},
        "moonshotai/Kimi-VL-A3B-Instruct configuration_kimi_vl.py"),
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
    "molmoe": Published(
        ("OLMoForCausalLM", "MolmoForCausalLM"), MOLMOE_KEYS,
        {"tie_word_embeddings": False, "weight_tying": False, "additional_vocab_size": 128}, MOLMOE,
        text_type="molmoe_text",
        renamed=dict.fromkeys(("OLMoForCausalLM", "MolmoForCausalLM"), "MolmoForConditionalGeneration"),
        front=("model.transformer.", "lm_head")),
    "molmoe_text": Published(
        ("MolmoForCausalLM", "MolmoModel"), MOLMOE_KEYS, UNTIED | {
            "qkv_bias": False, "attention_layer_norm": False, "embedding_size": None, "intermediate_size": None,
            "mlp_ratio": 4, "moe_interleave": False, "moe_shared_expert": False, "include_bias": False}, MOLMOE),
    "moondream1": Published(("HfMoondream", "Moondream"), {}, {"config": {}},
                            "vikhyatk/moondream2 config.py, text.py, vision.py and region.py"),
    "moondream3": Published(("HfMoondream", "Moondream"), {}, {"config": {}},
                            "moondream/moondream3-preview config.py, text.py, vision.py and region.py"),
    "molmo_text": Published(
        ("MolmoTextModel", "MolmoTextForCausalLM"), {}, {
            "num_key_value_heads": None, "head_dim": None, "qkv_bias": False, "attention_layer_norm": False,
            "norm_after": False, "tie_word_embeddings": False, "embedding_size": None},
        "allenai/Molmo-7B-D-0924 modeling_molmo.py"),
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
    "phi3_v": Published(
        ("Phi3VForCausalLM",), {}, {"tie_word_embeddings": False},
        "microsoft/Phi-3.5-vision-instruct modeling_phi3_v.py", text_type="phi3",
        renamed={"Phi3VForCausalLM": "Phi3VForConditionalGeneration"}, front=("model.", "lm_head")),
    "phi4mm": Published(
        ("Phi4MMForCausalLM",), {}, {"tie_word_embeddings": True},
        "microsoft/Phi-4-multimodal-instruct modeling_phi4mm.py", text_type="phi3",
        renamed={"Phi4MMForCausalLM": "Phi4MMForConditionalGeneration"}, front=("model.", "lm_head")),
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
}
