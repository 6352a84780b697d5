"""Sort the parameters of a model into components by their names.

The rules are tried in order and the first that matches wins. They follow these conventions:

* a head that is tied to the embedding counts as `token_embedding`; the dense, norm and bias of a BERT-like
  prediction head are all `lm_head`;
* every other norm is `norm`, wherever it sits;
* tables of positions, relative ones too, are `position_embedding`; type, segment and projected embeddings are
  `other_embedding`;
* the projections of latent attention, sparse-attention indexers and sinks are `attention`; short convolutions,
  linear attention and recurrent blocks are `state_mixer`;
* the gate of a shared expert is `moe_shared`, a bias of a routed expert is `moe_experts`;
* stream mixers, residual scales, per-layer inputs and adapters are `other`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HEAD = (
    r"^(lm_head\.|lm_predictions\.|proj_out\.|cls\.(predictions|seq_relationship)\.|predictions\.|generator_(lm_head|"
    r"predictions)\.|vocab_(layer_norm|projector|transform)\.|pred_layer\.|lm_loss\.|embed_out\.|head\.|"
    r"decoder\.(bias|weight)$|qa_outputs|classifier|classification_head\.|score\.)"
)
MIXER_CLASS = re.compile(r"mamba|deltanet|deltaattention|lightning|shortconv|rglru|recurrentblock|xlstm|mlstm", re.I)

RULES: tuple[tuple[str, str], ...] = (
    (r"(^|\.)(vision_model|vision_tower|visual)\.", "vision"),
    (r"(^|\.)(audio_tower|audio_model|audio_encoder)\.", "audio"),
    (r"(^|\.)(connector|multi_modal_projector)\.", "projector"),
    (r"^projection_head\.dense|\.projection_head\.dense|^lm_heads\.", "other"),
    (r"projection_head\.linear", "ffn"),
    (HEAD, "lm_head"),
    (r"\.lm_head\.", "lm_head"),
    (r"ada_rms_norm\.linear", "ffn"),
    (r"(?<!prelayer)norm(\d*|s|_\w+)?\.(?!mlp)|norm(_\w+)?$|(?<!pre)layernorm(?!\.mlp)|(^|[._])ln(_|\d|\.)", "norm"),
    (r"(^|\.)wpe\.|position_embeddings|embed_positions|relative_attention_bias|relative_pos_embeddings|position_bias"
     r"|positions_embed", "position_embedding"),
    (r"(^|\.)pooler\.", "pooler"),
    (r"token_type_embeddings|embedding_hidden_mapping_in|embeddings_project|embedding_transformation|segment_embedding"
    r"|embed_global\.|encoder\.conv[12]\."
     r"|map_inputs_layer|pronunciation_embed|shape_embed|task_type_embeddings|lang_embeddings|ngram_embeddings"
     r"|embeddings\.projection|embed_tokens\.\*|decoder\.project_(in|out)|prompt_embedding|embeddings\.embed_proj"
     r"|embedding_transform|type_embeddings|project_(in|out)\.|rel_embeddings", "other_embedding"),
    (r"word_embeddings?\.|embed_tokens(_per_layer)?\.|tok_embeddings|(^|\.)shared\.weight|embed_in\.|(^|\.)wte\."
     r"|tokens_embed|input_embedding\.|transformer\.w\.|(backbone|model|rwkv|transformer|^)\.?embeddings\.weight"
     r"|^embeddings\.weight|embed_tokens\.weight", "token_embedding"),
    (r"layernorm\.mlp\.", "ffn"),
    (r"(attn|ffn|mlp)_hc\.|hc_head|altup|laurel|per_layer_(input|model)?_?(gate|projection)|residual_scale|adapter_"
     r"modules|(^|\.)input_hidden_states_|input_residual|post_attention_residual$|z_[LH]_init|mask_emb"
     r"|(bottleneck\.(input|attention)|output\.bottleneck)\.dense|(output|post_attention)\.conv1d|layers\.\*\.linear\."
     r"|layer_scalar|_hc\b|hyper_connection|prompt\.", "other"),
    (r"shared_expert|shared_mlp", "moe_shared"),
    (r"experts\.", "moe_experts"),
    (r"(mlp|feed_forward|mixer|moe|block_sparse_moe|experts|ffn)\.(gate|router)(\.|$)|\.router\.|e_score_correction"
     r"|router_", "moe_router"),
    (r"time_mix_(key|receptance)$|feed_forward|\.(feed_forward|ff|ffn)\.", "ffn"),
    (r"\.(mamba|linear_attn|temporal_block\.(rg_lru|conv_1d|linear_\w+)|mlstm_layer|conv\.(conv|in_proj|out_proj))\b"
     r"|sconv|post_(attention|mlp)_convolution|(mixer|mamba)\.(A_log|D|dt_\w+|conv1d|x_proj|in_proj|out_proj)",
     "state_mixer"),
    (r"indexer|compressor|attention|attn|self_att\b|query$|rel_attn|q_lin|k_lin|v_lin|out_lin|mixer\.[qkvo]_proj"
     r"|temporal_block|_attn|cross_attn|multi_head", "attention"),
    (r"mlp|(^|\.)fc[12]\.|ffn|intermediate|output\.dense|densereludense|mixer\.(up|down)_proj|lin[12]\.|mlp_block",
     "ffn"),
)  # fmt: skip
COMPILED = tuple((re.compile(pattern, re.I), bucket) for pattern, bucket in RULES)

# Names whose meaning depends on the class: (class, pattern of the name, bucket).
EXCEPTIONS: tuple[tuple[str, str, str], ...] = (
    # The quantised embedding of I-BERT is no plain embedding: with a head it counts there, alone it is a side table.
    (r"^IBertForMaskedLM$", r"word_embeddings\.weight$", "lm_head"),
    (r"^IBert(?!ForMaskedLM)", r"word_embeddings\.weight$", "other_embedding"),
    (r"^JetMoe", r"mlp\.(in|out)put_linear\.", "moe_experts"),
    # Kimi Linear is counted as one kind of mixer, its full-attention layers included.
    (r"^KimiLinear", r"self_attn\.(?!.*norm)", "state_mixer"),
    (r"^MobileBert", r"bottleneck\.attention\.dense", "attention"),
    (r"^NemotronH", r"mixer\.(up|down)_proj\.", "ffn"),
    (r"^Rwkv", r"\.attention\.", "state_mixer"),
)
COMPILED_EXCEPTIONS = tuple((re.compile(owner), re.compile(name), bucket) for owner, name, bucket in EXCEPTIONS)


def classify(owner: str, names: Iterable[str], module_classes: Iterable[str] = ()) -> str:
    """Return the component of a parameter of class `owner`, known by `names` (several when it is tied).

    `module_classes` are the classes of the modules that hold it, outermost first; they tell a linear-attention
    layer from a softmax one where both use the same names.
    """
    aliases = list(names)
    buckets = [_by_name(owner, name) for name in aliases]
    bucket = "token_embedding" if "token_embedding" in buckets else buckets[0]
    if bucket == "attention" and any(MIXER_CLASS.search(name) for name in module_classes):
        return "state_mixer"
    return bucket


def _by_name(owner: str, name: str) -> str:
    for pattern, name_pattern, bucket in COMPILED_EXCEPTIONS:
        if pattern.search(owner) and name_pattern.search(name):
            return bucket
    for rule, bucket in COMPILED:
        if rule.search(name):
            return bucket
    return "other"
