"""T5's skeleton (encoder and decoder of the same layers, biases of relative positions instead of tables) and its rows.

Sources: transformers' modeling file of each, and what a row or rule names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from paramcalc.components.attention import Attention
from paramcalc.components.convolution import Convolution
from paramcalc.components.embedding import Embedding
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import roll
from paramcalc.components.linear import Head
from paramcalc.components.moe import MixtureOfExperts
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.readers.families.encoder_decoder import classifier
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable

    from paramcalc.components.base import Component, Parts
    from paramcalc.readers.config.config import Config
    from paramcalc.readers.families.encoder_decoder import Side


def long_attention(config: Config, biased: bool) -> tuple[str, Parts]:
    """LongT5's encoder: local attention, or local with one summary of each block that every token sees."""
    if config.choice("encoder_attention_type", ("local", "transient-global"), "local") == "local":
        return "LocalSelfAttention", {}
    more: Parts = {"global_relative_attention_bias": buckets(config)} if biased else {}
    return "TransientGlobalSelfAttention", {**more, "global_input_layer_norm": Norm(kind="rmsnorm")}


def switch_layers(config: Config, side: Side, count: int) -> list[bool]:
    """Sparse layers are as far apart as their number allows, from the second on; every layer where that is each."""
    sparse = config.integer(f"num_sparse_{side}_layers", least=0)
    step = count // sparse if sparse else count
    return [step > 0 and (step == 1 or i % step == 1) for i in range(count)]


def switch_experts(config: Config) -> MixtureOfExperts:
    """Switch's experts, of which a token visits one."""
    return MixtureOfExperts(
        experts=config.integer("num_experts"), top_k=1, intermediate_size=config.integer("d_ff"), gated=False,
        router_bias=config.flag("router_bias"),
        names={"router": "router.classifier", "experts.*.up_proj": "experts.expert_*.wi",
               "experts.*.down_proj": "experts.expert_*.wo"})


PAGE_BUCKETS = 32
"""Rows of UDOP's biases by place on a page, whatever the config says of those by distance in the text."""

PAGE_BIASES = ("1d", "horizontal", "vertical")
"""The biases of UDOP, which the class fills in for null."""


def udop_parts(config: Config, sides: tuple[Side, ...]) -> Parts:
    """UDOP's patches, boxes and biases by place on a page. arXiv:2212.02623."""
    width, patch, heads = config.integer("d_model"), config.integer("patch_size"), config.integer("num_heads")
    patches = Convolution(out_channels=width, in_channels=config.integer("num_channels"), kernel=(patch, patch),
                      component="other_embedding")
    kinds, parts = config.get("relative_bias_args"), dict[str, "Component"]({"patch_embed.proj": patches})
    count = len(PAGE_BIASES if kinds is None else kinds) if kinds is None or isinstance(kinds, list) else 0
    shared = config.tied and config.architecture != "UdopModel"  # which names no weights that it ties
    for side in sides:
        if side == "encoder":
            parts |= {f"encoder.cell_2d_embedding.{axis}_position_embeddings": Embedding(
                rows=config.integer("max_2d_position_embeddings"), component="position_embedding") for axis in "xy"}
        else:
            parts["decoder.embed_patches.proj"] = patches
        for index in range(1 if shared else 0, min(count, 64)):
            parts[f"{side}.relative_bias.biases.{index}.relative_attention_bias"] = Embedding(
                rows=PAGE_BUCKETS, hidden_size=heads, component="position_embedding", pairs=True)
    return parts


def composers(config: Config, _: tuple[Side, ...]) -> Parts:
    """Pop2Piano's table of composers."""
    return {"mel_conditioner.embedding": Embedding(rows=config.integer("composer_vocab_size"),
                                                   component="other_embedding")}


NAMES = {"q_proj": "q", "k_proj": "k", "v_proj": "v", "o_proj": "o"}
TIED_BY_CLASS = ("tie_word_embeddings is false: the head is counted apart, as published checkpoints of such configs "
                 "hold it; the library's class shares it with the embedding all the same")


def buckets(config: Config) -> Embedding:
    """The table of relative position biases: buckets by heads."""
    return Embedding(rows=config.integer("relative_attention_num_buckets"), hidden_size=config.integer("num_heads"),
                     component="position_embedding", pairs=True)


def is_gated(config: Config) -> bool:
    """Whether `feed_forward_proj` is `gated-ACTIVATION` rather than `ACTIVATION`; `is_gated_act`, which files say
    again, goes before it, as in the class."""
    words = config.text("feed_forward_proj").split("-")
    if len(words) > 2 or (len(words) == 2 and words[0] != "gated"):
        raise config.error("feed_forward_proj", f"unknown value {'-'.join(words)[:60]!r}",
                           "an activation, or gated- and an activation")
    gated = words[0] == "gated"
    return config.get("is_gated_act", gated) is not None and config.flag("is_gated_act", default=gated)


def _called(side: Side, biased: bool, moe: bool) -> str:
    return "_".join([side, *(["biased"] if biased else []), *(["moe"] if moe else [])])


