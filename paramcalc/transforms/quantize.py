"""Give each tensor a number format: by ordered rules, or by any function of its name and layer.

Layers that are equal until they are quantized may differ after it (llama.cpp's mixes keep more bits in the first and
last ones), so a stack's layers are grouped anew by the formats they get.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import translate
from typing import TYPE_CHECKING, NamedTuple

from paramcalc.errors import Problem, UsageError
from paramcalc.tree import Node, Tensor, join

if TYPE_CHECKING:
    from paramcalc.catalog.formats import Format
    from paramcalc.spec.quantize import Kind

Choose = Callable[[str, Tensor, int], "Format | None"]
"""From a tensor's full name (with its layer's index), the tensor and the layer (-1 outside a stack) to its format;
None leaves it in the model's dtype."""
OUTSIDE = -1
KINDS: dict[str, Kind] = {"moe_experts": "experts", "lm_head": "head", "moe_router": "router", "vision": "towers",
                          "audio": "towers", "projector": "towers"}
JOINED = {"gate_up_proj": ("gate_proj", "up_proj", "w1", "w3"), "down_proj": ("w2",),
          "w1": ("gate_proj",), "w2": ("down_proj",), "w3": ("up_proj",),
          "qkv_proj": ("q_proj", "k_proj", "v_proj"), "kv_b_proj": ("embed_q", "unembed_out")}
"""Matrices of classes that files hold apart, or by another word (the last: MLX)."""
BODY: tuple[Kind, ...] = ("linear", "conv1d", "experts")
_GLOB = re.compile(r"[*?\[]")
_SLOW = re.compile(r"\)[*+{]")
REPEATS = 6
"""How often `*`, `+` and `{` may stand in a regular expression: each multiplies the time a name can take."""


class Rule(NamedTuple):
    """Tensors whose name fits get a format; `*` by itself means every linear layer of the body."""

    match: str | tuple[str, ...]
    """A test of names, or several of which one must fit: see `pattern`."""
    format: Format | None
    """None keeps the model's dtype."""
    optional: bool = False
    """May match nothing, and leaves alone matrices whose rows do not divide into the format's groups."""
    among: tuple[Kind, ...] = ()
    """Kinds of matrices it may take; where none is said, `*` takes linear layers and a name takes any matrix."""
    untied: bool = False
    """A tied matrix is stored once more in this format."""


def quantize(tree: Node, choose: Choose) -> Node:
    """The tree with a format on each tensor `choose` gives one."""
    return _node(tree, "", choose)


class Applied(NamedTuple):
    """A tree with formats by rules."""

    tree: Node
    missed: tuple[str, ...]
    """Whole names the rules give a format to that no matrix has."""


def by_rules(tree: Node, rules: Sequence[Rule]) -> Node:
    """The tree with formats by the first rule that fits each tensor. Raises UsageError for a rule that fits none."""
    return apply_rules(tree, rules).tree


def apply_rules(tree: Node, rules: Sequence[Rule]) -> Applied:
    """The tree quantized by rules, and the names that match nothing. Raises UsageError as `by_rules`."""
    patterns = [Pattern(rule.match) for rule in rules]
    matched: set[int] = set()

    def choose(name: str, tensor: Tensor, _: int) -> Format | None:
        for number, (rule, pattern) in enumerate(zip(rules, patterns, strict=True)):
            if eligible(tensor, rule) and pattern(name):
                matched.add(number)
                return rule.format if rule.format is None or not rule.optional or divides(tensor, rule.format) else None
        return None

    quantized = quantize(tree, choose)
    untied = {id(rule.format) for rule in rules if rule.untied}
    if untied:
        quantized = quantized.map(lambda _, leaf: (leaf._replace(stored=1) if isinstance(leaf, Tensor) and not
                                                   leaf.stored and id(leaf.format) in untied else leaf,))
    idle = [number for number, rule in enumerate(rules) if number not in matched and not rule.optional]
    if idle:
        raise UsageError(*(Problem(f"rule {str(rules[number].match)[:100]!r} matches no tensor",
                                   ("quantize", number, "match"), "`count --by tensor` shows the names")
                           for number in idle))
    missed = (name for rule, pattern in zip(rules, patterns, strict=True) if rule.format is not None
              for name in pattern.missed())
    return Applied(quantized, tuple(missed))


def divides(tensor: Tensor, format_: Format) -> bool:
    """Whether the rows of a matrix divide into the blocks of a format."""
    columns = tensor.shape[-2] if tensor.transposed and len(tensor.shape) > 1 else tensor.shape[-1]
    return columns % format_.block == 0


def kind_of(tensor: Tensor) -> Kind | None:
    """Which kind of matrix a tensor is, as quantizers tell them apart; None for what is no matrix."""
    if tensor.role == "lookup":
        return "embedding"
    if tensor.role != "matmul":
        return None
    return KINDS.get(tensor.component, "conv1d" if tensor.transposed else "linear")


def eligible(tensor: Tensor, rule: Rule) -> bool:
    """Whether a rule may take a tensor; `*` leaves tables, head, router and towers alone unless `among` names them."""
    kind = kind_of(tensor)
    if kind is None:
        return False
    among = rule.among or (BODY if rule.match == "*" else ())
    return not among or kind in among or (kind == "experts" and "linear" in among)


