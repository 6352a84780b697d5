"""Dense decoders that are no member of a larger family tree: a row each, by name.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKV, QKVO, Attention
from paramcalc.components.differential import DifferentialAttention
from paramcalc.components.dynamic_mask import DynamicMaskAttention
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.components.retrieved_experts import RetrievedExperts
from paramcalc.errors import Problem, UnknownArchitectureError
from paramcalc.readers.config.patterns import FULL, SLIDING, all_sliding, every
from paramcalc.readers.families.decoder import Row
from paramcalc.readers.families.decoders.deepseek import latent
from paramcalc.readers.families.decoders.shared import when
from paramcalc.readers.families.spellings import FC

if TYPE_CHECKING:

    from paramcalc.readers.config.config import Config

SANDWICH_CLOVA = {"post_attention_layernorm": "post_norm1", "pre_feedforward_layernorm": "post_attention_layernorm",
                  "post_feedforward_layernorm": "post_norm2"}


def _helium(config: Config, _: str, __: str) -> dict[str, Any]:
    """Its output projection is square, also where the heads' widths do not add up to the model's."""
    width, heads, head = config.integer("hidden_size"), config.integer("num_attention_heads"), config.head_dim
    if heads * head == width:
        return {}
    bias = QKV if config.flag("attention_bias") else ()
    return {"mixer": Attention(num_heads=heads, num_kv_heads=config.kv_heads, head_dim=head, bias=bias, output=False),
            "beside": {"self_attn.o_proj": Linear(component="attention")}}


def _smollm3(config: Config) -> list[str]:
    slides = config.flag("use_sliding_window") and config.optional("sliding_window") is not None
    rotary = config.listed("no_rope_layers", int, config.layers)
    if rotary is None:
        rotary = [int(word == SLIDING) for word in every(config, config.integer("no_rope_layer_interval"))]
    return [SLIDING if slides and not turned else FULL for turned in rotary]


def _bitnet(config: Config, *_: str) -> dict[str, Any]:
    """A norm before each output projection."""
    inner_norm = Norm(kind="rmsnorm", hidden_size=config.integer("intermediate_size"))
    return {"beside": {"self_attn.attn_sub_norm": Norm(kind="rmsnorm"), "mlp.ffn_sub_norm": inner_norm}}


def _apertus(config: Config, *_: str) -> dict[str, Any]:
    """xIELU has two learned values, arXiv:2411.13010; its class keeps two constants as buffers."""
    if config.text("hidden_act") != "xielu":
        return {}
    config.learned.add("hidden_act")
    learned = Parameter(shape=(1,), component="ffn", added=True)
    constant = Parameter(shape=(), component="ffn", buffer=True)
    return {"beside": {"mlp.act_fn.alpha_p": learned, "mlp.act_fn.alpha_n": learned, "mlp.act_fn.beta": constant,
                       "mlp.act_fn.eps": constant}}


def _usual_attention(config: Config) -> dict[str, Any]:
    """What `attention_bias` and the counts of heads say."""
    return {"num_heads": config.integer("num_attention_heads"), "num_kv_heads": config.kv_heads,
            "head_dim": config.head_dim, "bias": QKVO if config.flag("attention_bias") else ()}


def _diffllama(config: Config, _: str) -> DifferentialAttention:
    return DifferentialAttention.model_validate(_usual_attention(config))


def _doge_attention(config: Config, word: str) -> DynamicMaskAttention:
    window = config.optional("sliding_window") if word == SLIDING else None
    return DynamicMaskAttention.model_validate(_usual_attention(config) | {"qk_norm": "head", "window": window})


def _doge(config: Config, *_: str) -> dict[str, Any]:
    """Residuals have a learned scale; `is_moe` adds retrieved experts to the feed-forward."""
    scale = Parameter(shape=(config.integer("hidden_size"),))
    fields: dict[str, Any] = {"beside": {"input_residual": scale, "post_attention_residual": scale}}
    if not config.flag("is_moe"):
        return fields
    return fields | {"ffn": RetrievedExperts(
        experts=config.integer("num_experts"), top_k=config.integer("num_experts_per_tok"),
        intermediate_size=config.integer("intermediate_size"), bias=config.flag("mlp_bias"))}


def _hyperclovax_names(config: Config) -> dict[str, str]:
    return SANDWICH_CLOVA if config.flag("use_post_norm") else {}


MOSHI = {f"{word}_proj": f"{word}_proj.linear" for word in "qkvo"} | {"gate_up_proj": "fc1", "down_proj": "fc2"}


def _moshi(config: Config, fields: dict[str, Any]) -> None:
    if config.task not in ("causal", "bare"):
        raise UnknownArchitectureError(Problem("a codec and a depth decoder are not described",
                                               (*config.path, "architectures"), "MoshiForCausalLM is the text model"))
    fields["embedding_rows"] = config.integer("vocab_size") + 1
    fields["tie_embeddings"] = False  # a table of one more row cannot be the head, whatever the config says


TELECHAT = {"embed_tokens": "transformer.word_embeddings", "layers": "transformer.h", "norm": "transformer.ln_f",
            "self_attn": "self_attention", "q_proj": "query", "kv_proj": "key_value", "o_proj": "dense"}


def _telechat(config: Config, *_: str) -> dict[str, Any]:
    """Keys and values are one matrix; only what leaves attention and feed-forward has a bias."""
    attention = Attention(num_heads=config.integer("num_attention_heads"), num_kv_heads=config.kv_heads, fused="kv",
                          head_dim=config.head_dim, bias=("o",))
    ffn = FeedForward(intermediate_size=config.integer("intermediate_size"), down_bias=True)
    return {"mixer": attention, "ffn": ffn}


APERTUS = Row("attention_bias", "attention_bias", gated=False, qk_norm="head", block=_apertus,
              names={"input_layernorm": "attention_layernorm",
                     "post_attention_layernorm": "feedforward_layernorm"})


def _own_outputs(config: Config, fields: dict[str, Any]) -> None:
    """Apertus 1.5's table holds tokens of pictures and sounds that its head need not give."""
    if (rows := config.optional("output_vocab_size")) is not None:
        fields["head_rows"] = rows


