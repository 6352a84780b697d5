"""The encoder-decoder skeleton: what BART is, and the row that says how a family differs from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from paramcalc.components.attention import QKVO, QVO, Attention, Projection
from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding, Positions
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import roll
from paramcalc.components.linear import Head, Linear, Parameter
from paramcalc.components.norm import Norm
from paramcalc.components.stack import Stack
from paramcalc.readers.config.config import Flag
from paramcalc.readers.families.spellings import FC
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.readers.config.config import Config

Side = Literal["encoder", "decoder"]
Scheme = Literal["learned", "frozen", "computed"]
"""A trained table of positions, a table of sinusoids that is kept but never trained, or no table."""

FIXED: dict[str, str] = {"o_proj": "out_proj", **FC}
"""How BART's checkpoints spell our names."""


UNSOURCED = tuple(Caveat(figure=figure, known="estimate", reason=(
    "the decoder's layers attend to an encoder that this class does not hold: counted as with a source, of which there "
    "is none where it runs alone")) for figure in ("cache", "flops"))
"""Of a decoder by itself, whose class keeps the weights of its cross-attention."""


@dataclass(frozen=True, slots=True)
class Seq2Seq:
    """How a family differs from BART. Strings in flags are config keys; `{side}` in a key is encoder or decoder."""

    heads: str = "{side}_attention_heads"
    layers: str = "{side}_layers"
    inner: str = "{side}_ffn_dim"
    encoder: bool = True
    """False for a family that is the decoder alone."""
    pre: bool = False
    """Norms stand before attention and feed-forward, and one after the last layer."""
    attention_bias: Flag = True
    key_bias: bool = True
    mlp_bias: bool = True
    cross: Flag = True
    cross_size: str = ""
    """The key that says the width of what is attended to, where it is not the decoder's."""
    positions: Scheme | Callable[[Config, Side], Scheme] = "learned"
    position_keys: Mapping[Side, str] = field(default_factory=dict)
    """The key that says how long a table is, where that is not `max_position_embeddings`."""
    position_offset: int = 0
    """Rows a table has beyond the longest sequence."""
    embedding_norm: Flag = False
    prefix: str = "model"
    within: str = "decoder."
    """Below the prefix, where the decoder's parts stand."""
    shared: Flag = True
    """Encoder and decoder look tokens up in one table, unless the config unties it."""
    shared_alone: bool = False
    """The decoder alone has the shared table beside its own."""
    encoder_tokens: bool = True
    """False where the encoder reads no tokens but sound."""
    decoder_rows: str = ""
    """The key that says the decoder's vocabulary."""
    tables: str = ""
    """The key that says how many token tables and heads there are (one a codebook); a table has one more row."""
    head: str = "lm_head"
    alone_ties: bool = True
    """False where the decoder alone never shares its head's matrix with its table."""
    head_component: Literal["lm_head", "other"] = "lm_head"
    """What an untied head counts as, which follows its name."""
    logits_bias: bool = True
    names: Mapping[str, str] = field(default_factory=dict)
    """How checkpoints spell the parts of a layer, the tables and the projections, where not as BART's."""
    attention: Callable[[Config, str], Parts] | None = None
    """The encoder's self-attention in a layer of a given word, where it is not built as the decoder's."""
    feed: Callable[[Config, Side, str], tuple[str, Component]] | None = None
    """The path and the feed-forward of a layer of a given word."""
    words: Callable[[Config, Side, int], list[str]] | None = None
    """A word for each layer, where they are not all alike."""
    more: Callable[[Config, Side], Parts] | None = None
    """Further parts of a layer."""
    modules: Callable[[Config, Side], Parts] | None = None
    """Further parts of an encoder or a decoder, before its layers."""

    def __call__(self, config: Config) -> ModelSpec:
        """The specification of one config."""
        return _Build(self, config).spec()


