"""A checkpoint's header as a specification: every tensor a named parameter, so that all measures hold for it."""

from __future__ import annotations

import re
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import ValidationError

from paramcalc.component_names import TABLES
from paramcalc.components.base import MAX_COPIES
from paramcalc.components.linear import Parameter
from paramcalc.components.stack import Stack
from paramcalc.errors import InputError, Problem
from paramcalc.readers.headers import CHECKPOINTS
from paramcalc.readers.headers.header import Header, StoredTensor, refuse
from paramcalc.readers.headers.names import collapsed
from paramcalc.readers.headers.packing import unpacked
from paramcalc.readers.headers.tensor_names import component_of, is_buffer
from paramcalc.sanitize import quote
from paramcalc.spec.caveats import Caveat
from paramcalc.spec.layer import Block
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from paramcalc.component_names import ComponentName
    from paramcalc.components.base import Component
    from paramcalc.readers.headers.gguf_layers import Layer
    from paramcalc.readers.headers.packing import Unpacked
    from paramcalc.tree import Role

TABLE = "token_embd.weight"
ADDED = re.compile(r"bias$|(^|\.)(A_log|ssm_a)$")
"""What multiplies no activation, though it may have two dimensions."""
SLIDES = re.compile(r"conv1d\.weight$|shortconv\.conv\.weight$")
"""The kernels of mixers, which slide over positions."""
LOOKUPS = ("token_embedding", "position_embedding")
MAX_KINDS = 4_000
"""Tensors that are told apart: by name but for the numbers in it, shape or format. Large files have some hundreds."""
MAX_PARTS = 2**15
"""Tensors of layers that hold unlike ones."""


class Common(NamedTuple):
    """What holds for all tensors of a file."""

    width: int
    """Of the residual stream."""
    chosen: int | None
    """Experts a token visits, where the file says it."""


class Kind(NamedTuple):
    """What tensors must share to be one entry with copies."""

    name: str
    shape: tuple[int, ...]
    format: str


def read_header(path: Path) -> Header:
    """The header of a file, by how its name ends; of any other name as safetensors. Raises InputError."""
    ending = next((ending for ending in CHECKPOINTS if path.name.endswith(ending)), ".safetensors")
    module, function = CHECKPOINTS[ending]
    header: Header = getattr(import_module(f"paramcalc.readers.headers.{module}"), function)(path)
    return header


def checkpoint_spec(header: Header, expected: Callable[[], Mapping[str, tuple[int, ...]]] = dict) -> ModelSpec:
    """The specification of what a header lists; equal tensors of several layers are one entry with copies.

    Packed matrices are counted as what they stand for; `expected` gives the shapes of a config beside the file, for
    those whose own file does not say them. Raises InputError, located, for tensors no model can have.
    """
    plain = unpacked(header, expected)
    try:
        spec = _spec(header._replace(tensors=plain.tensors))
        return spec.model_copy(update={"notes": (*spec.notes, *_packing_notes(plain)), "caveats": _caveats(plain)})
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = detail["loc"][:2][-1] if detail["loc"] else "the header"
        message = f"{quote(str(where))}: {detail['msg']}"
        raise InputError(Problem(message, source=header.source)) from error


def _spec(header: Header) -> ModelSpec:
    kinds = _kinds(header.tensors)
    if len(kinds) > MAX_KINDS:
        raise refuse(header.source, f"expected at most {MAX_KINDS:,} tensors that differ in more than the numbers "
                     f"between dots of their names, found {len(kinds):,}", "is it the file of a model?")
    layers, why = _layers(header)
    inside, outside = _placed(header, len(layers))
    common = Common(_width(kinds), _chosen(header.metadata))
    parts = _parts(_kinds(outside) if layers else kinds, common)
    before = {key: part for key, part in parts.items() if part.component in TABLES}
    after = {key: part for key, part in parts.items() if key not in before}
    stack, blocks = _stack(header.source, inside, layers, common)
    return ModelSpec(
        name=Path(header.source).name.split(".")[0], family=str(header.metadata.get("general.architecture", "")),
        source=header.source, hidden_size=common.width, blocks=blocks, notes=_notes(header, kinds, why),
        modules=before | stack | after | (_tied(kinds) if layers else {}), **_fields_of(header),
    )


