"""Changed code put in place of what runs, within one process."""

from __future__ import annotations
import __future__

import ast
import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from tests.mutation.mutants import Mutant

ROOT = Path(__file__).parents[2]
Functions = dict[tuple[str, str], list[FunctionType]]
"""By file and qualified name."""


def live_functions(files: list[Path]) -> Functions:
    """Functions of the files as they are now in memory, decorated or not."""
    paths = {str(path) for path in files}
    functions: Functions = {}
    for item in gc.get_objects():
        if isinstance(item, FunctionType) and item.__code__.co_filename in paths:
            functions.setdefault((item.__code__.co_filename, item.__code__.co_qualname), []).append(item)
    return functions


def install(mutant: Mutant, live: Functions) -> bool:
    """Make the change; whether there is something to change."""
    mutant.change()
    functions = live.get((str(mutant.path), ".".join(mutant.scope)), [])
    if isinstance(mutant.owner, ast.AnnAssign):
        return _install_field(mutant, mutant.owner)
    if not mutant.lines:
        return _install_defaults(mutant.owner, functions)
    code = _code(mutant, mutant.owner)
    for function in functions:
        if function.__code__.co_firstlineno == code.co_firstlineno:
            function.__code__ = code
            return True
    return False


def _code(mutant: Mutant, function: ast.FunctionDef) -> CodeType:
    body: list[ast.stmt] = [function]
    for name in reversed(mutant.scope[:-1]):
        body = [ast.ClassDef(name=name, bases=[], keywords=[], body=body, decorator_list=[])]
    module_code = compile(ast.fix_missing_locations(ast.Module(body, [])), str(mutant.path), "exec",
                    flags=__future__.annotations.compiler_flag, dont_inherit=True)
    return next(code for code in _codes(module_code) if code.co_qualname == ".".join(mutant.scope))


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _install_defaults(owner: ast.FunctionDef, functions: list[FunctionType]) -> bool:
    for function in functions:
        plain = zip(owner.args.defaults, function.__defaults__ or (), strict=True)
        function.__defaults__ = tuple(n.value if isinstance(n, ast.Constant) else old for n, old in plain) or None
        for argument, node in zip(owner.args.kwonlyargs, owner.args.kw_defaults, strict=True):
            if isinstance(node, ast.Constant) and function.__kwdefaults__:
                function.__kwdefaults__[argument.arg] = node.value
    return bool(functions)


def _install_field(mutant: Mutant, field: ast.AnnAssign) -> bool:
    """Of a named tuple or of a model and those that inherit it."""
    owner: Any = sys.modules[".".join(mutant.path.relative_to(ROOT).with_suffix("").parts)]
    for part in mutant.scope[:-1]:
        owner = getattr(owner, part)
    name = mutant.scope[-1]
    if not isinstance(field.value, ast.Constant):
        return False
    if hasattr(owner, "_field_defaults"):
        owner.__new__.__defaults__ = tuple(field.value.value if key == name else old for key, old in zip(
            owner._field_defaults, owner.__new__.__defaults__, strict=True))
        return True
    for model in _with_subclasses(owner) if hasattr(owner, "model_fields") else ():
        model.model_fields[name].default = field.value.value
        model.model_rebuild(force=True)
    return hasattr(owner, "model_fields")


def _with_subclasses(owner: type) -> list[Any]:
    return [owner, *(below for cls in owner.__subclasses__() for below in _with_subclasses(cls))]
