"""What a YAML or JSON file is by what it says: a specification, a config, nearly one of them, or something else.

Files of others are many and of any size, so nothing is parsed that does not name one of our words; every pattern looks
at one line.
"""

from __future__ import annotations

import json
import re
from difflib import SequenceMatcher
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from paramcalc.errors import InputError
from paramcalc.readers.files import need_within
from paramcalc.readers.text.limits import MAX_BYTES, POINTER, PULL, is_pointer, other_encoding

if TYPE_CHECKING:
    from collections.abc import Mapping, Set
    from pathlib import Path

YAML, JSON = (".yaml", ".yml"), (".json",)
CONFIG, MARKER = "config.json", "paramcalc"
ENOUGH = 3
"""Keys of ours that make a file one that could have been meant."""
SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "vocab_size", "n_embd",
         "n_layer", "n_head", "d_model", "num_layers", "num_heads", "n_layers", "n_heads", "max_position_embeddings",
         "num_key_value_heads")
"""Words of a model's config that those of others hardly use."""
RUN_WORDS = frozenset(["batch", "batches", "callbacks", "data", "dataloader", "datamodule", "dataset", "datasets",
                       "epoch", "epochs", "hydra", "logger", "lr", "optim", "optimizer", "scheduler", "seed", "steps",
                       "trainer", "training", "wandb", "warmup"])
"""Words in the keys of a training run's settings, which repeat the sizes of its model and are no specification."""
MARK = "begin it with `paramcalc: 1`"
_WORDS = re.compile("|".join(("model_type", "architectures", MARKER, *SIZES)))
_SIZED = re.compile("|".join(f'"{word}"' for word in SIZES))
_MARKED = re.compile(rf"""["']?{MARKER}["']?[ \t]{{0,9}}:[ \t]{{0,9}}["']?1["']?(?![\w.])""")
_NUMBER = re.compile(r"""["']?\d{1,4}(\.\d{1,4})?["']?""")
_BEFORE = re.compile(r"\A(---[ \t]{1,9})?([!&]\S{0,60}[ \t]{1,9}){0,3}(?=\S)")
"""What may stand before a mapping on its first line: the beginning of a document, a tag, an anchor."""
_FIRST = re.compile(r"^([ \t]{0,200})(?!---|\.\.\.|\{[%{])[^\s#%!&]", re.MULTILINE)
"""The first line that is neither a comment, a directive nor a template's."""
_SAYING = re.compile(r"^[ \t]{0,200}(?!(?:---|\.\.\.)[ \t\r]{0,9}(?:#|$))[^\s#%]", re.MULTILINE)
"""The first line of a YAML that says something: no comment, directive, or mark of a document alone."""
_BREAK = re.compile("\r\n?|[\x85\u2028\u2029]")
"""What ends a line in YAML besides a line feed."""
_NESTED = re.compile(r"""^[ \t-]{0,200}["']?(\w{1,60})["']?[ \t]{0,9}:""", re.MULTILINE)
_KEY = r"""(?:\?[ ]{1,9})?["']?([A-Za-z_][\w.-]{0,60})["']?(?:[ \t]{0,9}:[ \t]{0,9}(.{0,20})|\r?$)"""
_KEYS = 10_000
_ALIKE = 0.8
_UNMARKED = {"x000": "utf-32-le", "000x": "utf-32-be", "x0x0": "utf-16-le", "0x0x": "utf-16-be"}
"""Codecs by which of the first four bytes of plain text are zero, without a byte order mark."""
_BLANK = " \t\r\n\0\ufeff"
_FLOW = 2**18
"""Characters of a YAML in flow style that are read to see its keys."""


class Kind(Enum):
    """What a file is to us."""

    ours = "ours"
    near = "near"
    """Meant as one of ours, but not said so, or broken: an error."""
    unclear = "unclear"
    """It could have been meant as one of ours."""
    other = "other"


