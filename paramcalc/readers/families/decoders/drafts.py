"""Draft models of speculative decoding: small models that read the hidden states of another one.

They are published under the model type of the model they draft for, so that the class name alone tells them. What they
share with that model (its token table, its head) is not in their files and not counted here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import QKV, Attention
from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.config import Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.config.published import DRAFT_CLASSES, SPECULATORS
from paramcalc.readers.families import family_of
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Builder

LAYER = "transformer_layer_config"
"""Where files of the speculators format hold the config of the layers."""
SHARED_SINCE = (0, 8)
"""Release of speculators from which files leave out what the target holds: its token table, and its head where the
draft gives all of its tokens."""
LAYER_TYPES = ("llama", "mistral", "qwen3")
"""Model types whose layers are the ones drafts have: norms without a choice, attention, a gated feed-forward."""
MTP_TYPES = ("qwen3",)
"""Model types whose layer a prediction layer of the speculators format is known to have."""


def draft_config(data: dict[str, Any]) -> Config | None:
    """The config of a draft under the type of its kind; None where the class is none of a draft.

    Files of the speculators format name no model type; the layer they are made of is a config of its own inside.
    """
    names = data.get("architectures")
    name = str(names[0]) if isinstance(names, list) and names else ""
    kind = DRAFT_CLASSES.get(name or str(data.get("model_type")))
    if "speculators_model_type" in data and isinstance(data.get(LAYER), dict):
        kind = SPECULATORS.get(str(data["speculators_model_type"]))
    if kind is None:
        return None
    family = family_of(str(data.get("model_type"))).data if LAYER not in data else None
    return Config(data, family or FamilyData({}, {}, ()), kind, name)


def refuse_strange_speculator(data: dict[str, Any]) -> None:
    """Raise SpecError for a kind of the speculators format that is not described."""
    kind = str(data["speculators_model_type"])
    at = ("speculators_model_type",)
    if kind in SPECULATORS:
        raise SpecError(Problem(f"expected {LAYER}, a mapping, beside it", at))
    raise SpecError(Problem(f"unknown speculators_model_type {kind[:100]!r}", at, f"known: {', '.join(SPECULATORS)}"))


def layer_config(config: Config) -> Config:
    """What says how a layer is made: the config itself, or the one inside a file of the speculators format."""
    config.read |= {"speculators_model_type", "speculators_config", "speculators_version"}
    inside = config.data.get(LAYER)
    if not isinstance(inside, dict):
        return config
    config.read.add(LAYER)
    model_type = str(inside.get("model_type", "qwen3"))
    return config.part(LAYER, inside, family_of(model_type).data or FamilyData({}, {}, ()), model_type)


def is_speculator(config: Config) -> bool:
    """Whether the file is of the speculators format."""
    return LAYER in config.data


def shares(config: Config) -> bool:
    """Whether a file of the speculators format leaves out what the target holds, as new releases write it."""
    release = re.match(r"(\d+)\.(\d+)", str(config.data.get("speculators_version")))
    return release is None or (int(release[1]), int(release[2])) >= SHARED_SINCE


def token_maps(draft: int, rows: int) -> Parts:
    """Which of the target's tokens the draft's are, and the other way round, where it knows fewer."""
    return {"d2t": Parameter(shape=(draft,), buffer=True, dtype="int64"),
            "t2d": Parameter(shape=(rows,), buffer=True, dtype="bool")}


def decoder_layer(config: Config, at: str, *, reads: int | None = None, qk_norm: bool = False) -> Parts:
    """A decoder layer at a place; attention reads `reads` values of each token and gives the width."""
    width = config.integer("hidden_size")
    fields: dict[str, Any] = {"hidden_size": reads, "output_size": width} if reads else {}
    attention = Attention.model_validate({
        "num_heads": config.integer("num_attention_heads"), "num_kv_heads": config.kv_heads,
        "qk_norm": "head" if qk_norm else "none", "head_dim": config.head_dim,
        "bias": QKV if config.flag("attention_bias") else (), **fields})
    return {f"{at}.input_layernorm": Norm(kind="rmsnorm"), f"{at}.self_attn": attention,
            f"{at}.post_attention_layernorm": Norm(kind="rmsnorm"),
            f"{at}.mlp": FeedForward(intermediate_size=config.integer("intermediate_size"))}


def draft_spec(config: Config, modules: Parts) -> ModelSpec:
    """A draft of these modules, over the tokens and the width of its layers' config."""
    config.read |= {"tie_word_embeddings", "max_position_embeddings", "num_key_value_heads", "layer_types"}
    width, kind = config.integer("hidden_size"), config.data.get("model_type")
    strange = kind not in LAYER_TYPES and isinstance(kind, str) and family_of(kind).data is not None
    if not strange or not any("self_attn" in key for key in modules):
        return ModelSpec(vocab_size=config.integer("vocab_size"), hidden_size=width, modules=modules)
    reason = f"the layers of this draft are counted as Llama's, though its model_type is {str(kind)[:100]}"
    return ModelSpec(vocab_size=config.integer("vocab_size"), hidden_size=width, modules=modules,
                     caveats=(Caveat(figure="parameters", known="bound", reason=reason),))


