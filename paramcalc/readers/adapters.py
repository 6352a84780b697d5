"""An adapter_config.json of peft with its base model: which modules have adapters, in which layers, of which rank.

Source: huggingface/peft tuners/tuners_utils.py (check_target_module_exists, get_pattern_key) and lora/config.py.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from paramcalc.build import build
from paramcalc.components.layout import roll
from paramcalc.components.stack import Stack
from paramcalc.errors import Problem, SpecError, UnknownArchitectureError
from paramcalc.readers.names import repository
from paramcalc.readers.presets import presets
from paramcalc.readers.text.values import expected
from paramcalc.spec.adapter import AdapterRule, Adapters, Biases
from paramcalc.spec.layer import Block
from paramcalc.spec.lower import lower
from paramcalc.tree import join

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from paramcalc.components.layout import Layout
    from paramcalc.spec.model import ModelSpec
    from paramcalc.tree import Node

NEUTRAL = frozenset((
    "auto_mapping", "base_model_name_or_path", "corda_config", "eva_config", "fan_in_fan_out", "inference_mode",
    "init_lora_weights", "layers_pattern", "loftq_config", "lora_alpha", "lora_dropout", "alpha_pattern", "peft_type",
    "peft_version", "qalora_group_size", "revision", "task_type", "use_rslora", "ensure_weight_tying", "parent_library",
    "arrow_config", "runtime_config", "use_qalora", "megatron_core"))
"""Keys of a LoRA config that change no size."""
READ = frozenset((
    "r", "target_modules", "exclude_modules", "layers_to_transform", "rank_pattern", "modules_to_save", "bias",
    "use_dora", "lora_bias", "trainable_token_indices"))
LONGEST = 4096
"""Characters of a pattern, and modules a list may name."""


class Place(NamedTuple):
    """A module with a matrix or a table, in one layer."""

    module: str
    """As a checkpoint spells it, with the layer's index."""
    collapsed: str
    """The same with `*` for it."""
    layer: int | None
    linear: bool


def adapted_spec(data: Mapping[str, Any], base: ModelSpec) -> ModelSpec:
    """The specification of a base model with the adapters an adapter_config.json describes.

    Raises SpecError, located by key, for what is no LoRA, for patterns that match nothing, and values that cannot be.
    """
    if data.get("peft_type") != "LORA":
        kind = str(data.get("peft_type"))[:40]
        raise UnknownArchitectureError(Problem(f"adapters of type {kind!r} are not described", ("peft_type",),
                                               "known: LORA"))
    rank = _positive(data, "r", 8)
    ranks = _ranks(data)
    spec, signatures = _apart(base, data, rank, ranks)
    rules = tuple(AdapterRule(modules=tuple(modules), rank=size, blocks=(block,) if block else ())
                  for (block, size), modules in signatures.items())
    if not rules and not data.get("modules_to_save") and not data.get("trainable_token_indices"):
        raise SpecError(Problem("match no module of the base model", ("target_modules",),
                                "`count BASE --by tensor` shows the names"))
    understood = READ | NEUTRAL
    unread = tuple(key for key, value in data.items() if key not in understood and value not in (None, False, [], {}))
    adapters = Adapters(
        rules=rules, dora=data.get("use_dora") is True, pair_bias=data.get("lora_bias") is True,
        bias=_bias(data), saved=_saved(data, spec), tokens=_tokens(data))
    return spec.model_copy(update={"adapters": adapters, "unread": (*spec.unread, *unread)})


def base_of(data: Mapping[str, Any], folder: Path) -> str:
    """The MODEL argument of the base an adapter names: a folder below its own, a preset, or a repository.

    Raises SpecError where it names none, or leads to a file elsewhere: an adapter can be anybody's.
    """
    name = data.get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise SpecError(Problem("the base model is not named", ("base_model_name_or_path",),
                                "give --set base_model_name_or_path=MODEL"))
    try:
        inside = (folder / name).resolve()
        if inside.is_dir() and inside != folder.resolve() and inside.is_relative_to(folder.resolve()):
            return str(inside)
    except (OSError, ValueError):
        pass
    if name in presets() or repository(name):
        return name
    message = f"base model {name[:100]!r} not found: no such preset, repository or folder beside the adapter"
    raise SpecError(Problem(message, ("base_model_name_or_path",), "give --set base_model_name_or_path=MODEL"))


def _positive(data: Mapping[str, Any], key: str, default: int) -> int:
    value = data.get(key, default)
    if type(value) is not int or not 0 < value <= 2**16:
        raise SpecError(Problem(expected("an integer between 1 and 65,536", value), (key,)))
    return value


