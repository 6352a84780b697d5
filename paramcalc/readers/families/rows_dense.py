"""Dense decoders beside the closest kin of Llama: a row each. Sources: the library's modeling files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.differential import DifferentialAttention
from paramcalc.components.dynamic_mask import DynamicMaskAttention
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.components.retrieved_experts import RetrievedExperts
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, SLIDING, all_sliding, every, mixers, sparse_layers, sparse_step
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.spec.lower import QKV

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config

FC = {"up_proj": "fc1", "down_proj": "fc2"}
FC_LONG = {"up_proj": "dense_h_to_4h", "down_proj": "dense_4h_to_h"}
DENSE_QKV = {"qkv_proj": "query_key_value", "o_proj": "dense"}
QK_LAYERNORM = {"q_norm": "q_layernorm", "k_norm": "k_layernorm"}
GPT = {"embed_tokens": "transformer.wte", "layers": "transformer.h", "norm": "transformer.ln_f",
       "input_layernorm": "ln_1", "self_attn": "attn"}
NEOX = {"embed_tokens": "gpt_neox.embed_in", "layers": "gpt_neox.layers", "norm": "gpt_neox.final_layer_norm",
        "lm_head": "embed_out", "self_attn": "attention"} | DENSE_QKV | FC_LONG
SANDWICH_GLM = {"post_attention_layernorm": "post_self_attn_layernorm",
                "pre_feedforward_layernorm": "post_attention_layernorm",
                "post_feedforward_layernorm": "post_mlp_layernorm"}


SANDWICH_CLOVA = {"post_attention_layernorm": "post_norm1", "pre_feedforward_layernorm": "post_attention_layernorm",
                  "post_feedforward_layernorm": "post_norm2"}
MODERNBERT = {"embed_tokens": "model.embeddings.tok_embeddings", "embedding_norm": "model.embeddings.norm",
              "norm": "model.final_norm", "lm_head": "decoder", "input_layernorm": "attn_norm", "self_attn": "attn",
              "post_attention_layernorm": "mlp_norm", "gate_up_proj": "Wi", "o_proj": "Wo", "down_proj": "Wo"}


def four_times(config: Config) -> int:
    """A feed-forward of four times the width."""
    return 4 * config.integer("hidden_size")


def inner(config: Config) -> int:
    """GPT-2's `n_inner`, by default four times the width."""
    return config.optional("n_inner") or four_times(config)


def first_full(config: Config, period: int) -> list[str]:
    """Full attention at each `period`-th layer from the first on, sliding elsewhere."""
    return [FULL if i % period == 0 else SLIDING for i in range(config.layers)]


def patterned(config: Config, period: int) -> list[str]:
    """Sliding but for each `sliding_window_pattern`-th layer, `period` where the file is silent.

    EXAONE's files also write the pattern out: `LLLG`, local three times and then global.
    """
    if isinstance(config.get("sliding_window_pattern"), str):
        letters = config.text("sliding_window_pattern")
        if set(letters) - set("LG") or not letters:
            raise config.error("sliding_window_pattern", "expected a number, or letters L and G", code=LAYERS)
        return [SLIDING if letters[i % len(letters)] == "L" else FULL for i in range(config.layers)]
    return every(config, config.integer("sliding_window_pattern", period))


def when(key: str, value: str, otherwise: str = "none") -> Any:  # noqa: ANN401 - a question to a config
    """A word if a flag is set, else another."""
    return lambda config: value if config.flag(key) else otherwise


def _helium(config: Config, _: str, __: str) -> dict[str, Any]:
    """Its output projection is square, also where the heads' widths do not add up to the model's."""
    width, heads, head = config.integer("hidden_size"), config.integer("num_attention_heads"), config.head_dim
    if heads * head == width:
        return {}
    bias = QKV if config.flag("attention_bias") else ()
    return {"mixer": Attention(num_heads=heads, num_kv_heads=config.kv_heads, head_dim=head, bias=bias, output=False),
            "beside": {"self_attn.o_proj": Linear(component="attention")}}