def normalizes_heads(config: Config) -> bool:
    """Whether the layers of the target's type normalize queries and keys, as Qwen3's do."""
    return str(config.data.get("model_type", "qwen3")).startswith(("qwen3", "dspark"))


def medusa(config: Config) -> ModelSpec:
    """Medusa: heads of their own on the target's last state, each a residual block or more and a matrix to tokens.

    Source: arXiv:2401.10774; FasterDecoding/Medusa, medusa_model.py.
    """
    key = "num_heads" if "num_heads" in config.data and "medusa_num_heads" not in config.data else "medusa_num_heads"
    heads, blocks = config.usual(key, 5), config.usual("medusa_num_layers", 1)
    width = config.integer("hidden_size")
    modules: Parts = {}
    for index in range(blocks):
        modules[f"*.{index}.linear"] = Linear(bias=True, copies=heads)
    modules[f"*.{blocks}"] = Linear(in_features=width, out_features=config.integer("vocab_size"), component="lm_head",
                                    copies=heads)
    return draft_spec(config, modules)


def mlp_speculator(config: Config) -> ModelSpec:
    """MLP speculator: for each token ahead a table, a projection of the state before, a norm and a head; all but the
    first projection may be the same ones for each.

    Source: arXiv:2404.19124; vLLM's model_executor/models/mlp_speculator.py and transformers_utils/configs.
    """
    width, rows = config.usual("emb_dim", 4096), config.usual("vocab_size", 32000)
    inner = config.integer("inner_dim", 0, least=0) or width
    key = "n_predict" if "n_predict" in config.data else "num_lookahead_tokens"
    ahead = config.usual(key, 3)
    tied = config.flag("tie_weights")
    config.read |= {"top_k_tokens_per_head", "n_candidates", "scale_input"}
    times, later = (1, 1) if tied else (ahead, ahead - 1)
    modules: Parts = {
        "speculator.emb.*": Embedding(rows=rows, hidden_size=inner, copies=times),
        "speculator.proj.0": Linear(in_features=width, out_features=inner)}
    if ahead > 1:
        modules["speculator.proj.*"] = Linear(in_features=inner, out_features=inner, copies=later)
    modules |= {"speculator.ln.*": Norm(kind="layernorm", hidden_size=inner, copies=times),
                "speculator.head.*": Linear(in_features=inner, out_features=rows, component="lm_head", copies=times)}
    return ModelSpec(vocab_size=rows, hidden_size=width, modules=modules)


def mtp(config: Config) -> ModelSpec:
    """The prediction layer of a model as a file of its own: a projection of token and state, and a layer of Qwen3.

    Source: vllm-project/speculators, models/mtp: table and head are the target's and not written.
    """
    layer, at = layer_config(config), "mtp_layers.0"
    if layer.model_type not in MTP_TYPES:
        raise layer.error("model_type", f"expected one of {', '.join(MTP_TYPES)}, found {layer.model_type[:60]!r}")
    width, norm = layer.integer("hidden_size"), Norm(kind="rmsnorm")
    config.read.add("num_nextn_predict_layers")
    layer.read |= {"num_hidden_layers"}
    return draft_spec(layer, {
        f"{at}.hidden_layernorm": norm, f"{at}.token_layernorm": norm,
        f"{at}.input_proj": Linear(in_features=2 * width),
        **decoder_layer(layer, at, qk_norm=True), f"{at}.final_layernorm": norm})


ROWS: dict[str, Builder] = {"medusa": medusa, "mlp_speculator": mlp_speculator, "speculator_mtp": mtp}
