"""Keys any config may hold that change no count: ids, probabilities, rotary numbers, bookkeeping of the library."""

from __future__ import annotations

NEUTRAL = frozenset([
    "activation_dropout", "activation_function", "architectures", "attention_dropout", "attention_mode",
    "attention_probs_dropout_prob", "attention_sink_size", "attention_softmax_in_fp32", "attn_implementation",
    "attn_pdrop", "audio_token_id", "auto_map", "aux_loss_alpha", "bad_words_ids", "begin_suppress_tokens", "bos_token",
    "bos_token_id", "bos_token_ids", "cache_implementation", "chunk_size_feed_forward", "classifier_dropout",
    "classifier_dropout_prob", "cls_dropout", "cls_token_id", "conv_act", "custom_pipelines", "datasets",
    "decoder_start_token_id", "dense_act_fn", "directionality", "diversity_penalty", "do_sample", "down_scale_factor",
    "dropout", "dtype", "dual_chunk_attention_config", "early_stopping", "embd_pdrop", "embedding_dropout",
    "encoder_no_repeat_ngram_size", "eoa_token_id", "eos_token", "eos_token_id", "eos_token_ids", "ep_size",
    "expert_dtype", "exponential_decay_length_penalty", "extra_special_tokens", "finetuning_task", "flash_attention",
    "forced_bos_token_id", "forced_decoder_ids", "forced_eos_token_id", "gap_size", "global_rope_theta",
    "gradient_checkpointing", "hidden_act", "hidden_activation", "hidden_dropout", "hidden_dropout_prob", "id2label",
    "ignore_attention_mask", "ignore_index", "image_seq_length", "image_token_id", "image_token_index",
    "indexer_rope_interleave", "inference_runner", "init_std", "initial_context_length", "initializer_factor",
    "initializer_range", "is_decoder", "is_encoder_decoder", "is_llama_config", "label2id", "label_names", "language",
    "layer_norm_eps", "layer_norm_epsilon", "layernorm_epsilon", "length_penalty", "local_rope_theta",
    "mamba_ssm_dtype", "mask_channel_length", "mask_channel_min_space", "mask_channel_other", "mask_channel_prob",
    "mask_channel_selection", "masked_softmax_fusion", "max_batch_size", "max_length", "max_new_tokens",
    "max_position_embeddings", "max_window_layers", "media_placeholder_token_id", "min_length", "model_max_length",
    "model_type", "moe_router_dtype", "n_ctx", "n_special", "name_or_path", "neftune_noise_alpha", "net_structure_type",
    "no_repeat_ngram_size", "norm_eps", "norm_topk_prob", "num_beam_groups", "num_beams", "num_feat_extract_layers",
    "num_labels", "num_return_sequences", "out_features", "out_indices", "output_attentions", "output_hidden_states",
    "output_past", "output_router_logits", "output_scores", "pad_key_length", "pad_token", "pad_token_id",
    "pad_token_ids", "padding_side", "partial_rotary_factor", "pooler_type", "pre_allocate_kv_cache",
    "predict_special_tokens", "prefix", "pretraining_tp", "problem_type", "projector_hidden_act", "quantization",
    "quantization_config", "reference_compile", "remove_invalid_values", "renormalize_logits", "repad_logits_with_grad",
    "repetition_penalty", "resid_pdrop", "return_dict", "return_dict_in_generate", "rms_norm_eps", "rope_interleave",
    "rope_interleaved", "rope_local_base_freq", "rope_parameters", "rope_scaling", "rope_theta", "rotary_dim",
    "rotary_emb_base", "rotary_pct", "routed_scaling_factor", "router_aux_loss_coef", "runner_max_sequence_length",
    "scale_attention_softmax_in_fp32", "scale_attn_weights", "scoring_func", "sentence_transformers", "sep_token_id",
    "seq_aux", "sinusoidal_pos_embds", "stage_names", "summary_activation", "summary_first_dropout",
    "summary_last_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj", "suppress_tokens",
    "swa_rope_theta", "tags", "task_specific_params", "temperature", "tf_legacy_loss", "tie_weights_",
    "tie_word_embeddings", "time_step_limit", "tokenizer_class", "tokenizer_model_max_length", "tokenizer_name",
    "top_k", "top_p", "topk_method", "torch_dtype", "torchscript", "transformers.js_config", "transformers_version",
    "typical_p", "unk_token", "unk_token_id", "use_bfloat16", "use_cache", "use_flash_attn", "use_unified_vision_chunk",
    "validate_runner_input", "verbose", "video_placeholder", "video_token_id", "vision_end_token_id",
    "vision_soft_tokens_per_image", "vision_start_token_id", "vision_token_id", "xla_device", "z_steps",
])