class Recognised(NamedTuple):
    """What a file is, and why it is not simply one of ours."""

    kind: Kind
    why: str = ""
    hint: str = ""
    """What to do about it."""


OURS, OTHER = Recognised(Kind.ours), Recognised(Kind.other)


def candidate(name: str) -> bool:
    """Whether a file of that name could be a specification or a config."""
    return name.lower().endswith(YAML + JSON)


def likely(name: str) -> bool:
    """Whether a file of that name is looked for even if nothing can be read of it."""
    return name.lower().endswith(YAML) or name.lower() == CONFIG


def recognise(path: Path) -> Recognised:
    """What a regular file of a candidate's name is. Raises OSError where it cannot be read."""
    need_within(path)
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    text, odd = _decoded(raw)
    name = path.name.lower()
    if name == CONFIG and not text.strip(_BLANK):
        return Recognised(Kind.near, "is empty", "complete it, or remove it")
    if name.endswith(YAML) and len(raw) <= MAX_BYTES and not _SAYING.search(text):
        return Recognised(Kind.unclear, "has nothing but comments" if text.strip(_BLANK) else "is empty")
    if is_pointer(raw):
        return Recognised(Kind.near if name == CONFIG else Kind.unclear, POINTER, PULL) if likely(name) else OTHER
    if not _WORDS.search(text) and name != CONFIG:
        return OTHER
    recognised = _json(text, name, len(raw) > MAX_BYTES) if name.endswith(JSON) else _yaml(text)
    if odd and recognised.kind is not Kind.other:
        return Recognised(Kind.near, f"is {odd}, not UTF-8", "save it as UTF-8")
    return recognised


def _decoded(raw: bytes) -> tuple[str, str]:
    """Text, whatever encoding it is in, and the name of an encoding that is not UTF-8."""
    if name := other_encoding(raw):
        return raw.decode(name, "replace"), name
    zero = "".join("0" if byte == 0 else "x" for byte in raw[:4])
    if codec := _UNMARKED.get(zero):
        return raw.decode(codec, "replace"), codec[:6].upper()
    return raw.decode("utf-8-sig", "replace"), ""


def _json(text: str, name: str, truncated: bool) -> Recognised:
    if truncated:
        return _large(text, name)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        return _broken(text, name, error)
    if isinstance(data, dict):
        return _object(data, name)
    return Recognised(Kind.near, "is not a JSON object") if name == CONFIG else OTHER


