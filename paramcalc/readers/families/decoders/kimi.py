"""Moonshot's Kimi Linear, and Ling of the same make: delta rules and latent attention by turns.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from paramcalc.components.delta_rule import KimiDelta
from paramcalc.components.latent_attention import LatentAttention
from paramcalc.components.linear import Linear
from paramcalc.components.norm import Norm
from paramcalc.errors import LAYERS
from paramcalc.readers.config.patterns import FULL, LINEAR, every, sparse_layers
from paramcalc.readers.config.quantization.settings import keep
from paramcalc.readers.families.decoder import Experts, Row
from paramcalc.readers.families.decoders.deepseek import latent, shared_experts
from paramcalc.readers.families.decoders.shared import CORRECTED, GENERATES

if TYPE_CHECKING:

    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config
    from paramcalc.spec.model import ModelSpec

KIMI = CORRECTED | {"mlp": "block_sparse_moe", "experts.*.gate_proj": "experts.*.w1",
                    "experts.*.down_proj": "experts.*.w2", "experts.*.up_proj": "experts.*.w3"}
LING = CORRECTED | {"embed_tokens": "model.word_embeddings", "self_attn": "attention", "o_proj": "dense",
                    "gate": "g_proj"}
K3 = KIMI | {"mlp": "mlp", "gate": "g_proj", "latent_down": "routed_expert_down_proj",
             "latent_norm": "routed_expert_norm", "latent_up": "routed_expert_up_proj"}
"""What Kimi K3's files call what Kimi Linear has not. Source: the headers of moonshotai/Kimi-K3."""
KDA_SIZES = ("head_dim", "num_heads", "short_conv_kernel_size")


def linear_attention(config: Config) -> dict[str, Any]:
    """The mapping `linear_attn_config`; empty where the file has none."""
    return config.settings("linear_attn_config", *KDA_SIZES, "full_attn_layers", "kda_layers", "use_full_rank_gate",
                           "gate_lower_bound")  # the last bounds values, no size


def _kimi_layers(config: Config) -> list[str]:
    """Lists of layers counted from 1, else full attention at each fourth layer but the first."""
    settings = linear_attention(config)
    if "full_attn_layers" not in settings or "kda_layers" not in settings:
        return [FULL if i and i % 4 == 0 else LINEAR for i in range(config.layers)]
    lists = [settings["full_attn_layers"], settings["kda_layers"]]
    if not all(isinstance(one, list) and all(type(item) is int for item in one) for one in lists):
        raise config.expected("linear_attn_config", "lists of integers under full_attn_layers and kda_layers")
    full, linear = set(lists[0]), set(lists[1])
    for layer in range(1, config.layers + 1):
        if (layer in full) == (layer in linear):
            raise config.error("linear_attn_config", f"layer {layer} must be in one of full_attn_layers, kda_layers, "
                               f"found in {'both' if layer in full else 'neither'}", code=LAYERS)
    return [FULL if layer in full else LINEAR for layer in range(1, config.layers + 1)]


def kimi_mixer(config: Config, word: str) -> Component:
    """Latent attention, or the delta rule with a decay for each channel."""
    if word == FULL:
        gate = "full" if config.flag("mla_use_output_gate") else "none"
        return latent(config).model_copy(update={"component": "state_mixer", "output_gate": gate})
    config.read |= {"mla_use_nope", "moe_router_activation_func", "use_grouped_topk"}
    sizes = {key: value for key, value in linear_attention(config).items() if key in KDA_SIZES}
    if not all(type(value) is int and 0 < value <= 2**20 for value in sizes.values()):
        raise config.expected("linear_attn_config", f"integers of at least 1 under {', '.join(KDA_SIZES)}")
    head_dim = sizes.get("head_dim") or config.integer("linear_head_dim")
    bounded = "gate_lower_bound" in linear_attention(config)
    return KimiDelta(
        num_heads=sizes.get("num_heads") or config.integer("linear_num_heads"), head_dim=head_dim, gate_rank=head_dim,
        conv_kernel=sizes.get("short_conv_kernel_size") or config.integer("linear_conv_kernel_dim"),
        decay_shape="channels" if bounded else "broadcast",
        full_output_gate=linear_attention(config).get("use_full_rank_gate") is True)


