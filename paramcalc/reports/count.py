"""What `count` says: the contract's object and its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.measures.parameters import Counts, count, placed, rows
from paramcalc.reports.numbers import binary, short
from paramcalc.reports.table import Answer, Column, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paramcalc.build import Model
    from paramcalc.readers.models import Loaded
    from paramcalc.tree import Node

SCHEMA = "paramcalc/count/1"


def head(command: str, loaded: Loaded) -> dict[str, Any]:
    """The keys every answer starts with."""
    spec = loaded.spec
    return {"schema": f"paramcalc/{command}/1",
            "model": {"name": spec.name, "source": spec.source or loaded.source, "family": spec.family or None},
            "warnings": list(loaded.warnings), "assumptions": {}}


def headline(model: Model) -> str:
    """One line that says which model this is."""
    spec = model.spec
    layers = model.tree.depth
    vocabulary = f" · vocab {spec.vocab_size:,}" if spec.vocab_size else ""
    stack = f"{layers} layers · " if layers else ""
    return f"{spec.name}   {stack}hidden {spec.hidden_size:,}{vocabulary}"


def counted(loaded: Loaded) -> Answer:
    """The answer by component, for a MODEL that is only loaded."""
    from paramcalc.build import build

    return answer(loaded, build(loaded.spec))


def answer(loaded: Loaded, model: Model, by: str = "component", depth: int | None = None) -> Answer:
    """Exact parameters by component, by layer or by tensor."""
    counts = count(model.tree)
    json = head("count", loaded) | {
        "parameters": {"total": counts.total, "active": counts.active, "embedding": counts.embedding,
                       "non_embedding": counts.total - counts.embedding},
        "buffers": counts.buffers,
        "uncounted": list(model.spec.uncounted),
        "components": [{"component": name, "parameters": total, "active": active,
                        "share": round(total / counts.total, 6) if counts.total else 0}
                       for name, (total, active) in counts.components.items()],
    }
    if model.apart:
        json["apart"] = {name: count(tree).total for name, tree in model.apart.items()}
    tables: dict[str, Callable[[Model, Counts, int | None], Table]] = {
        "component": component_table, "layer": _layers, "tensor": _tensors}
    if by == "tensor":
        json["tensors"] = [{"name": r.name, "shape": list(r.shape), "copies": r.copies, "component": r.component}
                           for r in rows(model.tree) if not r.buffer]
        json["buffer_tensors"] = [{"name": r.name, "shape": list(r.shape), "copies": r.copies, "component": r.component}
                                  for r in rows(model.tree) if r.buffer]
    if by == "layer":
        json["layers"] = _layer_list(model.tree)
    return Answer(json, (tables[by](model, counts, depth),))


def _notes(model: Model, counts: Counts) -> tuple[str, ...]:
    said = [_weights(model, counts)]
    if counts.active != counts.total:
        said.append(f"active: {counts.active:,} for one token")
    if counts.buffers:
        said.append(f"{counts.buffers:,} values in buffers, not counted")
    said += [f"{kind}: no parameters" for kind in _free(model.tree)]
    said.append(_head(model, counts))
    apart = {name: count(tree).total for name, tree in model.apart.items()}
    return (" · ".join(said), *(f"apart from the total: {name}, {size:,} ({short(size)}) that files hold and a plain "
                                "forward pass leaves out" for name, size in apart.items()))


def has_formats(model: Model) -> bool:
    """Whether it says in what its weights are held: by rules, or tensor by tensor, as a checkpoint does."""
    return bool(model.spec.quantize) or weights_only(model)


def weights_only(model: Model) -> bool:
    """Whether it is known by its tensors alone, as a checkpoint's header tells them: how they work together is not."""
    return not model.spec.quantize and all(tensor.dtype for node in model.tree.nodes() for tensor in node.tensors)


def cache_unknown(model: Model) -> str:
    """Why it is not known what is kept between tokens; empty where it is."""
    if not weights_only(model):
        return ""
    if any(node.part is not None and node.part.without_weights for node in model.tree.nodes()):
        return ""
    if not model.spec.family:
        return "a checkpoint's header does not say"
    from paramcalc.sanitize import quote

    return f"the header of a GGUF file of {quote(model.spec.family)} does not say"