def _bias(data: Mapping[str, Any]) -> Any:  # noqa: ANN401 - validated here
    value = data.get("bias", "none")
    choices = get_args(Biases)
    if value not in choices:
        raise SpecError(Problem(f"unknown value {str(value)[:40]!r}", ("bias",), f"known: {', '.join(choices)}"))
    return value


def _pattern(text: str, key: str) -> re.Pattern[str]:
    """A regular expression of a file. Raises SpecError where it is none, or too long."""
    if len(text) > LONGEST:
        raise SpecError(Problem(f"must be at most {LONGEST:,} characters, found {len(text):,}", (key,)))
    if nested := re.search(r"[+*}]\)?[+*{]|\([^)]*[+*][^)]*\)[+*{]", text):
        raise SpecError(Problem(f"has nested repetition at {nested.group()[:20]!r}, which could take exponential time",
                                (key,)))
    try:
        return re.compile(text)
    except (re.error, RecursionError) as error:
        raise SpecError(Problem(f"is not a valid regular expression: {error}", (key,))) from error


def _ranks(data: Mapping[str, Any]) -> list[tuple[re.Pattern[str], int]]:
    """`rank_pattern`: regular expressions for the end of a module's name, each with a rank."""
    ranks = data.get("rank_pattern") or {}
    if not isinstance(ranks, dict) or len(ranks) > LONGEST:
        raise SpecError(Problem(expected("a mapping of modules to ranks", ranks), ("rank_pattern",)))
    return [(_pattern(rf"(.*\.)?({key})$", "rank_pattern"), _positive(ranks, key, 0)) for key in ranks]


def _names(data: Mapping[str, Any], key: str) -> list[str]:
    value = data.get(key) or []
    if not isinstance(value, list) or len(value) > LONGEST or not all(isinstance(item, str) for item in value):
        raise SpecError(Problem(expected("a list of module names", value), (key,)))
    return value


def _ends(module: str, names: list[str]) -> bool:
    return any(module == name or module.endswith(f".{name}") for name in names)


class _Targets:
    """Whether a module of a base model has an adapter, as peft decides it."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        target, exclude = data.get("target_modules"), data.get("exclude_modules")
        self.all_linear = target == "all-linear"
        self.pattern = _pattern(target, "target_modules") if isinstance(target, str) and not self.all_linear else None
        self.names = [] if isinstance(target, str) else _names(data, "target_modules")
        self.without = _pattern(exclude, "exclude_modules") if isinstance(exclude, str) else None
        self.without_names = [] if isinstance(exclude, str) else _names(data, "exclude_modules")
        layers = data.get("layers_to_transform")
        layers = [layers] if type(layers) is int else layers
        if layers is not None and not (isinstance(layers, list) and all(type(item) is int for item in layers)):
            raise SpecError(Problem(expected("a layer or a list of layers", layers), ("layers_to_transform",)))
        self.layers = None if layers is None else frozenset(layers)

    def __call__(self, place: Place) -> bool:
        """Whether it has one."""
        module = place.module
        if _ends(module, self.without_names) or (self.without is not None and self.without.fullmatch(module)):
            return False
        if self.layers is not None and place.layer not in self.layers:
            return False
        if self.all_linear:
            return place.linear and not module.endswith(("lm_head", "output_layer", "embed_out"))
        return self.pattern.fullmatch(module) is not None if self.pattern is not None else _ends(module, self.names)


Signature = dict[tuple[str, int], list[str]]


class _Assigned:
    """The adapters of a base model: modules by block and rank, and the blocks that tell layers apart."""

    def __init__(self, data: Mapping[str, Any], rank: int, ranks: list[tuple[re.Pattern[str], int]]) -> None:
        self.targets, self.rank, self.ranks = _Targets(data), rank, ranks
        self.modules: Signature = {}
        self.labels: dict[str, list[str]] = {}
        """The block of each layer of a stack, by the stack's place."""
        self.origins: dict[str, str] = {}
        """The base's block each of these is."""

    def own(self, place: Place) -> int:
        """The rank of a module's adapter, 0 where it has none."""
        if not self.targets(place):
            return 0
        return next((size for pattern, size in self.ranks if pattern.match(place.module)), self.rank)

    def assign(self, places: Sequence[Place], sizes: Sequence[int], block: str) -> None:
        """The adapters of one kind of layer."""
        for place, size in zip(places, sizes, strict=True):
            if size:
                self.modules.setdefault((block, size), []).append(place.collapsed)

    def stack(self, node: Node) -> None:
        """The adapters of layers in order; those of a block that differ get blocks of their own."""
        kinds: dict[tuple[str, tuple[int, ...]], str] = {}
        for index, kind in enumerate(node.order):
            layer = node.children[kind]
            places = list(_places(layer, node.name, index))
            sizes = tuple(map(self.own, places))
            if (layer.label, sizes) not in kinds:
                alike = sum(name == layer.label for name, _ in kinds)
                label = kinds[layer.label, sizes] = f"{layer.label}_{alike + 1}" if alike else layer.label
                self.origins[label] = layer.label
                self.assign(places, sizes, label)
            self.labels.setdefault(node.name, []).append(kinds[layer.label, sizes])

    def outside(self, node: Node) -> None:
        """The adapters of what is no layer of the model's own stacks: tables, the head, towers."""
        places = list(_places(node, ""))
        self.assign(places, [self.own(place) for place in places], "")