class Pattern:
    """A test of full names, or several of which one must fit.

    `name:` and the whole name of a module or tensor; `under:` and the name of a module, which takes what is below it
    too; `re:` and a regular expression, matched from the start; a glob, which also takes what is below; anything else
    is a module with what is below it, wherever it stands. Names are tried with and without their last `.weight`; where
    a name has `*` for the number of an expert, expressions see 0. Whole names are also tried as other files spell the
    same matrix: experts apart or stacked, gate and up apart or joined.
    """

    def __init__(self, match: str | Sequence[str]) -> None:
        """Raises re.error for what is no regular expression, and for one that could take for ever."""
        texts = (match,) if isinstance(match, str) else tuple(match)
        other = [text for text in texts if not text.startswith(("name:", "under:", "re:"))]
        self.names = {text.removeprefix("name:"): False for text in texts if text.startswith("name:")}
        self.under = {text.removeprefix("under:"): False for text in texts if text.startswith("under:")}
        self.runs = tuple(f".{text}." for text in other if not _GLOB.search(text))
        self.compiled = [_expression(text.removeprefix("re:")) for text in texts if text.startswith("re:")]
        globs = [part for text in other if _GLOB.search(text) for part in (translate(text), translate(text + ".*"))]
        if globs:
            self.compiled.append(re.compile("|".join(globs)))

    def __call__(self, name: str) -> bool:
        """Whether a name fits."""
        module = name.removesuffix(".weight")
        matches = [self._named(each) for each in (name, *spellings(module))] if self.names or self.under else []
        if any(matches):
            return True
        if any(run in f".{name}." for run in self.runs):
            return True
        names = {name.replace("*", "0"), module.replace("*", "0")} if self.compiled else ()
        return any(one.match(each) for one in self.compiled for each in names)

    def _named(self, name: str) -> bool:
        if name in self.names:
            self.names[name] = True
            return True
        while name and self.under:
            if name in self.under:
                self.under[name] = True
                return True
            name = name.rpartition(".")[0]
        return False

    def missed(self) -> list[str]:
        """Whole names that no name was, once all have been tried."""
        return [name for names in (self.names, self.under) for name, hit in names.items() if not hit]


def pattern(match: str | Sequence[str]) -> Callable[[str], bool]:
    """A test of full names: see `Pattern`."""
    return Pattern(match)


def spellings(module: str) -> list[str]:
    """A module's name, then as other files spell the same matrix."""
    names = [module]
    above, _, last = module.rpartition(".")
    for part in JOINED.get(last, ()):
        names.append(f"{above}.{part}")
    for name in list(names):
        if ".experts." in name and ".experts.*." not in name:
            names.append(name.replace(".experts.", ".experts.*."))
    names += [re.sub(r"\.experts\.(\*\.)?", ".switch_mlp.", name) for name in list(names) if ".experts." in name]
    names += [name.replace(".indexer.", ".index_") for name in list(names) if ".indexer." in name]
    names += [name.replace(".mlp.", ".block_sparse_moe.") for name in list(names) if ".mlp." in name]
    return names


def _expression(text: str) -> re.Pattern[str]:
    """A regular expression whose time is bounded: each repetition multiplies what a name can take."""
    if _SLOW.search(text) or sum(map(text.count, "*+{")) > REPEATS:
        raise re.error(f"too much repetition: no repeated groups, at most {REPEATS} repetitions")
    return re.compile(text)


def _node(node: Node, path: str, choose: Choose) -> Node:
    here = join(path, node.name)
    if node.order:
        return _stack(node, here, choose)
    tensors = tuple(t._replace(format=choose(join(here, t.name), t, OUTSIDE)) for t in node.tensors)
    return node.replace(tensors=tensors, children=tuple(_node(child, here, choose) for child in node.children))


def _stack(node: Node, here: str, choose: Choose) -> Node:
    """Group the layers of each block by the formats they get; each group is a child of its own."""
    groups: dict[tuple[int, tuple[Format | None, ...]], int] = {}
    order = []
    for layer, child in enumerate(node.order):
        block = node.children[child]
        formats = tuple(choose(name, tensor, layer) for name, tensor in _names(block, f"{here}.{layer}"))
        order.append(groups.setdefault((child, formats), len(groups)))
    children = []
    for number, (child, formats) in enumerate(groups):
        copies = order.count(number)
        block = _formatted(node.children[child], iter(formats))
        children.append(block.replace(stored=copies, used=copies))
    return node.replace(children=tuple(children), order=tuple(order))


def _names(node: Node, path: str) -> Iterator[tuple[str, Tensor]]:
    """The tensors of one layer with their names, its own node named by its index."""
    for tensor in node.tensors:
        yield join(path, tensor.name), tensor
    for child in node.children:
        yield from _names(child, join(path, child.name))


def _formatted(node: Node, formats: Iterator[Format | None]) -> Node:
    """The node with the formats in the order of `_names`."""
    tensors = tuple(t._replace(format=next(formats)) for t in node.tensors)
    return node.replace(tensors=tensors, children=tuple(_formatted(child, formats) for child in node.children))