class _Build:
    """One config on its way to a specification."""

    def __init__(self, row: Seq2Seq, config: Config) -> None:
        self.answers = row.encoder and config.architecture.endswith("ForQuestionAnswering")
        self.hears = not row.encoder_tokens and config.architecture.endswith("ForAudioClassification")
        if config.task not in ("causal", "bare", "seq2seq", "classification") and not (self.answers or self.hears):
            raise config.unknown_class()
        if config.per_token and row.encoder:
            raise config.unknown_class()
        self.row = row
        self.config = config
        self.width = config.integer("hidden_size")
        self.rows = config.integer("vocab_size")
        self.decoder_rows = (config.optional(row.decoder_rows) if row.decoder_rows else None) or self.rows
        self.alone = config.task == "causal" or not row.encoder
        self.base = "" if self.hears else config.rooted(f"{row.prefix}.")
        self.one_table = self.config.holds(row.shared)
        self.blocks: dict[str, Block] = {}
        self.modules: Parts = {}

    def spec(self) -> ModelSpec:
        """The long form: tables, stacks, what stands on top."""
        table = self.base + self.name("shared")
        if self.one_table and (not self.alone or self.row.shared_alone):
            self.modules[table] = Embedding(read=False)
        else:
            table = ""
        tied = table if self.config.tied else ""
        if not self.alone:
            self.stack("encoder", tied)
        if self.hears:
            self.modules |= heard(self.config, self.width)
        else:
            self.stack("decoder", tied)
            self.top()
        caveats = UNSOURCED if self.alone and self.row.encoder and self.config.holds(self.row.cross) else ()
        return ModelSpec(hidden_size=self.width, vocab_size=self.rows, modules=self.modules, blocks=self.blocks,
                         caveats=caveats)

    def name(self, word: str) -> str:
        return self.row.names.get(word, word)

    def stack(self, side: Side, table: str) -> None:
        row, config = self.row, self.config
        here = self.base + (row.within if side == "decoder" else "encoder.")
        self.embeddings(side, here, table)
        if row.modules is not None:
            self.modules |= {here + key: part for key, part in row.modules(config, side).items()}
        count = config.depth(row.layers.format(side=side))
        words = row.words(config, side, count) if row.words is not None else [""] * count
        called = {word: f"{side}_{word}" if word else side for word in words}
        self.blocks |= {name: Block(parts=self.layer(side, word)) for word, name in called.items()}
        self.modules[f"{here}layers"] = Stack(of=tuple(roll([called[word] for word in words])),
                                              stream="source" if side == "encoder" else "token")
        if row.pre:
            self.modules[here + self.name("layer_norm")] = Norm(kind="layernorm")

    def embeddings(self, side: Side, here: str, table: str) -> None:
        row = self.row
        tokens = here + self.name("embed_tokens")
        if row.tables:
            self.modules[tokens] = Embedding(rows=self.rows + 1, copies=self.config.integer(row.tables),
                                             path=f"{tokens}.*", component="other_embedding")
        elif side == "decoder" or row.encoder_tokens:
            rows = self.rows if side == "encoder" else self.decoder_rows
            self.modules[tokens] = Embedding(tied_to=table or None, rows=None if rows == self.rows else rows)
        self.modules[here + self.name("embed_positions")] = self.position_table(side)
        if self.config.holds(row.embedding_norm):
            self.modules[here + self.name("layernorm_embedding")] = Norm(kind="layernorm")

    def position_table(self, side: Side) -> Component:
        row = self.row
        scheme = row.positions(self.config, side) if callable(row.positions) else row.positions
        if scheme == "computed":
            return Positions(kind="sinusoidal")
        rows = self.config.integer(row.position_keys.get(side, "max_position_embeddings")) + row.position_offset
        return Embedding(rows=rows, component="position_embedding", frozen=scheme == "frozen")

    def layer(self, side: Side, word: str) -> Parts:
        row = self.row
        if row.attention is not None and side == "encoder":
            own = row.attention(self.config, word)
        else:
            own = {self.name("self_attn"): self.mixer(side)}
        groups: list[tuple[str, Parts]] = [("self_attn_layer_norm", own)]
        if side == "decoder" and self.config.holds(row.cross):
            groups.append(("encoder_attn_layer_norm", {self.name("encoder_attn"): self.mixer(side, cross=True)}))
        groups.append(("final_layer_norm", dict([self.feed(side, word)])))
        layer_parts: Parts = {}
        for norm, parts in groups:
            normed: Parts = {self.name(norm): Norm(kind="layernorm")}
            layer_parts |= {**normed, **parts} if row.pre else {**parts, **normed}
        return layer_parts | (row.more(self.config, side) if row.more is not None else {})

    def mixer(self, side: Side, *, cross: bool = False) -> Attention:
        key = self.row.heads.format(side=side)
        projections: tuple[Projection, ...] = QKVO if self.row.key_bias else QVO
        size = self.config.optional(self.row.cross_size) if cross and self.row.cross_size else None
        return Attention(num_heads=self.config.dividing(key, self.width), cross=cross, source_size=size,
                         bias=projections if self.config.holds(self.row.attention_bias) else (),
                         causal=side == "decoder" and not cross,
                         names=self.spelled("q_proj", "k_proj", "v_proj", "o_proj"))

    def spelled(self, *words: str) -> dict[str, str]:
        names = {word: self.row.names.get(word, FIXED.get(word, word)) for word in words}
        return {word: name for word, name in names.items() if word != name}

    def feed(self, side: Side, word: str) -> tuple[str, Component]:
        if self.row.feed is not None:
            return self.row.feed(self.config, side, word)
        inner = self.config.integer(self.row.inner.format(side=side))
        return "feed_forward", FeedForward(intermediate_size=inner, gated=False, bias=self.row.mlp_bias, path="",
                                           names=self.spelled("up_proj", "down_proj"))

    def top(self) -> None:
        row, config = self.row, self.config
        if self.answers:
            self.modules["qa_outputs"] = Head(rows=2, bias=True)
        elif config.per_token:
            self.modules["classifier"] = Head(rows=config.labels, bias=True)
        elif config.task == "classification":
            self.modules |= classifier(config, self.width) if row.encoder else {"score": Head(rows=config.labels)}
        if config.task not in ("causal", "seq2seq"):
            return
        rows = self.rows if self.alone or self.one_table else self.decoder_rows
        if row.tables:
            self.modules[row.head] = Linear(out_features=rows, copies=config.integer(row.tables),
                                            path=f"{row.head}.*", component="other")
        elif config.tied and (row.alone_ties or not self.alone):
            self.modules[row.head] = Head(tied=True, rows=None if rows == self.rows else rows)
        elif row.head_component == "lm_head":
            self.modules[row.head] = Head(rows=None if rows == self.rows else rows)
        else:
            self.modules[row.head] = Linear(out_features=rows, component=row.head_component)
        if row.logits_bias and not self.alone:
            self.modules["final_logits_bias"] = Parameter(shape=(1, rows), buffer=True, component="lm_head")


def classifier(config: Config, width: int) -> Parts:
    """A dense layer and a projection of the last position to the labels, as BART's and T5's classes have it."""
    return {"classification_head.dense": Linear(out_features=width, bias=True, component="lm_head", per="sequence"),
            "classification_head.out_proj": Linear(out_features=config.labels, bias=True, component="lm_head",
                                                   per="sequence")}


def heard(config: Config, width: int) -> Parts:
    """A projection of every frame and labels of their mean, as Whisper's class has it; a weight for each layer's output
    where the config asks for it."""
    middle = config.integer("classifier_proj_size")
    weighted: Parts = {}
    if config.flag("use_weighted_layer_sum"):
        weighted["layer_weights"] = Parameter(shape=(config.layers + 1,), component="other", added=True)
    return weighted | {
        "projector": Linear(out_features=middle, in_features=width, bias=True, component="other", per="source"),
        "classifier": Linear(out_features=config.labels, in_features=middle, bias=True, component="lm_head",
                             per="sequence")}
