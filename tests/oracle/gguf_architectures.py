"""Write which architecture the GGUF files of each model type name: `python tests/oracle/gguf_architectures.py FOLDER`.

FOLDER is a source tree of llama.cpp. Its converter registers, for the class names a config.json has, a class with the
architecture it writes; both are read off the syntax trees of `conversion/` and `gguf-py/gguf/constants.py`.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from paramcalc.catalog.same_types import SAME
from paramcalc.readers.config.defaults import model_types
from paramcalc.readers.config.published_types import PUBLISHED_TYPES
from paramcalc.readers.families import composites, counted_types, family_of

OUT = Path(__file__).resolve().parents[2] / "paramcalc/catalog/gguf_architectures.json"


def main(folder: Path) -> None:
    """Write the table."""
    names = architecture_names(folder / "gguf-py/gguf/constants.py")
    by_class = {name: names[word] for name, word in registered(folder / "conversion") if word in names}
    types = sorted({*counted_types(), *composites(), *model_types(), *PUBLISHED_TYPES} - set(SAME))
    table = {kind: sorted({by_class[name] for name in data.classes if name in by_class})
             for kind in types if (data := family_of(kind).data) is not None}
    rows = [f'"{kind}": {json.dumps(architectures)}' for kind, architectures in table.items() if architectures]
    OUT.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")


def architecture_names(constants: Path) -> dict[str, str]:
    """Member of `MODEL_ARCH` to the name that files say."""
    for node in ast.walk(ast.parse(constants.read_text("utf-8"))):
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") == "MODEL_ARCH_NAMES":
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {key.attr: value.value for key, value in pairs if key.attr != "MMPROJ"}
    raise SystemExit(f"{constants} has no MODEL_ARCH_NAMES")


def registered(folder: Path) -> Iterator[tuple[str, str]]:
    """Class names of configs and the member of `MODEL_ARCH` that their converter, or a class it derives from, has."""
    classes = {node.name: node for path in sorted(folder.glob("*.py"))
               for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ClassDef)}
    for node in classes.values():
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and getattr(decorator.func, "attr", "") == "register":
                yield from ((name.value, architecture(node, classes)) for name in decorator.args)


def architecture(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> str:
    """The member of `MODEL_ARCH` a converter writes; '' for one that writes none, as those of towers."""
    for line in node.body:
        if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "model_arch":
            return getattr(line.value, "attr", "")
    bases = (getattr(base, "id", "") for base in node.bases)
    return next((word for base in bases if base in classes and (word := architecture(classes[base], classes))), "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