def _broken(text: str, name: str, error: Exception) -> Recognised:
    """What a file is that no JSON can be read from."""
    if name != CONFIG:
        if '"model_type"' in text and _SIZED.search(text):
            return Recognised(Kind.unclear, "is not JSON, but names a model_type and sizes")
        return Recognised(Kind.near, "is not JSON") if _MARKED.search(text) else OTHER
    unfinished = isinstance(error, json.JSONDecodeError) and (
        error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"))
    begun = text.lstrip(_BLANK).startswith(("{", "/", "#"))  # an object, or a comment before one
    return OTHER if begun and not unfinished and not _WORDS.search(text) else Recognised(Kind.near, "is not JSON")


def _object(data: dict[str, Any], name: str) -> Recognised:
    sizes = [key for key in ("architectures", *SIZES) if key in data]
    if ("model_type" in data and (name == CONFIG or sizes)) or (name == CONFIG and _untyped(data)):
        return OURS
    recognised = _of_keys(_beginnings(data))
    if recognised.kind is Kind.ours:
        return OURS
    sizes += [f"{key}.{size}" for key, part in data.items() if isinstance(part, dict) for size in SIZES if size in part]
    if name == CONFIG and sizes:
        return Recognised(Kind.near, f"has no model_type, but {sizes[0]}")
    return recognised._replace(kind=Kind.unclear) if recognised.why else OTHER


def _untyped(data: dict[str, Any]) -> bool:
    """Whether a config is of a kind that is read without a model_type: of a model's own code, or of a draft."""
    from paramcalc.readers.config.published import is_original, names_draft

    return "model_type" not in data and (is_original(data) or names_draft(data))


def _large(text: str, name: str) -> Recognised:
    if name == CONFIG:
        kind = Kind.near if _WORDS.search(text) else Kind.unclear
        return Recognised(kind, "is too large to be read", f"at most {MAX_BYTES >> 20} MiB")
    return Recognised(Kind.unclear, "too large to inspect") if '"model_type"' in text else OTHER


def _yaml(text: str) -> Recognised:
    text = _BEFORE.sub("", _BREAK.sub("\n", text))
    first = _FIRST.search(text)
    keys = {} if first is None else _flow_keys(text) if first[0].endswith("{") else _block_keys(text, first[1])
    recognised = _of_keys(keys)
    if recognised.kind is not Kind.other:
        return recognised
    if "model_type" in keys and (size := next((key for key in keys if key in SIZES), "")):
        return Recognised(Kind.unclear, f"has model_type and {size} as a config.json, but is YAML", "save it as JSON")
    nested = {line[1] for line in islice(_NESTED.finditer(text), _KEYS)} if _MARKED.search(text) else set()
    if len(nested & _ours()) >= ENOUGH and nested & set(SIZES):
        return Recognised(Kind.unclear, "has a specification within", "put it into a file of its own")
    return OTHER


def _of_keys(keys: Mapping[str, str]) -> Recognised:
    """What a mapping is by its keys, each with the beginning of a plain value."""
    ours = [key for key in keys if key in _ours()]
    sized = bool(set(ours) & set(SIZES))
    if MARKER in keys and (sized or len(ours) >= ENOUGH or _NUMBER.fullmatch(keys[MARKER])):
        return OURS
    marker = next((key for key in keys if key not in _ours() and key != MARKER and _alike(key)), "")
    if marker and ours:
        return Recognised(Kind.near, f"has {marker!r}, but no `paramcalc: 1`", MARK)
    if len(ours) < ENOUGH or not sized:  # an action has a name, inputs and outputs too
        return OTHER
    why = f"{len(ours)} keys of a specification ({', '.join(ours[:ENOUGH])}), but no `paramcalc: 1`"
    of_a_run = any(RUN_WORDS & set(re.split(r"[_.-]", key.lower())) for key in keys if key not in ours)
    near = 2 * len(ours) > len(keys) and not of_a_run
    return Recognised(Kind.near, f"has {why}", MARK) if near else Recognised(Kind.unclear, why)


def _alike(key: str) -> bool:
    close = abs(len(key) - len(MARKER)) < ENOUGH
    return close and SequenceMatcher(None, key.lower(), MARKER).ratio() > _ALIKE


def _ours() -> Set[str]:
    from paramcalc.spec.model import ModelSpec

    return ModelSpec.model_fields.keys() - {MARKER}


def _block_keys(text: str, indent: str) -> dict[str, str]:
    """Keys of the outermost mapping in block style, each with the beginning of what follows it on its line."""
    lines = re.finditer(f"^{indent}{_KEY}", text, re.MULTILINE)
    return {line[1]: (line[2] or "").partition("#")[0].strip() for line in islice(lines, _KEYS)}


def _flow_keys(text: str) -> dict[str, str]:
    """Keys of a mapping in flow style."""
    from paramcalc.readers.text.document import read_yaml

    if len(text) > _FLOW:
        return {}
    try:
        return _beginnings(read_yaml(text.encode(), "").data)
    except InputError:  # broken: what stands before colons has to do
        return dict.fromkeys(re.findall(r"""[{,][ \t]{0,9}["']?([A-Za-z_]\w{0,60})["']?[ \t]{0,9}:""", text), "?")


def _beginnings(data: Mapping[str, Any]) -> dict[str, str]:
    """Keys, each with the beginning of its value, as a file in block style has it on the key's line."""
    return {str(key): "" if isinstance(value, dict | list) else str(value)[:20] for key, value in data.items()}
