"""The encoder skeleton: what BERT is, and the row that says how a family differs from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paramcalc.components.attention import QKV, Attention, Projection
from paramcalc.components.base import Parts
from paramcalc.components.embedding import Embedding, Positions
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import roll
from paramcalc.components.linear import Linear, Score
from paramcalc.components.norm import Norm, NormKind
from paramcalc.components.stack import Stack
from paramcalc.errors import HEADS
from paramcalc.readers.config.config import Flag
from paramcalc.readers.families.encoders.heads import BERT_HEAD, BERT_TOPS, Tops, top_of
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.readers.config.config import Config


NAMES: Mapping[str, str] = {
    "tokens": "embeddings.word_embeddings", "positions": "embeddings.position_embeddings",
    "types": "embeddings.token_type_embeddings", "embedding_norm": "embeddings.LayerNorm",
    "project": "embeddings_project", "layers": "encoder.layer", "final_norm": "encoder.LayerNorm",
    "pooler": "pooler.dense", "attention": "attention", "q_proj": "self.query", "k_proj": "self.key",
    "v_proj": "self.value", "o_proj": "output.dense", "attention_norm": "attention.output.LayerNorm",
    "ffn": "", "gate_proj": "gate_proj", "up_proj": "intermediate.dense", "down_proj": "output.dense",
    "ffn_norm": "output.LayerNorm",
}
"""Where BERT keeps its parts; '' for what the encoder or layer has directly."""

RELATIVE = ("absolute", "relative_key", "relative_key_query")
"""Kinds of positions; the index is how many scores with a table of distances they add."""
NOTE = "position_embedding_type asks for tables of distances, which the library's current classes no longer build"


@dataclass(frozen=True, slots=True)
class Encoder:
    """How a family differs from BERT. Strings in flags are config keys; names that are '' are parts it has not."""

    prefix: str = "bert"
    """Before the encoder's parts in every class but the encoder itself."""
    names: Mapping[str, str] = field(default_factory=dict)
    head: Callable[[Config], Parts] = BERT_HEAD
    tops: Tops = field(default_factory=lambda: BERT_TOPS)
    norm: NormKind = "layernorm"
    norm_bias: Flag | None = None
    pre: Flag = False
    """Norms stand before attention and feed-forward, and one after the last layer."""
    learned: Flag = True
    """A table of positions."""
    rotary: bool = False
    position_offset: int = 0
    """Rows the table has beyond the longest sequence."""
    embedding_size: str = "hidden_size"
    """The key that says how wide the tables are; a projection follows where that is not the hidden size."""
    projected: bool = False
    """The projection is there even between equal widths."""
    project_bias: bool = True
    norm_last: bool = False
    """The tables' norm comes after the projection."""
    qkv_bias: Flag = True
    o_bias: Flag = True
    mlp_bias: Flag = True
    gated: bool = False
    fused: bool = False
    """q, k and v are one matrix."""
    size: str = "intermediate_size"
    mixer: Callable[[Config, str, bool], Parts] | None = None
    """Attention in a layer of a given word, to itself or across, where it is not the plain one."""
    window: Callable[[Config, str], int | None] | None = None
    """Tokens a query can see in a layer of a given word."""
    feed: Callable[[Config, str], Parts] | None = None
    """The feed-forward of a layer of a given word, where it is not the plain one."""
    words: Callable[[Config], list[str]] | None = None
    """A word for each layer, where they are not all alike."""
    tables: Callable[[Config], Parts] | None = None
    """Further tables and what joins them, before the layers."""
    further: Callable[[Config], Parts] | None = None
    """Further parts of each layer."""

    def __call__(self, config: Config) -> ModelSpec:
        """The specification of one config."""
        return _Builder(self, config).spec()


