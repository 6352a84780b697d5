"""No file of the package imports one that leads back to it: not late, not for types, not by a registry's loader."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import paramcalc

ROOT = Path(paramcalc.__file__).parent
FILES = {".".join(path.relative_to(ROOT.parent).with_suffix("").parts).removesuffix(".__init__"): path
         for path in ROOT.rglob("*.py")}
LOADERS = {
    "paramcalc", "paramcalc.activations", "paramcalc.answers.registry",
    "paramcalc.cli.main", "paramcalc.components", "paramcalc.components.base", "paramcalc.estimates.design.law_fit",
    "paramcalc.estimates.runtimes", "paramcalc.readers.config.quantization.methods", "paramcalc.readers.families",
    "paramcalc.readers.headers.checkpoint", "paramcalc.reports.plot", "paramcalc.reports.views",
    "paramcalc.reports.writers", "paramcalc.printable",
}
"""Files that import by a string: registries, each with one loader, and optional libraries."""


def imported(name):
    """Files of the package that one imports by name, wherever in it."""
    for node in ast.walk(ast.parse(FILES[name].read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module in FILES:
            targets = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (full if full in FILES else node.module for full in targets)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in FILES)


def test_there_are_no_circles():
    assert len(list(TopologicalSorter({name: {*imported(name)} - {name} for name in FILES}).static_order())) > 500


def test_imports_by_string_are_those_of_registries():
    calls = [name for name, path in FILES.items() for node in ast.walk(ast.parse(path.read_text("utf-8")))
             if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module")]
    assert set(calls) == LOADERS
    assert {name for name in calls if calls.count(name) > 1} <= {"paramcalc.reports.plot"}  # an optional library
