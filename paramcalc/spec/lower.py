"""From the short form to the long: each flat field becomes part of a component at its place in a checkpoint."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from paramcalc.components.attention import QKV, Attention, Gate, Projection, QKNorm
from paramcalc.components.base import Component, Parts
from paramcalc.components.embedding import Embedding, PositionKind, Positions
from paramcalc.components.ffn import FeedForward
from paramcalc.components.layout import Layout, Repeat, unroll
from paramcalc.components.linear import Head
from paramcalc.components.norm import Norm, NormKind
from paramcalc.components.problems import problem_of
from paramcalc.components.stack import Stack
from paramcalc.errors import HEADS, LAYERS, Gathered, Problem, SpecError
from paramcalc.spec.layer import Block, LayerFields, Placement
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from paramcalc.spec.tower import Tower

Spellings = tuple[tuple[str, str], ...]

PLACEMENTS: dict[Placement, tuple[str, ...]] = {
    "pre": ("input_layernorm", "mixer", "post_attention_layernorm", "ffn"),
    "post": ("mixer", "post_attention_layernorm", "ffn", "post_feedforward_layernorm"),
    "sandwich": ("input_layernorm", "mixer", "post_attention_layernorm", "pre_feedforward_layernorm", "ffn",
                 "post_feedforward_layernorm"),
    "parallel": ("input_layernorm", "mixer", "ffn"),
    "parallel_norms": ("input_layernorm", "post_attention_layernorm", "mixer", "ffn"),
    "ffn": ("mixer", "post_attention_layernorm", "ffn"),
    "none": ("mixer", "ffn"),
}
"""The order of a layer's parts. Sources: pre arXiv:2002.04745; post OLMo 2, arXiv:2501.00656; sandwich Gemma 2,
arXiv:2408.00118; parallel GPT-J; parallel_norms GPT-NeoX, arXiv:2204.06745; ffn ModernBERT's first layer."""

PARALLEL: dict[Placement, tuple[str, ...]] = {"parallel": ("ffn",), "parallel_norms": ("post_attention_layernorm",)}
"""Parts that read what the part before them reads."""

WORDS = {"mixer": "self_attn", "ffn": "mlp"}
"""What checkpoints in Llama's style call the parts that are no norms."""

MODULES = frozenset(["embed_tokens", "embed_positions", "embedding_norm", "layers", "norm", "lm_head"])
"""Words of `names` that stand for modules of the model, never for tensors within a layer."""


class Lowered(NamedTuple):
    """The long form: modules in order, and the blocks their stacks are laid out from."""

    modules: Parts
    blocks: dict[str, Parts]
    towers: dict[str, Lowered] = {}  # noqa: RUF012 - a tuple's field


LOWERED = ModelSpec.__dict__["_lowered"]
"""The slot that keeps it."""


def lower(spec: ModelSpec) -> Lowered:
    """The long form of a specification, made once. Raises SpecError with all that cannot be, each at its path."""
    try:
        lowered: Lowered = LOWERED.__get__(spec)  # not by the model's own __getattr__, which looks for much first
    except AttributeError:
        lowered = _lower(spec)
        LOWERED.__set__(spec, lowered)
    return lowered


def _lower(spec: ModelSpec) -> Lowered:
    gathered = Gathered()
    none: Parts = {}
    blocks = {name: gathered.of(none, _block, spec, block, ("blocks", name)) for name, block in spec.blocks.items()}
    modules = spec.modules
    if modules is None:
        nowhere: Layout = ()
        modules = gathered.of(none, _modules, spec, gathered.of(nowhere, _layout, spec, blocks))
    for path, parts in _written(spec):
        for key, part in parts.items():
            if isinstance(part, Embedding) and part.tied_to:
                gathered.of(None, _tie, part.tied_to, {**modules, **parts}, (*path, key, "tied_to"))
            if isinstance(part, Stack):
                gathered.of(0, _layer_count, part.of, blocks, (*path, key, "of"))
    towers = {name: _tower(gathered, tower, ("towers", name)) for name, tower in spec.towers.items()}
    gathered.refuse()
    return Lowered(modules, blocks, towers)