ROWS: dict[str, Row] = {
    "apertus": APERTUS,
    "apertus1p5_text": replace(APERTUS, adjust=_own_outputs),
    "aquila": Row(),
    "arcee": Row("attention_bias", "attention_bias", "mlp_bias", gated=False),
    "bitnet": Row("attention_bias", "attention_bias", block=_bitnet),
    "cosmos3_edge_text": Row("attention_bias", "attention_bias", "mlp_bias", gated=False, names=FC),
    "diffllama": Row("attention_bias", "attention_bias", mixer=_diffllama),
    "doge": Row("attention_bias", "attention_bias", "mlp_bias", mixers=all_sliding, mixer=_doge_attention, block=_doge),
    "emu3_text_model": Row("attention_bias", "attention_bias", "mlp_bias"),
    "helium": Row("attention_bias", mlp_bias="mlp_bias", block=_helium),
    "hyperclovax": Row("attention_bias", "attention_bias", "mlp_bias", names=_hyperclovax_names,
                       placement=when("use_post_norm", "sandwich", "pre")),
    "internlm3": Row("attention_bias", "attention_bias", "mlp_bias"),
    "iquestcoder": Row("attention_bias", "attention_bias", "mlp_bias"),
    "jais2": Row("attention_bias", "attention_bias", "mlp_bias", gated=False, norm="layernorm"),
    "minicpm": Row("attention_bias", "attention_bias"),
    "minicpm3": Row(mlp_bias="mlp_bias", mixer=latent),
    "moshi": Row(size=lambda c: c.integer("ffn_dim") // 2, mixers=all_sliding, more={"fused_gate_up": True},
                 names=MOSHI, adjust=_moshi),
    "nanochat": Row("attention_bias", "attention_bias", gated=False, more={"norm_scale": False, "embedding_norm": True},
                    names=FC),
    "orion": Row("attention_bias", "attention_bias", norm="layernorm"),
    "seed_oss": Row("attention_bias", "attention_out_bias", "mlp_bias"),
    "skywork": Row(),
    "smollm3": Row("attention_bias", "attention_bias", "mlp_bias", pattern=_smollm3),
    "starcoder2": Row("use_bias", "use_bias", "use_bias", gated=False, norm="layernorm", mixers=all_sliding,
                      names={"up_proj": "c_fc", "down_proj": "c_proj"}),
    "telechat": Row(block=_telechat, names=TELECHAT),
    "Yi": Row(names={"input_layernorm": "ln1", "post_attention_layernorm": "ln2"}),
    "xverse": Row(),
    "youtu": Row(mlp_bias="mlp_bias", mixer=latent),
}
