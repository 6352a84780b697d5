"""What a caller must catch stands in the docstring."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = "paramcalc/readers/families/"
"""Builders, of all of which `Builder` says what they raise."""


def functions(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.FunctionDef]]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield prefix + node.name, node


def raises(node: ast.AST) -> bool:
    """Whether an error of its own is raised in it, outside the body of a `try` that handles errors."""
    if isinstance(node, ast.Raise):
        return node.exc is not None
    inner = ast.iter_child_nodes(node)
    if isinstance(node, ast.Try) and node.handlers:
        inner = (*node.handlers, *node.orelse, *node.finalbody)
    return any(map(raises, inner))


def silent(path: Path) -> list[str]:
    """Public functions with a `raise` of their own that their docstring does not tell."""
    return [name for name, node in functions(ast.parse(path.read_text(encoding="utf-8")).body)
            if raises(node) and "aise" not in (ast.get_docstring(node) or "")]


@pytest.mark.parametrize("room", ["activations", "measures", "estimates", "transforms", "reports", "readers", "spec",
                                  "components", "catalog", "checks", "answers", "."])
def test_what_raises_says_so(room):
    paths = (ROOT / "paramcalc").glob("*.py" if room == "." else f"{room}/**/*.py")
    names = {str(path.relative_to(ROOT)): silent(path) for path in paths}
    assert {path: rest for path, rest in names.items() if rest and not path.startswith(FAMILIES)} == {}
