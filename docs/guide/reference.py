"""The pages of the guide that nobody writes: commands, JSON, Python, accelerators and formats, from the program."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import paramcalc
from paramcalc.cli import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

LISTS = {
    "gpus": ("Accelerators", "Names that `--gpu` takes. With their sources: `paramcalc list gpus --json`."),
    "formats": ("Number formats", "Names that `--quant` and `--dtype` take, with scales and blocks."),
    "optimizers": ("Optimizers", "Names that `train --optimizer` takes."),
    "families": ("Model types", "Values of `model_type` in a config.json that paramcalc reads."),
    "rules": ("Rules of check", "What `paramcalc check` looks for, by code."),
}


def pages() -> Iterator[tuple[str, str]]:
    """Name and text of each page."""
    names = list(COMMANDS)
    yield "reference-commands", "\n".join(["# Commands\n", *map(command, names)])
    yield "reference-json", "\n".join([
        "# JSON of the answers\n",
        "Each command's `--json` is one object, or an array in the order asked where several models are given. The key "
        "`schema` names its version: keys may be added under the same number, never renamed.\n",
        *map(schema, json_commands(names))])
    yield "reference-python", python()
    for what, (title, text) in LISTS.items():
        yield f"reference-{what}", f"# {title}\n\n{text}\n\n{said('list', what, '--format', 'markdown')}"


def json_commands(names: list[str]) -> list[str]:
    """Those with a JSON Schema."""
    return [name for name in names if name not in ("mcp", "report", "schema")]


def command(name: str) -> str:
    """A command's help, as a terminal shows it."""
    return f"## `paramcalc {name}`\n\n```text\n{said(name, '--help')}```\n"


def schema(name: str) -> str:
    """The JSON Schema of a command's answer, closed until opened."""
    text = json.dumps(json.loads(said("schema", name)), indent=1)
    return (f"## `{name}`\n\n<details><summary>paramcalc schema {name}</summary>\n\n```json\n{text}\n```\n\n"
            "</details>\n")


def python() -> str:
    """What `import paramcalc` offers."""
    names = [name for name in paramcalc.__all__ if not name.startswith("_")]
    entries = "\n\n".join(f"```{{eval-rst}}\n.. auto{kind(name)}:: paramcalc.{name}\n```" for name in names)
    return f"# Python\n\n`import paramcalc` loads nothing until a name is used.\n\n{entries}\n"


def kind(name: str) -> str:
    """How Sphinx calls what a name stands for."""
    value = getattr(paramcalc, name)
    if isinstance(value, type):
        return "exception" if issubclass(value, Exception) else "class"
    return "function"


def said(*words: str) -> str:
    """What a command writes."""
    done = subprocess.run([sys.executable, "-m", "paramcalc", *words], check=True, capture_output=True, text=True,
                          env={"COLUMNS": "100", "NO_COLOR": "1", "PATH": ""})
    return done.stdout