def kimi_experts(config: Config) -> dict[str, Any]:
    """Kimi K3's experts work in a latent width, with a norm before the up projection where the config wants it."""
    latent_size = config.optional("routed_expert_hidden_size")
    if latent_size is None:
        return {}
    return {"latent_size": latent_size, "latent_norm": config.flag("latent_moe_use_norm")}


def _residuals(config: Config, *_: str) -> dict[str, Any]:
    """Attention over the residual stream of earlier blocks: a norm and a query of one row, before either half."""
    if config.optional("attn_res_block_size") is None:
        return {}
    return {"beside": {f"{half}_res_{name}": part for half in ("self_attention", "mlp")
                       for name, part in RESIDUAL.items()}}


def _names(config: Config) -> dict[str, str]:
    """Kimi K3's files call only the layers with experts `block_sparse_moe`, the library's class all of them."""
    return KIMI if config.optional("routed_expert_hidden_size") is None else K3


def _kimi_more(config: Config) -> dict[str, Any]:
    more: dict[str, Any] = {"tie_embeddings": False, "state_dtype": "float32"}
    if config.optional("attn_res_block_size") is not None:
        more["outputs"] = {f"model.output_attn_res_{name}": part for name, part in RESIDUAL.items()}
        more["quantize"] = keep(UNQUANTIZED)
    return more


UNQUANTIZED = (r"re:.*\.routed_expert_(down|up)_proj", r"re:.*_res_proj")
"""What Kimi K3's files hold in bf16 though their `ignore` does not say so: of moonshotai/Kimi-K3's 497,220 tensors only
those below `experts` are packed (headers: Hudabey/theseus, reports/kimi_k3 phase 3), and SGLang's class builds the two
projections with `quant_config=None`."""
RESIDUAL: dict[str, Component] = {"norm": Norm(kind="rmsnorm"), "proj": Linear(out_features=1)}


def _ling_mixer(config: Config, word: str) -> Component:
    heads = config.integer("num_attention_heads")
    if word == FULL:
        rank = config.optional("q_lora_rank")
        return LatentAttention(
            num_heads=heads, q_lora_rank=rank, kv_lora_rank=config.integer("kv_lora_rank"), output_gate="head",
            qk_nope_head_dim=config.integer("qk_nope_head_dim"), v_head_dim=config.integer("v_head_dim"),
            qk_rope_head_dim=config.integer("qk_rope_head_dim", least=0),
            bias=(*(("q_a",) if rank else ()), "kv_a", "o") if config.flag("attention_bias") else ())
    return KimiDelta(
        num_heads=config.optional("linear_num_heads") or heads,
        head_dim=config.optional("linear_head_dim") or config.integer("head_dim"),
        conv_kernel=config.optional("linear_conv_kernel_dim") or config.integer("short_conv_kernel_size"),
        names={"o_proj": "dense"})


def _unknown_mtp(config: Config, _: ModelSpec, key: str) -> dict[str, Component]:
    """Said, not counted: no public class or document has the shape of these layers."""
    if config.integer(key, 0, least=0) and config.task in GENERATES:
        config.note("the files' multi-token prediction layers are not counted, not even apart")
    return {}


ROWS: dict[str, Row] = {
    "kimi_linear": Row(
        position="none",
        pattern=_kimi_layers, mixer=kimi_mixer, names=_names, block=_residuals, more=_kimi_more,
        mtp=partial(_unknown_mtp, key="num_nextn_predict_layers"),
        experts=Experts("num_local_experts", layers=partial(sparse_layers, first=1), shared=shared_experts,
                        correction_bias="buffer", more=kimi_experts)),
    "bailing_hybrid": Row(
        pattern=lambda c: every(c, c.integer("layer_group_size"), FULL, LINEAR), mixer=_ling_mixer, names=LING,
        more={"tie_embeddings": False}, mtp=partial(_unknown_mtp, key="num_mtp_layers"),
        experts=Experts(layers=sparse_layers, shared=shared_experts, correction_bias="buffer")),
}