def _packing_notes(plain: Unpacked) -> tuple[str, ...]:
    """How matrices are packed, and where their shapes were read."""
    if not plain.packings:
        return ()
    kinds = ", ".join(f"{count:,} as {name}" for name, count in plain.packings.items())
    where = (f"{plain.from_config:,} of the shapes from the config.json beside the file" if plain.from_config
             else "shapes from the file")
    return (f"packed matrices ({kinds}) are counted unpacked, with {where}; bytes are as stored",)


def _caveats(plain: Unpacked) -> tuple[Caveat, ...]:
    """Why the count is a lower bound: packed matrices whose shape nothing says."""
    if not plain.unknown:
        return ()
    reason = (f"{plain.unknown[0][:200]} and {len(plain.unknown) - 1:,} more are packed, and their shapes are not "
              "given: packed words are counted, not parameters; put the model's config.json beside the file")
    return (Caveat(figure="parameters", known="bound", reason=reason),)


def _layers(header: Header) -> tuple[list[Layer], str]:
    """What each layer of a GGUF file keeps, or why that is not known."""
    from paramcalc.readers.headers.gguf_layers import UnknownLayersError, gguf_layers

    if "gguf.version" not in header.metadata:
        return [], "how attention works is not in a header"
    try:
        return gguf_layers(header.metadata, header.source), ""
    except UnknownLayersError as error:
        return [], str(error)


def _placed(header: Header, layers: int) -> tuple[list[list[StoredTensor]], list[StoredTensor]]:
    """The tensors of each layer, their names as they stand in it, and all others."""
    inside: list[list[StoredTensor]] = [[] for _ in range(layers)]
    outside: list[StoredTensor] = []
    for tensor in header.tensors:
        stack, _, rest = tensor.name.partition(".")
        number, _, name = rest.partition(".")
        if stack == "blk" and name and number.isdecimal() and len(number) < 5 and int(number) < layers:
            inside[int(number)].append(tensor._replace(name=name))
        else:
            outside.append(tensor)
    return inside, outside


def _stack(
    source: str, inside: list[list[StoredTensor]], layers: list[Layer], common: Common,
) -> tuple[dict[str, Component], dict[str, Block]]:
    """The layers in order, those that hold and keep the same under one name."""
    names: dict[tuple[object, ...], str] = {}
    blocks: dict[str, Block] = {}
    order: list[str] = []
    parts = 0
    for number, (tensors, mixers) in enumerate(zip(inside, layers, strict=True)):
        same = (tuple((t.name, t.shape, t.format) for t in tensors), *(mixer.model_dump_json() for mixer in mixers))
        if same not in names:
            names[same] = f"layer {number}"
            parts += len(tensors)
            if parts > MAX_PARTS:
                raise refuse(source, f"expected at most {MAX_PARTS:,} tensors unlike each other's in all layers, found "
                             f"{parts:,} up to layer {number:,}")
            by_kind = {mixer.kind: mixer for mixer in mixers}
            blocks[names[same]] = Block(parts=by_kind | dict(_parts(_kinds(tensors), common, "blk.*.")))
        order.append(names[same])
    return ({"layers": Stack(of=tuple(order), path="blk")} if order else {}), blocks


def _tied(kinds: Mapping[Kind, int]) -> dict[str, Component]:
    """The table of a model that runs, used as its head where there is none."""
    table = next((kind for kind in kinds if kind.name == TABLE and len(kind.shape) == 2), None)
    if table is None or any(component_of(kind.name) == "lm_head" for kind in kinds):
        return {}
    return {"output": Parameter(shape=table.shape, component="lm_head", role="matmul", dtype=table.format, tied=True,
                                axes=("axis0", "hidden"))}


def _kinds(tensors: Iterable[StoredTensor]) -> dict[Kind, int]:
    """How many tensors there are of each kind, in the order of the first."""
    counts = Counter((collapsed(name), shape, stored) for name, shape, stored, _ in tensors)
    return {Kind(*kind): count for kind, count in counts.items()}


