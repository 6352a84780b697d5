"""What a caller must catch, and the unit of a number, stand in the docstring."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = "paramcalc/readers/families/"
"""Builders, of all of which `Builder` says what they raise."""
NUMBER = re.compile(r"\b(int|float|Fraction)\b")
UNITS = re.compile(
    r"\b(bytes?|bits?|[GM]iB|digits|FLOPs?|multiply-adds|products|seconds?|milliseconds|hours|days|years?|USD|joules?|"
    r"watts?|kWh|grams|nats?|times|shares?|ratio|factor|power|exponent|probability|accuracy|index|places?|lines?|columns?|"
    r"rows|width|length|depth|shape|layers?|blocks?|pages|slots|cells|steps|stages?|tokens?|positions?|pixels|frames|"
    r"samples|patches|tiles|heads?|channels|outputs?|experts?|groups|copies|values|entries|parameters|weights|tensors|"
    r"distance|devices|cards|nodes|ranks|requests?|sequences?|models?|files?|loss|code|number of|how (many|often))\b",
    re.IGNORECASE)
"""Of what a number is, or what it counts."""


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


def unitless(path: Path) -> list[str]:
    """Public functions that give a number and do not say of what."""
    return [name for name, node in functions(ast.parse(path.read_text(encoding="utf-8")).body)
            if node.returns is not None and NUMBER.search(ast.unparse(node.returns))
            and not UNITS.search(ast.get_docstring(node) or "")]


@pytest.mark.parametrize("room", ["activations", "measures", "estimates", "transforms", "reports", "spec",
                                  "components", "catalog", "checks", "answers", "."])
def test_a_number_has_a_unit(room):
    paths = (ROOT / "paramcalc").glob("*.py" if room == "." else f"{room}/**/*.py")
    assert {str(path.relative_to(ROOT)): rest for path in paths if (rest := unitless(path))} == {}
