"""The shown blocks of a document, run: terminal sessions, Python sessions, and the files both of them read.

A ```console block holds lines `$ command` and what they print; a ```pycon block is a doctest; a block whose first line
names a file behind its language is that file, in the folder where the sessions run. A command may end in `| head -N`.

A new module below `paramcalc/` is importable while the sessions run; a block that names one of `REGISTRIES` is lines to
be added there, and they are.
"""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import os
import re
import shlex
import sys
from pathlib import Path
from typing import NamedTuple

from paramcalc.cli.main import run as guarded

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```(?P<kind>[a-z]*)(?: (?P<file>\S+))?\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
WIDTH = "118"
REGISTRIES = {
    "paramcalc/components/__init__.py": "KINDS", "paramcalc/readers/families/__init__.py": "MEMBERS",
    "paramcalc/readers/config/published_types.py": "PUBLISHED_TYPES",
    "paramcalc/readers/families/towers/tables.py": "TOWERS",
}
"""Files with a registry that grows by a line, and its name."""
ELLIPSIS = "…"
"""Stands where a command's further lines are left out."""


class Block(NamedTuple):
    """A block of a document."""

    kind: str
    file: str | None
    body: str
    span: tuple[int, int]
    """Where the body stands."""


def blocks(text):
    """Every fenced block, in order."""
    return [Block(match["kind"], match["file"], match["body"], match.span("body")) for match in BLOCK.finditer(text)]


def named_files(text):
    """Blocks that are files: name to content."""
    return {listing.file: listing.body for listing in blocks(text) if listing.file}


@contextlib.contextmanager
def folder(path, text):
    """A folder with the document's files and our configs, as the place where sessions run."""
    (path / "configs").symlink_to(ROOT / "configs", target_is_directory=True)
    with contextlib.chdir(path), contextlib.ExitStack() as stack:
        for name, content in named_files(text).items():
            stack.enter_context(added(path, name, content))
        before = dict(os.environ)
        stack.callback(lambda: (os.environ.clear(), os.environ.update(before)))
        for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "FORCE_COLOR"):
            os.environ.pop(name, None)
        os.environ["COLUMNS"] = WIDTH
        yield


@contextlib.contextmanager
def added(path, name, content):
    """A file as the document tells to add it, until all is over."""
    module = importlib.import_module(name.removesuffix(".py").removesuffix("/__init__").replace("/", ".")) \
        if name in REGISTRIES else None
    if module is not None:
        registry = getattr(module, REGISTRIES[name])
        lines = eval(f"{{{content}}}", vars(module))  # noqa: S307 - our own document
        new = {key: line for key, line in lines.items() if key not in registry}
        registry.update(new)
        assert all(registry[key] == line for key, line in lines.items())  # who followed the document has them already
        yield
        for key in new:
            del registry[key]
        return
    (path / name).parent.mkdir(parents=True, exist_ok=True)
    (path / name).write_text(content, "utf-8")
    if not name.startswith("paramcalc/"):
        yield
        return
    package = importlib.import_module(str(Path(name).parent).replace("/", "."))
    package.__path__.append(str((path / name).parent))
    yield
    package.__path__.pop()
    sys.modules.pop(name.removesuffix(".py").replace("/", "."), None)


def session(body):
    """A terminal session again: its commands, each followed by what it prints now."""
    out, code = [], 0
    for line in body.splitlines():
        if not line.startswith("$ "):
            continue
        out.append(line)
        if line == "$ echo $?":
            out.append(str(code))
            continue
        command, _, most = line[2:].partition(" | head -")
        printed, code = run_command(shlex.split(command))
        lines = printed.splitlines()
        listing = lines[:int(most)] if most else lines
        out += [text.rstrip() for text in listing] + ([ELLIPSIS] if len(listing) < len(lines) else [])
    return "".join(f"{text}\n" for text in out)


def run_command(words):
    """What a command prints on both streams, as a terminal shows them, and its exit code."""
    assert words[0] == "paramcalc", words
    stream = io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        code = guarded(words[1:])
    return stream.buffer.getvalue().decode("utf-8"), code


def python(body, names):
    """A Python session again, in the names given: its statements, each followed by what it prints now."""
    out = []
    for example in doctest.DocTestParser().get_examples(body):
        first, *more = example.source.rstrip("\n").split("\n")
        out += [f">>> {first}", *(f"... {line}" if line else "..." for line in more)]
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            exec(compile(example.source, "<document>", "single"), names)  # noqa: S102 - our own document
        out += stream.getvalue().splitlines()
    return "".join(f"{text}\n" for text in out)


def run(text, path):
    """The document with every session's output as it is now."""
    out, end, names = "", 0, {}
    with folder(path, text):
        for listing in blocks(text):
            body = session(listing.body) if listing.kind == "console" else listing.body
            body = python(listing.body, names) if listing.kind == "pycon" else body
            out += text[end:listing.span[0]] + body
            end = listing.span[1]
    return out + text[end:]
