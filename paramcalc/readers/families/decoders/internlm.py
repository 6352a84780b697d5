"""Shanghai AI Laboratory's InternLM 1 and 2: Llama with biases, and with one matrix for queries, keys and values.

Sources: the modeling file of each type's own repository, named in `readers/config/published_types.py`.
"""

from __future__ import annotations

from paramcalc.readers.families.decoder import Row

INTERNLM2 = {"embed_tokens": "model.tok_embeddings", "self_attn": "attention", "mlp": "feed_forward",
             "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm", "qkv_proj": "wqkv",
             "o_proj": "wo", "gate_proj": "w1", "up_proj": "w3", "down_proj": "w2", "lm_head": "output"}

ROWS: dict[str, Row] = {
    "internlm": Row("bias", "bias"),
    "internlm2": Row("bias", "bias", more={"fused_qkv": True}, names=INTERNLM2),
}