class _Build:
    """One config on its way to a specification."""

    def __init__(self, row: T5, config: Config) -> None:
        self.answers = config.architecture.endswith("ForQuestionAnswering")
        if config.task not in ("bare", "seq2seq", "classification", "encoder") and not self.answers:
            raise config.unknown_class()
        if config.task == "encoder" and config.flag("is_decoder"):
            raise config.error("is_decoder", "an encoder alone whose layers attend to another model is not described")
        self.row = row
        self.config = config
        self.width = config.integer("d_model")
        self.base = "transformer." if config.task == "classification" else ""
        self.tied = row.ties == "always" or (config.tied and row.ties != "never")
        self.blocks: dict[str, Block] = {}
        self.modules: Parts = {}

    def spec(self) -> ModelSpec:
        """The long form: the shared table, both stacks, what stands on top."""
        config = self.config
        self.modules[f"{self.base}shared"] = Embedding(read=False)
        self.stack("encoder", config.depth("num_layers"))
        if config.task != "encoder" and not config.per_token:
            has_own_depth = config.get("num_decoder_layers") is not None
            self.stack("decoder", config.depth("num_decoder_layers" if has_own_depth else "num_layers"))
        if self.row.parts is not None:
            sides: tuple[Side, ...] = ("encoder",) if config.task == "encoder" else ("encoder", "decoder")
            self.modules |= self.row.parts(config, sides)
        if config.task == "seq2seq":
            self.modules["lm_head"] = Head(tied=self.tied)
            if self.row.ties == "file" and not self.tied:
                config.notes.append(TIED_BY_CLASS)
        elif self.answers or config.per_token:
            self.modules["qa_outputs" if self.answers else "classifier"] = Head(rows=config.labels, bias=True)
        elif config.task == "classification":
            self.modules |= classifier(config, self.width)
        return ModelSpec(hidden_size=self.width, vocab_size=config.integer("vocab_size"), modules=self.modules,
                         blocks=self.blocks)

    def stack(self, side: Side, count: int) -> None:
        here = f"{self.base}{side}."
        shared = self.tied or self.row.ties != "class"
        self.modules[f"{here}embed_tokens"] = Embedding(tied_to=f"{self.base}shared" if shared else None)
        sparse = self.row.sparse(self.config, side, count) if self.row.sparse is not None else [False] * count
        kinds = [(i == 0 or self.row.every_layer_biased, moe) for i, moe in enumerate(sparse)]
        called = {kind: _called(side, *kind) for kind in kinds}
        self.blocks |= {name: Block(parts=self.layer(side, *kind)) for kind, name in called.items()}
        self.modules[f"{here}block"] = Stack(of=tuple(roll([called[kind] for kind in kinds])),
                                             stream="source" if side == "encoder" else "token")
        self.modules[f"{here}final_layer_norm"] = Norm(kind="rmsnorm")

    def layer(self, side: Side, biased: bool, moe: bool) -> Parts:
        config = self.config
        name, more = "SelfAttention", dict[str, "Component"]()
        if self.row.attention is not None and side == "encoder":
            name, more = self.row.attention(config, biased)
        parts: Parts = {"layer.0.layer_norm": Norm(kind="rmsnorm"), f"layer.0.{name}": self.mixer(side)}
        if biased:
            parts[f"layer.0.{name}.relative_attention_bias"] = buckets(config)
        parts |= {f"layer.0.{name}.{key}": part for key, part in more.items()}
        if side == "decoder":
            parts |= {"layer.1.layer_norm": Norm(kind="rmsnorm"),
                      "layer.1.EncDecAttention": self.mixer(side, cross=True)}
        last = 2 if side == "decoder" else 1
        feed = self.row.experts(config) if moe and self.row.experts is not None else self.dense()
        return parts | {f"layer.{last}.layer_norm": Norm(kind="rmsnorm"), f"layer.{last}.{self.row.feed}": feed}

    def mixer(self, side: Side, *, cross: bool = False) -> Attention:
        config = self.config
        return Attention(num_heads=config.integer("num_heads"), head_dim=config.integer("d_kv"), cross=cross,
                         causal=side == "decoder" and not cross, names=NAMES)

    def dense(self) -> FeedForward:
        gated = self.row.feed == "DenseReluDense" and is_gated(self.config)
        names = {"gate_proj": "wi_0", "up_proj": "wi_1" if gated else "wi", "down_proj": "wo"}
        return FeedForward(intermediate_size=self.config.integer("d_ff"), gated=gated, names=names)


@dataclass(frozen=True, slots=True)
class T5:
    """How a family differs from T5."""

    ties: Literal["file", "class", "always", "never"] = "file"
    """What decides whether the head is the embedding's matrix. `file`: the config's word, and the answer says that
    the class ties whatever it says; `class`: the config's word, which the class follows; `always`: tied, since
    checkpoints are even where the config says otherwise; `never`: the head is apart, the sides' tables are not."""
    every_layer_biased: bool = False
    """Every layer has its own relative position bias, not the first alone."""
    attention: Callable[[Config, bool], tuple[str, Parts]] | None = None
    """The name and further parts of the encoder's self-attention, given whether the layer has a position bias."""
    sparse: Callable[[Config, Side, int], list[bool]] | None = None
    """For each layer, whether its feed-forward is one of experts."""
    experts: Callable[[Config], Component] | None = None
    feed: str = "DenseReluDense"
    parts: Callable[[Config, tuple[Side, ...]], Parts] | None = None
    """What else the model has, given its sides."""

    def __call__(self, config: Config) -> ModelSpec:
        """The specification of one config."""
        return _Build(self, config).spec()


ROWS: dict[str, T5] = {
    "t5": T5(),
    "mt5": T5(),
    "umt5": T5(every_layer_biased=True),
    "udop": T5(ties="class", parts=udop_parts),
    "pop2piano": T5(ties="never", parts=composers),
    "longt5": T5(ties="always", attention=long_attention),
    "switch_transformers": T5(ties="class", sparse=switch_layers, experts=switch_experts, feed="mlp"),
}
