"""From what people name on the command line (a path, a preset, `-`) to a specification."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.errors import (
    DEFAULTED,
    UNCOUNTED,
    UNREAD,
    InputError,
    PCError,
    Problem,
    SpecError,
    UnknownArchitectureError,
    UsageError,
)
from paramcalc.readers.beside import PROCESSORS, QUANTIZATION
from paramcalc.readers.config.depth import DEPTH_KEYS, set_config_depth
from paramcalc.readers.folders import CONFIG, config_of, repository_of
from paramcalc.readers.foreign import refuse_foreign, refuse_kinds
from paramcalc.readers.headers import CHECKPOINTS
from paramcalc.readers.text.document import Document, load_document, read_json, read_yaml
from paramcalc.readers.text.limits import MAX_BYTES, too_large
from paramcalc.readers.text.located import located

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from paramcalc.readers.headers.header import Header
    from paramcalc.spec.model import ModelSpec



class Reading(NamedTuple):
    """A specification, where it came from, and what is to be said of it."""

    spec: ModelSpec
    source: str
    document: Document
    warnings: tuple[str, ...]
    unknown: tuple[Problem, ...] = ()
    """Keys of a config nobody knows."""
    harmless: tuple[str, ...] = ()
    """Keys of a config nobody knows that can change no size."""

    def gaps(self) -> Iterator[Gap]:
        """What leaves a size open, which `--strict` refuses and `check` reports."""
        return _gaps(self.spec, self.unknown)


class Gap(NamedTuple):
    """What of a source leaves a size open."""

    problem: Problem
    place: tuple[str | int, ...]
    """Where in the document people look for it: that of the part nobody counts, of the type whose class has
    defaults."""


def load(model: str, overrides: Sequence[str] = (), *, strict: bool = False,
         tell: Callable[[str], None] | None = None) -> Reading:
    """The specification a MODEL argument names. Raises PCError, located.

    `overrides` are `key=value` with dotted keys, applied to the document before it is read. With `strict`, unknown
    keys that could change a size, uncounted parts and sizes from a class's defaults are errors. `tell` is called with
    the address of each request to the hub.
    """
    from paramcalc.readers.names import preset_of, repository

    if not model.strip():
        raise InputError(Problem(f"expected a model, found the string {model[:20]!r}",
                                 hint="a path, or a name `paramcalc list` prints"))
    if "/" in model and (name := repository(model)):
        if preset := preset_of(name):
            reading = load(preset, overrides, strict=strict)
            note = f"{name} is answered by the preset {preset}; the hub was not contacted"
            return reading._replace(warnings=(*reading.warnings, note))
        model = f"hf://{name}"
    content = _read(model, tell)
    if not isinstance(content, Document):
        return _checkpoint(model, content, overrides)
    return interpret(content, _name(model), overrides, strict=strict)


def interpret(document: Document, name: str, overrides: Sequence[str] = (), *, strict: bool = False) -> Reading:
    """The specification in a document, its overrides applied. Raises PCError, located."""
    names = [_renamed(document.data, override.partition("=")[0]) for override in overrides]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise SpecError(Problem(f"--set {twice[:60]} is given twice", hint="leave one out"))
    for override in overrides:
        _override(document.data, override)
    try:
        any_base = any(override.startswith(f"{BASE}=") for override in overrides)
        reading = _interpret(document, name, strict=strict, any_base=any_base)
    except PCError as error:
        raise located(error, document) from error
    unused = [Problem(f"unknown key {key!r}", (key,), "it is not counted; see the family's class")
              for key in reading.harmless if key in names]
    if unused := [*unused, *(problem for problem in reading.unknown if problem.dotted() in names)]:
        raise UsageError(*(Problem(f"--set {key}: {problem.message}", hint=_inside(document.data, key) or problem.hint)
                           for problem in unused for key in [problem.dotted()]))
    return reading


def _inside(data: dict[str, Any], key: str) -> str:
    """The nested configs that say what a key of `--set` says, as a hint; empty where none does."""
    words = DEPTH_KEYS if key in DEPTH_KEYS else (key,)
    places = [f"{name}.{word}" for name, inner in data.items() if isinstance(inner, dict)
              for word in words if word in inner]
    return f"write {' or '.join(places)}" if places else ""


def warnings_of(spec: ModelSpec) -> tuple[str, ...]:
    """What has to be said with every figure of a specification."""
    return (*(f"not counted: {part}" for part in spec.uncounted), *(caveat.reason for caveat in spec.caveats),
            *spec.notes)


def _read(model: str, tell: Callable[[str], None] | None) -> Document | Header:
    """The document a MODEL argument names, or the header of a checkpoint."""
    if model.startswith("hf://"):
        from paramcalc.readers.hub import read_hub, silent

        return read_hub(model, tell or silent)
    if model.startswith("git:"):
        from paramcalc.readers.git import show, split

        revision, path = split(model)
        return _guess(show(revision, path), f"{path}@{revision}")
    if model.endswith(tuple(CHECKPOINTS)):
        from paramcalc.readers.headers.checkpoint import read_header

        return read_header(Path(model))
    return _document(model)


def _checkpoint(model: str, header: Header, overrides: Sequence[str]) -> Reading:
    from paramcalc.readers.headers.checkpoint import checkpoint_spec

    if overrides:
        raise UsageError(Problem("--set changes a spec or config, not a checkpoint", hint="convert it to a spec first"))
    spec = checkpoint_spec(header, lambda: _shapes(Path(header.source)))
    return Reading(spec, model, Document({}, model), warnings_of(spec))


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Shapes of all tensors by the config.json beside a checkpoint, by name; where layers differ, of none."""
    from paramcalc.build import build
    from paramcalc.measures.parameters import rows

    config = path.with_name("config.json")
    if not os.path.isfile(config):
        return {}
    shapes: dict[str, set[tuple[int, ...]]] = {}
    for row in rows(build(load(str(config)).spec).tree):
        shapes.setdefault(row.name, set()).add(row.shape)
    return {name: next(iter(each)) for name, each in shapes.items() if len(each) == 1}