def _flint(config: Config) -> list[str]:
    last = config.layers - 1
    return [FULL if i < 2 or i % 4 == 1 or i == last else SLIDING for i in range(config.layers)]


def _flint_experts(config: Config) -> list[str]:
    """Silent, the first two layers are dense."""
    words = sparse_step(config)
    if config.get("mlp_only_layers") is not None:
        return words
    return ["dense" if i < 2 else word for i, word in enumerate(words)]


def _mellum_experts(config: Config) -> list[str]:
    return sparse_layers(config) if config.get("mlp_layer_types") is not None else ["moe"] * config.layers


def _exaone4(config: Config) -> list[str]:
    if config.optional("sliding_window") is None:
        return [FULL] * config.layers
    return patterned(config, 4)


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
    learned = Parameter(shape=(1,), component="ffn", added=True)
    constant = Parameter(shape=(), component="ffn", buffer=True)
    return {"beside": {"mlp.act_fn.alpha_p": learned, "mlp.act_fn.alpha_n": learned, "mlp.act_fn.beta": constant,
                       "mlp.act_fn.eps": constant}}


def _both_ways(config: Config, word: str, _: str) -> dict[str, Any]:
    """`use_bidirectional_attention` lets a token see what follows, within half the window where there is one.

    A class that generates sees both ways in its prefix only, and keeps keys and values like any other."""
    if not config.flag("use_bidirectional_attention") or config.task in ("causal", "seq2seq"):
        return {}
    reach = config.optional("sliding_window") if word == SLIDING else None
    return {"causal": False} | ({"window": two_sided(reach)} if reach else {})