def _weights(model: Model, counts: Counts) -> str:
    """Bytes of the weights: in their own formats where a specification or checkpoint says them, else in bf16."""
    if not has_formats(model):
        return f"bf16 weights {binary(counts.total * 2)}"
    from paramcalc.measures.weights import weight_bytes
    from paramcalc.transforms.formats import in_formats

    found = weight_bytes(in_formats(model).tree)
    formats = sorted(found.formats, key=lambda name: -found.formats[name])
    return f"weights as stored {binary(found.total)} ({', '.join(formats)})"


def _head(model: Model, counts: Counts) -> str:
    tensors = (tensor for node in model.tree.nodes() for tensor in node.tensors)
    if any(tensor.component == "lm_head" and not tensor.stored for tensor in tensors):
        return "head tied, counted once"
    return "head not tied" if "lm_head" in counts.components else "no head"


def _free(tree: Node) -> list[str]:
    """Kinds of parts that are there and hold nothing: computed positions."""
    found = [node.part.kind for node in tree.nodes()
             if node.part is not None and not node.tensors and not node.children and not node.work()]
    return list(dict.fromkeys(found))


def component_table(model: Model, counts: Counts, _: int | None = None) -> Table:
    """A row a component, with its share."""
    active = Column("active", "exact", shown=counts.active != counts.total)
    columns = (Column("component"), Column("parameters", "count"), active, Column("share", "share"), Column("", "bar"))
    body = tuple((name, total, used, total, total) for name, (total, used) in counts.components.items())
    return Table(headline(model), columns, body, ("total", counts.total, counts.active, counts.total, None),
                 _notes(model, counts))


def _layers(model: Model, counts: Counts, depth: int | None) -> Table:
    rows = [row for row in grouped(model.tree) if depth is None or row.depth < depth]
    columns = (Column("module"), Column("copies", "exact"), Column("parameters", "count"), Column("share", "share"),
               Column("", "bar"))
    body = tuple((row.label, row.copies, row.counts.total, row.counts.total, row.counts.total) for row in rows)
    return Table(headline(model), columns, body, ("total", None, counts.total, counts.total, None),
                 _notes(model, counts), tuple(row.depth for row in rows))


class Group(NamedTuple):
    """A module with all that is below it, equal ones taken together."""

    label: str
    depth: int
    copies: int
    counts: Counts


def grouped(node: Node, stored: int = 1, used: int = 1, depth: int = 0) -> Iterator[Group]:
    """The tree in the order of the model: `layers × 32`, and below it one of each kind of layer."""
    for child in node.children:
        here, seen = stored * child.stored, used * child.used
        counts = count(child.replace(stored=here, used=seen))
        if len(child.order) > 1 or child.label:
            label = f"{child.label or child.name} × {len(child.order) or child.stored}"
        else:
            label = child.name or "(root)"
        yield Group(label, depth, here, counts)
        inner = child.children[0] if child.order and len(child.children) == 1 else child
        if inner is not child:
            here, seen = here * inner.stored, seen * inner.used
        yield from grouped(inner, here, seen, depth + 1)


def _layer_list(tree: Node) -> list[dict[str, Any]]:
    """Each layer of each stack with its parameters, in order."""
    found = []
    for path, node, _, _ in tree.walk():
        per_child = [count(child.replace(stored=1, used=1)) for child in node.children] if node.order else []
        for index, child in enumerate(node.order):
            counts = per_child[child]
            found.append({"layer": f"{path}.{index}", "parameters": counts.total, "active": counts.active})
    return found


def _tensors(model: Model, counts: Counts, _: int | None) -> Table:
    columns = (Column("tensor"), Column("shape", "shape"), Column("copies", "exact"), Column("component"),
               Column("parameters", "exact"), Column("share", "share"))
    body = []
    for p in placed(model.tree):
        if p.stored:
            tensor = p.tensor
            copies = p.stored // tensor.stored if tensor.stacked else p.stored
            label = f"{tensor.component} (buffer)" if tensor.buffer else tensor.component
            body.append((p.name, tensor.held, copies, label, p.parameters, p.parameters))
    return Table(headline(model), columns, tuple(body), ("total", None, None, None, counts.total, counts.total),
                 _notes(model, counts))
