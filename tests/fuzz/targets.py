"""What is fuzzed: each reader takes bytes nobody vouches for, and gives a result or one of our refusals."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paramcalc import api, training
from paramcalc.build import build
from paramcalc.catalog.accelerators import accelerators
from paramcalc.checks.lock import read_lock
from paramcalc.checks.recognise import Kind, recognise
from paramcalc.checks.selection import comments, load_selection
from paramcalc.errors import InputError, PCError, UsageError
from paramcalc.measures.parameters import count
from paramcalc.readers.config.read import read_config
from paramcalc.readers.git import split
from paramcalc.readers.headers.checkpoint import checkpoint_spec, read_header
from paramcalc.readers.models import parse_spec
from paramcalc.readers.text.document import read_json, read_yaml
from paramcalc.spec.model import ModelSpec

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "data" / "bad"
SMALL = 20_000


def spec(raw: bytes) -> None:
    """A specification in YAML."""
    count(build(parse_spec(read_yaml(raw, "fuzz.yaml"))).tree)


def config(raw: bytes) -> None:
    """A config.json."""
    count(build(read_config(read_json(raw, "config.json").data).spec).tree)


def safetensors(raw: bytes) -> None:
    """The header of a safetensors file."""
    _header(raw, "m.safetensors")


def gguf(raw: bytes) -> None:
    """The header of a GGUF file."""
    _header(raw, "m.gguf")


def finder(raw: bytes) -> None:
    """What a file of a repository under check is taken for, by either name."""
    with _file(raw, "m.yaml") as path:
        kinds = [recognise(path)]
        kinds.append(recognise(path.rename(path.with_name("config.json"))))
    if all(kind.kind is Kind.other for kind in kinds):
        raise InputError("nothing of ours")
    assert all(kind.why or kind.kind in (Kind.ours, Kind.other) for kind in kinds)


def ignores(raw: bytes) -> None:
    """Comments that ignore rules."""
    ignored, bare = comments(raw.decode("utf-8", "replace"))
    assert len(bare) <= raw.count(b"PC")
    if not ignored:
        raise InputError("ignores nothing")


def lock(raw: bytes) -> None:
    """A lock of figures."""
    with _file(raw, "paramcalc.lock") as path:
        read_lock(path)


def settings(raw: bytes) -> None:
    """The settings of a project."""
    with _file(raw, "pyproject.toml") as path:
        list(load_selection(path.parent).unexplained())


def gpus(raw: bytes) -> None:
    """A user's table of accelerators."""
    with _file(raw, "gpus.yaml") as path:
        accelerators(path)


def git(raw: bytes) -> None:
    """`git:REV:path`: nothing that git could take for an option or for another repository's address."""
    revision, path = split(raw.decode("utf-8", "surrogateescape"))
    assert revision[:1] not in ("", "-")
    assert not set(revision) & set(": \n\0\\")
    assert path


def models(raw: bytes) -> None:
    """A config.json through every measure; the figures keep what holds of all models."""
    spec = read_config(json.loads(raw)).spec
    counted = api.count(spec)
    total = counted.parameters.total
    assert sum(part.parameters for part in counted.by_component) == total
    assert counted.parameters.active <= total
    assert count(build(parse_spec(read_yaml(api.convert(spec).encode(), "again.yaml"))).tree).total == total
    for measure in (_memory, api.flops, training.train):
        try:
            measure(spec)
        except UsageError as error:  # not every model has a cache, or can be trained
            messages = [problem.message for problem in error.problems]
            assert messages
            assert all(messages)


def _memory(spec: ModelSpec) -> None:
    """Bytes of serving; more context takes no less."""
    short, long = (api.memory(spec, context=context, quant="q4_k_m") for context in (64, 4096))
    assert short.total.total <= long.total.total


def _header(raw: bytes, name: str) -> None:
    with _file(raw, name) as path:
        count(build(checkpoint_spec(read_header(path))).tree)