NEUTRAL_AT: dict[str, tuple[object, ...]] = {
    "add_cross_attention": (False,), "attention_bias": (False,), "lm_head_bias": (False,),
    "mlp_bias": (False,), "mlp_only_layers": ([],), "mtp_use_dedicated_embeddings": (False,),
    "n_shared_experts": (0, None), "position_embedding_type": ("absolute",), "qkv_bias": (False,), "rotary": (True,),
    "shared_expert_intermediate_size": (0, None), "shared_intermediate_size": (0, None), "use_sliding_window": (False,),
}
"""Keys that some files say though their class has no such choice, at the values that say what it does anyway."""

NEUTRAL_PREFIXES = ("_", "unsloth_")
"""Private attributes of the library's configs, and the bookkeeping of a training tool."""

ANY: tuple[object, ...] = ()
FAIRSEQ: dict[str, tuple[object, ...]] = {"add_cross_attention": (True,), **dict.fromkeys(
    ("add_final_layer_norm", "do_blenderbot_90_layernorm", "extra_pos_embeddings", "layernorm_variant",
     "normalize_before", "normalize_embedding", "static_position_embeddings"), ANY)}
"""Of BART and its kin: how the one class they shared was told to be each of them. Since each has a class of its own,
none reads them; layers of their decoders attend to an encoder at any rate."""
NEUTRAL_IN: dict[str, dict[str, tuple[object, ...]]] = {
    **dict.fromkeys(("bart", "bigbird_pegasus", "blenderbot", "blenderbot-small", "led", "m2m_100", "marian", "mbart",
                     "mvp", "pegasus", "pegasus_x", "plbart", "speech_to_text", "trocr", "whisper"), FAIRSEQ),
    "align_vision_model": {"num_hidden_layers": ANY},
    "bailing_hybrid": {"linear_conv_kernel_dim": ANY, "linear_head_dim": ANY, "linear_num_heads": ANY,
                       "qk_head_dim": ANY},
    "bailing_moe": {"intermediate_size": ANY},
    "bloom": {"bias_dropout_fusion": ANY, "skip_bias_add": ANY},
    "bert": {"pooler_fc_size": ANY, "pooler_hidden_size": ANY, "pooler_num_attention_heads": ANY,
             "pooler_num_fc_layers": ANY, "pooler_size_per_head": ANY},
    "bridgetower": {"contrastive_hidden_size": ANY},
    "chatglm": {"apply_query_key_layer_scaling": ANY, "bias_dropout_fusion": ANY},
    "clip_vision_model": {"vocab_size": ANY},
    "dbrx": {"clip_qkv": ANY, "ffn_act_fn": ANY, "moe_loss_weight": ANY, "moe_normalize_expert_weights": ANY,
             "num_key_value_heads": ANY},
    "decoder_config": {"head_dim": ANY},
    "deepseek_v4": {"qk_rope_head_dim": ANY},
    "donut-swin": {"hidden_size": ANY, "path_norm": (True,)},
    "dots3_note_audio_encoder": {"conv_output_size": ANY},
    "efficientnet": {"num_hidden_layers": ANY},
    "emu3_text_model": {"vocabulary_map": ANY},
    "encoder_config": {"head_dim": ANY, "hidden_size_global": ANY},
    "gemma4_vision": {"global_head_dim": ANY},
    "glm4v_text": {"attention_bias": ANY},
    "glm_moe_dsa": {"index_share_for_mtp_iteration": ANY},
    "global_config": {"encoder_cross_output_size": ANY, "head_dim": ANY},
    "gpt_bigcode": {"max_sequence_length": ANY, "num_key_value_heads": ANY},
    "hiera": {"hidden_size": ANY},
    "hunyuan_v1_moe": {"num_shared_expert": (1,)},
    "inkling_text": {"number_of_conv_states": ANY},
    "jetmoe": {"num_attention_heads": ANY},
    "kimi_linear": {"head_dim": ANY, "qk_head_dim": ANY},
    "llama": {"bias": (False,), "max_sequence_length": ANY},
    "lxmert": {"num_hidden_layers": ANY},
    "mimo_v2_flash": {"add_full_attention_sink_bias": (False,), "add_swa_attention_sink_bias": (True,)},
    "minicpm_ocr": {"patch_size": ANY},
    "minicpmv4_6": {"patch_size": ANY},
    "minicpmv4_7": {"patch_size": ANY},
    "minimax_m2": {"attn_type_list": (1,), "mtp_transformer_layers": ANY, "num_mtp_modules": ANY,
                   "qk_norm_type": ("per_layer",), "use_mtp": ANY, "use_qk_norm": (True,), "use_routing_bias": (True,)},
    "minimax_m3_vl_text": {"n_shared_experts": (1,), "qk_norm_type": ("per_head",), "use_gemma_norm": ANY,
                           "use_qk_norm": (True,), "use_routing_bias": (True,)},
    "modernvbert": {"vocab_size": ANY},
    "mpt": {"fc_type": ("torch",), "init_config": ANY},
    "musicflamingo": {"head_dim": ANY},
    "openelm": {"normalization_layer_name": ("rms_norm",), "num_gqa_groups": ANY, "qkv_multipliers": ANY},
    "patcher_config": {"head_dim": ANY},
    "phi3": {"full_attn_mod": (1,), "interpolate_factor": (1,)},
    "phi4_multimodal_audio": {"nemo_final_size": ANY},
    "pixtral": {"head_dim": ANY, "vocab_size": ANY},
    "pp_lcnet": {"depths": ANY},
    "qwen2_vl": {"vocab_size": ANY},
    "qwen3": {"use_qk_norm": (True,)},
    "qwen3_5_moe_text": {"attn_output_gate": (True,)},
    "qwen3_5_text": {"attn_output_gate": (True,)},
    "qwen3_moe": {"use_qk_norm": (True,)},
    "qwen3_next": {"attn_output_gate": (True,)},
    "qwen4_exp_text": {"number_of_conv_states": ANY},
    "sam_prompt_encoder": {"image_embedding_size": ANY},
    "siglip_vision_model": {"vocab_size": ANY},
    "solar": {"bskcn_1": ANY, "bskcn_2": ANY, "bskcn_3": ANY, "bskcn_4": ANY, "bskcn_tv": ANY},
    "starcoder2": {"mlp_type": ("default",), "norm_type": ("layer_norm",)},
    "step3p5": {"n_shared_experts": (1,), "use_moe_router_bias": (True,)},
    "swin": {"hidden_size": ANY},
    "swinv2": {"hidden_size": ANY},
    "t5": {"n_positions": ANY},
    "t5_gemma_module": {"cross_attention_hidden_size": ANY},
    "t5gemma2": {"vocab_size": ANY},
    "textnet": {"depths": ANY},
    "xlnet": {"untie_r": (True,)},
    "zamba2": {"kv_channels": ANY},
}
"""Keys files of one model type say though its class does not read them, at the values that say what it does anyway:
positions that are rotated or relative, so that no table has as many rows, and norms and biases it always has. A list
says a value where all its items do. MiniMax-M2's files name prediction modules but hold none (228.7 B parameters).

What a class works out of other keys whatever the file says is here too (`head_dim` of Pixtral, `num_hidden_layers` of
ALIGN's net, `hidden_size` of Swin, JetMoE's heads, StarCoder's and DBRX's of keys and values), what only some layers
(Ling's `linear_*`) or one of its classes (BridgeTower's contrastive head) read, which read it themselves, and
vocabularies that releases before 5 wrote into configs of vision. Solar's sums of states of earlier layers (`bskcn_*`)
have no weights."""

REPEATS: dict[str, dict[str, str]] = {
    "deberta": {"pooler_hidden_size": "hidden_size"},
    "deberta-v2": {"pooler_hidden_size": "hidden_size"},
    "gemma2": {"sliding_window_size": "sliding_window"},
    "hunyuan_v1_moe": {"moe_intermediate_size": "intermediate_size"},
    "qwen2_5_vl_vision": {"spatial_patch_size": "patch_size"},
    "qwen2_vl_vision": {"spatial_patch_size": "patch_size"},
    "mimo_v2_flash": {"attention_chunk_size": "sliding_window", "swa_head_dim": "head_dim",
                      "swa_num_attention_heads": "num_attention_heads", "swa_v_head_dim": "v_head_dim"},
    "zamba2": {"num_query_groups": "num_attention_heads"},
}
"""Keys of one model type that change nothing where they say what another key says, once or for each layer."""