def _document(model: str) -> Document:
    if model == "-":
        return _guess(sys.stdin.buffer.read(MAX_BYTES + 1), "<stdin>")
    path = Path(model)
    if os.path.isdir(path):  # pathlib's own would raise for a name that is too long
        path = config_of(path)
    if os.path.exists(path) or path.suffix in (".yaml", ".yml", ".json") or len(path.parts) > 1:
        return load_document(path)
    return _preset(model)


def _guess(raw: bytes, source: str) -> Document:
    if len(raw) > MAX_BYTES:
        raise too_large(source, MAX_BYTES)
    read: Callable[[bytes, str], Document] = read_json if raw.lstrip()[:1] == b"{" else read_yaml
    return read(raw, source)


def _preset(name: str) -> Document:
    from paramcalc.readers.presets import presets

    paths = presets()
    if name in paths:
        return read_yaml(paths[name].read_bytes(), name)
    from paramcalc.readers.names import near_presets

    near = near_presets(name)
    hint = f"did you mean {', '.join(near)}?" if near else "a path, or a name `paramcalc list` prints"
    raise UnknownArchitectureError(Problem(f"no such file or preset: {name[:100]!r}", hint=hint))


def _name(model: str) -> str:
    path = Path(model)
    if model == "-":
        return "stdin"
    if model.startswith("hf://"):
        return model.removeprefix("hf://")
    if os.path.isdir(path) or path.name == CONFIG:
        folder = path.resolve() if os.path.isdir(path) else Path(os.path.realpath(path.parent))
        return repository_of(folder) or folder.name
    return path.stem if path.suffix in (".yaml", ".yml", ".json") else model


BASE = "base_model_name_or_path"
"""Key of an adapter's file for the model it adapts."""
HUGGING_FACE = {"num_heads": "num_attention_heads", "num_kv_heads": "num_key_value_heads",
                "tie_embeddings": "tie_word_embeddings"}
"""Fields of ours by what configs call them."""


def _renamed(data: dict[str, Any], key: str) -> str:
    """A key of `--set` in the words of the document: a config has names of its own for some fields of ours, and a
    specification for some of a config's."""
    if _is_config(data):
        if key == "num_layers":
            return next((name for name in DEPTH_KEYS if name in data), "num_hidden_layers")
        return HUGGING_FACE.get(key, key)
    ours = {theirs: name for name, theirs in HUGGING_FACE.items()} | {"num_hidden_layers": "num_layers"}
    return ours.get(key, key)


