"""Draft models of speculative decoding: small models that read the hidden states of another one.

They are published under the model type of the model they draft for, so that the class name alone tells them. What they
share with that model (its token table, its head) is not in their files and not counted here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paramcalc.components.attention import Attention
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.linear import Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.errors import Problem, SpecError
from paramcalc.readers.config.config import MAX_SIZE, Config
from paramcalc.readers.config.defaults import FamilyData
from paramcalc.readers.config.published import DRAFT_CLASSES
from paramcalc.readers.families import family_of
from paramcalc.spec.lower import QKV
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Builder

Parts = dict[str, "Component"]
EAGLE3_STATES = 3
"""Layers of the target whose states EAGLE-3 reads: a low, a middle and a high one. arXiv:2503.01840 section 3.1."""


def draft_config(data: dict[str, Any]) -> Config | None:
    """The config of a draft under the type of its kind; None where the class is none of a draft.

    Files of the speculators format name no model type; the layer they are made of is a config of its own inside.
    """
    names = data.get("architectures")
    kind = DRAFT_CLASSES.get(str(names[0])) if isinstance(names, list) and names else None
    inside = data.get("transformer_layer_config")
    if "speculators_model_type" in data and isinstance(inside, dict):
        kind = kind or str(data["speculators_model_type"])
        if kind not in ROWS:
            return None
        return Config(inside, _family(inside), kind, "", ("transformer_layer_config",), data)
    return None if kind is None else Config(data, _family(data), kind, str(names[0]) if names else "")


def _family(data: dict[str, Any]) -> FamilyData:
    """What the class of the target says where the draft's config is silent."""
    return family_of(str(data.get("model_type"))).data or FamilyData({}, {}, ())


def dflash(config: Config) -> ModelSpec:
    """DFlash: a few layers of the target's kind, a projection of several of its states; no table, no head.

    Source: z-lab/dflash, DFlashDraftModel.
    """
    own = config.settings("dflash_config", "target_layer_ids")
    targets = own.get("target_layer_ids") if own else config.get("target_layer_ids")
    if not isinstance(targets, list) or not 0 < len(targets) <= config.layers * 64:
        raise config.error("dflash_config", "expected target_layer_ids, a list of the target's layers")
    config.read |= {"block_size", "num_target_layers"}
    width = config.integer("hidden_size")
    normed = "head" if str(config.data.get("model_type")).startswith(("qwen3", "dspark")) else "none"
    modules: Parts = {"fc": Linear(in_features=len(targets) * width), "hidden_norm": Norm(kind="rmsnorm")}
    for index in range(config.layers):
        modules |= _layer(config, f"layers.{index}", width, qk_norm=normed)
    return _spec(config, modules | {"norm": Norm(kind="rmsnorm")})


def dspark(config: Config) -> ModelSpec:
    """DSpark: DFlash with a table of bigrams of low rank, and a head that foretells what will be accepted.

    Source: sgl-project/SpecForge, specforge/modeling/draft/dspark.py, whose heads are those of DeepSeek's DeepSpec.
    """
    spec, rank, width = dflash(config), config.integer("markov_rank", 256, least=0), config.integer("hidden_size")
    kind = config.text("markov_head_type", "vanilla")
    if kind != "vanilla":
        raise config.error("markov_head_type", f"{kind[:60]!r} is not known")
    heads: Parts = {}
    if rank:
        heads |= {"markov_head.markov_w1": Embedding(hidden_size=rank, component="other_embedding"),
                  "markov_head.markov_w2": Linear(in_features=rank, out_features=config.integer("vocab_size"))}
    if config.flag("enable_confidence_head", default=True):
        inputs = width + rank if config.flag("confidence_head_with_markov", default=True) else width
        heads["confidence_head.proj"] = Linear(in_features=inputs, out_features=1, bias=True)
    return spec.model_copy(update={"modules": {**(spec.modules or {}), **heads}})