def _tower(gathered: Gathered, tower: Tower, path: tuple[str, ...]) -> Lowered:
    none: Parts = {}
    blocks = {name: gathered.of(none, _block, tower, block, (*path, "blocks", name)) for name,
              block in tower.blocks.items()}
    for key, part in tower.modules.items():
        if isinstance(part, Stack):
            gathered.of(0, _layer_count, part.of, blocks, (*path, "modules", key, "of"))
    return Lowered(tower.modules, blocks)


def _tie(table: str, parts: Parts, path: tuple[str, ...]) -> None:
    """Raise SpecError for a table that is not there."""
    homes = {key if part.path is None else part.path for key, part in parts.items()}
    if table not in homes:
        raise SpecError(Problem(f"there is no module {table[:100]!r}", path, _nearest(table, parts)))


def _written(spec: ModelSpec) -> Iterable[tuple[tuple[str, ...], Parts]]:
    """Modules people wrote themselves, with their place."""
    yield ("modules",), spec.modules or {}
    yield ("inputs",), spec.inputs
    yield ("outputs",), spec.outputs
    for name, parts in spec.apart.items():
        yield ("apart", name), parts


def _layout(spec: ModelSpec, blocks: dict[str, Parts]) -> Layout:
    """How the blocks are laid out: as the specification says, or the only one as often as there are layers."""
    if not spec.layers:
        if len(blocks) > 1:
            raise SpecError(Problem("layers must say how the blocks are laid out", ("blocks",),
                                    f"layers: [{', '.join(blocks)}]", code=LAYERS))
        name = next(iter(blocks), "layer")
        if not blocks:
            blocks[name] = _block(spec, _plain_block(), ())
        return (_repeated(name, spec.num_layers or 1),)
    unrolled = _layer_count(spec.layers, blocks, ("layers",))
    if spec.num_layers not in (None, unrolled):
        hint = f"num_layers: {unrolled}, or change the pattern"
        raise SpecError(Problem(f"layers unroll to {unrolled}, but num_layers is {spec.num_layers}", ("layers",), hint,
                                code=LAYERS, rests_on=("num_layers",)))
    return spec.layers


def _layer_count(layout: Layout, blocks: dict[str, Parts], path: tuple[str, ...]) -> int:
    """How many layers a layout unrolls to; each names a block there is."""
    names = unroll(layout)
    if unknown := [name for name in dict.fromkeys(names) if name not in blocks]:
        raise SpecError(*(Problem(f"there is no block {name[:100]!r}", path, _nearest(name, blocks), code=LAYERS)
                          for name in unknown))
    return len(names)


def _modules(spec: ModelSpec, layout: Layout) -> Parts:
    name = spec.names.get
    parts: Parts = {name("embed_tokens", "model.embed_tokens"): _embedding(spec.embedding_rows, spec.embedding_size)}
    if spec.position == "learned":
        rows = _needed(spec.max_position_embeddings, "max_position_embeddings", "learned positions are a table")
        parts[name("embed_positions", "model.embed_positions")] = Embedding(rows=rows + spec.position_offset,
                                                                            component="position_embedding")
    elif spec.position != "none":
        parts["positions"] = _positions(spec.position)
    if spec.embedding_norm:
        parts[name("embedding_norm", "model.embedding_norm")] = _norm(spec)
    parts |= spec.inputs
    parts[name("layers", "model.layers")] = _stack(layout)
    if spec.final_norm:
        parts[name("norm", "model.norm")] = _norm(spec)
    parts |= spec.outputs
    if spec.head:
        parts[name("lm_head", "lm_head")] = _head(spec.embedding_size, spec.tie_embeddings, spec.head_bias,
                                                  spec.head_rows)
    return parts


def _needed(value: int | None, key: str, why: str) -> int:
    if value is None:
        raise SpecError(Problem(f"must be given: {why}", (key,)))
    return value