class _Builder:
    """One config on its way to a specification."""

    def __init__(self, row: Encoder, config: Config) -> None:
        self.row = row
        self.config = config
        self.names = {**NAMES, **row.names}
        self.top = top_of(config, row.tops)
        self.width = config.integer("hidden_size")
        self.base = "" if self.top == "Model" else f"{row.prefix}."

    def spec(self) -> ModelSpec:
        words = self.row.words(self.config) if self.row.words else ["layer"] * self.config.layers
        modules = self.here(self.embeddings())
        modules |= self.here({self.names["layers"]: Stack(of=tuple(roll(words)))})
        if self.config.holds(self.row.pre):
            modules |= self.here({self.names["final_norm"]: self.norm()})
        blocks = {word: Block(parts=self.layer(word)) for word in dict.fromkeys(words)}
        return ModelSpec(hidden_size=self.width, vocab_size=self.config.integer("vocab_size"), blocks=blocks,
                         modules=modules | self.on_top())

    def here(self, parts: Parts) -> Parts:
        return {self.base + name: part if part.path is None else part.model_copy(update={"path": self.base + part.path})
                for name, part in parts.items()}

    def embeddings(self) -> Parts:
        row, config, names = self.row, self.config, self.names
        narrow = config.integer(row.embedding_size, self.width)
        width = None if narrow == self.width else narrow
        parts: Parts = {names["tokens"]: Embedding(hidden_size=width)}
        if self.config.holds(row.learned):
            rows = config.integer("max_position_embeddings") + row.position_offset
            parts[names["positions"]] = Embedding(rows=rows, hidden_size=width, component="position_embedding")
        if row.rotary:
            parts["positions"] = Positions(kind="rotary")
        types = config.integer("type_vocab_size", least=0) if names["types"] else 0
        if types:
            parts[names["types"]] = Embedding(rows=types, hidden_size=width, component="other_embedding")
        if row.tables is not None:
            parts |= row.tables(config)
        if names["embedding_norm"]:
            parts[names["embedding_norm"]] = self.norm(None if row.norm_last else width)
        if width or row.projected:
            parts[names["project"]] = Linear(in_features=narrow, bias=row.project_bias, component="other_embedding")
        return parts

    def layer(self, word: str) -> Parts:
        row, names = self.row, self.names
        groups = [(names["attention_norm"], self.attention(word) | self.distances())]
        if self.crosses:
            groups.append((f"cross{names['attention_norm']}", self.attention(word, cross=True)))
        groups.append((names["ffn_norm"], row.feed(self.config, word) if row.feed else self.feed_forward()))
        layer_parts: Parts = {}
        for norm, parts in groups:
            normed: Parts = {norm: self.norm()} if norm else {}
            layer_parts |= {**normed, **parts} if self.config.holds(row.pre) else {**parts, **normed}
        return layer_parts | (row.further(self.config) if row.further is not None else {})

    def norm(self, width: int | None = None) -> Norm:
        bias = self.row.norm_bias
        return Norm(kind=self.row.norm, bias=None if bias is None else self.config.holds(bias), hidden_size=width)

    @property
    def crosses(self) -> bool:
        """Whether the layers attend to another encoder's output, which only decoders can."""
        has_keys = self.config.family.defaults.keys() >= {"add_cross_attention", "is_decoder"}
        return has_keys and is_decoder(self.config) and self.config.flag("add_cross_attention")

    def attention(self, word: str, *, cross: bool = False) -> Parts:
        row, config = self.row, self.config
        if row.mixer is not None:
            return row.mixer(config, word, cross)
        qkv: tuple[Projection, ...] = QKV if self.config.holds(row.qkv_bias) else ()
        out: tuple[Projection, ...] = ("o",) if self.config.holds(row.o_bias) else ()
        count = heads(config)
        part = Attention(
            num_heads=count, num_kv_heads=config.size_of_its_own("num_key_value_heads", count), bias=(*qkv, *out),
            head_dim=config.size_of_its_own("head_dim", self.width // count),
            causal=is_decoder(config) and not cross, cross=cross,
            window=row.window(config, word) if row.window else None, fused="qkv" if row.fused else "none",
            names=self.spelled("q_proj", "k_proj", "v_proj", "qkv_proj", "o_proj"),
        )
        return {f"cross{self.names['attention']}" if cross else self.names["attention"]: part}

    def distances(self) -> Parts:
        """The table of relative positions older releases of the library give each layer, where a file asks for it."""
        config, name = self.config, self.names["q_proj"]
        if self.row.rotary or self.row.mixer is not None or not self.config.holds(self.row.learned):
            config.get("position_embedding_type")
            return {}
        kind = config.choice("position_embedding_type", RELATIVE, "absolute")
        if kind == "absolute":
            return {}
        if NOTE not in config.notes:
            config.notes.append(NOTE)
        count = heads(config)
        head = self.width // count
        table = Embedding(rows=2 * config.integer("max_position_embeddings") - 1, hidden_size=head,
                          component="position_embedding")
        work = Score(sizes=(RELATIVE.index(kind), count, head), per="pair", causal=is_decoder(config),
                     component="attention")
        at = f"{self.names['attention']}.{name.replace('query', 'distance_embedding')}"
        return {at: table, "distance_scores": work}

    def feed_forward(self) -> Parts:
        row = self.row
        return {self.names["ffn"] or "feed_forward": FeedForward(
            intermediate_size=self.config.integer(row.size), gated=row.gated,
            bias=self.config.holds(row.mlp_bias), path=self.names["ffn"],
            names=self.spelled("gate_proj", "up_proj", "down_proj"),
        )}

    def spelled(self, *words: str) -> dict[str, str]:
        return {word: self.names[word] for word in words if self.names.get(word, word) != word}

    def on_top(self) -> Parts:
        parts: Parts = {}
        for piece in self.row.tops[self.top]:
            if piece == "head":
                parts |= self.row.head(self.config)
            elif piece != "pooler":
                parts |= piece(self.config)
        if "pooler" in self.row.tops[self.top]:
            pooler = Linear(bias=True, component="pooler", per="sequence")
            parts = self.here({self.names["pooler"]: pooler}) | parts
        return parts


def is_decoder(config: Config) -> bool:
    """Whether attention is causal: only where the config says so, whatever the class."""
    return config.flag("is_decoder")


def heads(config: Config) -> int:
    """Attention heads, which must divide the width."""
    hidden, count = config.integer("hidden_size"), config.integer("num_attention_heads")
    if hidden % count:
        raise config.error("num_attention_heads", f"{count} does not divide hidden_size ({hidden})", code=HEADS)
    return count