@contextmanager
def _file(raw: bytes, name: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:  # noqa: S108
        path = Path(folder, name)
        path.write_bytes(raw)
        yield path


TARGETS = {"spec": spec, "config": config, "safetensors": safetensors, "gguf": gguf, "finder": finder,
           "ignores": ignores, "lock": lock, "settings": settings, "gpus": gpus, "git": git, "models": models}


COMMENTS = ("a: 1 # paramcalc: ignore PC301 - published", "# paramcalc: ignore PC301, PC302: both\nb: 2",
            "c: 3   #paramcalc:ignore PC007", "paramcalc: 1\nname: x # paramcalc: ignore PC3")
SEEDS = {
    "lock": ['{"schema": "paramcalc/lock/1", "files": {"m.yaml": {"total": 1, "active": 1}, "a/n.yaml": {}}}',
             '{"schema": "paramcalc/lock/1", "files": {}}', "{}", "[]", "<<<<<<< HEAD\n{}\n=======\n"],
    "settings": ['[tool.paramcalc]\nselect = ["PC3"]\nignore = {PC301 = "published", PC302 = ""}\n',
                 '[tool.paramcalc]\nignore = ["PC301"]\n[tool.paramcalc.per-file-ignores]\n"a/*" = {PC3 = "x"}\n',
                 '[project]\nname = "x"\n[tool]\nruff = {a = [1, 2.5, 1979-05-27]}\n', "[tool.paramcalc]\n",
                 "[tool"],
    "gpus": ["sources: {a: 'https://example.com'}\naccelerators:\n  x: {name: X 80GB, memory: [80 GiB, a#1], "
             "bandwidth: 3.35 TB/s, power: 700, flops: {bf16: 989}}\n",
             "accelerators:\n  h100: {usable: 79 GiB, aliases: [big], notes: mine}\n  y:\n    memory: 24GB\n", "{}",
             "[]"],
    "git": ["git:HEAD:models/m.yaml", "git:main~3:a", "git:v1.0^{commit}:b:c", "git:--output=x:a", "git::a",
            "git:HEAD"],
}
"""Of readers whose seeds are no files."""


def holds(reader: str, raw: bytes) -> bool:
    """Whether the reader accepted; a refusal says something. Anything else it raises is what we look for."""
    try:
        TARGETS[reader](raw)
    except PCError as error:
        messages = [problem.message for problem in error.problems]
    else:
        return True
    assert messages
    assert all(messages)
    return False


def seeds(reader: str) -> list[bytes]:
    """Small files the reader knows, good and bad."""
    if reader in SEEDS:
        return [text.encode("utf-8", "surrogateescape") for text in SEEDS[reader]]
    if reader == "models":
        return _recorded(last=False)
    if reader in ("spec", "finder", "ignores"):
        paths = [*ROOT.glob("configs/*/*.yaml"), *BAD.glob("*.yaml")]
    elif reader == "config":
        paths = [*BAD.glob("config/*.json"), *BAD.glob("*.json")]
    else:
        paths = list((BAD / "headers").rglob(f"*.{reader}"))
    texts = [path.read_bytes() for path in sorted(paths) if path.stat().st_size < SMALL]
    if reader == "finder":
        paths = [*BAD.glob("config/*.json"), ROOT / "action.yml", ROOT / ".pre-commit-hooks.yaml"]
        texts += [*(path.read_bytes() for path in paths), b'{"theme": "dark"}']
    return texts + ([text.encode() for text in COMMENTS] * 20 if reader == "ignores" else
                    _recorded() if reader == "config" else [])


def _recorded(*, last: bool = True) -> list[bytes]:
    """The configs that were recorded, or the last one of each family."""
    files = [path.read_text("utf-8").splitlines() for path in sorted(ROOT.glob("tests/data/oracle/*.jsonl"))]
    lines = [line for lines in files for line in (lines[-1:] if last else lines)]
    return [json.dumps(json.loads(line)["config"], indent=1).encode() for line in lines]
