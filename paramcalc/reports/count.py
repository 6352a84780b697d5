"""What `count` says: the contract's object and its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from paramcalc.answers.count import trainable
from paramcalc.measures.certainty import of_model
from paramcalc.measures.header_certainty import has_formats
from paramcalc.measures.parameters import Counts, count, placed
from paramcalc.numbers import in_file, many, short
from paramcalc.reports.certainty import missing, total_label
from paramcalc.reports.table import Column, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paramcalc.answers.count import By, Count
    from paramcalc.build import Model
    from paramcalc.tree import Node


def headline(model: Model) -> str:
    """One line that says which model this is."""
    spec = model.spec
    layers = model.tree.depth
    vocabulary = f" · vocab {spec.vocab_size:,}" if spec.vocab_size else ""
    stack = f"{many(layers, 'layer')} · " if layers else ""
    return f"{spec.name}   {stack}hidden {spec.hidden_size:,}{vocabulary}"


def tables(answer: Count, by: By = "component", depth: int | None = None) -> tuple[Table, ...]:
    """A row for each component, layer or tensor; by layer only modules above a depth."""
    model, counts = answer.built, count(answer.built.tree)
    if by == "tensor":
        table = _tensors(model, counts, total_label(answer))
    elif by == "layer":
        table = _layers(model, counts, depth, total_label(answer))
    else:
        table = component_table(model, counts, total_label(answer))
    return (table._replace(notes=(*table.notes, *missing(answer))),)


def _notes(model: Model, counts: Counts) -> tuple[str, ...]:
    facts = [_weights(model, counts)]
    if counts.active != counts.total:
        facts.append(f"active: {counts.active:,} per token")
    if (trained := trainable(model)) is not None:
        facts.append(f"trainable: {trained:,}")
    if counts.buffers:
        facts.append(f"{many(counts.buffers, 'value')} in buffers, not counted")
    facts += [f"{kind}: no parameters" for kind in _free(model.tree)]
    facts.append(_head(model, counts))
    apart = {name: count(tree).total for name, tree in model.apart.items()}
    return (" · ".join(facts), *(f"not in the total: {name}, {size:,} ({short(size)}) that files store and a plain "
                                "forward pass does not use" for name, size in apart.items()))


def _weights(model: Model, counts: Counts) -> str:
    """Bytes of the weights: in their own formats where a specification or checkpoint says them, else in bf16; and how
    they are known, where that is not exactly."""
    level = of_model(model.spec, "weights")
    certainty = "" if level == "exact" else f", {level}"
    if not has_formats(model):
        return f"bf16 weights {in_file(counts.total * 2)}{certainty}"
    from paramcalc.measures.weights import weight_bytes
    from paramcalc.transforms.formats import in_formats

    stored = weight_bytes(in_formats(model).tree)
    formats = sorted(stored.formats, key=lambda name: -stored.formats[name])
    return f"weights as stored {in_file(stored.total)} ({', '.join(formats)}){certainty}"


def _head(model: Model, counts: Counts) -> str:
    tensors = (tensor for node in model.tree.nodes() for tensor in node.tensors)
    if any(tensor.component == "lm_head" and not tensor.stored for tensor in tensors):
        return "head tied, counted once"
    return "head not tied" if "lm_head" in counts.components else "no head"


def _free(tree: Node) -> list[str]:
    """Kinds of parts that are there and hold nothing: computed positions."""
    kinds = [node.part.kind for node in tree.nodes()
             if node.part is not None and not node.tensors and not node.children and not node.work()]
    return list(dict.fromkeys(kinds))


def component_table(model: Model, counts: Counts, total: str) -> Table:
    """A row a component, with its share."""
    active = Column("active", "exact", for_people=counts.active != counts.total)
    columns = (Column("component"), Column("parameters", "count"), active, Column("share", "share"), Column("", "bar"))
    body = tuple((name, size, used, size, size) for name, (size, used) in counts.components.items())
    return Table(headline(model), columns, body, (total, counts.total, counts.active, counts.total, None),
                 _notes(model, counts))


def _layers(model: Model, counts: Counts, depth: int | None, total: str) -> Table:
    rows = [row for row in grouped(model.tree) if depth is None or row.depth < depth]
    columns = (Column("module"), Column("copies", "exact"), Column("parameters", "count"), Column("share", "share"),
               Column("", "bar"))
    body = tuple((row.label, row.copies, row.counts.total, row.counts.total, row.counts.total) for row in rows)
    return Table(headline(model), columns, body, (total, None, counts.total, counts.total, None),
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
        copies, visits = stored * child.stored, used * child.used
        counts = count(child.replace(stored=copies, used=visits))
        if len(child.order) > 1 or child.label:
            name = child.label or child.name
            label = name if child.label and child.stream else f"{name} × {len(child.order) or child.stored}"
        else:
            label = child.name or "(root)"
        yield Group(label, depth, copies, counts)
        inner = child.children[0] if child.order and len(child.children) == 1 else child
        if inner is not child:
            copies, visits = copies * inner.stored, visits * inner.used
        yield from grouped(inner, copies, visits, depth + 1)


def _tensors(model: Model, counts: Counts, total: str) -> Table:
    columns = (Column("tensor"), Column("shape", "shape"), Column("copies", "exact"),
               Column("component", optional=True), Column("parameters", "exact"),
               Column("share", "share", optional=True))
    body = []
    for p in placed(model.tree):
        if p.stored:
            tensor = p.tensor
            copies = p.stored // tensor.stored if tensor.stacked else p.stored
            label = f"{tensor.component} (buffer)" if tensor.buffer else tensor.component
            body.append((p.name, tensor.file_shape, copies, label, p.parameters, p.parameters))
    return Table(headline(model), columns, tuple(body), (total, None, None, None, counts.total, counts.total),
                 _notes(model, counts))