def _override(data: dict[str, Any], override: str) -> None:
    """`a.b=value` sets a nested value; the value is read as YAML reads a scalar or a list."""
    key, equals, text = override.partition("=")
    if not equals or not key:
        raise SpecError(Problem(f"--set {override[:60]!r} is not key=value"))
    value = read_yaml(f"value: {text}", f"--set {key}").data["value"]
    *parents, last = _steps(data, _renamed(data, key))
    for parent in parents:
        data = data.setdefault(parent, {})
        if type(data) is not dict:
            raise SpecError(Problem(f"--set {key}: {parent} is not a mapping"))
    if type(value) is int and last in DEPTH_KEYS and (parents or _is_config(data)):
        set_config_depth(data, last, value)
    elif type(value) is int and key == "num_layers":
        from paramcalc.spec.depth import set_depth

        set_depth(data, value)
    else:
        data[last] = value


def _steps(data: Any, key: str) -> list[str]:  # noqa: ANN401 - plain data
    """The keys a dotted key leads through; one of the document that has dots itself is taken whole."""
    steps, parts = [], key.split(".")
    while parts:
        level = data if isinstance(data, dict) else {}
        end = next((end for end in range(len(parts), 0, -1) if ".".join(parts[:end]) in level), 1)
        steps.append(".".join(parts[:end]))
        data, parts = level.get(steps[-1]), parts[end:]
    return steps


def _interpret(document: Document, name: str, *, strict: bool, any_base: bool) -> Reading:
    data = document.data
    if "peft_type" in data:
        return _adapter(document, name, strict=strict, any_base=any_base)
    if _is_config(data):
        from paramcalc.readers.config.read import read_config

        refuse_kinds(data)
        spec, unknown, harmless = read_config(data, name, _beside(document), _processors(document))
    else:
        refuse_foreign(data)
        harmless = ()
        spec = parse_spec(document)
        unknown = tuple(Problem(f"{key[:100]!r} could change a size, so every size is a lower bound", ("unread", index))
                        for index, key in enumerate(spec.unread))
        if not spec.name:
            spec = spec.model_copy(update={"name": name})
    notes = [f"{problem.dotted()}: {problem.message}" for problem in unknown]
    if strict and (gaps := [gap.problem for gap in _gaps(spec, unknown)]):
        raise SpecError(*gaps)
    return Reading(spec, document.source, document, (*notes, *warnings_of(spec)), unknown, harmless)


def _adapter(document: Document, name: str, *, strict: bool, any_base: bool) -> Reading:
    """The base model an adapter_config.json names, with its adapters. Only the user leads to files elsewhere."""
    from paramcalc.readers.adapters import adapted_spec, base_of

    folder = Path(document.source).parent
    base = load(str(document.data[BASE]) if any_base else base_of(document.data, folder), strict=strict)
    spec = adapted_spec(document.data, base.spec).model_copy(update={"name": name, "expect": None})
    return base._replace(spec=spec, source=document.source, document=document)


def _gaps(spec: ModelSpec, unknown: Sequence[Problem]) -> Iterator[Gap]:
    for problem in unknown:
        yield Gap(problem._replace(code=UNREAD), problem.path)
    for part in spec.uncounted:
        yield Gap(Problem(f"{part} is not counted", code=UNCOUNTED), (part.partition(" ")[0],))
    for key, size in spec.defaults.items():
        yield Gap(Problem(f"{key} is not given: the default of the class is {size:,}",
                          hint=f"write it down: {key}: {size}", code=DEFAULTED), ("model_type",))


def _beside(document: Document, name: str = QUANTIZATION) -> dict[str, Any] | None:
    """What a file of this name beside a config.json holds; None where there is none."""
    if name in document.beside:
        return document.beside[name]
    path = Path(document.source)
    if path.name != "config.json" or not path.with_name(name).is_file():
        return None
    return load_document(path.with_name(name)).data


def _processors(document: Document) -> dict[str, dict[str, Any]]:
    """What the files of processors in the folder of a config.json hold, by name."""
    return {name: data for name in PROCESSORS if (data := _beside(document, name)) is not None}


def _is_config(data: dict[str, Any]) -> bool:
    """Whether it is a config.json, not a specification of ours."""
    from paramcalc.readers.config.published import is_original

    return "model_type" in data or "architectures" in data or ("paramcalc" not in data and is_original(data))


def parse_spec(document: Document) -> ModelSpec:
    """A YAML document as a specification. Raises SpecError with all errors of the file at once, located."""
    from pydantic import ValidationError

    from paramcalc.spec.model import ModelSpec

    try:
        return ModelSpec.model_validate(document.data)
    except ValidationError as error:
        from paramcalc.readers.spec_errors import refusal  # only refusals pay for it

        raise refusal(error, document) from error
