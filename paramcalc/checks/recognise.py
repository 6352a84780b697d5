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
from paramcalc.readers.text.limits import MAX_BYTES, other_encoding

if TYPE_CHECKING:
    from collections.abc import Iterable
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
_FIRST = re.compile(r"^( {0,40})(?!---|\.\.\.)[^\s#%!&]", re.MULTILINE)
_KEY = r"""(?:\?[ ]{1,9})?["']?([A-Za-z_][\w.-]{0,60})["']?(?:[ \t]{0,9}:[ \t]{0,9}(.{0,20})|\r?$)"""
_KEYS = 10_000
_ALIKE = 0.8
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
    if name == CONFIG and not text.strip():
        return Recognised(Kind.near, "is empty", "write it whole, or remove it")
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
    if raw[1:2] == b"\0" or raw[:1] == b"\0":  # without a mark: every other byte of plain text is zero
        name = "utf-16-le" if raw[1:2] == b"\0" else "utf-16-be"
        return raw.decode(name, "replace"), "UTF-16"
    return raw.decode("utf-8-sig", "replace"), ""


def _json(text: str, name: str, truncated: bool) -> Recognised:
    if truncated:
        return _large(text, name)
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        unfinished = isinstance(error, json.JSONDecodeError) and (
            error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"))
        if name != CONFIG:
            meant = '"model_type"' in text and _SIZED.search(text)
            return Recognised(Kind.unclear, "is no JSON, but names a model_type and sizes") if meant else OTHER
        return Recognised(Kind.near, "is no JSON") if unfinished or _WORDS.search(text) else OTHER
    if not isinstance(data, dict):
        return Recognised(Kind.near, "is no JSON object") if name == CONFIG else OTHER
    sizes = [key for key in ("architectures", *SIZES) if key in data]
    if MARKER in data or ("model_type" in data and (name == CONFIG or sizes)) or (name == CONFIG and _untyped(data)):
        return OURS
    sizes += [f"{key}.{size}" for key, part in data.items() if isinstance(part, dict) for size in SIZES if size in part]
    return Recognised(Kind.near, f"has no model_type, but {sizes[0]}") if name == CONFIG and sizes else OTHER


def _untyped(data: dict[str, Any]) -> bool:
    """Whether a config is of a kind that is read without a model_type: of a model's own code, or of a draft."""
    from paramcalc.readers.config.published import is_original, names_draft

    return "model_type" not in data and (is_original(data) or names_draft(data))


def _large(text: str, name: str) -> Recognised:
    if name == CONFIG:
        large = Recognised(Kind.near, "is too large to be read", f"at most {MAX_BYTES >> 20} MiB")
        return large if _WORDS.search(text) else OTHER
    return Recognised(Kind.unclear, "too large to be looked into") if '"model_type"' in text else OTHER


def _yaml(text: str) -> Recognised:
    text = re.sub(r"\A---[ \t]+(?=\S)", "", text)
    first = _FIRST.search(text)
    if first is None:
        return OTHER
    keys = _flow_keys(text) if first[0].endswith("{") else _block_keys(text, len(first[1]))
    ours = [key for key in keys if key in _ours()]
    if MARKER in keys and (ours or keys[MARKER]):
        return OURS
    marker = next((key for key in keys if key not in _ours() and _alike(key)), "")
    if marker and ours:
        return Recognised(Kind.near, f"has {marker!r}, but no `paramcalc: 1`", MARK)
    if len(ours) < ENOUGH or not set(ours) & set(SIZES):  # an action has a name, inputs and outputs too
        return OTHER
    why = f"{len(ours)} keys of a specification ({', '.join(ours[:ENOUGH])}), but no `paramcalc: 1`"
    of_a_run = any(RUN_WORDS & set(re.split(r"[_.-]", key.lower())) for key in keys if key not in ours)
    near = 2 * len(ours) > len(keys) and not of_a_run
    return Recognised(Kind.near, f"has {why}", MARK) if near else Recognised(Kind.unclear, why)


def _alike(key: str) -> bool:
    close = abs(len(key) - len(MARKER)) < ENOUGH
    return close and SequenceMatcher(None, key.lower(), MARKER).ratio() > _ALIKE


def _ours() -> Iterable[str]:
    from paramcalc.spec.model import ModelSpec

    return ModelSpec.model_fields.keys() - {MARKER}


def _block_keys(text: str, indent: int) -> dict[str, str]:
    """Keys of the outermost mapping in block style, each with the beginning of what follows it on its line."""
    lines = re.finditer(rf"^ {{{indent}}}{_KEY}", text, re.MULTILINE)
    return {line[1]: (line[2] or "").partition("#")[0].strip() for line in islice(lines, _KEYS)}


def _flow_keys(text: str) -> dict[str, str]:
    """Keys of a mapping in flow style."""
    from paramcalc.readers.text.document import read_yaml

    if len(text) > _FLOW:
        return {}
    try:
        return {str(key): str(value)[:20] for key, value in read_yaml(text.encode(), "").data.items()}
    except InputError:  # broken: what stands before colons has to do
        return dict.fromkeys(re.findall(r"""[{,][ \t]{0,9}["']?([A-Za-z_]\w{0,60})["']?[ \t]{0,9}:""", text), "?")