def _parts(kinds: Mapping[Kind, int], common: Common, above: str = "") -> dict[str, Parameter]:
    """An entry for each kind of tensor; `above` is where their names stand."""
    parts: dict[str, Parameter] = {}
    for kind, count in kinds.items():
        for part in range(-(-count // MAX_COPIES)):
            copies = min(MAX_COPIES, count - part * MAX_COPIES)
            parts[_key(kind, parts)] = _parameter(kind, copies, common, above)
    return parts


def _parameter(kind: Kind, copies: int, common: Common, above: str) -> Parameter:
    """One entry; an array of experts as GGUF has it is as many matrices of which a token visits some."""
    component, shape = cast("ComponentName", component_of(above + kind.name)), kind.shape
    added = ADDED.search(kind.name) is not None
    role: Role = "vector"
    if len(shape) > 1 and not added:
        role = "lookup" if component in LOOKUPS else "conv" if SLIDES.search(kind.name) else "matmul"
    experts = None
    if component == "moe_experts" and len(shape) == (2 if added else 3) and shape[0] <= MAX_COPIES and all(shape):
        experts, shape = shape[0], shape[1:]
    empty = not all(shape)
    fields: dict[str, Any] = {"experts": experts, "top_k": common.chosen if experts else None}
    axes = _axes(shape, common.width) if role == "matmul" and not empty else ()
    return Parameter(shape=() if empty else shape, component=component, role=role, dtype=kind.format, path=kind.name,
                     axes=axes, copies=copies, buffer=empty or is_buffer(above + kind.name), **fields)


def _axes(shape: tuple[int, ...], width: int) -> tuple[str, ...]:
    """Which dimension of a matrix `(out, in)` is the residual stream, where one is as wide."""
    if width not in shape[-2:]:
        return ()
    axis_names = ["axis0", "axis1", "axis2", "axis3", "axis4", "axis5"][:len(shape)]
    axis_names[-1 if shape[-1] == width else -2] = "hidden"
    return tuple(axis_names)


def _key(kind: Kind, parameters: dict[str, Parameter]) -> str:
    key, number = f"{kind.name} {kind.format}", 2
    while key in parameters:
        key, number = f"{kind.name} {kind.format} {number}", number + 1
    return key


def _width(kinds: Iterable[Kind]) -> int:
    """The residual width: the last dimension of the token table, or of any matrix."""
    matrices = [kind for kind in kinds if len(kind.shape) > 1 and 0 < kind.shape[-1] <= 2**24]
    tables = (kind for kind in matrices if component_of(kind.name) == "token_embedding")
    widest = next(tables, matrices[0] if matrices else None)
    return widest.shape[-1] if widest else 1


def _chosen(metadata: dict[str, Any]) -> int | None:
    """Experts a token visits, where a GGUF file says it."""
    value = metadata.get(f"{metadata.get('general.architecture')}.expert_used_count")
    return value if type(value) is int and value > 0 else None


def _fields_of(header: Header) -> dict[str, Any]:
    """What a GGUF file says of positions."""
    metadata, name = header.metadata, header.metadata.get("general.architecture")
    positions, turned = metadata.get(f"{name}.context_length"), metadata.get(f"{name}.rope.dimension_count")
    fields: dict[str, Any] = {"position": "rotary" if turned else "none"}
    if type(positions) is int and 0 < positions <= 2**28:
        fields["max_position_embeddings"] = positions
    if type(turned) is int and 0 < turned <= 2**24:
        fields["rotary_dim"] = turned
    return fields


def _notes(header: Header, kinds: Iterable[Kind], why: str) -> tuple[str, ...]:
    notes = [f"read from a header of {len(header.tensors):,} tensors; components follow from tensor names"]
    if why:
        notes.append(f"weights only: {why}, so caches and attention's FLOPs are left out")
    components = (component_of(kind.name) for kind in kinds)
    if _chosen(header.metadata) is None and "moe_experts" in components:
        notes.append("how many experts a token visits is not in the header: active counts all of them")
    return tuple(notes)
