"""How checkpoints of several family trees spell our tensor names.

Sources: transformers' modeling file of each family that names one.
"""

from __future__ import annotations

FC = {"up_proj": "fc1", "down_proj": "fc2"}
"""A feed-forward, as fairseq and most towers spell it."""
FC_LONG = {"up_proj": "dense_h_to_4h", "down_proj": "dense_4h_to_h"}
"""A feed-forward, as Megatron spells it."""
LLAMA_ENCODER = {
    "tokens": "embed_tokens", "types": "", "embedding_norm": "", "layers": "layers", "final_norm": "norm",
    "attention": "self_attn", "q_proj": "q_proj", "k_proj": "k_proj", "v_proj": "v_proj", "o_proj": "o_proj",
    "attention_norm": "input_layernorm", "ffn": "mlp", "up_proj": "up_proj", "down_proj": "down_proj",
    "ffn_norm": "post_attention_layernorm",
}
"""An encoder that is spelled as Llama is, by the words of `Encoder`."""
