"""Sort the parameters of a model into components by their names, and by the classes of the modules that hold them.

What stands beside a text model comes first, then its head, then norms; of the rest the rules are tried in order and the
first that matches wins. They follow these conventions:

* a tower, and what leads from it into the text model, is `vision`, `audio` or `projector` as a whole; a model that is
  all tower is sorted like a text model;
* a head that is tied to the embedding counts as `token_embedding`; the dense, norm and bias of a BERT-like
  prediction head are all `lm_head`;
* every other norm is `norm`, wherever it sits;
* tables of positions, relative ones too, are `position_embedding`; type, segment and projected embeddings are
  `other_embedding`;
* the projections of latent attention, sparse-attention indexers and sinks are `attention`; short convolutions,
  linear attention and recurrent blocks are `state_mixer`; convolutions of nets and conformers are `other`;
* the gate of a shared expert is `moe_shared`, a bias of a routed expert is `moe_experts`;
* stream mixers, residual scales, per-layer inputs and adapters are `other`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HEAD = (
    r"^(lm_head\.|lm_predictions\.|proj_out\.|predictions\.|generator_(lm_head|predictions)\.|vocab_(layer_norm|projector|"
    r"transform)\.|pred_layer\.|lm_loss\.|embed_out\.|head\.|decoder\.(bias|weight)$|qa_outputs|classifier(?!_distill)|"
    r"classification_head\.|score\.|mlm_(head|score)\.|(bbox|class_labels)_(predictor|classifier)\.|entity_linker\.|"
    r"objective\.|joint\.head\.|(column_)?output_(weights|bias)$|span_predictor\.qa_|"
    r"\w+_token_classifier|cls\.(weight|bias)$|(decode|auxiliary|segmentation)_head\.classifier\.)"
    r"|(^|\.)(lm_head|cls\.(predictions|seq_relationship))\."
)
MIXER_CLASS = re.compile(
    r"mamba|deltanet|deltaattention|lightning|shortconv|rglru|recurrentblock|xlstm|mlstm|linearattention", re.I
)

# What stands beside a text model counts as a whole; the first that matches wins.
TOWERS: tuple[tuple[str, str], ...] = (
    (r"(^|\.)(vision_\w+|(?<!embeddings\.)visual(_projection|_embeddings_table)?|image_(tower|encoder|newline)"
     r"|embed_vision|high_res_vision_model)(\.|$)", "vision"),
    (r"(^|\.)(audio_tower|audio_model|audio_encoder|audio_projection|embed_audio|audio_embed)\.", "audio"),
    (r"(^|\.)(connector|multi_modal_projector|mm_projector|(?<=model\.)projector|aligner|qformer|query_tokens"
     r"|(layerwise|spatial)_projectors"
     r"|resampler_model|vqmodel)(\.|$)|^(flava\.)?image_projection\.", "projector"),
)  # fmt: skip
# Retrievers and policies around whole models, and encoders that read images as words: nothing stands beside them.
NOTHING_BESIDE = re.compile(r"^(Col\w+ForRetrieval|Ernie4_5_VL_?MoeText|PI0|T5Gemma2)")
BARE = re.compile(r"^(?!.*For[A-Z]).*Model$")
NORM_CLASS = re.compile(r"norm(?!ed)", re.I)

RULES: tuple[tuple[str, str], ...] = (
    (r"^projection_head\.dense|\.projection_head\.dense|^lm_heads\.|masked_spec_embed|decoder_embed\.|label_embeddings"
     r"|layer_scale|ffn_gamma|(attn_norm|norm_out)\.linear|message_gate|latent_query|self_attn_conv|(?<=conv\.)pointwise_lin"
     r"|(?<=conv)_layers\.\*\.conv\.|stem\.conv\.conv", "other"),
    (r"projection_head\.linear", "ffn"),
    (r"ada_rms_norm\.linear", "ffn"),
    (r"(?<!prelayer)norm(\d*|s|_\w+)?\.(?!mlp)|norm(_\w+)?$|(?<!pre)layernorm(?!\.mlp)|(^|[._])(ln|bn)(_|\d|\.)",
     "norm"),
    (r"(^|\.)wpe\.|position(al)?_embedding(?!\.pos_proj)|time_embeddings|embed_positions|encode_positions\.alpha|relative_attention_bias|relative_pos_embeddings|position_bias"
     r"|positions_embed|positions_projection|pos_emb(ed)?(\.|$)|rel_pos", "position_embedding"),
    (r"(^|\.|_)pooler\.(?!(self|cross)_attention_layer)", "pooler"),
    (r"token_type_embeddings|embedding_hidden_mapping_in|embeddings_project|embedding_transformation|segment_embedding"
    r"|embed_global\.|encoder\.conv[12]\."
     r"|map_inputs_layer|group_token|pronunciation_embed|shape_embed|task_type_embeddings|lang_embeddings|ngram_embeddings"
     r"|embeddings\.projection|embed_tokens\.\*|decoder\.project_(in|out)|prompt_embedding|embeddings\.embed_proj"
     r"|embed_tokens\.embedding_projection|distance_embedding|rel_attn_embed|encode_positions\.conv|(?<=action_)time_mlp|time_embed\."
     r"|embedding_transform|type_embeddings|project_(in|out)\.|rel_embeddings", "other_embedding"),
    (r"word_embeddings?\.|(?<!_)token_embedding\.|value_embeddings\.|input_preprocessor\.embeddings\."
     r"|embed_tokens(_per_layer)?\.|tok_embeddings|(^|\.)shared\.weight|embed_in\.|(^|\.)wte\."
     r"|tokens_embed|input_embedding\.|(^|transformer\.)w\.|HashBucketCodepointEmbedder|^decoder\.embedding\.weight|(backbone|model|rwkv|transformer|^)\.?embeddings\.weight"
     r"|^embeddings\.weight|embed_tokens\.weight", "token_embedding"),
    (r"layernorm\.mlp\.|(?<=attention\.)mlp\.|(?<=assign_attn\.)mlp\.|attention_layers?\.(\*\.)?mlp\."
     r"|(?<=attn_layers\.\*\.)mlp\.", "ffn"),
    (r"^adapter\.fc|vit_merger\.linear|gate_(attn|ffn)$|(attn|ffn|mlp)_hc\.|hc_head|altup|laurel|per_layer_(input|model)?_?(gate|projection)|residual_scale|adapter_"
     r"modules|(^|\.)input_hidden_states_|input_residual|post_attention_residual$|z_[LH]_init|mask_emb$"
     r"|(bottleneck\.(input|attention)|output\.bottleneck)\.dense|(output|post_attention)\.conv1d|layers\.\*\.linear\."
     r"|layer_scalar|_hc\b|hyper_connection|prompt\.", "other"),
    (r"shared_expert|shared_mlp", "moe_shared"),
    (r"experts\.", "moe_experts"),
    (r"(mlp|feed_forward|mixer|moe|block_sparse_moe|experts|ffn|residual_gate)\.(gate|router)(\.|$)|\.router\."
     r"|e_score_correction|router_", "moe_router"),
    (r"time_mix_(key|receptance)$|self_conditioning\.\w+_proj|feed_forward|\.(feed_forward|ff|ffn)\.", "ffn"),
    (r"\.(mamba|conv\.spatial_conv|linear_attn|temporal_block\.(rg_lru|conv_1d|linear_\w+)|mlstm_layer|conv\.(conv|in_proj|out_proj))\b"
     r"|sconv|post_(attention|mlp)_convolution|(mixer|mamba)\.(A_log|D|dt_\w+|conv1d|x_proj|in_proj|out_proj)",
     "state_mixer"),
    (r"indexer|compressor|attention|attn|self_att\b|query$|rel_attn|q_lin|k_lin|v_lin|out_lin|mixer\.[qkvo]_proj"
     r"|temporal_block|_attn|cross_attn|multi_head", "attention"),
    (r"mlp|(^|\.)fc[12]\.|ffn|intermediate|output(_query)?\.dense|densereludense|mixer\.(up|down)_proj|lin[12]\.|mlp_block|merger\.(gate|up|down)_proj",
     "ffn"),
)  # fmt: skip
# What no name tells is told by the innermost module whose class says it.
CLASSES: tuple[tuple[str, str], ...] = (
    (r"Attention", "attention"),
    (r"MLP|FeedForward|Intermediate", "ffn"),
    (r"(?<!Rotary)Embed", "other_embedding"),
)
COMPILED_CLASSES = tuple((re.compile(pattern), bucket) for pattern, bucket in CLASSES)
COMPILED_TOWERS = tuple((re.compile(pattern), bucket) for pattern, bucket in TOWERS)
COMPILED_HEAD = re.compile(HEAD, re.I)
COMPILED = tuple((re.compile(pattern, re.I), bucket) for pattern, bucket in RULES)

# Names whose meaning depends on the class: (class, pattern of the name, bucket).
EXCEPTIONS: tuple[tuple[str, str, str], ...] = (
    # The quantised embedding of I-BERT is no plain embedding: with a head it counts there, alone it is a side table.
    (r"^IBertForMaskedLM$", r"word_embeddings\.weight$", "lm_head"),
    (r"^IBert(?!ForMaskedLM)", r"word_embeddings\.weight$", "other_embedding"),
    # What is added by distance is projected from the hidden state, and what bounds a query is a part of it.
    (r"^Inkling2", r"^(?!.*vision).*self_attn\.(q_proj|relative_position_bias)\.", "attention"),
    (r"^JetMoe", r"mlp\.(in|out)put_linear\.", "moe_experts"),
    # Kimi Linear is counted as one kind of mixer, its full-attention layers included.
    (r"^KimiLinear", r"self_attn\.(?!.*norm)", "state_mixer"),
    (r"^MobileBert", r"bottleneck\.attention\.dense", "attention"),
    (r"^Data2VecAudio", r"pos_conv_embed\.(?!.*norm)", "other"),
    (r"^Evolla", r"sequence_compressor_resampler\.(latents|protein_projector)", "other"),
    (r"^Evolla", r"sequence_compressor_resampler\.layers\.\*\.\*\.fc", "ffn"),
    # Three-dimensional convolutions of a codec, some of which make the scale and shift of a norm.
    (r"^Emu3VQVAE", r"time_conv\.|norm\w*(\.\*)?\.conv_[yb]\.", "other"),
    (r"^GitForCausalLM", r"^output\.", "lm_head"),
    (r"^KyutaiSpeechToText", r"embed_tokens\.embed_tokens", "other_embedding"),
    (r"^Lxmert", r"(lang|visn)_output\.dense", "other"),
    (r"^Nemotron(H|3_5)", r"mixer\.(up|down)_proj\.", "ffn"),
    (r"^Rwkv", r"\.attention\.", "state_mixer"),
    (r"^Siglip2?TextModel", r"^head\.", "other"),
    (r"^VibeVoiceAcousticTokenizerEncoder", r"^head\.", "other"),
    (r"^VideoPrism", r"^head\.", "attention"),
    # A pooler of whole layers, whose attention and feed-forward are counted as such.
    (r"^VJEPA2", r"^pooler\.query_tokens$", "other_embedding"),
)
COMPILED_EXCEPTIONS = tuple((re.compile(owner), re.compile(name), bucket) for owner, name, bucket in EXCEPTIONS)


def classify(owner: str, names: Iterable[str], module_classes: Iterable[str] = (), *, alone: bool = False) -> str:
    """Return the component of a parameter of class `owner`, known by `names` (several when it is tied).

    Nothing stands beside a tower that is `alone`, the class of a nested configuration.

    `module_classes` are the classes of the modules that hold it, outermost first; they tell a linear-attention
    layer from a softmax one where both use the same names.
    """
    aliases, classes = list(names), list(module_classes)
    beside = not (alone or NOTHING_BESIDE.search(owner))
    candidates = [_by_name(owner, name, classes, beside) for name in aliases]
    bucket = "token_embedding" if "token_embedding" in candidates else candidates[0]
    if bucket == "attention" and any(MIXER_CLASS.search(name) for name in classes):
        return "state_mixer"
    return bucket


def _by_name(owner: str, name: str, classes: list[str], beside: bool) -> str:
    for pattern, name_pattern, bucket in COMPILED_EXCEPTIONS:
        if pattern.search(owner) and name_pattern.search(name):
            return bucket
    within = f"model.{name}" if BARE.search(owner) else name  # where a class with a head has the same parts
    for tower, bucket in COMPILED_TOWERS if beside else ():
        if tower.search(name) or tower.search(within):
            return bucket
    if COMPILED_HEAD.search(name):
        return "lm_head"
    if classes and NORM_CLASS.search(classes[-1]):
        return "norm"
    for rule, bucket in COMPILED:
        if rule.search(name):
            return bucket
    return _by_class(classes) or ("other_embedding" if re.search(r"embed|(?<!rotary)_emb\.", name) else "other")


def _by_class(classes: list[str]) -> str:
    for name in reversed(classes):
        for word, bucket in COMPILED_CLASSES:
            if word.search(name):
                return bucket
    return ""
