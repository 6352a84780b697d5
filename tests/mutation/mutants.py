"""Every small change of a file: operators, comparisons, conditions, integers, booleans, neighbours, statements."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

Change = Callable[[], None]
"""Changes a syntax tree in place."""
NamedChange = tuple[str, Change]


class Mutant(NamedTuple):
    """One change: where it is, what it does, and the lines that must run for it to matter."""

    path: Path
    owner: ast.FunctionDef | ast.AnnAssign
    """The function it is in, or the field of a class whose default it changes."""
    scope: tuple[str, ...]
    lines: range
    """Empty where a default is changed."""
    words: str
    change: Change


BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
}
COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}


def _set(node: ast.AST, field: str, value: object) -> Change:
    return lambda: setattr(node, field, value)


def _assign(items: list[Any], place: int, *values: object) -> Change:
    return lambda: items.__setitem__(slice(place, place + len(values)), values)


def changes(node: ast.AST) -> Iterator[NamedChange]:
    """Every small change of one node itself."""
    yield from _operators(node)
    yield from _constants(node)
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        negated = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
        yield "condition", _set(node, "test", ast.fix_missing_locations(negated))
    items = node.args if isinstance(node, ast.Call) and not _symmetric(node) else []
    if isinstance(node, ast.Tuple):
        items = node.elts
    for place, (left, right) in enumerate(pairwise(items)):
        starred = isinstance(left, ast.Starred) or isinstance(right, ast.Starred)
        if not starred and ast.dump(left) != ast.dump(right):
            yield f"exchange {place}, {place + 1}", _assign(items, place, right, left)


def _symmetric(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in ("min", "max")


def _operators(node: ast.AST) -> Iterator[NamedChange]:
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in BINARY:
        yield "operator", _set(node, "op", BINARY[type(node.op)]())
    elif isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            yield "comparison", _assign(node.ops, place, COMPARED[type(op)]())
    elif isinstance(node, ast.BoolOp):
        yield "and/or", _set(node, "op", ast.And() if isinstance(node.op, ast.Or) else ast.Or())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "sign", _set(node, "op", ast.UAdd())


def _constants(node: ast.AST) -> Iterator[NamedChange]:
    if not isinstance(node, ast.Constant):
        return
    if isinstance(node.value, bool):
        yield "boolean", _set(node, "value", not node.value)
    elif isinstance(node.value, int):
        yield "one more", _set(node, "value", node.value + 1)
        if node.value > 0:
            yield "one less", _set(node, "value", node.value - 1)


def _dropped(statement: ast.stmt, body: list[ast.stmt]) -> Iterator[NamedChange]:
    """A statement that only adds or calls, left out."""
    calls = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    if calls or isinstance(statement, ast.AugAssign):
        empty = ast.copy_location(ast.Pass(), statement)
        yield f"left out `{_text(statement)}`", _assign(body, body.index(statement), empty)


def mutants(path: Path) -> list[Mutant]:
    """All mutants of a file, in its order."""
    every: list[Mutant] = []
    for scope, owner in _owners(ast.parse(path.read_text("utf-8")), ()):
        every += _of_defaults(path, scope, owner)
        for statement, body in _statements(owner.body) if isinstance(owner, ast.FunctionDef) else ():
            lines = range(statement.lineno, _head_end(statement) + 1)
            here = [(f"{words} in `{_text(node)}`", change)
                    for node in _own(statement) for words, change in changes(node)]
            every += [Mutant(path, owner, scope, lines, words, change)
                      for words, change in [*here, *_dropped(statement, body)]]
    return every


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())[:80]


def _of_defaults(path: Path, scope: tuple[str, ...], owner: ast.FunctionDef | ast.AnnAssign) -> list[Mutant]:
    values = [owner.value] if isinstance(owner, ast.AnnAssign) else [*owner.args.defaults, *owner.args.kw_defaults]
    return [Mutant(path, owner, scope, range(0), f"default {_text(value)}: {words}", change)
            for value in values if isinstance(value, ast.Constant) for words, change in changes(value)]


def _owners(
    tree: ast.AST, scope: tuple[str, ...],
) -> Iterator[tuple[tuple[str, ...], ast.FunctionDef | ast.AnnAssign]]:
    """Functions, methods and the fields of classes, with their qualified names."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield (*scope, node.name), node
        elif isinstance(node, ast.ClassDef):
            yield from _owners(node, (*scope, node.name))
        elif isinstance(node, ast.AnnAssign) and scope and isinstance(node.target, ast.Name):
            yield (*scope, node.target.id), node


def _statements(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, list[ast.stmt]]]:
    """Every statement with the list it stands in, inner ones too; words of refusals and docstrings are left alone."""
    for statement in body:
        doc = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if doc or isinstance(statement, ast.Import | ast.ImportFrom | ast.Raise):
            continue
        yield statement, body
        for inner in (getattr(statement, "body", []), getattr(statement, "orelse", []),
                      *(handler.body for handler in getattr(statement, "handlers", []))):
            yield from _statements(inner)


def _own(statement: ast.stmt) -> Iterator[ast.AST]:
    """A statement and its expressions, not the statements within it nor annotations."""
    yield statement
    waiting = [statement]
    while waiting:
        for field, value in ast.iter_fields(waiting.pop(0)):
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not isinstance(child, ast.stmt | ast.ExceptHandler) and (
                        field != "annotation"):
                    yield child
                    waiting.append(child)  # type: ignore[arg-type]  # an expression


def _head_end(statement: ast.stmt) -> int:
    """The last line of what a statement computes itself."""
    head = getattr(statement, "test", None) or getattr(statement, "iter", None) or statement
    return int(getattr(head, "end_lineno", statement.lineno))
