"""DeBERTa: content and position attend to each other through tables of relative distances. Source: arXiv:2006.03654."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paramcalc.components.attention import QKVO, Attention
from paramcalc.components.linear import Head, Linear, Parameter, Score
from paramcalc.components.norm import Norm
from paramcalc.readers.families.encoder import Encoder, heads
from paramcalc.readers.families.encoders.heads import CHOSEN, LABELLED, PLAIN_TOPS, Dense, PredictionHead, Tops

if TYPE_CHECKING:
    from paramcalc.components.base import Parts
    from paramcalc.readers.config.config import Builder, Config
    from paramcalc.spec.model import ModelSpec

NAMES = {"project": "embeddings.embed_proj"}
LEGACY_HEAD = PredictionHead(width="embedding_size")
POOLED = Dense("pooler.dense", "pooler_hidden_size", "pooler_hidden_size", component="pooler")


def distances(config: Config) -> int:
    """Rows of the table of relative distances: both directions of the longest, or of the buckets."""
    longest = config.get("max_relative_positions", -1)
    if type(longest) is not int or longest < 1:
        longest = config.integer("max_position_embeddings")
    buckets = config.get("position_buckets", -1)
    return 2 * (buckets if type(buckets) is int and buckets > 0 else longest)


def kinds(config: Config) -> list[str]:
    """Which of content and position attend to which: `c2p`, `p2c`."""
    if not config.flag("relative_attention"):
        return []
    value = config.get("pos_att_type")
    if isinstance(value, str):
        return [kind.strip() for kind in value.lower().split("|")]
    return config.listed("pos_att_type", str) or []


def relative_work(config: Config) -> Parts:
    """What the tables cost: their projection once a sequence, and a score of each token with each distance."""
    width, rows = config.integer("hidden_size"), distances(config)
    parts: Parts = {}
    for kind in ("c2p", "p2c"):
        if kind in kinds(config):
            parts[f"{kind}_scores"] = Score(sizes=(rows, width), component="attention")
            parts[f"{kind}_projection"] = Score(sizes=(rows, width, width), per="sequence", component="attention")
    return parts


def projection(config: Config, name: str, *, bias: bool) -> Parts:
    """A projection of the table of distances: read once a sequence, its work stated apart."""
    width = config.integer("hidden_size")
    at = f"attention.self.{name}"
    parts: Parts = {f"{at}.weight": Parameter(shape=(width, width), role="lookup", component="attention")}
    if bias:
        parts[f"{at}.bias"] = Parameter(shape=(width,), component="attention")
    return parts


def mixer_v1(config: Config, _: str, __: bool) -> Parts:
    """DeBERTa: one matrix for q, k and v, with biases of q and v beside it."""
    width, count = config.integer("hidden_size"), heads(config)
    parts: Parts = {
        "attention": Attention(num_heads=count, bias=("o",), fused="qkv", causal=False,
                               names={"qkv_proj": "self.in_proj", "o_proj": "output.dense"}),
        "attention.self.q_bias": Parameter(shape=(width,), component="attention"),
        "attention.self.v_bias": Parameter(shape=(width,), component="attention"),
    }
    if config.flag("talking_head"):
        for name in ("head_logits_proj", "head_weights_proj"):
            parts[f"attention.self.{name}.weight"] = Parameter(shape=(count, count), component="attention")
            parts[f"{name}_mix"] = Score(sizes=(count, count), per="pair", causal=False, component="attention")
    if "c2p" in kinds(config):
        parts |= projection(config, "pos_proj", bias=False)
    if "p2c" in kinds(config):
        parts |= projection(config, "pos_q_proj", bias=True)
    return parts | relative_work(config)


def mixer_v2(config: Config, _: str, __: bool) -> Parts:
    """DeBERTa-v2: separate projections, which positions may share."""
    parts: Parts = {"attention": Attention(
        num_heads=config.integer("num_attention_heads"), head_dim=config.optional("attention_head_size"),
        bias=QKVO, causal=False,
        names={"q_proj": "self.query_proj", "k_proj": "self.key_proj", "v_proj": "self.value_proj",
               "o_proj": "output.dense"})}
    if not config.flag("share_att_key"):
        if "c2p" in kinds(config):
            parts |= projection(config, "pos_key_proj", bias=True)
        if "p2c" in kinds(config):
            parts |= projection(config, "pos_query_proj", bias=True)
    return parts | relative_work(config)


def tables(config: Config) -> Parts:
    """The table of distances, its norm, and the convolution after the first layer, where they are asked for."""
    parts: Parts = {}
    if config.flag("relative_attention"):
        parts["encoder.rel_embeddings.weight"] = Parameter(
            shape=(distances(config), config.integer("hidden_size")), role="lookup", component="other_embedding")
    return parts


def tables_v2(config: Config) -> Parts:
    """With DeBERTa-v2's norm over the distances and its convolution beside the first layer."""
    parts = tables(config)
    if "layer_norm" in [word.strip() for word in config.text("norm_rel_ebd", "none").lower().split("|")]:
        parts["encoder.LayerNorm"] = Norm(kind="layernorm")
    kernel = config.integer("conv_kernel_size", 0, least=0)
    if kernel:
        width, groups = config.integer("hidden_size"), config.integer("conv_groups", 1)
        if width % groups:
            raise config.error("conv_groups", f"{groups} does not divide hidden_size ({width})")
        parts["encoder.conv.conv.weight"] = Parameter(shape=(width, width // groups, kernel), role="conv")
        parts["encoder.conv.conv.bias"] = Parameter(shape=(width,))
        parts["encoder.conv.LayerNorm"] = Norm(kind="layernorm")
    return parts


def head(config: Config) -> Parts:
    """BERT's head; the newer one shares the embedding's matrix whatever the config says."""
    if config.flag("legacy", default=True):
        return LEGACY_HEAD(config)
    at = "lm_predictions.lm_head"
    return {
        f"{at}.dense": Linear(bias=True, component="lm_head"),
        f"{at}.LayerNorm": Norm(kind="layernorm", component="lm_head"),
        f"{at}.bias": Parameter(shape=(config.integer("vocab_size"),), component="lm_head"),
        f"{at}.decoder": Head(tied=True),
    }


TOPS: Tops = {
    **PLAIN_TOPS, "SequenceClassification": (POOLED, LABELLED), "MultipleChoice": (POOLED, CHOSEN),
}
V2 = Encoder("deberta", NAMES, head, TOPS, mixer=mixer_v2, tables=tables_v2, learned="position_biased_input",
             embedding_size="embedding_size", project_bias=False, norm_last=True)
V1 = replace(V2, mixer=mixer_v1, tables=tables)


def deberta(config: Config) -> ModelSpec:
    """DeBERTa."""
    return V1(config)


def deberta_v2(config: Config) -> ModelSpec:
    """DeBERTa-v2 and v3."""
    return V2(config)


ROWS: dict[str, Builder] = {"deberta": deberta, "deberta-v2": deberta_v2}