def two_sided(window: int) -> int:
    """Tokens seen where the class halves its window, rounds up, and looks so far to both sides."""
    return 2 * (window // 2) + 1


def _usual_attention(config: Config) -> dict[str, Any]:
    """What `attention_bias` and the counts of heads say."""
    return {"num_heads": config.integer("num_attention_heads"), "num_kv_heads": config.kv_heads,
            "head_dim": config.head_dim, "bias": (*QKV, "o") if config.flag("attention_bias") else ()}


def _diffllama(config: Config, _: str) -> DifferentialAttention:
    return DifferentialAttention.model_validate(_usual_attention(config))


def _doge_attention(config: Config, word: str) -> DynamicMaskAttention:
    window = config.optional("sliding_window") if word == SLIDING else None
    return DynamicMaskAttention.model_validate(_usual_attention(config) | {"qk_norm": "head", "window": window})


def _doge(config: Config, *_: str) -> dict[str, Any]:
    """Residuals have a learned scale; `is_moe` adds retrieved experts to the feed-forward."""
    scale = Parameter(shape=(config.integer("hidden_size"),))
    found: dict[str, Any] = {"beside": {"input_residual": scale, "post_attention_residual": scale}}
    if not config.flag("is_moe"):
        return found
    return found | {"ffn": RetrievedExperts(
        experts=config.integer("num_experts"), top_k=config.integer("num_experts_per_tok"),
        intermediate_size=config.integer("intermediate_size"), bias=config.flag("mlp_bias"))}


def _hyperclovax_names(config: Config) -> dict[str, str]:
    return SANDWICH_CLOVA if config.flag("use_post_norm") else {}


def _modernbert_layers(config: Config) -> list[str]:
    """The first layer has no norm before attention: the embeddings' norm stands for it."""
    words = mixers(config, first_full(config, config.integer("global_attn_every_n_layers", 3)))
    return [f"first_{words[0]}", *words[1:]]


def _modernbert_layer(config: Config, word: str, _: str) -> dict[str, Any]:
    """A sliding layer sees `sliding_window`, by default half of `local_attention`, which counts both sides of a token.

    A window of none or less is no window.
    """
    found: dict[str, Any] = {"norm_placement": "ffn"} if word.startswith("first_") else {}
    half = (config.optional("local_attention", least=0) or 0) // 2
    reach = config.optional("sliding_window", least=-1) if config.get("sliding_window") is not None else half
    return found | {"window": reach if reach and reach > 0 else None} if word.endswith(SLIDING) else found


def _modernbert_head(config: Config) -> dict[str, Any]:
    """The head's transform, counted as head."""
    classifies = config.task == "classification"
    found: dict[str, Any] = {"fused_gate_up": True, "embedding_norm": True}
    if config.bare:
        return found
    place = "head" if classifies else "lm_head"
    return found | {"outputs": {
        f"{place}.dense": Linear(bias=config.flag("classifier_bias"), component="lm_head", activated=True),
        f"{place}.norm": Norm(kind="layernorm", bias=config.flag("norm_bias"), component="lm_head")}}


def _modernbert_bias(config: Config, fields: dict[str, Any]) -> None:
    if config.task == "classification":
        fields["head_bias"] = config.flag("classifier_bias")


def _mellum_apart(config: Config, fields: dict[str, Any]) -> None:
    if config.optional("num_mtp_layers", least=0):
        fields["uncounted"] = ("multi-token prediction layers",)


ROWS: dict[str, Row] = {
    "apertus": Row("attention_bias", "attention_bias", gated=False, qk_norm="head", block=_apertus,
                   names={"input_layernorm": "attention_layernorm",
                          "post_attention_layernorm": "feedforward_layernorm"}),
    "arcee": Row("attention_bias", "attention_bias", "mlp_bias", gated=False),
    "bitnet": Row("attention_bias", "attention_bias", block=_bitnet),
    "cohere": Row("attention_bias", "attention_bias", norm="layernorm", norm_bias=False, placement="parallel",
                  qk_norm=when("use_qk_norm", "heads")),
    "cohere2": Row("attention_bias", "attention_bias", norm="layernorm", norm_bias=False, placement="parallel",
                   pattern=lambda c: patterned(c, 4)),
    "cwm": Row(mlp_bias="mlp_bias", pattern=lambda c: first_full(c, 4)),
    "diffllama": Row("attention_bias", "attention_bias", mixer=_diffllama),
    "doge": Row("attention_bias", "attention_bias", "mlp_bias", mixers=all_sliding, mixer=_doge_attention, block=_doge),
    "emu3_text_model": Row("attention_bias", "attention_bias", "mlp_bias"),
    "ernie4_5": Row("use_bias", "use_bias", "use_bias"),
    "exaone4": Row(qk_norm="head", placement="post", pattern=_exaone4),
    "flint": Row("attention_bias", "attention_bias", qk_norm="head", pattern=_flint, more={"sinks": True},
                 experts=Experts("num_experts", layers=_flint_experts,
                                 shared=lambda c: c.integer("shared_expert_intermediate_size")),
                 names={"sinks": "softmax_offset", "router": "gate", "shared_experts": "shared_expert"}),
    "gemma": Row("attention_bias", "attention_bias", block=_both_ways),
    "gemma3_text": Row("attention_bias", "attention_bias", placement="sandwich", qk_norm="head",
                       pattern=lambda c: patterned(c, 6), block=_both_ways),
    "glm": Row("attention_bias", more={"fused_gate_up": True}),
    "glm4": Row("attention_bias", placement="sandwich", more={"fused_gate_up": True}, names=SANDWICH_GLM),
    "gptj": Row(mlp_bias=True, head_bias=True, gated=False, norm="layernorm", placement="parallel", size=inner,
                names=GPT | {"o_proj": "out_proj", "up_proj": "fc_in", "down_proj": "fc_out"}),
    "codegen": Row(mlp_bias=True, head_bias=True, gated=False, norm="layernorm", placement="parallel", size=inner,
                   more={"fused_qkv": True},
                   names=GPT | {"o_proj": "out_proj", "up_proj": "fc_in", "down_proj": "fc_out"}),
    "gpt_neox": Row("attention_bias", "attention_bias", True, gated=False, norm="layernorm", names=NEOX,
                    placement=when("use_parallel_residual", "parallel_norms", "pre"), more={"fused_qkv": True},
                    tagger="classifier"),
    "granite": Row("attention_bias", "attention_bias", "mlp_bias"),
    "granite_swa": Row("attention_bias", "attention_bias", "mlp_bias", pattern=lambda c: first_full(c, 4),
                       more={"sinks": True}),
    "helium": Row("attention_bias", mlp_bias="mlp_bias", block=_helium),
    "hunyuan_v1_dense": Row("attention_bias", "attention_bias", qk_norm="head",
                            names={"q_norm": "query_layernorm", "k_norm": "key_layernorm"}),
    "hyperclovax": Row("attention_bias", "attention_bias", "mlp_bias", names=_hyperclovax_names,
                       placement=when("use_post_norm", "sandwich", "pre")),
    "internlm3": Row("attention_bias", "attention_bias", "mlp_bias"),
    "iquestcoder": Row("attention_bias", "attention_bias", "mlp_bias"),
    "jais2": Row("attention_bias", "attention_bias", "mlp_bias", gated=False, norm="layernorm"),
    "mellum": Row("attention_bias", "attention_bias", qk_norm="head", adjust=_mellum_apart, names={"router": "gate"},
                  experts=Experts("num_experts", layers=_mellum_experts)),
    "ministral": Row(pattern=all_sliding),
    "ministral3": Row(mixers=all_sliding, answers="model"),
    "modernbert-decoder": Row(
        "attention_bias", "attention_bias", "mlp_bias", "decoder_bias", norm="layernorm", norm_bias="norm_bias",
        mixers=_modernbert_layers, block=_modernbert_layer, more=_modernbert_head, names=MODERNBERT,
        classifier="classifier", adjust=_modernbert_bias),
    "mpt": Row(gated=False, norm="layernorm", norm_bias=False, position="alibi", size=four_times,
               more={"fused_qkv": True}, tagger="classifier",
               names={"embed_tokens": "transformer.wte", "layers": "transformer.blocks", "norm": "transformer.norm_f",
                      "input_layernorm": "norm_1", "post_attention_layernorm": "norm_2", "self_attn": "attn",
                      "mlp": "ffn", "qkv_proj": "Wqkv", "o_proj": "out_proj"}),
    "nanochat": Row("attention_bias", "attention_bias", gated=False, more={"norm_scale": False, "embedding_norm": True},
                    names=FC),
    "nemotron": Row("attention_bias", "attention_bias", "mlp_bias", gated=False, norm="layernorm"),
    "olmo": Row("attention_bias", "attention_bias", norm="layernorm", more={"norm_scale": False}),
    "olmo2": Row("attention_bias", "attention_bias", placement="post", qk_norm="full"),
    "olmo3": Row("attention_bias", "attention_bias", placement="post", qk_norm="full", pattern=lambda c: every(c, 4)),
    "persimmon": Row(True, True, True, gated=False, norm="layernorm", qk_norm=when("qk_layernorm", "head"),
                     more={"fused_qkv": True, "qk_norm_bias": True},
                     names={"norm": "model.final_layernorm"} | DENSE_QKV | FC_LONG | QK_LAYERNORM),
    "phi": Row(True, True, True, True, gated=False, norm="layernorm", placement="parallel",
               qk_norm=when("qk_layernorm", "head"), more={"qk_norm_bias": True},
               names={"norm": "model.final_layernorm", "o_proj": "dense"} | FC | QK_LAYERNORM),
    "phi3": Row(mixers=all_sliding, more={"fused_qkv": True, "fused_gate_up": True}),
    "seed_oss": Row("attention_bias", "attention_out_bias", "mlp_bias"),
    "smollm3": Row("attention_bias", "attention_bias", "mlp_bias", pattern=_smollm3),
    "stablelm": Row("use_qkv_bias", norm="layernorm", placement=when("use_parallel_residual", "parallel", "pre"),
                    qk_norm=when("qk_layernorm", "each"), names=QK_LAYERNORM),
    "starcoder2": Row("use_bias", "use_bias", "use_bias", gated=False, norm="layernorm", mixers=all_sliding,
                      names={"up_proj": "c_fc", "down_proj": "c_proj"}),
    "vaultgemma": Row("attention_bias", "attention_bias", pattern=lambda c: every(c, 2),
                      names={"post_attention_layernorm": "pre_feedforward_layernorm"}),
}
