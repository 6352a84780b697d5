"""Keys any config may hold that change no count: ids, probabilities, rotary numbers, bookkeeping of the library."""

from __future__ import annotations

NEUTRAL = frozenset(
    [
        "activation_dropout", "activation_function", "add_cross_attention", "architectures", "attention_dropout",
        "attention_probs_dropout_prob", "attn_implementation", "attn_pdrop", "auto_map", "aux_loss_alpha",
        "bad_words_ids", "begin_suppress_tokens", "bos_token_id", "chunk_size_feed_forward", "classifier_dropout",
        "cls_token_id", "cross_attention_hidden_size", "decoder_start_token_id", "diversity_penalty", "do_sample",
        "dropout", "dtype", "early_stopping", "embd_pdrop", "encoder_no_repeat_ngram_size", "eos_token_id", "ep_size",
        "expert_dtype", "experts_per_token", "exponential_decay_length_penalty", "finetuning_task", "flash_attention",
        "forced_bos_token_id", "forced_eos_token_id", "gradient_checkpointing", "hidden_act", "hidden_activation",
        "hidden_dropout", "hidden_dropout_prob", "id2label", "indexer_rope_interleave", "init_std",
        "initial_context_length", "initializer_factor", "initializer_range", "is_decoder", "is_encoder_decoder",
        "label2id", "language", "layer_norm_eps", "layer_norm_epsilon", "layernorm_epsilon", "length_penalty",
        "max_length", "max_position_embeddings", "min_length", "model_type", "moe_router_dtype", "name_or_path",
        "no_repeat_ngram_size", "norm_eps", "norm_topk_prob", "num_beam_groups", "num_beams", "num_labels",
        "num_return_sequences", "output_attentions", "output_hidden_states", "output_scores", "pad_token_id",
        "partial_rotary_factor", "prefix", "pretraining_tp", "problem_type", "pruned_heads", "qk_norm_type",
        "quantization_config", "remove_invalid_values", "repetition_penalty", "resid_pdrop", "return_dict",
        "return_dict_in_generate", "rms_norm_eps", "rope_interleave", "rope_local_base_freq", "rope_parameters",
        "rope_scaling", "rope_theta", "rotary_dim", "rotary_emb_base", "rotary_pct", "routed_scaling_factor",
        "router_aux_loss_coef", "scoring_func", "sep_token_id", "seq_aux", "summary_activation",
        "summary_first_dropout", "summary_proj_to_labels", "summary_type", "summary_use_proj", "suppress_tokens",
        "swa_rope_theta", "task_specific_params", "temperature", "tf_legacy_loss", "tie_encoder_decoder",
        "tie_word_embeddings", "tokenizer_class", "top_k", "top_p", "topk_method", "torch_dtype", "torchscript",
        "transformers_version", "typical_p", "unk_token_id", "use_bfloat16", "use_cache", "use_flash_attn",
    ]
)