# Frozen components that many models share are made once, of values that are validated already: to validate them anew
# would be half of a count, and to build their validators a part of every start. Attention and feed-forwards, whose
# fields have to go together too, are validated once for each shape.


@cache
def _plain_block() -> Block:
    return Block.model_construct()


@lru_cache(maxsize=256)
def _repeated(name: str, times: int) -> Repeat:
    return Repeat.model_construct(repeat=times, of=(name,))


@lru_cache(maxsize=256)
def _stack(layout: Layout) -> Stack:
    return Stack.model_construct(of=layout)


@lru_cache(maxsize=64)
def _embedding(rows: int | None, width: int | None) -> Embedding:
    return Embedding.model_construct(rows=rows, hidden_size=width)


@cache
def _positions(kind: PositionKind) -> Positions:
    return Positions.model_construct(kind=kind)


@lru_cache(maxsize=256)
def _head(width: int | None, tied: bool, bias: bool, rows: int | None) -> Head:
    return Head.model_construct(hidden_size=width, tied=tied, bias=bias, rows=rows)


@cache
def _shared_norm(kind: NormKind, bias: bool | None, scale: bool) -> Norm:
    return Norm.model_construct(kind=kind, bias=bias, scale=scale)


@lru_cache(maxsize=1024)
def _attention(
    num_heads: int, num_kv_heads: int | None, head_dim: int | None, bias: tuple[Projection, ...], qk_norm: QKNorm,
    qk_norm_bias: bool, output_gate: Gate, sinks: bool, window: int | None, chunk: int | None, top_k: int | None,
    fused: bool, transposed: bool, causal: bool, names: Spellings,
) -> Attention:
    return Attention(
        num_heads=num_heads, num_kv_heads=num_kv_heads, head_dim=head_dim, bias=bias, qk_norm=qk_norm,
        qk_norm_bias=qk_norm_bias, output_gate=output_gate, sinks=sinks, window=window, chunk=chunk, top_k=top_k,
        fused="qkv" if fused else "none", transposed=transposed, causal=causal, names=dict(names),
    )


@lru_cache(maxsize=1024)
def _feed_forward(intermediate_size: int, gated: bool, bias: bool, fused: bool, transposed: bool,
                  names: Spellings) -> FeedForward:
    return FeedForward(intermediate_size=intermediate_size, gated=gated, bias=bias, fused=fused, transposed=transposed,
                       names=dict(names))


def _norm(fields: LayerFields) -> Norm:
    return _shared_norm(fields.norm or "rmsnorm", fields.norm_bias, fields.norm_scale is not False)


def _block(spec: ModelSpec | Tower, block: Block, path: tuple[str, ...]) -> Parts:
    if block.parts is not None:
        return _flat(block.parts, path)
    own = block.model_fields_set
    merged = spec.model_copy(update={key: getattr(block, key) for key in own}) if own else spec
    norm, names = _norm(merged), _inner(spec)
    parts: Parts = {}
    problems: list[Problem] = []
    placement = merged.norm_placement or "pre"
    beside = PARALLEL.get(placement, ())
    for place in PLACEMENTS[placement]:
        try:
            part = (_mixer(spec, merged, names) if place == "mixer" else
                    _ffn(spec, merged, names) if place == "ffn" else norm)
        except ValidationError as error:
            problems += map(problem_of, error.errors(include_url=False))
        except SpecError as error:
            problems += error.problems
        else:
            if part is not None:
                if place in beside and parts:
                    part = part.model_copy(update={"parallel": True})
                parts[_key(spec, place, part)] = part
    if problems:
        raise SpecError(*(p._replace(path=_blamed(p.path, spec, block, path)) for p in problems))
    return parts | _flat(merged.beside, path) if merged.beside else parts


def _flat(parts: Parts, path: tuple[str, ...]) -> Parts:
    """Parts of a layer. Raises SpecError for layers within it, which nothing would lay out."""
    if inner := [key for key, part in parts.items() if isinstance(part, Stack)]:
        raise SpecError(*(Problem("layers cannot stand within a layer", (*path, key),
                                  "lay them out in modules, beside the others") for key in inner))
    return parts