def eagle3(config: Config) -> ModelSpec:
    """EAGLE-3: one layer that reads the token and the target's states side by side, and a head of a small vocabulary.

    Source: arXiv:2503.01840; sgl-project/SpecForge, LlamaForCausalLMEagle3. Files of the speculators format hold the
    token table too.
    """
    width, rows = config.integer("hidden_size"), config.integer("vocab_size")
    target = config.integer("target_hidden_size", width)
    own_table = config.outer is not None
    draft = _draft_rows(config.outer) if config.outer is not None else config.integer("draft_vocab_size", rows)
    at = "layers.0" if own_table else "midlayer"
    modules: Parts = {"embed_tokens": Embedding()} if own_table else {}
    modules |= {"fc": Linear(in_features=EAGLE3_STATES * target), f"{at}.hidden_norm": Norm(kind="rmsnorm")}
    modules |= _layer(config, at, width, reads=2 * width)
    modules |= {"norm": Norm(kind="rmsnorm"), "lm_head": Linear(out_features=draft, component="lm_head")}
    if draft != rows:
        modules |= {"d2t": Parameter(shape=(draft,), buffer=True, dtype="int64"),
                    "t2d": Parameter(shape=(rows,), buffer=True, dtype="bool")}
    return _spec(config, modules)


def _draft_rows(speculator: dict[str, Any]) -> int:
    """Tokens a file of the speculators format says its draft can give."""
    rows = speculator.get("draft_vocab_size")
    if not isinstance(rows, int) or not 0 < rows <= MAX_SIZE:
        raise SpecError(Problem("expected the number of tokens the draft can give", ("draft_vocab_size",)))
    return rows


def eagle(config: Config) -> ModelSpec:
    """EAGLE 1 and 2: the target's token table, a projection of token and state, layers without a first norm.

    Source: arXiv:2401.15077; SafeAILab/EAGLE, cnets.py.
    """
    width = config.integer("hidden_size")
    modules: Parts = {"embed_tokens": Embedding(),
                      "fc": Linear(in_features=2 * width, bias=config.flag("bias", default=True))}
    for index in range(config.layers):
        layer = _layer(config, f"layers.{index}", width)
        if index == 0:
            layer.pop("layers.0.input_layernorm")
        modules |= layer
    return _spec(config, modules)


def medusa(config: Config) -> ModelSpec:
    """Medusa: heads of their own on the target's last state, each a residual block or more and a matrix to tokens.

    Source: arXiv:2401.10774; FasterDecoding/Medusa, medusa_model.py.
    """
    heads, blocks = config.integer("medusa_num_heads", config.integer("num_heads", 5)), config.integer(
        "medusa_num_layers", 1)
    width = config.integer("hidden_size")
    modules: Parts = {}
    for index in range(blocks):
        modules[f"*.{index}.linear"] = Linear(bias=True, copies=heads)
    modules[f"*.{blocks}"] = Linear(in_features=width, out_features=config.integer("vocab_size"), component="lm_head",
                                    copies=heads)
    return _spec(config, modules)


def _layer(config: Config, at: str, width: int, *, reads: int | None = None, qk_norm: str = "none") -> Parts:
    """A decoder layer at a place; attention reads `reads` values of each token and gives `width`."""
    fields: dict[str, Any] = {"hidden_size": reads, "output_size": width} if reads else {}
    attention = Attention.model_validate({
        "num_heads": config.integer("num_attention_heads"), "num_kv_heads": config.kv_heads, "qk_norm": qk_norm,
        "head_dim": config.head_dim, "bias": QKV if config.flag("attention_bias") else (), **fields})
    return {f"{at}.input_layernorm": Norm(kind="rmsnorm"), f"{at}.self_attn": attention,
            f"{at}.post_attention_layernorm": Norm(kind="rmsnorm"),
            f"{at}.mlp": FeedForward(intermediate_size=config.integer("intermediate_size"))}


def _spec(config: Config, modules: Parts) -> ModelSpec:
    config.read |= {"tie_word_embeddings", "max_position_embeddings", "num_key_value_heads", "layer_types"}
    width = config.integer("hidden_size")
    return ModelSpec(vocab_size=config.integer("vocab_size"), hidden_size=width, modules=modules)


ROWS: dict[str, Builder] = {"dflash": dflash, "dspark": dspark, "eagle": eagle, "eagle3": eagle3, "medusa": medusa}
