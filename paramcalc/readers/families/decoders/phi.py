"""Microsoft's Phi: dense and with experts.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from paramcalc.readers.config.patterns import all_sliding
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.gpt import inner
from paramcalc.readers.families.decoders.shared import DENSE_QKV, QK_LAYERNORM, W123, when
from paramcalc.readers.families.spellings import FC

PHI_2023 = {"embed_tokens": "transformer.embd.wte", "layers": "transformer.h", "norm": "lm_head.ln",
            "lm_head": "lm_head.linear", "input_layernorm": "ln", "self_attn": "mixer", "qkv_proj": "Wqkv",
            "o_proj": "out_proj"} | FC

ROWS: dict[str, Row] = {
    "phi-msft": Row(True, True, True, True, gated=False, norm="layernorm", placement="parallel", size=inner,
                    more={"fused_qkv": True}, names=PHI_2023),
    "phi3small": Row(True, True, True, norm="layernorm", size="ff_intermediate_size",
                     more={"fused_qkv": True, "fused_gate_up": True},
                     names={"norm": "model.final_layernorm", "gate_up_proj": "up_proj"} | DENSE_QKV),
    "phi": Row(True, True, True, True, gated=False, norm="layernorm", placement="parallel",
               qk_norm=when("qk_layernorm", "head"), more={"qk_norm_bias": True},
               names={"norm": "model.final_layernorm", "o_proj": "dense"} | FC | QK_LAYERNORM),
    "phi3": Row(mixers=all_sliding, more={"fused_qkv": True, "fused_gate_up": True}),
    "phimoe": Row("attention_bias", "attention_bias", head_bias="lm_head_bias", norm="layernorm", pattern=all_sliding,
                  experts=Experts(size="intermediate_size"), names=W123),
}