def _blamed(
    keys: tuple[str | int, ...], spec: ModelSpec | Tower, block: Block, path: tuple[str, ...],
) -> tuple[str | int, ...]:
    """Where a layer's field is said: in its block, or for the whole model where only that says it."""
    from_short_form = bool(keys) and keys[0] in spec.model_fields_set and keys[0] not in block.model_fields_set
    return keys if from_short_form else (*path, *keys)


def _key(spec: ModelSpec | Tower, place: str, part: Component) -> str:
    word = WORDS.get(place, place)
    if part.path is not None and part.path not in ("", word):
        return part.path
    names = spec.names
    return names.get(f"{word}.{part.kind}", names.get(word, word)) if names else word


def _mixer(spec: ModelSpec | Tower, fields: LayerFields, names: dict[str, str]) -> Component | None:
    if fields.mixer is not None:
        return _renamed(fields.mixer, names)
    heads = _needed(fields.num_heads, "num_heads", "attention is made of heads")
    if fields.head_dim is None and spec.hidden_size % heads:
        raise SpecError(Problem(f"{heads} does not divide hidden_size ({spec.hidden_size})", ("num_heads",),
                                "give head_dim, or change num_heads", code=HEADS, rests_on=("hidden_size",)))
    bias: tuple[Projection, ...] = (*(QKV if fields.qkv_bias else ()), *(("o",) if fields.o_bias else ()))
    return _attention(
        heads, fields.num_kv_heads, fields.head_dim, bias, fields.qk_norm or "none", bool(fields.qk_norm_bias),
        fields.output_gate or "none", bool(fields.sinks), fields.window, fields.chunk, fields.top_k,
        bool(fields.fused_qkv), bool(fields.transposed), fields.causal is not False, (*names.items(),),
    )


def _ffn(spec: ModelSpec | Tower, fields: LayerFields, names: dict[str, str]) -> Component | None:
    if fields.ffn == "none":
        return None
    if isinstance(fields.ffn, Component):
        return _renamed(fields.ffn, names)
    if fields.moe is not None:
        return _renamed(fields.moe, names)
    return _feed_forward(intermediate_size(spec.hidden_size, fields), fields.gated is not False, bool(fields.mlp_bias),
                         bool(fields.fused_gate_up), bool(fields.transposed), (*names.items(),))


def _inner(spec: ModelSpec | Tower) -> dict[str, str]:
    """Names as parts of a layer use them: the model's own modules are not among their tensors."""
    return {key: value for key, value in spec.names.items() if key not in MODULES} if spec.names else {}


def _renamed(part: Component, names: dict[str, str]) -> Component:
    """A part with the model's spellings, where it has none of its own."""
    return part if part.names or not names else part.model_copy(update={"names": names})


def intermediate_size(hidden_size: int, fields: LayerFields) -> int:
    """The feed-forward's width: given, or a ratio of hidden_size, rounded up to `multiple_of` as Llama does. Raises
    SpecError where neither is given, or the product is no integer."""
    if fields.intermediate_size is not None:
        return fields.intermediate_size
    if fields.ffn_ratio is None:
        raise SpecError(Problem("must be given", ("intermediate_size",), "or ffn_ratio"))
    exact = hidden_size * fields.ffn_ratio
    if fields.multiple_of is not None:
        return -(-int(exact) // fields.multiple_of) * fields.multiple_of
    if exact != int(exact):
        raise SpecError(Problem(f"{fields.ffn_ratio} × hidden_size ({hidden_size}) is {exact}, not an integer",
                                ("ffn_ratio",), "give intermediate_size, or multiple_of to round up",
                                rests_on=("hidden_size",)))
    return int(exact)


def _nearest(name: str, blocks: Mapping[str, object]) -> str:
    from paramcalc.components import nearest

    return nearest(name, blocks) if blocks else "blocks: {name: {...}} defines them"
