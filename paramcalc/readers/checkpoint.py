"""A checkpoint's header as a specification: every tensor a named parameter, so that all measures hold for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from pydantic import ValidationError

from paramcalc.components.linear import Parameter
from paramcalc.errors import InputError, Problem
from paramcalc.readers.headers import Header, StoredTensor, tell_layers
from paramcalc.readers.quote import quote
from paramcalc.readers.tensor_names import component_of, is_buffer
from paramcalc.spec.model import ModelSpec

if TYPE_CHECKING:
    from paramcalc.components.base import Component
    from paramcalc.components.linear import Bucket
    from paramcalc.tree import Role

LOOKUPS = ("token_embedding", "position_embedding")
MAX_COPIES = 2**16


class Kind(NamedTuple):
    """What tensors must share to be one entry with copies."""

    name: str
    shape: tuple[int, ...]
    format: str


def read_header(path: Path) -> Header:
    """The header of a file, by its suffix. Raises InputError."""
    if path.name.endswith(".gguf"):
        from paramcalc.readers.gguf import read_gguf

        return read_gguf(path)
    from paramcalc.readers.safetensors import read_index, read_safetensors

    return read_index(path) if path.name.endswith(".index.json") else read_safetensors(path)


def checkpoint_spec(header: Header) -> ModelSpec:
    """The specification of what a header lists; equal tensors of several layers are one entry with copies."""
    try:
        return _spec(header)
    except ValidationError as error:
        detail = error.errors(include_url=False)[0]
        where = detail["loc"][1] if len(detail["loc"]) > 1 else "the header"
        message = f"{quote(str(where))}: {detail['msg']}"
        raise InputError(Problem(message, source=header.source)) from error


def _spec(header: Header) -> ModelSpec:
    kinds: dict[Kind, int] = {}
    for name, tensor in tell_layers(header.tensors):
        kind = Kind(name, tensor.shape, tensor.format)
        kinds[kind] = kinds.get(kind, 0) + 1
    modules: dict[str, Component] = {}
    chosen = _chosen(header.metadata)
    for kind, count in kinds.items():
        for part in range(-(-count // MAX_COPIES)):
            copies = min(MAX_COPIES, count - part * MAX_COPIES)
            modules[_key(kind, modules)] = _parameter(kind, copies, chosen)
    return ModelSpec(
        name=Path(header.source).name.split(".")[0], family=str(header.metadata.get("general.architecture", "")),
        source=header.source, hidden_size=_width(header), modules=modules,
        notes=_notes(header, chosen),
    )


def _parameter(kind: Kind, copies: int, chosen: int | None) -> Parameter:
    """One entry; an array of experts as GGUF has it is as many matrices of which a token visits some."""
    component, shape = cast("Bucket", component_of(kind.name)), kind.shape
    role: Role = "vector"
    if len(shape) > 1:
        role = "lookup" if component in LOOKUPS else "matmul"
    experts = None
    if component == "moe_experts" and len(shape) == 3 and shape[0] <= MAX_COPIES and all(shape):
        experts, shape = shape[0], shape[1:]
    empty = not all(shape)
    fields: dict[str, Any] = {"experts": experts, "top_k": chosen if experts and chosen else None}
    return Parameter(shape=() if empty else shape, component=component, role=role, dtype=kind.format, path=kind.name,
                     copies=copies, buffer=empty or is_buffer(kind.name), **fields)


def _key(kind: Kind, taken: dict[str, Component]) -> str:
    key, number = f"{kind.name} {kind.format}", 2
    while key in taken:
        key, number = f"{kind.name} {kind.format} {number}", number + 1
    return key


def _width(header: Header) -> int:
    """The residual width: the last dimension of the token table, or of any matrix."""
    matrices = [t for t in header.tensors if len(t.shape) > 1 and 0 < t.shape[-1] <= 2**24]
    tables = [t for t in matrices if component_of(t.name) == "token_embedding"]
    found: list[StoredTensor] = tables or matrices
    return found[0].shape[-1] if found else 1


def _chosen(metadata: dict[str, Any]) -> int | None:
    """Experts a token visits, where a GGUF file says it."""
    value = metadata.get(f"{metadata.get('general.architecture')}.expert_used_count")
    return value if type(value) is int and value > 0 else None


def _notes(header: Header, chosen: int | None) -> tuple[str, ...]:
    said = [f"read off {len(header.tensors):,} tensors of a header; components go by tensor names",
            "weights only: how attention works is not in a header, so caches and its FLOPs are left out"]
    if chosen is None and any(component_of(t.name) == "moe_experts" for t in header.tensors):
        said.append("how many experts a token visits is not in the header: active counts all of them")
    return tuple(said)