def _apart(spec: ModelSpec, data: Mapping[str, Any], rank: int,
           ranks: list[tuple[re.Pattern[str], int]]) -> tuple[ModelSpec, Signature]:
    """The base with layers of a block told apart where their adapters differ, and the modules of each block by rank."""
    assigned = _Assigned(data, rank, ranks)
    for child in build(spec).tree.children:
        if child.order:
            assigned.stack(child)
        else:
            assigned.outside(child)
    if all(label == origin for label, origin in assigned.origins.items()):
        return spec, assigned.modules
    return _laid_out(spec, assigned.labels, assigned.origins), assigned.modules


def _laid_out(spec: ModelSpec, labels: dict[str, list[str]], origins: dict[str, str]) -> ModelSpec:
    """The specification with the layers of its stacks under new names, blocks in their long form."""
    long = lower(spec)
    blocks = {label: Block(parts=long.blocks[origin]) for label, origin in origins.items()}
    if spec.modules is None:
        return spec.model_copy(update={"blocks": blocks, "layers": _layout(next(iter(labels.values()))),
                                       "num_layers": None})
    modules = {}
    for key, part in spec.modules.items():
        names = labels.get(key if part.path is None else part.path) if isinstance(part, Stack) else None
        modules[key] = part if names is None else part.model_copy(update={"of": _layout(names)})
    return spec.model_copy(update={"modules": modules, "blocks": {**spec.blocks, **blocks}})


def _layout(names: Sequence[str]) -> Layout:
    """Names of layers in order, what repeats said once."""
    return Stack(of=tuple(roll(names))).of


def _places(node: Node, path: str, index: int | None = None) -> Iterator[Place]:
    """Matrices and tables below a node; a repeated layer stands for each of its own, the first where `index` is none.
    """
    for at, inner, _, _ in node.walk(path):
        for tensor in inner.tensors:
            if tensor.role in ("matmul", "lookup") and not tensor.buffer and tensor.name.endswith("weight"):
                collapsed = join(at, tensor.name).removesuffix(".weight")
                module = collapsed.replace("*", str(index or 0), 1)
                yield Place(module, collapsed, index, tensor.role == "matmul")


def _saved(data: Mapping[str, Any], spec: ModelSpec) -> tuple[str, ...]:
    """Whole names of the modules a copy of which is trained. Raises SpecError for one the base has not."""
    names = _names(data, "modules_to_save")
    if not names:
        return ()
    modules = {}
    for path, node, _, _ in build(spec).tree.walk():
        for tensor in node.tensors:
            path_of_module = join(path, tensor.name).rpartition(".")[0]
            modules[path_of_module] = True
    matched = tuple(module for module in modules if _ends(module, names) or any(f".{name}." in f".{module}." for name
                                                                               in names))
    if missing := [name for name in names if not any(f".{name}." in f".{module}." for module in matched)]:
        raise SpecError(Problem(f"the base model has no module {missing[0][:60]!r}", ("modules_to_save",),
                                "`count BASE --by tensor` shows the names"))
    return matched


def _tokens(data: Mapping[str, Any]) -> int:
    """How many rows of the token table are trained on their own."""
    value = data.get("trainable_token_indices")
    lists = list(value.values()) if isinstance(value, dict) else [value] if value is not None else []
    if not all(isinstance(item, list) for item in lists):
        raise SpecError(Problem(expected("a list of tokens, or a mapping of tables to them", value),
                                ("trainable_token_indices",)))
    return sum(map(len, lists))
