"""Which component a tensor of a checkpoint belongs to, by its name: the first rule that fits.

The rules follow the names of the library's classes and of llama.cpp; where a header is all there is, a name is all
one can go by. `other` is what no rule knows.
"""

from __future__ import annotations

import re
from functools import lru_cache

RULES: tuple[tuple[str, str], ...] = (
    ("vision", r"(^|\.)(vision|visual|image|vit)|^v\."),
    ("audio", r"(^|\.)(audio|speech)|^a\."),
    ("projector", r"(^|\.)(multi_modal_projector|mm_projector|connector|modality_projection)|^mm\."),
    ("pooler", r"(^|\.)pooler\."),
    ("other", r"(hc_(attn|ffn|mlp|pre|head)|_residual|altup\.(?!router_norm)|altup_|laurel\.linear|^lm_heads\."
              r"|bottleneck|(output|post_attention)\.conv1d|per_layer_(input_gate|projection|model_proj))"),
    ("moe_shared", r"shared_(expert|mlp)|shexp"),
    ("norm", r"(\.gate\.router_mlp\.norm|router_norm|rms_norm_gate)"),
    ("moe_router", r"(router|e_score_correction|ffn_gate_inp|exp_probs_b|\.gate\.(weight|wg|bias|down|up|global)"
                   r"|gate\.wg)"),
    ("moe_experts", r"(experts|_exps|\.block_sparse_moe\.(input|output)_linear)"),
    ("lm_head", r"(^|\.)(lm_head|embed_out|lm_loss|cls|predictions|generator_lm_head|vocab_\w+|score|classifier"
                r"|pred_layer|mlm_head|generator_predictions|output_projection|unembed)(\.|$)"
                r"|^(head|output|decoder)\.(weight|bias|dense|norm)|^output\.|^head\.dense"),
    ("norm", r"(norm|layernorm|(^|[._])ln([_.\d]|$)|layer_norm|LayerNorm)[\w]*(\.\d+|\.\*)?\.?(weight|bias|scale)?$"
             r"|norms\.\*|(^|\.)ln_\w+\.|_ln\.|norm\.(weight|bias)$"),
    ("position_embedding", r"(position_embedding|embed_positions|wpe\.|relative_attention_bias|position_embd"
                           r"|attn_rel_b|positional|pos_embd|positions_embed|position_bias)"),
    ("other_embedding", r"(token_type|token_types|segment_emb|embeddings_project|embedding_hidden_mapping"
                        r"|project_(in|out)\.|embedding_transformation|lang_embeddings|langs\b)"),
    ("token_embedding", r"(embed_tokens|wte\.|word_embedding|tok_embeddings|embed_in|token_embd|(^|\.)shared\.weight"
                        r"|(^|\.)embeddings?\.weight|input_embedding|(^|\.)emb\.weight|tokens_embed|wordpiece)"),
    ("ffn", r"feed_forward\.(key|value|receptance|time_mix|output|intermediate)|intermediate\.conv1d|(^|\.)head\.linear"
            r"|\.(W_up|W_down)\."),
    ("attention", r"((self_attn|encoder_attn|cross_attn|(?<!linear_)attn|SelfAttention|EncDecAttention|attention)\w*\."
                  r"(?!time_)|attn_(q|k|v|qkv|output|sinks|kv)|mixer\.(Wqkv|[qkvo]_proj)|c_attn|indexer)"),
    ("state_mixer", r"(mamba|linear_attn|conv1d|ssm_|shortconv|A_log|dt_bias|time_mix|mlstm|rg_lru|recurrent|time_decay"
                    r"|(^|\.)conv\.|in_proj|out_proj|x_proj|dt_proj|time_first|mixer\.D$|blocks\.\*\.attention\.)"),
    ("attention", r"([._](q|k|v|o|qkv|qk)_proj|query|\.key\.|\.value\.|sinks)"),
    ("ffn", r"(mlp|ffn|feed_forward|feedforward|fc1|fc2|fc_in|fc_out|dense_h_to_4h|dense_4h_to_h|intermediate|\.wi|\.wo"
            r"|DenseReluDense|(gate|up|down)_proj|linear_?[12]|layer\.\*\.output\.dense|\.ff\.|lin[12]|\.(w1|w2|w3)\.)"),
)
"""Component and the expression that finds it, in the order they are asked."""
_COMPILED = tuple((component, re.compile(expression)) for component, expression in RULES)
BUFFERS = re.compile(r"(e_score_correction_bias|exp_probs_b|running_(mean|var)|num_batches_tracked|inv_freq|masked_bias"
                     r"|\.attn\.bias$|position_ids|rope_freqs)")
"""What files hold that are not parameters."""


@lru_cache(maxsize=65536)
def component_of(name: str) -> str:
    """The component a tensor belongs to."""
    return next((component for component, fits in _COMPILED if fits.search(name)), "other")


def is_buffer(name: str) -> bool:
    """Whether a tensor is a value of the class that is not trained."""
    return BUFFERS.search(name) is not None
